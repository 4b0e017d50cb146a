/* SPDX-License-Identifier: ISC */
/*
 * Sorted twice, never compared each with each: a thousand fields cost no more
 * than their number times its logarithm.
 */
#include <trust/promote.h>

#include <stdlib.h>

/*
 * Never promoted: what the gateway or an Exchange behind it stamps itself, and
 * what would be read as an originator organisation (protocol.md 5.2).
 */
static const char *const reserved[] = {
	"Cross-Premises-Headers-Processed",
	"Cross-Premises-Headers-Promoted",
	"Cross-Premises-Headers-Preserved",
	"Cross-Premises-Headers-Blocked",
	"OriginatorOrganization",
};

static bool
may_be_promoted(struct xo_span suffix, const struct xo_field *field)
{
	size_t i;

	if (suffix.len == 0)
		return false;
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (xo_span_is_equal_nocase(suffix,
		    xo_span_from_cstr(reserved[i])))
			return false;
	}
	return xo_field_value(field).len != 0 ||
	    !xo_span_is_equal_nocase(suffix, XO_LIT("Antispam-ScanContext"));
}

enum xo_err
xo_promote_add(struct xo_promote *promote, struct xo_span suffix,
    const struct xo_field *field)
{
	if (promote->n == promote->cap) {
		size_t cap = promote->cap == 0 ? 32 : 2 * promote->cap;
		struct xo_promote_entry *entries;

		if (cap > SIZE_MAX / sizeof(*entries))
			return XO_ERR_MEMORY;
		entries = realloc(promote->entries, cap * sizeof(*entries));
		if (entries == NULL)
			return XO_ERR_MEMORY;
		promote->entries = entries;
		promote->cap = cap;
	}
	promote->entries[promote->n++] = (struct xo_promote_entry){
		suffix, may_be_promoted(suffix, field)
	};
	return XO_OK;
}

/* Suffixes point into one section: their addresses are their order in it. */
static int
compare_positions(const void *a, const void *b)
{
	const uint8_t *p = ((const struct xo_promote_entry *)a)->suffix.p;
	const uint8_t *q = ((const struct xo_promote_entry *)b)->suffix.p;

	return (p > q) - (p < q);
}

static int
compare_names(const void *a, const void *b)
{
	struct xo_span s = ((const struct xo_promote_entry *)a)->suffix;
	struct xo_span t = ((const struct xo_promote_entry *)b)->suffix;
	size_t i;

	for (i = 0; i < s.len && i < t.len; i++) {
		uint8_t c = xo_ascii_lower(s.p[i]);
		uint8_t d = xo_ascii_lower(t.p[i]);

		if (c != d)
			return c < d ? -1 : 1;
	}
	if (s.len != t.len)
		return s.len < t.len ? -1 : 1;
	return compare_positions(a, b);
}

void
xo_promote_settle(struct xo_promote *promote)
{
	struct xo_promote_entry *e = promote->entries;
	size_t i;

	if (promote->n < 2)
		return;
	qsort(e, promote->n, sizeof(*e), compare_names);
	for (i = 0; i + 1 < promote->n; i++) {
		if (xo_span_is_equal_nocase(e[i].suffix, e[i + 1].suffix))
			e[i].is_promoted = false;
	}
	qsort(e, promote->n, sizeof(*e), compare_positions);
}

void
xo_promote_fini(struct xo_promote *promote)
{
	free(promote->entries);
	*promote = (struct xo_promote){0};
}
