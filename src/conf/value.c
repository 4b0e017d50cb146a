/* SPDX-License-Identifier: ISC */
/*
 * From nodes to fields: one function a type, in a table. Lists are the function
 * of their elements, called for each.
 */
#include <conf/setters.h>

struct type {
	enum xo_node_kind kind;		/* of lists that of an element */
	size_t size;			/* of an element; 0: no list */
	const char *expected;
	bool (*set)(const struct xo_setter *setter, const struct xo_node *node,
	    void *field, void *other);
};

struct xo_conf_shown
xo_conf_full_name(enum xo_section section, const struct xo_conf_entry *entry,
    const char *name)
{
	const char *section_name = xo_section_name(section);
	struct xo_conf_shown shown;

	(void)snprintf(shown.text, sizeof(shown.text), "%.16s%s%.32s%s%.30s",
	    section_name, entry->name != NULL ? "." : "",
	    entry->name != NULL ? entry->name : "",
	    section_name[0] != '\0' && name[0] != '\0' ? "." : "", name);
	return shown;
}

struct xo_conf_shown
xo_value_full_name(const struct xo_setter *setter)
{
	return xo_conf_full_name(setter->row->section, setter->entry,
	    setter->row->name);
}

bool
xo_value_fail(const struct xo_setter *setter, const struct xo_node *node,
    const char *expected)
{
	return xo_conf_fail(setter->error, &node->where,
	    "%s: expected %s, found %s", xo_value_full_name(setter).text,
	    expected, xo_node_show(node).text);
}

bool
xo_value_copy(const struct xo_setter *setter, struct xo_span text,
    const char **copy_r)
{
	*copy_r = xo_conf_arena_copy(setter->arena, text);
	return *copy_r != NULL || xo_conf_fail_memory(setter->error);
}

static const struct type types[] = {
	[XO_SETTING_BOOL] = {XO_NODE_BOOL, 0, "true or false", xo_set_bool},
	[XO_SETTING_NUMBER] = {XO_NODE_NUMBER, 0, "a whole number",
	    xo_set_number},
	[XO_SETTING_SIZE] = {XO_NODE_NUMBER, 0, "a whole number (octets)",
	    xo_set_size},
	[XO_SETTING_SECONDS] = {XO_NODE_NUMBER, 0,
	    "a whole number (seconds)", xo_set_seconds},
	[XO_SETTING_TEXT] = {XO_NODE_STRING, 0, "a string", xo_set_text},
	[XO_SETTING_WORD] = {XO_NODE_STRING, 0, "a string", xo_set_word},
	[XO_SETTING_WORDS] = {XO_NODE_STRING, sizeof(uint32_t),
	    "a list of strings", xo_set_words},
	[XO_SETTING_HOSTNAME] = {XO_NODE_STRING, 0, "a string (a domain)",
	    xo_set_hostname},
	[XO_SETTING_DOMAIN] = {XO_NODE_STRING, 0, "a string (a domain)",
	    xo_set_domain},
	[XO_SETTING_EXTENSIONS] = {XO_NODE_STRING, sizeof(struct xo_span),
	    "a list of keywords", xo_set_extension},
	[XO_SETTING_DOMAINS] = {XO_NODE_STRING, sizeof(struct xo_span),
	    "a list of domains", xo_set_domains},
	[XO_SETTING_NETWORKS] = {XO_NODE_STRING, sizeof(struct xo_network),
	    "a list of networks", xo_set_network},
	[XO_SETTING_ADDRESS] = {XO_NODE_STRING, 0, "a string (IP:PORT)",
	    xo_set_address},
	[XO_SETTING_ADDRESSES] = {XO_NODE_STRING, sizeof(struct xo_conf_host),
	    "a list of IP:PORT or unix:/PATH", xo_set_addresses},
	[XO_SETTING_HOSTS] = {XO_NODE_STRING, sizeof(struct xo_conf_host),
	    "a list of HOST:PORT", xo_set_host},
	[XO_SETTING_FILE] = {XO_NODE_STRING, 0, "a string (a file)",
	    xo_set_file},
	[XO_SETTING_NEW_FILE] = {XO_NODE_STRING, 0, "a string (a file)",
	    xo_set_new_file},
	[XO_SETTING_FOLDER] = {XO_NODE_STRING, 0, "a string (a folder)",
	    xo_set_folder},
	[XO_SETTING_WORD_OR_FILE] = {XO_NODE_STRING, 0, "a string",
	    xo_set_word_or_file},
	[XO_SETTING_WORD_OR_NEW_FILE] = {XO_NODE_STRING, 0, "a string",
	    xo_set_word_or_file},
	[XO_SETTING_CERTIFICATE] = {XO_NODE_STRING, 0,
	    "a string (a file, or \"tenant\")", xo_set_certificate},
	[XO_SETTING_XOORG] = {XO_NODE_STRING, 0, "a string", xo_set_xoorg},
	[XO_SETTING_TABLES] = {XO_NODE_STRING, sizeof(struct xo_conf_table),
	    "a list of tables (csv:FILE and the like)", xo_set_table},
	[XO_SETTING_REFERENCE] = {XO_NODE_STRING, 0, "a string (a name)",
	    xo_set_reference},
	[XO_SETTING_REFERENCES] = {XO_NODE_STRING, sizeof(int),
	    "a list of names", xo_set_reference},
};
_Static_assert(sizeof(types) / sizeof(types[0]) == XO_SETTING_TYPE_COUNT,
    "a type without a function");

