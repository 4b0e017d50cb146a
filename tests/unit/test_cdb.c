/* SPDX-License-Identifier: ISC */
/*
 * Tenants in a cdb file: which files answer nothing, what the others answer, and
 * that the next question after a rename is the new file's, in the sandbox, too.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <conf/cdb.h>
#include <lookup/access.h>
#include <lookup/tables.h>
#include <proc/sandbox.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define FILE_NAME "tenants.cdb"

static char folder[] = "/tmp/xoorg-test-cdb.XXXXXX";

#define CONTOSO "{\"name\":\"contoso\",\"originator_orgs\":[\"contoso.com\"," \
	"\"*.contoso.com\"],\"sender_domains\":[\"x.example\"]}"
#define FABRIKAM "{\"name\":\"fabrikam\",\"originator_orgs\":[" \
	"\"fabrikam.com\"],\"upstream\":\"v\"}"

struct pair {
	const char *key, *value;
};

static const struct pair good[] = {
	{"org:contoso.com", CONTOSO},
	{"org:*.contoso.com", CONTOSO},
	{"sender:x.example", CONTOSO},
	{"org:fabrikam.com", FABRIKAM},
	/* Lies and nonsense. */
	{"org:liar.example", FABRIKAM},
	{"org:empty.example", ""},
	{"org:cut.example", "{\"name\":\"cut\",\"originator_orgs\":[\"cut.ex"},
	{"org:demoted.example", "{\"name\":\"d\",\"originator_orgs\":["
	    "\"demoted.example\"],\"upstream\":\"d\"}"},
	{"org:key.example", "{\"name\":\"k\",\"originator_orgs\":["
	    "\"key.example\"],\"client_certificate\":\"gw.pem\","
	    "\"client_key\":\"gw.key\"}"},
};

