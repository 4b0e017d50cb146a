/* SPDX-License-Identifier: ISC */
/*
 * What names something: domains, extensions, hosts, networks, files, other
 * groups.
 */
#include <conf/setters.h>

#include <sys/un.h>

#include <conf/address.h>
#include <conf/cdb.h>
#include <conf/file.h>
#include <conf/table_place.h>
#include <xoorg/domain.h>

#define SMTP_PORT 25

static bool
copy_span(const struct xo_setter *setter, struct xo_span text,
    struct xo_span *copy_r)
{
	const char *copy;

	if (!xo_value_copy(setter, text, &copy))
		return false;
	*copy_r = xo_span(copy, text.len);
	return true;
}

bool
xo_set_hostname(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	(void)other;
	if (!xo_domain_is_valid(node->text))
		return xo_value_fail(setter, node,
		    "a domain as in \"gw.contoso.com\"");
	return copy_span(setter, node->text, field);
}

bool
xo_set_domain(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	if (node->text.len != 0 && !xo_domain_is_valid(node->text))
		return xo_value_fail(setter, node, "a domain");
	return xo_set_text(setter, node, field, other);
}

bool
xo_set_domains(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	struct xo_span domain = node->text;

	(void)other;
	if (xo_span_has_prefix_nocase(domain, XO_LIT("*.")))
		domain = xo_span_from(domain, 2);
	if (!xo_domain_is_valid(domain))
		return xo_value_fail(setter, node, "a domain or *.DOMAIN");
	return copy_span(setter, node->text, field);
}

bool
xo_set_extension(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	const char *expected = xo_extension_expected(node->text);

	(void)other;
	if (expected != NULL)
		return xo_value_fail(setter, node, expected);
	return copy_span(setter, node->text, field);
}

bool
xo_set_network(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	const char *expected = xo_conf_network_parse(node->text, field);

	(void)other;
	return expected == NULL || xo_value_fail(setter, node, expected);
}

static bool
parse_host(const struct xo_setter *setter, const struct xo_node *node,
    uint16_t port, struct xo_conf_host *host)
{
	const char *expected = xo_conf_host_parse(node->text, port,
	    setter->arena, host);

	host->where = node->where;
	return expected == NULL || xo_value_fail(setter, node, expected);
}

bool
xo_set_host(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	(void)other;
	return parse_host(setter, node, SMTP_PORT, field);
}

static bool
parse_address(const struct xo_setter *setter, const struct xo_node *node,
    uint16_t port, struct xo_conf_host *host)
{
	return parse_host(setter, node, port, host) &&
	    (xo_conf_host_is_address(host) || xo_value_fail(setter, node,
	    "IP:PORT, an address of this machine and no name"));
}

/* Without what a configuration, a log or a shell would have to quote. */
static bool
is_plain(struct xo_span path)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.p[i] <= 32 || path.p[i] >= 127 || path.p[i] == '"' ||
		    path.p[i] == '\\')
			return false;
	return path.len > 0;
}

static bool
set_unix(const struct xo_setter *setter, const struct xo_node *node,
    struct xo_span path, struct xo_conf_host *host)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	if (!is_plain(path))
		return xo_value_fail(setter, node,
		    "a path without blanks behind unix:");
	host->where = node->where;
	host->host = xo_file_absolute(setter->arena, setter->folder, path);
	if (host->host == NULL)
		return xo_conf_fail_memory(setter->error);
	return strlen(host->host) < max || xo_value_fail(setter, node,
	    "a path of at most 107 octets behind unix:");
}

bool
xo_set_addresses(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	const struct xo_span kind = XO_LIT("unix:");

	(void)other;
	if (xo_span_is_equal(xo_span_first(node->text, kind.len), kind))
		return set_unix(setter, node, xo_span_from(node->text,
		    kind.len), field);
	return parse_address(setter, node, SMTP_PORT, field);
}

/* The default port is the `min` of the row. */
bool
xo_set_address(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	if (node->text.len == 0)
		return true;
	*(bool *)other = true;
	return parse_address(setter, node, (uint16_t)setter->row->min, field);
}

static bool
read_path(const struct xo_setter *setter, const struct xo_node *node,
    bool is_readable, const char **path_r)
{
	const char *problem;

	*path_r = NULL;
	if (node->text.len == 0)
		return setter->row->min == 0 ||
		    xo_value_fail(setter, node, "the name of a file");
	*path_r = xo_file_absolute(setter->arena, setter->folder, node->text);
	if (*path_r == NULL)
		return xo_conf_fail_memory(setter->error);
	problem = is_readable ? xo_file_problem(*path_r) : NULL;
	return problem == NULL || xo_conf_fail(setter->error, &node->where,
	    "%s: expected a readable file, found %s: %s",
	    xo_value_full_name(setter).text, *path_r, problem);
}

bool
xo_set_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	struct xo_conf_path *path = field;

	(void)other;
	path->where = node->where;
	return read_path(setter, node, true, &path->path);
}

