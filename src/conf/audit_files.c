/* SPDX-License-Identifier: ISC */
/*
 * What this machine says of the files that a configuration names: who else may
 * read or write them, and whether the user of the processes can.
 */
#include <conf/warning.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <conf/fail.h>
#include <conf/folder.h>
#include <conf/table_place.h>

#define NAME_SIZE 128

/* A file and the setting that names it. */
struct named {
	const char *path;		/* NULL: not set */
	struct xo_conf_where where;
	char setting[NAME_SIZE];
	bool is_key;
};

struct inspection {
	const struct xo_conf *conf;
	struct xo_warnings *warnings;
	struct named *files;
	size_t n;
	struct xo_buf folders;		/* looked at, each ended by a NUL */
	bool has_user;
	uid_t uid;			/* of the processes */
	gid_t gid;
};

static void
add(struct inspection *in, struct xo_conf_path path, bool is_key,
    const char *section, struct xo_span name, const char *setting)
{
	struct named *file = &in->files[in->n];

	if (path.path == NULL || path.path[0] != '/')
		return;
	file->path = path.path;
	file->where = path.where;
	file->is_key = is_key;
	(void)snprintf(file->setting, sizeof(file->setting), "%s%s%.*s%s%s",
	    section, section[0] != '\0' ? "." : "",
	    (int)(name.len < 60 ? name.len : 60), (const char *)name.p,
	    section[0] != '\0' ? "." : "", setting);
	in->n++;
}

static void
add_upstream(struct inspection *in, size_t i)
{
	const struct xo_conf_upstream *u = &in->conf->upstreams[i];
	struct xo_span name = in->conf->policy.upstreams[i].name;

	add(in, (struct xo_conf_path){u->trust, u->trust_where}, false,
	    "upstreams", name, "trust");
	add(in, u->crl_file, false, "upstreams", name, "crl_file");
	add(in, u->client_certificate, false, "upstreams", name,
	    "client_certificate");
	add(in, u->client_key, true, "upstreams", name, "client_key");
}

static void
add_all(struct inspection *in)
{
	const struct xo_conf *conf = in->conf;
	const struct xo_policy *policy = &conf->policy;

	if (conf->log.key.path != NULL) {
		add(in, conf->log.key, true, "", XO_LIT(""), "");
		(void)snprintf(in->files[in->n - 1].setting, NAME_SIZE,
		    "log_key");
	}
	add(in, conf->lookup.redis.password_file, true, "", XO_LIT(""),
	    "redis_password_file");
	add(in, (struct xo_conf_path){conf->lookup.redis.trust,
	    conf->lookup.redis.trust_where}, false, "", XO_LIT(""),
	    "redis_trust");
	add(in, conf->lookup.redis.client_certificate, false, "", XO_LIT(""),
	    "redis_client_certificate");
	add(in, conf->lookup.redis.client_key, true, "", XO_LIT(""),
	    "redis_client_key");
	for (size_t i = 0; i < conf->n_tls; i++) {
		const struct xo_conf_tls *t = &conf->tls[i];
		struct xo_span name = xo_span_from_cstr(t->name);

		add(in, t->certificate, false, "tls", name, "certificate");
		add(in, t->key, true, "tls", name, "key");
		add(in, (struct xo_conf_path){t->trust, t->trust_where}, false,
		    "tls", name, "trust");
		add(in, t->crl_file, false, "tls", name, "crl_file");
	}
	for (size_t i = 0; i < conf->n_tables; i++)
		add(in, (struct xo_conf_path){xo_table_place_is_file(
		    conf->tables[i].kind) ? conf->tables[i].path : NULL,
		    conf->tables[i].where}, false, "", XO_LIT(""),
		    "tenant_tables");
	add(in, conf->tenant_certificates, false, "", XO_LIT(""),
	    "tenant_certificates");
	for (size_t i = 0; i < policy->n_peers; i++)
		add(in, conf->peers[i].crl_file, false, "peers",
		    policy->peers[i].name, "crl_file");
	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_conf_tenant *t = &conf->tenants[i];

		add(in, t->client_certificate, false, "tenants",
		    policy->tenants[i].name, "client_certificate");
		add(in, t->client_key, true, "tenants",
		    policy->tenants[i].name, "client_key");
	}
	for (size_t i = 0; i < policy->n_upstreams; i++)
		add_upstream(in, i);
}

static size_t
count_files(const struct xo_conf *conf)
{
	return conf->n_files + 6 + conf->n_tables + 4 * conf->n_tls +
	    conf->policy.n_peers + 2 * conf->policy.n_tenants +
	    4 * conf->policy.n_upstreams;
}