/* Beside it, then over it, as a maker does. */
static void
write_file(const struct pair *pairs, size_t n)
{
	int fd = open("new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct xo_cdb_maker *maker = xo_cdb_make(fd);

	assert_non_null(maker);
	for (size_t i = 0; i < n; i++)
		assert_true(xo_cdb_add(maker, xo_span_from_cstr(pairs[i].key),
		    xo_span_from_cstr(pairs[i].value)));
	assert_true(xo_cdb_finish(&maker));
	assert_null(maker);
	assert_int_equal(close(fd), 0);
	assert_int_equal(rename("new", FILE_NAME), 0);
}

/* --- through the interface of all sources ---------------------------------- */

static struct xo_upstream upstreams[] = {
	{.name = {(const uint8_t *)"u", 1}},
	{.name = {(const uint8_t *)"v", 1}},
	{.name = {(const uint8_t *)"d", 1}},
};
static struct xo_listener listener = {
	.has_upstream = true, .upstream = 0,
	.has_demote_to = true, .demote_to = 2,
};
static struct xo_conf_table tables[] = {
	{.kind = XO_TABLE_CDB, .text = "cdb:" FILE_NAME, .path = FILE_NAME},
	{.kind = XO_TABLE_CDB, .text = "cdb:second", .path = "second"},
};
static struct xo_conf conf = {
	.policy = {
		.upstreams = upstreams, .n_upstreams = N(upstreams),
		.listeners = &listener, .n_listeners = 1,
	},
	.tables = tables,
	.n_tables = 1,
};
static struct xo_tables *world;

static int
set_up_world(void **state)
{
	static struct xo_env env = {.conf = &conf};

	(void)state;
	world = xo_tables_new(&env);
	return world != NULL ? 0 : -1;
}

struct got {
	int n;
	enum xo_knowledge known;
	char name[32];
	int upstream;
};

static void
note(void *arg, const struct xo_table_answer *answer)
{
	struct got *got = arg;
	struct xo_guest *guest = answer->guest;

	got->n++;
	got->known = answer->known;
	assert_int_equal(guest != NULL, got->known == XO_KNOWN_TENANT);
	/* The next question is the file's again. */
	assert_int_equal(answer->fresh, 0);
	assert_int_equal(answer->stale, 0);
	if (guest == NULL)
		return;
	(void)snprintf(got->name, sizeof(got->name), "%.*s",
	    (int)guest->tenant.name.len, (const char *)guest->tenant.name.p);
	got->upstream = xo_tenant_upstream(&guest->tenant);
	xo_guest_free(&guest);
}

static struct got
ask(enum xo_key_kind kind, const char *domain)
{
	const struct xo_key key = {kind, xo_span_from_cstr(domain)};
	struct got got = {0};

	assert_null(xo_tables_ask(world, &key, note, &got));
	assert_int_equal(got.n, 1);
	return got;
}

static enum xo_knowledge
ask_org(const char *domain)
{
	return ask(XO_KEY_ORG, domain).known;
}

static void
test_answers(void **state)
{
	static const struct {
		enum xo_key_kind kind;
		const char *domain;
		enum xo_knowledge want;
		const char *name;
	} rows[] = {
		{XO_KEY_ORG, "liar.example", XO_KNOWN_NOT_NOW, ""},
		{XO_KEY_ORG, "empty.example", XO_KNOWN_NOT_NOW, ""},
		{XO_KEY_ORG, "cut.example", XO_KNOWN_NOT_NOW, ""},
		{XO_KEY_ORG, "demoted.example", XO_KNOWN_NOT_NOW, ""},
		{XO_KEY_ORG, "key.example", XO_KNOWN_NOT_NOW, ""},
		{XO_KEY_ORG, "nobody.example", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "x.example", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "a.fabrikam.com", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "com", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "xoorg:tenants", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "*.contoso.com", XO_KNOWN_NOBODY, ""},
		{XO_KEY_SENDER, "a.x.example", XO_KNOWN_NOBODY, ""},
		{XO_KEY_ORG, "Contoso.COM", XO_KNOWN_TENANT, "contoso"},
		{XO_KEY_ORG, "a.b.contoso.com", XO_KNOWN_TENANT, "contoso"},
		{XO_KEY_ORG, "fabrikam.com", XO_KNOWN_TENANT, "fabrikam"},
		{XO_KEY_SENDER, "X.example", XO_KNOWN_TENANT, "contoso"},
		{XO_KEY_SENDER, "contoso.com", XO_KNOWN_TENANT, "contoso"},
	};

	(void)state;
	write_file(good, N(good));
	for (size_t i = 0; i < N(rows); i++) {
		struct got got = ask(rows[i].kind, rows[i].domain);

		if (got.known != rows[i].want ||
		    strcmp(got.name, rows[i].name) != 0)
			fail_msg("%s: got %d %s, want %d %s", rows[i].domain,
			    got.known, got.name, rows[i].want, rows[i].name);
	}
	assert_int_equal(ask(XO_KEY_ORG, "fabrikam.com").upstream, 1);
	assert_int_equal(ask(XO_KEY_ORG, "contoso.com").upstream, XO_NOBODY);
}

/* Each is seen at the next question, and so is the good one after it. */
static void
test_bad_files(void **state)
{
	struct stat whole;
	char octets[4096];
	int fd;
	const char *problem;
	struct xo_cdb *cdb;

	(void)state;
	write_file(good, N(good));
	assert_int_equal(stat(FILE_NAME, &whole), 0);
	assert_true((size_t)whole.st_size < sizeof(octets));
	fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, octets, sizeof(octets)), whole.st_size);
	close(fd);
	/* Cut, in place: at each length; and with something behind it. */
	for (off_t n = whole.st_size - 1; n >= 0; n -= n > 2100 ? 1 : 97) {
		assert_int_equal(ask_org("contoso.com"), XO_KNOWN_TENANT);
		assert_int_equal(truncate(FILE_NAME, n), 0);
		assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
		assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOT_NOW);
		write_file(good, N(good));
	}
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_TENANT);
	assert_int_equal(truncate(FILE_NAME, whole.st_size + 1), 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
	/* As a maker has it before the end: no head yet. */
	fd = open("new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	memset(octets, 0, 2048);
	assert_int_equal(write(fd, octets, (size_t)whole.st_size),
	    whole.st_size);
	close(fd);
	assert_int_equal(rename("new", FILE_NAME), 0);
	assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOT_NOW);
	/* A cdb file of something else: it says nothing of tenants. */
	write_file(good, N(good));
	assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOBODY);
	assert_int_equal(unlink(FILE_NAME), 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
	assert_int_equal(mkdir(FILE_NAME, 0755), 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
	assert_int_equal(rmdir(FILE_NAME), 0);
	assert_int_equal(mkfifo(FILE_NAME, 0644), 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
	assert_int_equal(unlink(FILE_NAME), 0);
	cdb = xo_cdb_open(FILE_NAME, &problem);
	assert_null(cdb);
	assert_non_null(strstr(problem, "No such file"));
	write_file(NULL, 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOBODY);
	write_file(good, N(good));
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_TENANT);
}

/* A file that is whole, and points to nowhere but for the mark. */
static void
test_broken(void **state)
{
	uint8_t octets[4096];
	struct xo_span mark = XO_LIT("xoorg:tenants");
	size_t n, at, records;
	int fd;

	(void)state;
	write_file(good, 1);
	fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
	n = (size_t)read(fd, octets, sizeof(octets));
	assert_true(n > 2048 && n < sizeof(octets));
	/* The first hash table begins where the records end. */
	records = octets[0] | (size_t)octets[1] << 8;
	for (size_t i = records; i < n; i += 8) {
		at = octets[i + 4] | (size_t)octets[i + 5] << 8;
		if (at != 0 && memcmp(octets + at + 8, mark.p, mark.len) != 0)
			memset(octets + i + 4, 0xff, 4);
	}
	assert_int_equal(pwrite(fd, octets, n, 0), n);
	close(fd);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
}

/* Another's file in the format has no mark. tinycdb wrote it, as octets. */
static void
test_foreign(void **state)
{
	char octets[4096];
	ssize_t n;
	int fd;

	(void)state;
	write_file(good, 1);
	fd = open(FILE_NAME, O_RDWR | O_CLOEXEC);
	n = read(fd, octets, sizeof(octets));
	assert_true(n > 2048);
	/* The same, but for one letter of the mark. */
	for (ssize_t i = 2048; i < n - 13; i++)
		if (memcmp(octets + i, "xoorg:tenants", 13) == 0)
			octets[i] = 'y';
	assert_int_equal(pwrite(fd, octets, (size_t)n, 0), n);
	close(fd);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_NOT_NOW);
	assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOT_NOW);
}

