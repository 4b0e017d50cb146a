/* SPDX-License-Identifier: ISC */
/*
 * A record of a source of tenants, read while mail waits: the object that a row of
 * a jsonl: table is, set and checked by the same code.
 */
#ifndef XO_CONF_GUEST_H
#define XO_CONF_GUEST_H

#include <conf/conf.h>
#include <xoorg/guests.h>

/* Octets of a record. */
#define XO_GUEST_RECORD_MAX ((size_t)65536)

struct xo_guest_reader;

/* `conf` is kept: whose upstreams records may name. NULL: no memory. */
struct xo_guest_reader *xo_guest_reader_new(const struct xo_conf *conf);
void xo_guest_reader_free(struct xo_guest_reader **reader);

/*
 * The tenant of a record, which is the caller's. NULL: `error`, which is cleared
 * first, has one line that says what is wrong. A record must not name files, as
 * client_certificate does: a worker reads none.
 */
struct xo_guest *xo_guest_read(const struct xo_guest_reader *reader,
    struct xo_span record, struct xo_buf *error);

#endif
