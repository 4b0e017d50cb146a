/* SPDX-License-Identifier: ISC */
/*
 * Capability sets: what an EHLO reply announces (RFC 5321 4.1.1.1).
 */
#ifndef XOORG_CAPS_H
#define XOORG_CAPS_H

#include <xoorg/extension.h>

XO_API_BEGIN

enum xo_cap {
	XO_CAP_SIZE,
	XO_CAP_PIPELINING,
	XO_CAP_DSN,
	XO_CAP_ENHANCEDSTATUSCODES,
	XO_CAP_STARTTLS,
	XO_CAP_8BITMIME,
	XO_CAP_BINARYMIME,
	XO_CAP_CHUNKING,
	XO_CAP_SMTPUTF8,
	XO_CAP_REQUIRETLS,
	XO_CAP_MT_PRIORITY,
	XO_CAP_DELIVERBY,
	XO_CAP_FUTURERELEASE,
	XO_CAP_XCLIENT,
	XO_CAP_XOORG,
	XO_CAP_COUNT,
	/* From XO_CAP_COUNT on: those of struct xo_extensions, in its order. */
	XO_CAP_MAX = XO_CAP_COUNT + XO_EXTENSIONS_MAX
};

#define XO_CAP_BIT(cap) ((uint32_t)1 << (cap))
/* All that the operator may have named. */
#define XO_CAP_EXTENSIONS (XO_CAP_BIT(XO_CAP_MAX) - XO_CAP_BIT(XO_CAP_COUNT))

#define XO_CAP_ARGUMENT_MAX 95
#define XO_CAPS_TEXT_MAX 255

/* Of an EHLO reply: each link to a next hop keeps one. */
struct xo_caps {
	uint32_t set;			/* of XO_CAP_BIT() */
	uint64_t size;			/* of SIZE; 0: no limit given */
	/* Arguments, one after the other: xo_caps_argument(). */
	uint8_t at[XO_CAP_MAX], len[XO_CAP_MAX];
	uint8_t text_len;
	char text[XO_CAPS_TEXT_MAX];
};

static inline bool
xo_caps_has(const struct xo_caps *caps, enum xo_cap cap)
{
	return (caps->set & XO_CAP_BIT(cap)) != 0;
}

/* "SIZE", "8BITMIME", ...; "" of an extension. */
const char *xo_cap_name(enum xo_cap cap);

/* What the keyword announces; XO_CAP_MAX if it is neither known nor among
 * `extensions` (NULL: none). Case does not count. */
enum xo_cap xo_cap_find(struct xo_span keyword,
    const struct xo_extensions *extensions);

/* As announced; empty if there was none, and SIZE's, which is a number. */
struct xo_span xo_caps_argument(const struct xo_caps *caps, enum xo_cap cap);

/* Once for each capability. False: no room, nothing is changed. */
bool xo_caps_set_argument(struct xo_caps *caps, enum xo_cap cap,
    struct xo_span argument);

/*
 * Adds one line of an EHLO reply, after the greeting line, without code and
 * separator. The keyword is compared without case. A keyword that xo_cap_find()
 * does not find, or whose argument does not fit, is not added: the gateway
 * imitates nothing unknown. Nor is a SIZE that is not a number, or a keyword that
 * came before.
 */
void xo_caps_add_line(struct xo_caps *caps, struct xo_span line,
    const struct xo_extensions *extensions);

/*
 * What both announce: the set is the intersection, SIZE the smaller of the
 * two limits, an argument the one of `a` if the two are equal; a capability
 * with unequal arguments (SIZE apart) is in neither.
 */
void xo_caps_intersect(struct xo_caps *a, const struct xo_caps *b);

XO_API_END

#endif
