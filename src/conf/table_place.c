/* SPDX-License-Identifier: ISC */
/*
 * KIND:PLACE: see table_place.h.
 */
#include <conf/table_place.h>

#include <string.h>

#include <conf/address.h>
#include <conf/cdb.h>
#include <conf/place.h>

/* The system takes 107. */
#define PATH_MAX_LOCAL 100

#define REDIS_PORT 6379

struct kind {
	const char *word;
	const char *tls_word;		/* the same with TLS; or NULL */
	bool is_file;
	bool has_name;			/* behind the place of a server */
	bool (*is_built)(void);		/* NULL: in every build */
	const char *missing;
};

static const struct kind kinds[] = {
	[XO_TABLE_CSV] = {"csv:", .is_file = true},
	[XO_TABLE_JSONL] = {"jsonl:", .is_file = true},
	[XO_TABLE_CDB] = {"cdb:", .is_file = true, .is_built = xo_cdb_is_built,
	    .missing = "another kind of table, since this xoorg was built "
	    "without cdb"},
	[XO_TABLE_SOCKETMAP] = {"socketmap:", .has_name = true},
	[XO_TABLE_REDIS] = {"redis:", .tls_word = "rediss:"},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == XO_TABLE_KIND_COUNT,
    "a kind of table without a word");

static const char *
parse_address(struct xo_span text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	const char *expected = xo_conf_host_parse(text,
	    table->name == NULL ? REDIS_PORT : 0, arena, &table->host);

	if (expected != NULL)
		return expected;
	if (table->host.port == 0)
		return "ADDRESS:PORT behind inet:";
	if (!xo_conf_host_is_address(&table->host))
		return "an IP address behind inet:, since no name is looked up";
	return table->is_tls || !xo_host_is_public(&table->host) ? NULL :
	    "an address of this machine or of a private network, since "
	    "nothing is encrypted (rediss: is)";
}

/* "unix:PATH" or "inet:ADDRESS:PORT" */
static const char *
parse_server(struct xo_span text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	const struct xo_span local = XO_LIT("unix:/");
	const struct xo_span inet = XO_LIT("inet:");

	if (xo_span_is_equal(xo_span_first(text, inet.len), inet))
		return parse_address(xo_span_from(text, inet.len), arena,
		    table);
	if (table->is_tls)
		return "inet:ADDRESS:PORT behind rediss:";
	if (text.len == local.len || !xo_span_is_equal(
	    xo_span_first(text, local.len), local))
		return "unix:/PATH or inet:ADDRESS:PORT behind the kind of "
		    "table";
	if (text.len - local.len > PATH_MAX_LOCAL)
		return "the path of a local socket, of at most 100 octets";
	table->path = xo_conf_arena_copy(arena, xo_span_from(text,
	    local.len - 1));
	return table->path != NULL ? NULL : "memory";
}
_Static_assert(PATH_MAX_LOCAL == 100, "the text says 100");

/* The last word behind a colon. */
static const char *
parse_name(struct xo_span *text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	size_t n = text->len;

	while (n > 0 && text->p[n - 1] != ':')
		n--;
	if (n == 0 || n == text->len || xo_span_find(xo_span_from(*text, n),
	    ' ') < text->len - n)
		return "the name of a map at the end, socketmap:unix:/PATH:NAME";
	table->name = xo_conf_arena_copy(arena, xo_span_from(*text, n));
	text->len = n - 1;
	return table->name != NULL ? NULL : "memory";
}

/* Of the first server, if another follows: a comma may be in a path, too. */
static size_t
count_server(struct xo_span text)
{
	size_t n = xo_span_find(text, ',');

	while (n < text.len) {
		struct xo_span rest = xo_span_from(text, n + 1);

		if (xo_span_has_prefix_nocase(rest, XO_LIT("unix:")) ||
		    xo_span_has_prefix_nocase(rest, XO_LIT("inet:")))
			break;
		n += 1 + xo_span_find(rest, ',');
	}
	return n;
}

/* One, or several that have the same. */
static const char *
parse_servers(struct xo_span text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	for (size_t i = 1;; i++) {
		size_t n = count_server(text);
		const char *expected = parse_server(xo_span_first(text, n),
		    arena, table);
		struct xo_conf_table *next;

		if (expected != NULL || n == text.len)
			return expected;
		if (i == XO_TABLE_SERVERS)
			return "at most four servers";
		text = xo_span_from(text, n + 1);
		next = xo_conf_arena_alloc(arena, 1, sizeof(*next));
		if (next == NULL)
			return "memory";
		*next = (struct xo_conf_table){
			.kind = table->kind,
			.text = table->text,
			.is_tls = table->is_tls,
		};
		table->next = next;
		table = next;
	}
}
_Static_assert(XO_TABLE_SERVERS == 4, "the text says four");

static const char *
parse_place(const struct kind *kind, struct xo_span text,
    struct xo_conf_arena *arena, struct xo_conf_table *table)
{
	const char *expected;

	if (!kind->has_name)
		return parse_servers(text, arena, table);
	expected = parse_name(&text, arena, table);
	return expected != NULL ? expected : parse_server(text, arena, table);
}

/* Octets of its word, with which the text begins; or 0. */
static size_t
count_word(const struct kind *kind, const char *text, bool *is_tls_r)
{
	size_t n = strlen(kind->word);

	if (strncmp(text, kind->word, n) == 0)
		return n;
	if (kind->tls_word == NULL)
		return 0;
	n = strlen(kind->tls_word);
	*is_tls_r = strncmp(text, kind->tls_word, n) == 0;
	return *is_tls_r ? n : 0;
}

const char *
xo_table_place_parse(const char *text, struct xo_conf_arena *arena,
    struct xo_conf_table *table)
{
	*table = (struct xo_conf_table){.text = text};
	for (size_t i = 0; i < XO_TABLE_KIND_COUNT; i++) {
		const struct kind *kind = &kinds[i];
		size_t n = count_word(kind, text, &table->is_tls);

		if (n == 0)
			continue;
		if (kind->is_built != NULL && !kind->is_built())
			return kind->missing;
		table->kind = (enum xo_table_kind)i;
		if (!kind->is_file)
			return parse_place(kind, xo_span_from_cstr(text + n),
			    arena, table);
		table->path = text + n;
		return text[n] != '\0' ? NULL :
		    "the name of a file behind csv:, jsonl: or cdb:";
	}
	return "csv:FILE, jsonl:FILE, cdb:FILE, socketmap:SERVER:NAME, "
	    "redis:SERVER or rediss:SERVER";
}

const char *
xo_table_place_word(enum xo_table_kind kind)
{
	return kinds[kind].word;
}

bool
xo_table_place_is_file(enum xo_table_kind kind)
{
	return kinds[kind].is_file;
}

bool
xo_tables_have_tls(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->n_tables; i++)
		if (conf->tables[i].is_tls)
			return true;
	return false;
}

bool
xo_tables_have_source(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->n_tables; i++)
		if (xo_table_is_source(&conf->tables[i]))
			return true;
	return false;
}
