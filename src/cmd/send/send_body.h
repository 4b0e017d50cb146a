/* SPDX-License-Identifier: ISC */
/*
 * The messages that `xoorg send` sends: of a file, or generated. They are read
 * piece by piece and never held whole; the same number gives the same octets.
 */
#ifndef XO_SEND_BODY_H
#define XO_SEND_BODY_H

#include <cmd/common/options.h>
#include <xoorg/bytes.h>

struct xo_send_body_settings {
	const char *file;		/* "-": standard input; NULL: none */
	bool is_raw;			/* line ends as they are in the file */
	bool has_size;
	uint64_t size;			/* of a generated body */
	uint64_t seed;
	struct xo_option_list headers;	/* "Name: value" */
	const char *from;
	const char *to;
};

struct xo_send_body {
	const struct xo_send_body_settings *settings;
	const uint8_t *map;		/* the file */
	size_t map_len;
	uint64_t total;			/* octets of the present message */
	/* private: where the present message stands */
	struct xo_buf header;
	bool is_header_out;
	uint8_t last;			/* octet before map_at */
	size_t map_at;
	uint64_t left;			/* to generate */
	uint64_t random;
	struct xo_buf piece;
};

/* False: one line in `error`. `settings` is kept. */
bool xo_send_body_open(struct xo_send_body *body,
    const struct xo_send_body_settings *settings, char *error,
    size_t error_len);
/* Makes ready for message `number` (0 is the first) and counts its octets. */
void xo_send_body_start(struct xo_send_body *body, uint64_t number);
/* The next piece, valid until the next call; empty: that was all. */
struct xo_span xo_send_body_next(struct xo_send_body *body);
void xo_send_body_fini(struct xo_send_body *body);

#endif