enum xo_node_kind
xo_value_kind(enum xo_setting_type type, bool *is_list_r)
{
	*is_list_r = types[type].size != 0;
	return types[type].kind;
}

static bool
set_elements(const struct xo_setter *setter, const struct xo_node *node,
    unsigned char *elements, size_t step)
{
	const struct type *type = &types[setter->row->type];
	size_t i;

	for (i = 0; i < node->n_children; i++) {
		const struct xo_node *element = &node->children[i];

		if (element->kind != type->kind)
			return xo_value_fail(setter, element, type->expected);
		if (!type->set(setter, element, elements + i * step, NULL))
			return false;
	}
	return true;
}

static bool
set_list(const struct xo_setter *setter, const struct xo_node *node,
    void *field, size_t *n_r)
{
	const struct type *type = &types[setter->row->type];
	void *elements;

	if (node->kind != XO_NODE_LIST)
		return xo_value_fail(setter, node, type->expected);
	if (node->n_children < setter->row->min)
		return xo_conf_fail(setter->error, &node->where,
		    "%s: expected %s with at least one, found an empty list",
		    xo_value_full_name(setter).text, type->expected);
	if (setter->row->max != 0 && node->n_children > setter->row->max)
		return xo_conf_fail(setter->error, &node->where,
		    "%s: expected %s with at most %u, found %zu",
		    xo_value_full_name(setter).text, type->expected,
		    (unsigned int)setter->row->max, node->n_children);
	/* WORDS are bits of one number: no array, no count. */
	if (setter->row->type == XO_SETTING_WORDS)
		return set_elements(setter, node, field, 0);
	elements = xo_conf_arena_alloc(setter->arena, node->n_children,
	    type->size);
	if (elements == NULL)
		return xo_conf_fail_memory(setter->error);
	memcpy(field, &elements, sizeof(elements));
	/* analyser: a list has its count */
	*n_r = node->n_children;
	return set_elements(setter, node, elements, type->size);
}

bool
xo_value_set(const struct xo_setter *setter, const struct xo_node *node)
{
	const struct xo_setting *row = setter->row;
	const struct type *type = &types[row->type];
	unsigned char *record = setter->entry->record;
	void *field = record + row->offset;
	void *other = row->other != 0 ? record + row->other : NULL;

	if (type->size != 0)
		return set_list(setter, node, field, other);
	if (node->kind != type->kind)
		return xo_value_fail(setter, node, type->expected);
	return type->set(setter, node, field, other);
}

bool
xo_value_set_default(const struct xo_setter *setter)
{
	const struct xo_setting *row = setter->row;
	const struct type *type = &types[row->type];
	struct xo_node node = {
		.kind = type->kind,
		.text = xo_span_from_cstr(row->default_text),
		.where = setter->entry->where,
	};

	if (row->default_text == NULL)
		return xo_conf_fail(setter->error, &node.where,
		    "%s: expected %s, found no such setting",
		    xo_value_full_name(setter).text, type->expected);
	/* Lists are empty by default, as the record is. */
	return type->size != 0 || xo_value_set(setter, &node);
}