/* The configuration itself has no setting to name. */
static void
add_configuration(struct inspection *in)
{
	for (size_t i = 0; i < in->conf->n_files; i++)
		in->files[in->n++] = (struct named){
			.path = in->conf->files[i],
			.where = {in->conf->files[i], 0},
		};
}

static bool
is_one_of_us(const struct inspection *in, uid_t uid)
{
	return uid == 0 || uid == geteuid() || (in->has_user && uid == in->uid);
}

static bool
is_our_group(const struct inspection *in, gid_t gid)
{
	return gid == 0 || gid == getegid() || (in->has_user && gid == in->gid);
}

/* Who else has one of these bits (as of others), or NULL. */
static const char *
others_with(const struct inspection *in, const struct stat *status,
    mode_t bits)
{
	if ((status->st_mode & bits) != 0)
		return "everybody";
	if ((status->st_mode & bits << 3) != 0 &&
	    !is_our_group(in, status->st_gid))
		return "a group that is neither root's nor ours";
	return is_one_of_us(in, status->st_uid) ? NULL :
	    "its owner, who is neither root nor our user";
}

static bool
is_known(const struct inspection *in, const char *folder)
{
	size_t at = 0;

	while (at < in->folders.len) {
		const char *known = (const char *)in->folders.p + at;

		if (strcmp(known, folder) == 0)
			return true;
		at += strlen(known) + 1;
	}
	return false;
}

/* Up to the root, each once: a sticky one keeps what is others'. */
static void
check_folders(struct inspection *in, const struct named *file, char *path)
{
	char *slash;
	struct stat status;
	const char *who;

	while ((slash = strrchr(path, '/')) != NULL) {
		slash[slash == path ? 1 : 0] = '\0';
		if (is_known(in, path))
			return;
		xo_buf_add(&in->folders, xo_span((const uint8_t *)path,
		    strlen(path) + 1));
		if (stat(path, &status) != 0 || in->folders.err != XO_OK)
			return;
		who = others_with(in, &status, S_IWOTH);
		if (who != NULL && ((status.st_mode & S_ISVTX) == 0 ||
		    !is_one_of_us(in, status.st_uid)))
			xo_warnings_add(in->warnings, XO_RULE_FOLDER_WRITABLE,
			    &file->where, file->setting, "%s can be written by "
			    "%s", path, who);
		if (slash == path)
			return;
	}
}

static void
check_file(struct inspection *in, const struct named *file)
{
	char *path = realpath(file->path, NULL);
	struct stat status;
	const char *writers, *readers;

	if (path == NULL || stat(path, &status) != 0) {
		free(path);
		return;
	}
	writers = others_with(in, &status, S_IWOTH);
	if (writers != NULL)
		xo_warnings_add(in->warnings, XO_RULE_FILE_WRITABLE,
		    &file->where, file->setting, "%s can be written by %s",
		    path, writers);
	readers = file->is_key ? others_with(in, &status, S_IROTH) : NULL;
	if (readers != NULL)
		xo_warnings_add(in->warnings, XO_RULE_KEY_READABLE,
		    &file->where, file->setting, "%s can be read by %s", path,
		    readers);
	check_folders(in, file, path);
	free(path);
}

/* In a child, which does not return: the numbers of the files that the user
 * cannot read. */
