/* SPDX-License-Identifier: ISC */
/*
 * See access.h.
 */
#include "access.h"

#include <stdlib.h>

#include <net/tls.h>

/* Adds the folder of `path`; takes that, which may be NULL: there is none. */
static void
add_folder(char **list, size_t *n, char *path)
{
	char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (slash == NULL) {
		free(path);
		return;
	}
	/* analyser: it is the list's now */
	slash[slash == path ? 1 : 0] = '\0';
	list[(*n)++] = path;
}

char **
xo_table_access_list(const struct xo_conf *conf, const char *first)
{
	char **list = calloc(2 + 2 * conf->n_tables, sizeof(*list));
	size_t n = 0;

	if (list == NULL)
		return NULL;
	list[n] = strdup(first);
	if (list[n++] == NULL) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < conf->n_tables; i++) {
		if (conf->tables[i].kind != XO_TABLE_CDB)
			continue;
		add_folder(list, &n, strdup(conf->tables[i].path));
		add_folder(list, &n, realpath(conf->tables[i].path, NULL));
	}
	return list;
}

bool
xo_table_access_is_local(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->n_tables; i++) {
		const struct xo_conf_table *t = &conf->tables[i];

		for (; t->kind >= XO_TABLE_SOCKETMAP && t->next != NULL &&
		    t->path == NULL; t = t->next)
			;
		if (t->kind >= XO_TABLE_SOCKETMAP && t->path != NULL)
			return true;
	}
	return false;
}

struct xo_tls_context *
xo_table_access_tls(const struct xo_conf *conf,
    struct xo_tls_keyring *keyring, struct xo_buf *error)
{
	const struct xo_conf_redis *redis = &conf->lookup.redis;
	const struct xo_conf_upstream server = {
		.trust = redis->trust,
		.trust_where = redis->trust_where,
		.where = redis->trust_where,
		.minimum = XO_TLS_1_2,
		.client_certificate = redis->client_certificate,
		.client_key = redis->client_key,
		.crl = XO_CRL_OFF,
	};

	return xo_tls_context_new_client(&server, XO_TLS_VERIFY, keyring,
	    error);
}

void
xo_table_access_free(char ***list)
{
	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}
