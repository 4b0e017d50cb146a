/* SPDX-License-Identifier: ISC */
/*
 * libconfig's tree to ours. Both it and the tokens are in the order of the
 * text, so the tokens give each node its place, and numbers their digits.
 */
#include <conf/tree.h>

#include <libconfig.h>

struct walk {
	struct xo_source *source;
	const struct xo_token *next;
	const struct xo_token *end;
};

static const enum xo_node_kind kinds[] = {
	[CONFIG_TYPE_GROUP] = XO_NODE_GROUP,
	[CONFIG_TYPE_INT] = XO_NODE_NUMBER,
	[CONFIG_TYPE_INT64] = XO_NODE_NUMBER,
	[CONFIG_TYPE_FLOAT] = XO_NODE_FRACTION,
	[CONFIG_TYPE_STRING] = XO_NODE_STRING,
	[CONFIG_TYPE_BOOL] = XO_NODE_BOOL,
	[CONFIG_TYPE_ARRAY] = XO_NODE_LIST,
	[CONFIG_TYPE_LIST] = XO_NODE_LIST,
};

static bool read_children(struct walk *walk, config_setting_t *setting,
    struct xo_node *node);

/* NULL if libconfig and we do not see the same. */
static const struct xo_token *
take_token(struct walk *walk, bool is_name, bool is_string)
{
	while (walk->next < walk->end && walk->next->kind == XO_TOKEN_MARK)
		walk->next++;
	if (walk->next == walk->end || walk->next->is_name != is_name ||
	    (walk->next->kind == XO_TOKEN_STRING) != is_string)
		return NULL;
	return walk->next++;
}

static bool
fail_token(struct walk *walk, const struct xo_node *parent)
{
	const struct xo_token *token = walk->next < walk->end ? walk->next :
	    NULL;

	return xo_conf_fail(walk->source->error, token != NULL ?
	    &token->where : &parent->where,
	    "expected NAME = VALUE, found something else at %s",
	    token != NULL ? xo_conf_show(token->text).text : "the end");
}

static bool
read_scalar(struct walk *walk, config_setting_t *setting,
    const struct xo_node *parent, struct xo_node *node)
{
	bool is_string = node->kind == XO_NODE_STRING;
	const struct xo_token *token = take_token(walk, false, is_string);
	const char *text;

	if (token == NULL)
		return fail_token(walk, parent);
	node->text = token->text;
	if (node->name == NULL)
		node->where = token->where;
	if (!is_string)
		return true;
	text = xo_conf_arena_copy(walk->source->scratch,
	    xo_span_from_cstr(config_setting_get_string(setting)));
	if (text == NULL)
		return xo_conf_fail_memory(walk->source->error);
	node->text = xo_span_from_cstr(text);
	return true;
}

static bool
read_node(struct walk *walk, config_setting_t *setting,
    const struct xo_node *parent, struct xo_node *node)
{
	const char *name = config_setting_name(setting);
	const struct xo_token *token;

	node->kind = kinds[config_setting_type(setting)];
	node->where = parent->where;
	if (name != NULL) {
		token = take_token(walk, true, false);
		if (token == NULL || !xo_span_is_equal(token->text,
		    xo_span_from_cstr(name)))
			return fail_token(walk, parent);
		node->where = token->where;
		node->name = xo_conf_arena_copy(walk->source->scratch,
		    token->text);
		if (node->name == NULL)
			return xo_conf_fail_memory(walk->source->error);
	}
	if (config_setting_is_aggregate(setting))
		return read_children(walk, setting, node);
	return read_scalar(walk, setting, parent, node);
}

static bool
read_children(struct walk *walk, config_setting_t *setting,
    struct xo_node *node)
{
	size_t n = (size_t)config_setting_length(setting);
	struct xo_node *children;
	size_t i;

	children = xo_conf_arena_alloc(walk->source->scratch, n,
	    sizeof(*children));
	if (children == NULL)
		return xo_conf_fail_memory(walk->source->error);
	node->children = children;
	node->n_children = n;
	for (i = 0; i < n; i++) {
		if (!read_node(walk, config_setting_get_elem(setting,
		    (unsigned int)i), node, &children[i]))
			return false;
	}
	return true;
}

static bool
read_tree(struct xo_source *source, config_t *config, const char *path,
    struct xo_node *root)
{
	struct walk walk = {.source = source};
	size_t n;

	if (!config_read_string(config, (const char *)source->text.p))
		return xo_source_explain(source, path,
		    config_error_line(config), config_error_text(config));
	walk.next = xo_source_tokens(source, &n);
	walk.end = n != 0 ? walk.next + n : walk.next;
	root->kind = XO_NODE_GROUP;
	root->where = (struct xo_conf_where){path, 1};
	return read_children(&walk, config_root_setting(config), root);
}

const struct xo_node *
xo_tree_read(struct xo_source *source, const char *path)
{
	struct xo_node *root;
	const char *name;
	config_t config;
	bool is_good;

	root = xo_conf_arena_alloc(source->scratch, 1, sizeof(*root));
	name = xo_conf_arena_copy(source->names, xo_span_from_cstr(path));
	if (root == NULL || name == NULL) {
		(void)xo_conf_fail_memory(source->error);
		return NULL;
	}
	config_init(&config);
	is_good = read_tree(source, &config, name, root);
	config_destroy(&config);
	return is_good ? root : NULL;
}

const struct xo_node *
xo_node_member(const struct xo_node *group, const char *name)
{
	size_t i;

	if (group == NULL)
		return NULL;
	for (i = 0; i < group->n_children; i++) {
		if (strcmp(group->children[i].name, name) == 0)
			return &group->children[i];
	}
	return NULL;
}

struct xo_conf_shown
xo_node_show(const struct xo_node *node)
{
	struct xo_conf_shown shown = {""};

	switch (node->kind) {
	case XO_NODE_GROUP:
		return xo_conf_show(XO_LIT("a group"));
	case XO_NODE_LIST:
		return xo_conf_show(node->n_children == 0 ?
		    XO_LIT("an empty list") : XO_LIT("a list"));
	case XO_NODE_STRING:
		(void)snprintf(shown.text, sizeof(shown.text), "\"%.78s\"",
		    xo_conf_show(node->text).text);
		return shown;
	case XO_NODE_NUMBER:
	case XO_NODE_FRACTION:
	case XO_NODE_BOOL:
	case XO_NODE_KIND_COUNT:
		break;
	}
	return xo_conf_show(node->text);
}
