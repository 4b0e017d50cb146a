/* SPDX-License-Identifier: ISC */
/* Capability sets. */
#include <xoorg/caps.h>

static const char *const names[] = {
	[XO_CAP_SIZE] = "SIZE",
	[XO_CAP_PIPELINING] = "PIPELINING",
	[XO_CAP_DSN] = "DSN",
	[XO_CAP_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
	[XO_CAP_STARTTLS] = "STARTTLS",
	[XO_CAP_8BITMIME] = "8BITMIME",
	[XO_CAP_BINARYMIME] = "BINARYMIME",
	[XO_CAP_CHUNKING] = "CHUNKING",
	[XO_CAP_SMTPUTF8] = "SMTPUTF8",
	[XO_CAP_REQUIRETLS] = "REQUIRETLS",
	[XO_CAP_MT_PRIORITY] = "MT-PRIORITY",
	[XO_CAP_DELIVERBY] = "DELIVERBY",
	[XO_CAP_FUTURERELEASE] = "FUTURERELEASE",
	[XO_CAP_XCLIENT] = "XCLIENT",
	[XO_CAP_XOORG] = "XOORG",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == XO_CAP_COUNT,
    "a name for each capability");
_Static_assert(XO_CAP_MAX < 32, "a bit for each");
_Static_assert(XO_CAPS_TEXT_MAX <= UINT8_MAX, "text_len is an octet");

const char *
xo_cap_name(enum xo_cap cap)
{
	return (unsigned int)cap < XO_CAP_COUNT ? names[cap] : "";
}

enum xo_cap
xo_cap_find(struct xo_span keyword, const struct xo_extensions *extensions)
{
	enum xo_cap cap = XO_CAP_SIZE;

	while (cap < XO_CAP_COUNT && !xo_span_is_equal_nocase(keyword,
	    xo_span_from_cstr(names[cap])))
		cap++;
	if (cap < XO_CAP_COUNT)
		return cap;
	return (enum xo_cap)(XO_CAP_COUNT +
	    xo_extensions_find(extensions, keyword));
}

void
xo_caps_add_line(struct xo_caps *caps, struct xo_span line,
    const struct xo_extensions *extensions)
{
	struct xo_span keyword, argument;
	enum xo_cap cap;
	size_t end = 0;

	line = xo_span_trim(line);
	while (end < line.len && line.p[end] != ' ' && line.p[end] != '\t')
		end++;
	keyword = xo_span_first(line, end);
	argument = xo_span_trim(xo_span_from(line, end));
	cap = xo_cap_find(keyword, extensions);
	if (cap == XO_CAP_MAX || xo_caps_has(caps, cap))
		return;
	if (cap == XO_CAP_SIZE) {
		if (argument.len > 0 &&
		    xo_span_to_u64(argument, &caps->size) != XO_OK)
			return;
	} else if (!xo_caps_set_argument(caps, cap, argument)) {
		return;
	}
	caps->set |= XO_CAP_BIT(cap);
}

struct xo_span
xo_caps_argument(const struct xo_caps *caps, enum xo_cap cap)
{
	return xo_span(caps->text + caps->at[cap], caps->len[cap]);
}

bool
xo_caps_set_argument(struct xo_caps *caps, enum xo_cap cap,
    struct xo_span argument)
{
	if (argument.len > XO_CAP_ARGUMENT_MAX ||
	    argument.len > (size_t)XO_CAPS_TEXT_MAX - caps->text_len)
		return false;
	caps->at[cap] = caps->text_len;
	caps->len[cap] = (uint8_t)argument.len;
	if (argument.len > 0)
		memcpy(caps->text + caps->text_len, argument.p, argument.len);
	caps->text_len = (uint8_t)(caps->text_len + argument.len);
	return true;
}

static void
intersect_size(struct xo_caps *a, const struct xo_caps *b)
{
	if (!xo_caps_has(a, XO_CAP_SIZE))
		a->size = 0;
	else if (b->size != 0 && (a->size == 0 || b->size < a->size))
		a->size = b->size;
}

void
xo_caps_intersect(struct xo_caps *a, const struct xo_caps *b)
{
	a->set &= b->set;
	for (enum xo_cap cap = XO_CAP_SIZE; cap < XO_CAP_MAX; cap++) {
		if (!xo_span_is_equal(xo_caps_argument(a, cap),
		    xo_caps_argument(b, cap)))
			a->set &= ~XO_CAP_BIT(cap);
		if (!xo_caps_has(a, cap))
			a->len[cap] = 0;
	}
	intersect_size(a, b);
}
