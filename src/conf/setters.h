/* SPDX-License-Identifier: ISC */
/*
 * The functions of the types, and what they share. Private to value.c (their
 * table), set_scalar.c and set_name.c. Each puts one node of the right kind into
 * a field; `other` is the second field of the row, NULL if there is none.
 */
#ifndef XO_CONF_SETTERS_H
#define XO_CONF_SETTERS_H

#include <conf/value.h>

/* "FILE:LINE: NAME: expected ..., found ..." */
bool xo_value_fail(const struct xo_setter *setter, const struct xo_node *node,
    const char *expected);
struct xo_conf_shown xo_value_full_name(const struct xo_setter *setter);
bool xo_value_copy(const struct xo_setter *setter, struct xo_span text,
    const char **copy_r);
/* `where` may be NULL. */
void xo_value_set_where(const struct xo_node *node, void *where);
/* The index of the word, or -1. */
int xo_value_find_word(const char *const *words, struct xo_span text);

/* set_scalar.c: booleans, numbers, text, words */
bool xo_set_bool(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_size(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_number(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_seconds(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_text(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_word(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_words(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);

/* set_name.c: domains, hosts, networks, files, references */
bool xo_set_hostname(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_domain(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_domains(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_extension(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_network(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_host(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_addresses(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_address(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_new_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_folder(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_word_or_file(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_certificate(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_xoorg(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_table(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);
bool xo_set_reference(const struct xo_setter *setter,
    const struct xo_node *node, void *field, void *other);

#endif
