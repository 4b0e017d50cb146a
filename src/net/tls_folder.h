/* SPDX-License-Identifier: ISC */
/*
 * A folder with certificates of tenants, in the one process that has their keys:
 * NAME.pem holds the tenant's private key, its certificate, and the chain. A
 * file is read when it is first asked for, and again once it is another; at
 * most XO_NAMED_SLOTS are kept.
 *
 * Nothing stands for anything else: a file that is missing or no good is that
 * tenant's failure alone. A file is regular, and no symbolic link.
 *
 * A key is named by whose certificate and which it is for, so that a signature
 * can be had for a certificate that was told, or not at all. For a while after
 * it was replaced that still includes the one before: handshakes are under way,
 * and other workers have not asked again.
 */
#ifndef XO_TLS_FOLDER_H
#define XO_TLS_FOLDER_H

#include <conf/conf.h>

#include "tls_keyring.h"

struct xo_tls_folder;

/* What the other side is told: the first octet of an answer. */
enum xo_tls_found {
	XO_TLS_FOUND_NONE,		/* then text for the operator */
	XO_TLS_FOUND_SAME,		/* as the one that was named */
	XO_TLS_FOUND_NEW,		/* then its mark, and DER: leaf, chain */
	XO_TLS_FOUND_COUNT
};

/* Of certificate and chain, DER. */
#define XO_TLS_CHAIN_MAX ((size_t)32 * 1024)
#define XO_TLS_FOUND_MAX (1 + XO_TLS_MARK_SIZE + XO_TLS_CHAIN_MAX)
/* Of a file. */
#define XO_TLS_FOLDER_FILE_MAX ((size_t)64 * 1024)
/* ms for which a key that was replaced still signs. */
#define XO_TLS_FOLDER_OLD ((uint64_t)30 * 1000)

/* NULL: one line in `error`. With the rights of whoever is to read the files. */
struct xo_tls_folder *xo_tls_folder_open(const struct xo_conf_path *path,
    struct xo_buf *error);
/* Wipes all keys. */
void xo_tls_folder_close(struct xo_tls_folder **folder);

/* The answer about the certificate of `known->name`, of which the asker has that
 * of `known->mark`, or none. `now`: ms of a clock that does not go back. */
void xo_tls_folder_look(struct xo_tls_folder *folder,
    const struct xo_tls_owner *known, uint64_t now, struct xo_buf *answer);
/* With the key of request->owner, which is set. */
bool xo_tls_folder_sign(struct xo_tls_folder *folder,
    const struct xo_sign_request *request, uint64_t now,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r);
/* Wipes the keys whose time is over. False: there are more, whose is not. */
bool xo_tls_folder_tidy(struct xo_tls_folder *folder, uint64_t now);

#endif