/* Nobody's goes on to the next; no answer ends it, whatever the next has. */
static void
test_order(void **state)
{
	xo_tables_free(&world);
	conf.n_tables = 2;
	assert_int_equal(set_up_world(state), 0);
	assert_int_equal(xo_tables_count(world), 2);
	write_file(&good[3], 1);
	assert_int_equal(rename(FILE_NAME, "second"), 0);
	write_file(good, 3);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_TENANT);
	assert_int_equal(ask_org("fabrikam.com"), XO_KNOWN_TENANT);
	assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOBODY);
	assert_int_equal(unlink(FILE_NAME), 0);
	assert_int_equal(ask_org("fabrikam.com"), XO_KNOWN_NOT_NOW);
	write_file(good, 3);
	assert_int_equal(unlink("second"), 0);
	assert_int_equal(ask_org("contoso.com"), XO_KNOWN_TENANT);
	assert_int_equal(ask_org("fabrikam.com"), XO_KNOWN_NOT_NOW);
	assert_int_equal(ask_org("nobody.example"), XO_KNOWN_NOT_NOW);
	conf.n_tables = 1;
}

/* What is printed while it is read is read. */
static void
test_all(void **state)
{
	const char *problem;
	struct xo_cdb *cdb;
	struct xo_span key, value;
	unsigned int at = 0;
	size_t n = 0;

	(void)state;
	write_file(good, N(good));
	cdb = xo_cdb_open(FILE_NAME, &problem);
	assert_non_null(cdb);
	while (xo_cdb_next(cdb, &at, &key, &value) == XO_CDB_FOUND) {
		if (n < N(good)) {
			assert_true(xo_span_is_equal(key,
			    xo_span_from_cstr(good[n].key)));
			assert_true(xo_span_is_equal(value,
			    xo_span_from_cstr(good[n].value)));
		}
		n++;
	}
	assert_int_equal(n, N(good) + 1);
	xo_cdb_close(&cdb);
	assert_null(cdb);
}

/* --- in the sandbox -------------------------------------------------------- */

static int
be_worker(int from, int to)
{
	char octet = 0;

	if (ask_org("contoso.com") != XO_KNOWN_TENANT ||
	    ask_org("fabrikam.com") != XO_KNOWN_NOBODY)
		return 1;
	if (write(to, &octet, 1) != 1 || read(from, &octet, 1) != 1)
		return 2;
	/* The master has put another into its place. */
	if (ask_org("contoso.com") != XO_KNOWN_NOBODY ||
	    ask_org("fabrikam.com") != XO_KNOWN_TENANT)
		return 3;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? 0 : 4;
}

static void
test_sandbox(void **state)
{
	int down[2], up[2], status = -1;
	char octet;
	pid_t pid;

	(void)state;
	/* There is no sandbox with them: they open what they like. */
	if (xo_sandbox_is_sanitized())
		return;
	write_file(good, 3);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char **readable = xo_table_access_list(&conf, "/etc/hosts");
		const struct xo_sandbox sandbox = {
			.role = XO_SANDBOX_WORKER,
			.mode = XO_SANDBOX_AUTO,
			.readable = (const char *const *)readable,
		};
		struct xo_buf error = {0};

		alarm(20);
		if (!xo_sandbox_enter(&sandbox, &error))
			_exit(99);
		_exit(be_worker(down[0], up[1]));
	}
	/* Its end is an end here, too. */
	(void)close(up[1]);
	(void)close(down[0]);
	assert_int_equal(read(up[0], &octet, 1), 1);
	write_file(&good[3], 1);
	assert_int_equal(write(down[1], &octet, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
set_up(void **state)
{
	static char path[64];

	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	/* As the configuration has it. */
	(void)snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	tables[0].path = path;
	return 0;
}

static int
tear_down_world(void **state)
{
	(void)state;
	xo_tables_free(&world);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(FILE_NAME);
	(void)unlink("second");
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_world, \
	tear_down_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_bad_files),
		TEST(test_foreign),
		TEST(test_broken),
		TEST(test_order),
		TEST(test_all),
		TEST(test_sandbox),
	};

	/* A build without cdb has no such file. */
	if (!xo_cdb_is_built())
		return 77;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