bool
xo_set_new_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	struct xo_conf_path *path = field;

	(void)other;
	path->where = node->where;
	return read_path(setter, node, false, &path->path);
}

bool
xo_set_folder(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	struct xo_conf_path *path = field;
	const char *problem;

	(void)other;
	path->where = node->where;
	if (!read_path(setter, node, false, &path->path) || path->path == NULL)
		return node->text.len == 0;
	problem = xo_file_folder_problem(path->path);
	return problem == NULL || xo_conf_fail(setter->error, &node->where,
	    "%s: expected a folder, found %s: %s",
	    xo_value_full_name(setter).text, path->path, problem);
}

bool
xo_set_word_or_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	xo_value_set_where(node, other);
	if (xo_value_find_word(setter->row->words, node->text) >= 0)
		return xo_value_copy(setter, node->text, field);
	return read_path(setter, node,
	    setter->row->type == XO_SETTING_WORD_OR_FILE, field);
}

/* `text` with FILE made absolute, and the rest parsed from that. */
static bool
set_file(const struct xo_setter *setter, struct xo_conf_table *table)
{
	const char *word = xo_table_place_word(table->kind);
	const char *path = xo_file_absolute(setter->arena, setter->folder,
	    xo_span_from_cstr(table->path));
	struct xo_buf text = {0};

	xo_buf_add_all(&text, word, path != NULL ? path : "", (char *)NULL);
	table->text = text.err == XO_OK && path != NULL ?
	    xo_conf_arena_copy(setter->arena, xo_buf_span(&text)) : NULL;
	xo_buf_fini(&text);
	if (table->text == NULL)
		return xo_conf_fail_memory(setter->error);
	table->path = table->text + strlen(word);
	return true;
}

/* NULL, or what is wrong with what is there now. */
static const char *
file_problem(const struct xo_conf_table *table)
{
	const char *problem = xo_file_problem(table->path);
	struct xo_cdb *cdb;

	if (problem != NULL || table->kind != XO_TABLE_CDB)
		return problem;
	cdb = xo_cdb_open(table->path, &problem);
	xo_cdb_close(&cdb);
	return problem;
}

bool
xo_set_table(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	struct xo_conf_table *table = field;
	const char *text = xo_conf_arena_copy(setter->arena, node->text);
	const char *expected, *problem;

	(void)other;
	if (text == NULL)
		return xo_conf_fail_memory(setter->error);
	expected = xo_table_place_parse(text, setter->arena, table);
	if (expected != NULL)
		return xo_value_fail(setter, node, expected);
	table->where = node->where;
	if (!xo_table_place_is_file(table->kind))
		return true;
	if (!set_file(setter, table))
		return false;
	problem = file_problem(table);
	return problem == NULL || xo_conf_fail(setter->error, &node->where,
	    "%s: expected a readable file, found %s: %s",
	    xo_value_full_name(setter).text, table->path, problem);
}

bool
xo_set_certificate(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	*(bool *)other = xo_value_find_word(setter->row->words,
	    node->text) >= 0;
	if (!*(bool *)other)
		return xo_set_file(setter, node, field, NULL);
	((struct xo_conf_path *)field)->where = node->where;
	return true;
}

bool
xo_set_xoorg(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	int i = xo_value_find_word(setter->row->words, node->text);
	enum xo_xoorg_source *source = field;

	if (i >= 0 && i != XO_XOORG_DOMAIN) {
		*source = (enum xo_xoorg_source)i;
		return true;
	}
	*source = XO_XOORG_DOMAIN;
	if (!xo_domain_is_valid(node->text))
		return xo_value_fail(setter, node,
		    "\"\", a domain, \"tenant\" or \"message\"");
	return copy_span(setter, node->text, other);
}

bool
xo_set_reference(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other)
{
	enum xo_section target = setter->row->target;
	const struct xo_conf_entries *in = &setter->sections[target];
	struct xo_conf_nearest nearest = {
		.word = (const char *)node->text.p};
	size_t i;

	*(int *)field = XO_NOBODY;
	if (node->text.len == 0 && setter->row->type == XO_SETTING_REFERENCE)
		return true;
	for (i = 0; i < in->n; i++) {
		if (xo_span_is_equal(node->text,
		    xo_span_from_cstr(in->entries[i].name))) {
			*(int *)field = (int)i;
			if (other != NULL)
				*(bool *)other = true;
			return true;
		}
		xo_conf_nearest_try(&nearest, in->entries[i].name);
	}
	if (target == XO_SECTION_TENANTS && setter->is_partial)
		return true;
	return xo_conf_fail(setter->error, &node->where,
	    "%s: expected a name from `%s`, found %s%s",
	    xo_value_full_name(setter).text, xo_section_name(target),
	    xo_node_show(node).text, xo_conf_nearest_hint(&nearest).text);
}
