/* SPDX-License-Identifier: ISC */
/*
 * The protocol of Redis and Valkey, as far as single values need it: a command is
 * an array of words; a reply is a status, an error, a value or nil. Any other
 * reply is no answer to what a gateway asks; who lists and writes a table reads
 * numbers, and the heads of arrays, where it expects them.
 *
 * Pure: what is read points into the input.
 */
#ifndef XO_TABLE_RESP_H
#define XO_TABLE_RESP_H

#include <xoorg/bytes.h>

enum xo_resp_kind {
	XO_RESP_ERROR,			/* "-LOADING ..." */
	XO_RESP_STATUS,			/* "+OK" */
	XO_RESP_NIL,
	XO_RESP_VALUE,
};

struct xo_resp {
	enum xo_resp_kind kind;
	struct xo_span text;		/* without the sign before it */
};

/* Octets of a line: of a status, an error, a length. */
#define XO_RESP_LINE 512

/*
 * The reply that `in` begins with, and its octets. XO_MORE: it is good so far, and
 * not whole. XO_ERR_LIMIT: the value has more than `max` octets, or the line more
 * than XO_RESP_LINE. XO_ERR_SYNTAX: it is none of these, and nothing behind it can
 * be read.
 */
XO_MUST_CHECK enum xo_err xo_resp_read(struct xo_span in, size_t max,
    struct xo_resp *reply_r, size_t *used_r);

/*
 * ":N", or with the sign '*' the head of an array of N replies, which stand behind
 * it. XO_ERR_SYNTAX: it is none of that sign, an error of the server's perhaps.
 */
XO_MUST_CHECK enum xo_err xo_resp_read_number(struct xo_span in, char sign,
    uint64_t *n_r, size_t *used_r);

/* The head of a command, and each of its words, which may be in two parts. */
void xo_resp_write_head(struct xo_buf *out, size_t n);
void xo_resp_write_word(struct xo_buf *out, struct xo_span first,
    struct xo_span second);
void xo_resp_write(struct xo_buf *out, const struct xo_span *words, size_t n);

#endif
