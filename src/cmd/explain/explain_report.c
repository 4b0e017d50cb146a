/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: the report, as text and as JSON.
 */
#include <cmd/explain/explain.h>

#include <cmd/common/json.h>
#include <cmd/common/tool.h>
#include <xoorg/reply.h>

#define WIDTH 78

static const struct {
	const char *id;
	const char *title;
} topics[] = {
	[XO_EXPLAIN_HANDOVER] = {"handover", "Who handed it over"},
	[XO_EXPLAIN_TRUST] = {"trust", "Internal or not"},
	[XO_EXPLAIN_CROSS_PREMISES] = {"cross_premises",
	    "Cross-premises headers"},
	[XO_EXPLAIN_GATEWAY] = {"gateway", "What the gateway said"},
	[XO_EXPLAIN_PATH] = {"path", "The way it came, from its beginning"},
};
_Static_assert(sizeof(topics) / sizeof(topics[0]) == XO_EXPLAIN_TOPIC_COUNT,
    "a topic without a title");

/* How much of `text` fits into `room`, at least one word. */
static size_t
fit(struct xo_span text, size_t room)
{
	size_t n = room;

	if (text.len <= room)
		return text.len;
	while (n > 0 && text.p[n] != ' ')
		n--;
	if (n == 0)
		n = xo_span_find(text, ' ');
	return n;
}

void
xo_explain_print_wrapped(FILE *out, struct xo_span text, int indent,
    const char *bullet)
{
	size_t room = WIDTH - (size_t)indent - strlen(bullet);

	while (text.len > 0) {
		size_t n = fit(text, room);

		fprintf(out, "%*s%s%.*s\n", indent, "", bullet, (int)n,
		    (const char *)text.p);
		text = xo_span_trim(xo_span_from(text, n));
		bullet = bullet[0] != '\0' ? "  " : "";
	}
}

static void
print_list(FILE *out, const char *title, struct xo_span lines)
{
	struct xo_span line;

	if (lines.len > 0)
		fprintf(out, "%s\n", title);
	while (xo_reply_line(&lines, &line))
		xo_explain_print_wrapped(out, line, 0, "- ");
}

static void
print_note(FILE *out, const struct xo_explain_note *note, size_t hop)
{
	char label[32];

	if (hop > 0) {
		snprintf(label, sizeof(label), "%zu. ", hop);
		xo_explain_print_wrapped(out, xo_buf_span(&note->value), 2,
		    label);
	} else {
		struct xo_buf line = {.p = NULL};

		xo_buf_add(&line, xo_buf_span(&note->name));
		xo_buf_add_cstr(&line, ": ");
		xo_buf_add(&line, xo_buf_span(&note->value));
		(void)xo_tool_cstr(&line);
		xo_explain_print_wrapped(out, xo_buf_span(&line), 2, "");
		xo_buf_fini(&line);
	}
	xo_explain_print_wrapped(out, xo_buf_span(&note->meaning), 6,
	    note->is_warning ? "! " : "");
}

/* Received is newest first; a way is told from its beginning. */
static void
print_topic(FILE *out, const struct xo_explain *explain,
    enum xo_explain_topic topic)
{
	bool is_path = topic == XO_EXPLAIN_PATH;
	size_t n = 0;

	for (size_t i = 0; i < explain->n_notes; i++) {
		const struct xo_explain_note *note = &explain->notes[is_path ?
		    explain->n_notes - 1 - i : i];

		if (note->topic != topic)
			continue;
		if (n++ == 0)
			fprintf(out, "\n%s\n", topics[topic].title);
		print_note(out, note, is_path ? n : 0);
	}
}

void
xo_explain_print_text(const struct xo_explain *explain, FILE *out)
{
	print_list(out, "In short", xo_buf_span(&explain->summary));
	for (int i = 0; i < XO_EXPLAIN_TOPIC_COUNT; i++)
		print_topic(out, explain, (enum xo_explain_topic)i);
	print_list(out, "\nMind", xo_buf_span(&explain->warnings));
}

static json_t *
json_notes(const struct xo_explain *explain)
{
	json_t *notes = xo_tool_require(json_array());

	for (size_t i = 0; i < explain->n_notes; i++) {
		const struct xo_explain_note *note = &explain->notes[i];

		json_array_append_new(notes, xo_tool_require(json_pack(
		    "{s:s, s:o, s:o, s:o, s:b}",
		    "topic", topics[note->topic].id,
		    "name", xo_json_text(xo_buf_span(&note->name)),
		    "value", xo_json_text(xo_buf_span(&note->value)),
		    "meaning", xo_json_text(xo_buf_span(&note->meaning)),
		    "warning", note->is_warning)));
	}
	return notes;
}

void
xo_explain_print_json(const struct xo_explain *explain, FILE *out)
{
	json_t *json = xo_tool_require(json_pack("{s:o, s:o, s:o, s:I, s:I}",
	    "summary", xo_json_lines(xo_buf_span(&explain->summary)),
	    "notes", json_notes(explain),
	    "warnings", xo_json_lines(xo_buf_span(&explain->warnings)),
	    "fields", (json_int_t)explain->n_fields,
	    "lines_passed_over", (json_int_t)explain->n_refused));

	json_dumpf(json, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(json);
}
