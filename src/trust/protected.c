/* SPDX-License-Identifier: ISC */
/*
 * Which names are protected (protocol.md 6): see protected.h.
 */
#include <trust/protected.h>

#include <xoorg/wall.h>

/* Nobody cuts a line before here. */
#define CUT_MIN ((size_t)990)
/* A signature lists the name once or twice. */
#define LOOKS_MAX 16
#define THIRD 2
#define NAME(s) ("" s), sizeof(s) - 1

/* Compared without case; a prefix as far as it goes. */
static const struct protected_name {
	const char *name;
	size_t len;
	bool is_prefix;
	enum xo_wall_family family;
} names[] = {
	{NAME("X-OriginatorOrg"), false, XO_WALL_ORIGINATOR_ORG},
	{NAME("X-OriginatorOrganization"), false, XO_WALL_ORIGINATOR_ORG},
	{NAME("X-MS-Exchange-Organization-"), true, XO_WALL_ORGANIZATION},
	{NAME("X-MS-Exchange-Forest-"), true, XO_WALL_FOREST},
	{NAME("X-MS-Exchange-CrossPremises-"), true, XO_WALL_CROSS_PREMISES},
	{NAME("X-MS-Exchange-CrossTenant-"), true, XO_WALL_CROSS_TENANT},
	{NAME("X-MS-Exchange-Transport-CrossTenantHeaders"), true,
	    XO_WALL_CROSS_TENANT},
	{NAME("Authentication-Results"), false, XO_WALL_AUTH_RESULTS},
	{NAME("X-CrossPremisesHeadersPromoted"), false, XO_WALL_TRACE},
	{NAME("X-CrossPremisesHeadersFiltered"), false, XO_WALL_TRACE},
	{NAME("X-OrganizationHeadersPreserved"), false, XO_WALL_SENDER_TRACE},
	/* Exchange spells it without the s. */
	{NAME("X-CrossPremiseHeadersBlocked"), false, XO_WALL_SENDER_TRACE},
	{NAME("X-CrossPremisesHeadersBlocked"), false, XO_WALL_SENDER_TRACE},
	{NAME("X-CrossPremisesHeadersFilteredBySendConnector"), false,
	    XO_WALL_SENDER_TRACE},
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* Most names and most octets of a line are none, which the first two tell. */
static inline bool
may_begin(struct xo_span s)
{
	uint8_t first;

	if (s.len <= THIRD)
		return false;
	first = xo_ascii_lower(s.p[0]);
	return (first == 'x' && s.p[1] == '-') ||
	    (first == 'a' && xo_ascii_lower(s.p[1]) == 'u');
}

/* `s` begins as may_begin() says: then the third octet tells most names apart,
 * at the price of no call. */
static inline bool
begins_with(struct xo_span s, const struct protected_name *n)
{
	return xo_ascii_lower(s.p[THIRD]) ==
	    xo_ascii_lower((uint8_t)n->name[THIRD]) &&
	    xo_span_has_prefix_nocase(s, xo_span(n->name, n->len));
}

uint32_t
xo_protected_family(struct xo_span name)
{
	size_t i;

	if (!may_begin(name))
		return 0;
	for (i = 0; i < N_NAMES; i++) {
		const struct protected_name *n = &names[i];

		if (name.len < n->len || (!n->is_prefix && name.len > n->len))
			continue;
		if (begins_with(name, n))
			return (uint32_t)n->family;
	}
	return 0;
}

uint32_t
xo_protected_field(const struct xo_protection *protection,
    const struct xo_field *field)
{
	uint32_t family = xo_protected_family(field->name) &
	    protection->families;

	if (family == XO_WALL_AUTH_RESULTS && !xo_field_is_authserv(
	    xo_field_value(field), protection->hostname))
		return 0;
	return family;
}

static bool
goes_on(struct xo_span rest)
{
	return rest.len > 0 && (xo_ascii_is_alpha(rest.p[0]) ||
	    xo_ascii_is_digit(rest.p[0]) || rest.p[0] == '-' ||
	    rest.p[0] == '_');
}

/* What a reader takes off a name, if it takes anything off. */
static bool
is_trimmed(uint8_t c)
{
	return c <= ' ' || c >= 0x7f;
}

/* Behind the name of Authentication-Results: is the value ours? */
static bool
is_ours(struct xo_protection *protection, struct xo_span rest)
{
	size_t i = 0;

	while (i < rest.len && is_trimmed(rest.p[i]))
		i++;
	if (i == rest.len || (rest.p[i] != ':' && rest.p[i] != '('))
		return false;
	/* A comment before the colon hides the value from us, not from all. */
	if (rest.p[i] == '(' || ++protection->n_looks > LOOKS_MAX)
		return true;
	return xo_field_is_authserv(xo_span_from(rest, i + 1),
	    protection->hostname);
}

/* `rest`: from a place where somebody might cut, to the end of the field. */
static bool
is_protected(struct xo_protection *protection, struct xo_span rest)
{
	size_t i;

	if (!may_begin(rest))
		return false;
	for (i = 0; i < N_NAMES; i++) {
		const struct protected_name *n = &names[i];
		struct xo_span behind = xo_span_from(rest, n->len);

		if ((n->family & protection->families) == 0 ||
		    !begins_with(rest, n) ||
		    (!n->is_prefix && goes_on(behind)))
			continue;
		if (n->family != XO_WALL_AUTH_RESULTS ||
		    is_ours(protection, behind))
			return true;
	}
	return false;
}

/*
 * A line of `len` octets may be cut before octets at its end that no name has. A
 * reader that unfolds the rest and trims names then sees the name of the next
 * line, or of one behind it if that line holds no more. Blanks alone are a fold.
 */
static bool
hides_behind(struct xo_protection *protection, struct xo_span line, size_t len)
{
	bool is_cut = false;
	size_t at = len;

	while (at > CUT_MIN && is_trimmed(line.p[at - 1])) {
		at--;
		is_cut |= !xo_field_is_blank(line.p[at]) &&
		    line.p[at] != '\r';
	}
	if (!is_cut)
		return false;
	while (len < line.len && is_trimmed(line.p[len]))
		len++;
	return is_protected(protection, xo_span_from(line, len));
}

/* A line that begins at `line` and has `len` octets; the field goes on. */
static bool
hides(struct xo_protection *protection, struct xo_span line, size_t len)
{
	size_t at;

	for (at = CUT_MIN; at < len; at++) {
		if (is_protected(protection, xo_span_from(line, at)))
			return true;
	}
	return hides_behind(protection, line, len);
}

bool
xo_protected_is_hidden(struct xo_protection *protection,
    const struct xo_field *field)
{
	struct xo_span rest = field->raw;

	while (rest.len > CUT_MIN) {
		size_t len = xo_span_find(rest, '\n');

		if (hides(protection, rest, len))
			return true;
		rest = xo_span_from(rest, len + 1);
	}
	return false;
}
