/* SPDX-License-Identifier: ISC */
/*
 * Replies: read from a next hop that may be hostile, written to a client that
 * may be confused (RFC 5321 4.2, RFC 2034).
 */
#ifndef XOORG_REPLY_H
#define XOORG_REPLY_H

#include <xoorg/refusal.h>

XO_API_BEGIN

#define XO_REPLY_TEXT_MAX 4096

/*
 * Reads one reply. All-zero is ready for the first; `text` is kept from reply
 * to reply. Lines are kept without code and separator, joined by LF, cleaned:
 * what is not printable ASCII or TAB has become `?`. Text beyond
 * XO_REPLY_TEXT_MAX is read and dropped.
 */
struct xo_reply {
	uint16_t code;			/* 200..599 */
	struct xo_buf text;
	/* private */
	uint8_t state;
	uint8_t digits;
	uint16_t line_code;
	bool is_open;			/* a `-` line came before */
	bool is_last;
	bool has_cr;
	size_t line_start;
	size_t seen;
};

/*
 * XO_OK: a whole reply; *used_r octets belong to it. XO_MORE: all of `in` is
 * used. XO_ERR_SYNTAX: no reply at all, or lines of different codes.
 * XO_ERR_LIMIT: more than `max` octets. XO_ERR_STATE: not cleared since the
 * last reply or error. After an error the link is of no use. A lone LF
 * ends a line here: many servers send it, and nothing of a reply is passed
 * on as it came.
 */
XO_MUST_CHECK enum xo_err xo_reply_read(struct xo_reply *reply,
    struct xo_span in, size_t max, size_t *used_r);

/* Before the next reply; keeps the memory. */
void xo_reply_clear(struct xo_reply *reply);
void xo_reply_fini(struct xo_reply *reply);

/*
 * The enhanced status code (RFC 3463) that the text begins with. False: there
 * is none, or it is of another class than the reply itself.
 */
struct xo_enhanced {
	uint16_t class, subject, detail;
};
bool xo_reply_enhanced(const struct xo_reply *reply,
    struct xo_enhanced *enhanced_r);

/*
 * A text of somebody else's for a reply of ours (RFC 2034 3 and 4): each line has
 * an enhanced status code, of the class of `code`. What it lacks is x.0.0, or
 * what another line has; of another class, the class alone is changed. Lines
 * beyond XO_REPLY_TEXT_MAX are left out. Of 3xx the text stays as it is. On error
 * nothing is added.
 */
void xo_reply_add_status(struct xo_buf *out, uint16_t code,
    struct xo_span text);

/*
 * Which replies came over a link, as far back as it matters: by their
 * texts, those about messages and those within an envelope. All-zero: none.
 */
#define XO_HEARD_MAX 32
struct xo_heard {
	uint64_t texts[2][XO_HEARD_MAX];
	uint32_t n[2];
};
void xo_heard_note(struct xo_heard *heard, const struct xo_reply *reply,
    bool is_envelopes);
bool xo_heard_before(const struct xo_heard *heard,
    const struct xo_reply *reply);

/*
 * Takes the next line off `*text` (as in xo_reply.text). False: none left; an
 * empty line at the end counts as none.
 */
bool xo_reply_line(struct xo_span *text, struct xo_span *line_r);

/*
 * Writes a well-formed reply: each line of `text` (LF between them) with the
 * code, `-` on all but the last, cut at 512 octets, and `?` for what may not be
 * in one. `enhanced` is put before each line, NULL if the text has its own or
 * needs none. A code outside 200..599 is written as 451. All or nothing.
 */
void xo_reply_write(struct xo_buf *out, uint16_t code,
    const char *enhanced, struct xo_span text);

/* Writes the table's reply for `refusal`. */
void xo_refusal_write(struct xo_buf *out, enum xo_refusal refusal);

XO_API_END

#endif
