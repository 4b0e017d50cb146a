/* SPDX-License-Identifier: ISC */
/*
 * A configuration as a tree of nodes, each with the place where it stands.
 * libconfig parses, its tree is read once and given back: nothing outside
 * tree.c knows it.
 */
#ifndef XO_CONF_TREE_H
#define XO_CONF_TREE_H

#include <conf/fail.h>
#include <conf/source.h>

enum xo_node_kind {
	XO_NODE_STRING,
	XO_NODE_NUMBER,
	XO_NODE_FRACTION,
	XO_NODE_BOOL,
	XO_NODE_LIST,			/* [ ] or ( ) */
	XO_NODE_GROUP,
	XO_NODE_KIND_COUNT
};

struct xo_node {
	const char *name;		/* NULL in a list */
	enum xo_node_kind kind;
	struct xo_span text;		/* a string's value, else as written */
	struct xo_conf_where where;
	const struct xo_node *children;
	size_t n_children;
};

/* The root group, in source->scratch; NULL: see the error of the source. */
const struct xo_node *xo_tree_read(struct xo_source *source, const char *path);

const struct xo_node *xo_node_member(const struct xo_node *group,
    const char *name);

/* "a group", "12", "\"text\"", for messages. */
struct xo_conf_shown xo_node_show(const struct xo_node *node);

#endif
