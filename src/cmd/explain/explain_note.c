/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: notes and facts, and how text from outside gets into them.
 */
#include <cmd/explain/explain.h>

#include <stdlib.h>

#include <cmd/common/tool.h>

#define NAME_MAX_SHOWN 128
#define VALUE_MAX_SHOWN 400

void
xo_explain_add_printable(struct xo_buf *out, struct xo_span s, size_t max)
{
	size_t start = out->len;
	bool is_blank = false;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			is_blank = out->len > start;
			continue;
		}
		if (out->len - start >= max) {
			xo_buf_add_cstr(out, "...");
			return;
		}
		if (is_blank)
			xo_buf_add_byte(out, ' ');
		is_blank = false;
		xo_buf_add_byte(out, c > ' ' && c < 0x7f ? c : '?');
	}
}

bool
xo_explain_contains(struct xo_span s, const char *what)
{
	struct xo_span wanted = xo_span_from_cstr(what);

	for (; s.len >= wanted.len; s = xo_span_from(s, 1)) {
		if (xo_span_has_prefix_nocase(s, wanted))
			return true;
		if (s.len == 0)
			break;
	}
	return false;
}

struct xo_explain_note *
xo_explain_note(struct xo_explain *explain, enum xo_explain_topic topic,
    struct xo_span name, struct xo_span value)
{
	struct xo_explain_note *note;

	if (explain->n_notes == explain->room) {
		explain->room = explain->room * 2 + 16;
		explain->notes = xo_tool_require(reallocarray(explain->notes,
		    explain->room, sizeof(*explain->notes)));
	}
	note = &explain->notes[explain->n_notes++];
	*note = (struct xo_explain_note){.topic = topic};
	xo_explain_add_printable(&note->name, name, NAME_MAX_SHOWN);
	xo_explain_add_printable(&note->value, value, VALUE_MAX_SHOWN);
	return note;
}

void
xo_explain_keep_fact(struct xo_explain *explain, enum xo_explain_fact fact,
    struct xo_span value)
{
	if (fact == XO_FACT_NONE)
		return;
	if (explain->n_facts[fact]++ == 0)
		explain->facts[fact] = value;
	else if (!xo_span_is_equal_nocase(explain->facts[fact], value))
		explain->differs[fact] = true;
}

void
xo_explain_fini(struct xo_explain *explain)
{
	for (size_t i = 0; i < explain->n_notes; i++) {
		xo_buf_fini(&explain->notes[i].name);
		xo_buf_fini(&explain->notes[i].value);
		xo_buf_fini(&explain->notes[i].meaning);
	}
	free(explain->notes);
	xo_buf_fini(&explain->summary);
	xo_buf_fini(&explain->warnings);
	*explain = (struct xo_explain){.notes = NULL};
}
