/* SPDX-License-Identifier: ISC */
/*
 * One visit to a server: see visit.h.
 */
#include <cmd/common/visit.h>

#include <stdlib.h>

#include <cmd/common/tool.h>

const char *
xo_visit_tls_name(const struct xo_visit *visit)
{
	return visit->settings->tls_name != NULL
	    ? visit->settings->tls_name : visit->target.host;
}

const char *
xo_visit_stage_name(const struct xo_visit *visit)
{
	static const char *const names[] = {
		[XO_VISIT_BANNER] = "the connection",
		[XO_VISIT_EHLO_BEFORE] = "EHLO",
		[XO_VISIT_STARTTLS] = "STARTTLS",
		[XO_VISIT_EHLO_AFTER] = "EHLO after TLS",
		[XO_VISIT_DONE] = "QUIT",
	};

	return names[visit->stage];
}

bool
xo_visit_is_announced(const struct xo_visit *visit)
{
	return visit->is_tls && xo_caps_has(&visit->caps_after, XO_CAP_XOORG);
}

const struct xo_caps *
xo_visit_caps(const struct xo_visit *visit)
{
	return visit->is_tls ? &visit->caps_after : &visit->caps_before;
}

static void
keep_tls(struct xo_visit *visit, struct xo_tls *tls)
{
	const char *flaw = xo_tls_tool_flaw(tls);

	visit->is_tls = true;
	visit->bits = xo_tls_bits(tls);
	snprintf(visit->version, sizeof(visit->version), "%s",
	    xo_tls_version(tls));
	snprintf(visit->cipher, sizeof(visit->cipher), "%s",
	    xo_tls_cipher(tls));
	snprintf(visit->flaw, sizeof(visit->flaw), "%s",
	    flaw != NULL ? flaw : "");
	visit->has_name = xo_tls_tool_has_name(tls, xo_visit_tls_name(visit),
	    true);
	xo_tls_tool_peer_chain(tls, &visit->chain);
}

static void
keep_request(struct xo_visit *visit, const struct xo_tls *tls)
{
	visit->was_asked = xo_tls_tool_was_asked(tls);
	visit->n_authorities = xo_tls_tool_asked_authorities(tls);
}

static enum xo_step
open_and_greet(struct xo_visit *visit, struct xo_dialogue *dialogue)
{
	enum xo_step step;

	visit->stage = XO_VISIT_BANNER;
	step = xo_dialogue_open(dialogue, &visit->target,
	    (int64_t)visit->settings->timeout * 1000);
	if (step != XO_STEP_OK)
		return step;
	xo_wire_peer_address(&dialogue->wire, visit->address,
	    sizeof(visit->address));
	xo_buf_add(&visit->banner, xo_buf_span(&dialogue->reply.text));
	visit->stage = XO_VISIT_EHLO_BEFORE;
	step = xo_dialogue_hello(dialogue, visit->settings->helo);
	if (step == XO_STEP_OK) {
		xo_buf_add(&visit->before, xo_buf_span(&dialogue->reply.text));
		visit->caps_before = dialogue->caps;
	}
	return step;
}

static enum xo_step
go_secure(struct xo_visit *visit, struct xo_dialogue *dialogue,
    struct xo_tls_context *context)
{
	enum xo_step step;

	visit->stage = XO_VISIT_STARTTLS;
	step = xo_dialogue_starttls(dialogue, context,
	    xo_visit_tls_name(visit));
	if (dialogue->wire.tls != NULL)
		keep_request(visit, dialogue->wire.tls);
	if (step != XO_STEP_OK)
		return step;
	keep_tls(visit, dialogue->wire.tls);
	visit->stage = XO_VISIT_EHLO_AFTER;
	step = xo_dialogue_hello(dialogue, visit->settings->helo);
	/* TLS 1.3 tells of a refused certificate only now. */
	keep_request(visit, dialogue->wire.tls);
	if (step == XO_STEP_OK) {
		xo_buf_add(&visit->after, xo_buf_span(&dialogue->reply.text));
		visit->caps_after = dialogue->caps;
	}
	return step;
}

static void
talk(struct xo_visit *visit, struct xo_dialogue *dialogue,
    struct xo_tls_context *context)
{
	visit->step = open_and_greet(visit, dialogue);
	if (visit->step == XO_STEP_OK && !visit->settings->is_without_tls &&
	    xo_caps_has(&visit->caps_before, XO_CAP_STARTTLS))
		visit->step = go_secure(visit, dialogue, context);
	if (visit->step == XO_STEP_OK) {
		visit->stage = XO_VISIT_DONE;
		(void)xo_dialogue_say(dialogue, "QUIT");
	} else if (visit->step == XO_STEP_REFUSED) {
		xo_dialogue_reply_line(dialogue, visit->last,
		    sizeof(visit->last));
	} else {
		snprintf(visit->last, sizeof(visit->last), "%s",
		    dialogue->wire.error);
	}
}

void
xo_visit_make(struct xo_visit *visit, struct xo_tls_context *context)
{
	struct xo_dialogue *dialogue =
	    xo_tool_require(calloc(1, sizeof(*dialogue)));

	dialogue->is_lmtp = visit->settings->is_lmtp;
	dialogue->proxy = visit->settings->proxy;
	xo_tls_tool_own_chain(context, &visit->own);
	talk(visit, dialogue, context);
	xo_dialogue_fini(dialogue);
	free(dialogue);
}

void
xo_visit_fini(struct xo_visit *visit)
{
	xo_buf_fini(&visit->banner);
	xo_buf_fini(&visit->before);
	xo_buf_fini(&visit->after);
	xo_tls_tool_chain_fini(&visit->own);
	xo_tls_tool_chain_fini(&visit->chain);
}