static void
try_to_read(const struct inspection *in, int out)
{
	if (initgroups(in->conf->process.user, in->gid) != 0 ||
	    setresgid(in->gid, in->gid, in->gid) != 0 ||
	    setresuid(in->uid, in->uid, in->uid) != 0)
		_exit(1);
	for (size_t i = 0; i < in->n; i++)
		if (access(in->files[i].path, R_OK) != 0 &&
		    write(out, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
	/* Those of tenants behind them, by number. */
	for (size_t i = 0; i < in->conf->policy.n_tenants; i++) {
		size_t number = in->n + i;

		if (xo_folder_hides(in->conf, i) && write(out, &number,
		    sizeof(number)) != (ssize_t)sizeof(number))
			_exit(1);
	}
	_exit(0);
}

/* So many files of tenants, the first this one's. */
static void
tell_hidden(const struct inspection *in, size_t n, size_t first)
{
	struct xo_span name;

	if (n == 0)
		return;
	name = in->conf->policy.tenants[first].name;
	xo_warnings_add(in->warnings, XO_RULE_TENANT_FILE_UNREADABLE,
	    &in->conf->tenant_certificates.where, "tenant_certificates",
	    "files that the user of the processes cannot read: %zu, the first "
	    "%.*s.pem", n, (int)name.len, (const char *)name.p);
}

/* Where that user is who asks. */
static void
look_for_hidden(const struct inspection *in)
{
	size_t n = 0, first = 0;

	for (size_t i = 0; i < in->conf->policy.n_tenants; i++)
		if (xo_folder_hides(in->conf, i) && n++ == 0)
			first = i;
	tell_hidden(in, n, first);
}

static void
check_user(struct inspection *in)
{
	int ends[2];
	pid_t child;
	size_t i, first = 0, n_hidden = 0;

	if (geteuid() != 0)
		look_for_hidden(in);
	if (geteuid() != 0 || !in->has_user || in->uid == 0 ||
	    pipe2(ends, O_CLOEXEC) != 0)
		return;
	child = fork();
	if (child == 0)
		try_to_read(in, ends[1]);
	(void)close(ends[1]);
	while (child > 0 && read(ends[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
		if (i < in->n)
			xo_warnings_add(in->warnings, XO_RULE_USER_CANNOT_READ,
			    &in->files[i].where, in->files[i].setting,
			    "user %s cannot read %s", in->conf->process.user,
			    in->files[i].path);
		else if (n_hidden++ == 0)
			first = i - in->n;
	(void)close(ends[0]);
	tell_hidden(in, n_hidden, first);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
}

/* NULL, or why `path` can be neither written nor made. */
static const char *
write_problem(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat status;
	char *folder;
	int failed;

	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return strerror(EISDIR);
		return access(path, W_OK) == 0 ? NULL : strerror(errno);
	}
	folder = strndup(path, slash > path ? (size_t)(slash - path) : 1);
	if (folder == NULL)
		return strerror(ENOMEM);
	failed = access(folder, W_OK | X_OK) != 0 ? errno : 0;
	free(folder);
	return failed != 0 ? strerror(failed) : NULL;
}

static bool
check_log(const struct xo_conf *conf, struct xo_buf *error)
{
	const struct xo_rule *rule = xo_rule(XO_RULE_LOG_FOLDER);
	const char *problem;

	if (conf->log.target[0] != '/')
		return true;
	problem = write_problem(conf->log.target);
	return problem == NULL || xo_conf_fail(error, &conf->log.where,
	    "log: expected %s, found %s: %s; %s [%s]", rule->cure, conf->log.target,
	    problem, rule->risk, rule->id);
}

static void
check_top(struct inspection *in)
{
	const struct xo_conf *conf = in->conf;
	const char *problem = conf->process.pid_file.path != NULL ?
	    write_problem(conf->process.pid_file.path) : NULL;

	if (problem != NULL)
		xo_warnings_add(in->warnings, XO_RULE_PID_FOLDER,
		    &conf->process.pid_file.where, "pid_file", "%s: %s",
		    conf->process.pid_file.path, problem);
	problem = conf->process.seen_file[0] == '/' ?
	    write_problem(conf->process.seen_file) :
	    NULL;
	if (problem != NULL)
		xo_warnings_add(in->warnings, XO_RULE_PID_FOLDER,
		    &conf->process.seen_file_where, "seen_file", "%s: %s",
		    conf->process.seen_file, problem);
	if (geteuid() == 0 && conf->process.user == NULL)
		xo_warnings_add(in->warnings, XO_RULE_RUNS_AS_ROOT,
		    &conf->process.user_where, "user", "\"\", and root starts it");
}

bool
xo_conf_check_files(const struct xo_conf *conf, bool is_test,
    struct xo_warnings *warnings, struct xo_buf *error)
{
	struct inspection in = {.conf = conf, .warnings = warnings};
	const struct passwd *user = conf->process.user != NULL ?
	    getpwnam(conf->process.user) : NULL;

	if (!check_log(conf, error))
		return false;
	in.files = calloc(count_files(conf) + 1, sizeof(*in.files));
	if (in.files == NULL)
		return xo_conf_fail_memory(error);
	in.has_user = user != NULL;
	if (user != NULL) {
		in.uid = user->pw_uid;
		in.gid = user->pw_gid;
	}
	check_top(&in);
	add_configuration(&in);
	add_all(&in);
	for (size_t i = 0; i < in.n; i++)
		check_file(&in, &in.files[i]);
	xo_folder_check(conf, warnings);
	if (is_test)
		check_user(&in);
	xo_buf_fini(&in.folders);
	free(in.files);
	return true;
}
