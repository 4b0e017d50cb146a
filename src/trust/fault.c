/* SPDX-License-Identifier: ISC */
/*
 * The words for what is wrong with a header: see fault.h.
 */
#include <xoorg/fault.h>

#define PLACE_MAX 40

static const struct {
	const char *name;
	const char *text;	/* behind the line, or behind the bound */
	bool is_bound;
} faults[] = {
	[XO_FAULT_NONE] = {"none", "no fault", false},
	[XO_FAULT_BYTE_ORDER_MARK] = {"byte-order-mark",
	    "byte order mark", false},
	[XO_FAULT_MBOX_FROM] = {"mbox-from", "mbox From line", false},
	[XO_FAULT_LEADING_BLANK] = {"leading-blank",
	    "blank before the first field", false},
	[XO_FAULT_NO_COLON] = {"no-colon", "no colon", false},
	[XO_FAULT_EMPTY_NAME] = {"empty-name", "colon without a name", false},
	[XO_FAULT_NAME] = {"name", "octet not allowed in a name", false},
	[XO_FAULT_LEADING_DOT] = {"leading-dot", "dot before a name", false},
	[XO_FAULT_FOLDED_NAME] = {"folded-name",
	    "line break before the colon", false},
	[XO_FAULT_CONTROL] = {"control", "control character", false},
	[XO_FAULT_HIDDEN_NAME] = {"hidden-name",
	    "protected name in a line of more than 990 octets", false},
	[XO_FAULT_AFTER_END] = {"after-end", "octets behind the end", false},
	[XO_FAULT_BARE_NEWLINE] = {"bare-newline", "bare CR or LF", false},
	[XO_FAULT_NUL] = {"nul", "NUL", false},
	[XO_FAULT_OCTETS] = {"octets", "octets", true},
	[XO_FAULT_FIELDS] = {"fields", "fields", true},
	[XO_FAULT_LINE] = {"line", "octets in a line", true},
	[XO_FAULT_HOPS] = {"hops", "Received fields", true},
};
_Static_assert(sizeof(faults) / sizeof(faults[0]) == XO_FAULT_COUNT,
    "a row for each fault");

static enum xo_fault_kind
known(enum xo_fault_kind kind)
{
	return (unsigned int)kind < XO_FAULT_COUNT ? kind : XO_FAULT_NONE;
}

const char *
xo_fault_name(enum xo_fault_kind kind)
{
	return faults[known(kind)].name;
}

void
xo_fault_write(struct xo_buf *out, const struct xo_fault *fault)
{
	enum xo_fault_kind kind = known(fault->kind);

	if (faults[kind].is_bound) {
		xo_buf_add_cstr(out, "more than ");
		xo_buf_add_u64(out, fault->bound);
		xo_buf_add_byte(out, ' ');
	} else if (fault->line != 0) {
		xo_buf_add_cstr(out, "line ");
		xo_buf_add_u64(out, fault->line);
		xo_buf_add_cstr(out, ": ");
	}
	xo_buf_add_cstr(out, faults[kind].text);
}

void
xo_fault_write_place(struct xo_buf *out, const struct xo_fault *fault)
{
	struct xo_span at = fault->at;
	size_t i;

	for (i = 0; i < at.len && i < PLACE_MAX && at.p[i] != '\r' &&
	    at.p[i] != '\n' && at.p[i] != ':'; i++)
		xo_buf_add_byte(out, at.p[i] >= ' ' && at.p[i] < 0x7f &&
		    at.p[i] != '"' && at.p[i] != '\\' ? at.p[i] : '?');
}

struct xo_fault
xo_fault_in(struct xo_span section, enum xo_fault_kind kind, struct xo_span at)
{
	struct xo_fault fault = {.kind = kind, .line = 1, .at = at};
	size_t offset = (size_t)(at.p - section.p);
	size_t i;

	for (i = 0; i < offset && i < section.len; i++)
		fault.line += section.p[i] == '\n';
	return fault;
}
