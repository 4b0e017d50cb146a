/* SPDX-License-Identifier: ISC */
/*
 * xoorg sink --refuse: replies other than the natural ones. Any code may be
 * given, so that a confused server can be played too.
 */
#include <stdlib.h>

#include <cmd/sink/sink.h>
#include <cmd/common/tool.h>

static const char *const stages[] = {
	[XO_SINK_AT_BANNER] = "banner",
	[XO_SINK_AT_EHLO] = "ehlo",
	[XO_SINK_AT_STARTTLS] = "starttls",
	[XO_SINK_AT_MAIL] = "mail",
	[XO_SINK_AT_RCPT] = "rcpt",
	[XO_SINK_AT_DATA] = "data",
	[XO_SINK_AT_FINAL] = "final",
};

_Static_assert(sizeof(stages) / sizeof(stages[0]) == XO_SINK_STAGE_COUNT,
    "a name for each stage");

static bool
parse_stage(struct xo_span name, enum xo_sink_stage *stage_r)
{
	for (size_t i = 0; i < XO_SINK_STAGE_COUNT; i++) {
		if (xo_span_is_equal_nocase(name,
		    xo_span_from_cstr(stages[i]))) {
			*stage_r = (enum xo_sink_stage)i;
			return true;
		}
	}
	return false;
}

static bool
parse_reply(struct xo_span text, struct xo_sink_refusal *refusal)
{
	uint64_t code;

	if (xo_span_is_equal(text, XO_LIT("close")))
		return true;
	if (text.len < 3 ||
	    xo_span_to_u64(xo_span_first(text, 3), &code) != XO_OK ||
	    code < 200 || code > 599)
		return false;
	refusal->code = (uint16_t)code;
	refusal->text = xo_span_trim(xo_span_from(text, 3));
	return true;
}

static bool
parse_one(const char *text, struct xo_sink_refusal *refusal)
{
	struct xo_span all = xo_span_from_cstr(text);
	size_t equals = xo_span_find(all, '=');
	struct xo_span where = xo_span_first(all, equals);
	size_t colon = xo_span_find(where, ':');

	refusal->address = xo_span_from(where, colon + 1);
	return equals < all.len &&
	    parse_stage(xo_span_first(where, colon), &refusal->stage) &&
	    parse_reply(xo_span_from(all, equals + 1), refusal);
}

bool
xo_sink_refuse_parse(struct xo_sink *sink)
{
	const struct xo_option_list *list = &sink->settings.refuse;

	if (list->n == 0)
		return true;
	sink->refusals = xo_tool_require(
	    calloc(list->n, sizeof(*sink->refusals)));
	for (size_t i = 0; i < list->n; i++) {
		if (!parse_one(list->v[i], &sink->refusals[i])) {
			xo_tool_complain("sink: --refuse: expected "
			    "STAGE[:ADDRESS]=CODE TEXT: '%s'", list->v[i]);
			return false;
		}
		sink->n_refusals++;
	}
	return true;
}

bool
xo_sink_refuse(struct xo_sink_session *session, enum xo_sink_stage stage,
    struct xo_span address)
{
	const struct xo_sink *sink = session->sink;
	struct xo_buf text = {.p = NULL};

	for (size_t i = 0; i < sink->n_refusals; i++) {
		const struct xo_sink_refusal *refusal = &sink->refusals[i];

		if (refusal->stage != stage || (refusal->address.len > 0 &&
		    !xo_span_is_equal_nocase(refusal->address, address)))
			continue;
		if (refusal->code == 0) {
			session->is_over = true;
			return true;
		}
		xo_buf_add(&text, refusal->text);
		xo_sink_reply(session, refusal->code, NULL,
		    xo_tool_cstr(&text));
		xo_buf_fini(&text);
		if (refusal->code == 421)
			session->is_over = true;
		return true;
	}
	return false;
}

void
xo_sink_refuse_fini(struct xo_sink *sink)
{
	free(sink->refusals);
	sink->refusals = NULL;
	sink->n_refusals = 0;
}
