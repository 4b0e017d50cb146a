/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain --log: what the gateway did to a message, from its line in the
 * log: what was removed, repaired, promoted, stamped, and why it was refused.
 */
#include <cmd/explain/explain.h>

#include <jansson.h>
#include <stdlib.h>

#include <cmd/common/json.h>
#include <cmd/report/report.h>
#include <cmd/common/tool.h>
#include <xoorg/fault.h>
#include <xoorg/reply.h>
#include <xoorg/wall.h>

/* A value is shown up to here. */
#define SHOWN_MAX 200

/* By XO_WALL_FAMILIES; the names are those of the log. */
static const char *const families[XO_WALL_FAMILIES] = {
	"X-OriginatorOrg, since only the gateway may say it",
	"X-MS-Exchange-Organization-*, which belong to the inside of an Exchange "
	"organisation",
	"X-MS-Exchange-Forest-*, which belong to the inside of an Exchange "
	"organisation",
	"X-MS-Exchange-CrossPremises-*, which this client, or cross_premises, "
	"does not let pass",
	"X-MS-Exchange-CrossTenant-*, which this client cannot vouch for",
	"Authentication-Results in the gateway's own name, or which could not be "
	"decoded",
	"X-CrossPremisesHeadersPromoted and -Filtered, which only the gateway "
	"may write",
	"traces of CrossPremises fields, which this client cannot vouch for",
};

static const char *const repairs[XO_FAULT_REPAIRABLE] = {
	[XO_FAULT_BYTE_ORDER_MARK] = "a byte order mark in front was removed",
	[XO_FAULT_MBOX_FROM] = "the From line of an mbox became X-Mailbox-Line",
	[XO_FAULT_LEADING_BLANK] = "blanks in front of the first field were "
	    "removed",
	[XO_FAULT_NO_COLON] = "a line had no colon: the header ends before it, "
	    "and it begins the body",
	[XO_FAULT_EMPTY_NAME] = "a line began with a colon: the header ends "
	    "before it, and it begins the body",
	[XO_FAULT_NAME] = "a name had an octet that no name may have: the header "
	    "ends before it, and it begins the body",
	[XO_FAULT_LEADING_DOT] = "a name began with a dot: the header ends "
	    "before it, and it begins the body",
	[XO_FAULT_FOLDED_NAME] = "a line break between a name and its colon was "
	    "removed",
	[XO_FAULT_CONTROL] = "control characters in a value became blanks",
};

/* The count of `name` in "a:1 b:2", as text; empty: none. */
static struct xo_span
count_of(struct xo_span counts, const char *name)
{
	struct xo_span wanted = xo_span_from_cstr(name);

	while (counts.len > 0) {
		struct xo_span one = xo_span_first(counts,
		    xo_span_find(counts, ' '));
		size_t n = xo_span_find(one, ':');

		if (xo_span_is_equal(xo_span_first(one, n), wanted))
			return xo_span_from(one, n + 1);
		counts = xo_span_from(counts, one.len + 1);
	}
	return counts;
}

static void
end_line(struct xo_buf *out)
{
	xo_buf_add_cstr(out, ".\n");
}

static void
add_removed(struct xo_buf *out, struct xo_span counts)
{
	for (size_t i = 0; i < XO_WALL_FAMILIES; i++) {
		struct xo_span n = count_of(counts, xo_wall_family_name(i));

		if (n.len == 0)
			continue;
		xo_buf_add_cstr(out, "Removed ");
		xo_explain_add_printable(out, n, SHOWN_MAX);
		xo_buf_add_all(out, " of ", families[i], (char *)NULL);
		end_line(out);
	}
}

static void
add_repaired(struct xo_buf *out, struct xo_span counts)
{
	for (size_t i = 1; i < XO_FAULT_REPAIRABLE; i++) {
		if (count_of(counts, xo_fault_name((enum xo_fault_kind)i)).len ==
		    0)
			continue;
		xo_buf_add_all(out, "Repaired: ", repairs[i], (char *)NULL);
		end_line(out);
	}
}

static void
add_value(struct xo_buf *out, const struct xo_record *record, const char *key,
    const char *before, const char *behind)
{
	struct xo_span value = xo_record_value(record, key);

	if (value.len == 0)
		return;
	xo_buf_add_cstr(out, before);
	xo_explain_add_printable(out, value, SHOWN_MAX);
	xo_buf_add_cstr(out, behind);
	end_line(out);
}

/* Sentences, LF behind each. */
static void
explain_message(struct xo_buf *out, const struct xo_record *record)
{
	bool is_delivered = xo_span_is_equal(xo_record_value(record, "reason"),
	    XO_LIT("delivered"));

	if (is_delivered)
		add_value(out, record, "upstream", "Delivered to ", "");
	else
		add_value(out, record, "reason", "Not delivered: ",
		    " (see REASONS in xoorgd(8))");
	add_value(out, record, "because", "The header is at fault, ", "");
	add_value(out, record, "reply", "The client was told: ", "");
	add_removed(out, xo_record_value(record, "removed"));
	add_repaired(out, xo_record_value(record, "repaired"));
	add_value(out, record, "promoted", "Promoted ",
	    " CrossPremises fields to Organization fields");
	add_value(out, record, "stamped", "Added ", " fields of its own");
}

static json_t *
object_of(const struct xo_record *record, struct xo_span sentences)
{
	return xo_tool_require(json_pack("{s:o, s:o, s:o}", "session",
	    xo_json_text(xo_record_value(record, "session")), "reason",
	    xo_json_text(xo_record_value(record, "reason")), "sentences",
	    xo_json_lines(sentences)));
}

static void
print_message(FILE *out, const struct xo_record *record,
    struct xo_span sentences)
{
	struct xo_buf title = {.p = NULL};
	struct xo_span line;

	xo_buf_add_cstr(&title, "Message of session ");
	xo_explain_add_printable(&title, xo_record_value(record, "session"),
	    SHOWN_MAX);
	xo_explain_print_wrapped(out, xo_buf_span(&title), 0, "");
	while (xo_reply_line(&sentences, &line))
		xo_explain_print_wrapped(out, line, 0, "- ");
	xo_buf_fini(&title);
}

static void
take_line(struct xo_span line, struct xo_record *record, json_t *list,
    FILE *out, size_t *n_messages)
{
	struct xo_buf sentences = {.p = NULL};

	if (!xo_record_read(record, line) || !xo_span_is_equal(
	    xo_record_value(record, "event"), XO_LIT("message")))
		return;
	++*n_messages;
	explain_message(&sentences, record);
	(void)xo_tool_cstr(&sentences);
	if (list != NULL)
		json_array_append_new(list, object_of(record,
		    xo_buf_span(&sentences)));
	else
		print_message(out, record, xo_buf_span(&sentences));
	xo_buf_fini(&sentences);
}

int
xo_explain_log(struct xo_span text, bool is_json, FILE *out)
{
	json_t *list = is_json ? xo_tool_require(json_array()) : NULL;
	struct xo_record record = {.n = 0};
	size_t n_messages = 0;

	while (text.len > 0) {
		size_t n = xo_span_find(text, '\n');

		take_line(xo_span_first(text, n), &record, list, out,
		    &n_messages);
		text = xo_span_from(text, n + 1);
	}
	xo_record_fini(&record);
	if (list != NULL) {
		json_dumpf(list, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		fputc('\n', out);
		json_decref(list);
	} else if (n_messages == 0) {
		fputs("No line of a message in it.\n", out);
	}
	return n_messages > 0 ? XO_EXIT_OK : XO_EXIT_FAILED;
}
