/* SPDX-License-Identifier: ISC */
/*
 * xoorg send: one transaction, with DATA or BDAT, step by step or pipelined.
 */
#include <cmd/send/send.h>

#include <cmd/common/tool.h>
#include <xoorg/content.h>

/* Replies that may be owed to us: a bound, so that no buffer fills up. */
#define OWED_MAX 16

struct sending {
	struct xo_dialogue *dialogue;
	const struct xo_send_settings *settings;
	struct xo_send_body *body;
	struct xo_send_outcome *outcome;
	struct xo_buf line;
	bool is_pipelining;
	size_t owed;			/* replies to read */
	size_t n_accepted;		/* recipients */
	bool is_refused;		/* a chunk was: send no more */
};

void
xo_send_note(struct xo_send_outcome *outcome,
    const struct xo_dialogue *dialogue, enum xo_step step)
{
	if (step == XO_STEP_LOST || step == XO_STEP_TLS)
		snprintf(outcome->final, sizeof(outcome->final), "%s",
		    dialogue->wire.error);
	else
		xo_dialogue_reply_line(dialogue, outcome->final,
		    sizeof(outcome->final));
	outcome->is_lost = step == XO_STEP_LOST;
	if ((step == XO_STEP_REFUSED || step == XO_STEP_TLS) &&
	    outcome->failing[0] == '\0')
		memcpy(outcome->failing, outcome->final,
		    sizeof(outcome->failing));
}

static enum xo_step
listen(struct sending *s)
{
	enum xo_step step = xo_dialogue_listen(s->dialogue);

	xo_send_note(s->outcome, s->dialogue, step);
	if (s->owed > 0)
		s->owed--;
	return step;
}

static bool
put_line(struct sending *s)
{
	bool is_put = s->line.err == XO_OK &&
	    xo_dialogue_put(s->dialogue, xo_buf_span(&s->line));

	s->owed++;
	return is_put;
}

static void
add_params(struct sending *s, const struct xo_option_list *params)
{
	for (size_t i = 0; i < params->n; i++)
		xo_buf_add_all(&s->line, " ", params->v[i], (char *)NULL);
}

/* `<a@b>` or `a@b`; a path with its brackets is taken as it stands. */
static void
start_line(struct sending *s, const char *command, const char *address)
{
	bool has_brackets = address[0] == '<';

	xo_buf_clear(&s->line);
	xo_buf_add_all(&s->line, command, has_brackets ? "" : "<", address,
	    has_brackets ? "" : ">", (char *)NULL);
}

/* The reply to MAIL or RCPT: 2xx, or a refusal, whatever else it may be. */
static enum xo_step
hear(struct sending *s)
{
	enum xo_step step = listen(s);

	if (step != XO_STEP_OK || s->dialogue->reply.code < 300)
		return step;
	xo_send_note(s->outcome, s->dialogue, XO_STEP_REFUSED);
	return XO_STEP_REFUSED;
}

static bool
hear_rcpt(struct sending *s)
{
	enum xo_step step = hear(s);

	if (step == XO_STEP_OK)
		s->n_accepted++;
	return step != XO_STEP_LOST;
}

/* False: the transaction cannot go on. */
static bool
send_envelope(struct sending *s)
{
	const struct xo_send_settings *settings = s->settings;

	start_line(s, "MAIL FROM:", settings->from);
	add_params(s, &settings->mail_params);
	if (!put_line(s))
		return hear(s) == XO_STEP_OK;
	if (!s->is_pipelining && hear(s) != XO_STEP_OK)
		return false;
	for (size_t i = 0; i < settings->to.n; i++) {
		start_line(s, "RCPT TO:", settings->to.v[i]);
		add_params(s, &settings->rcpt_params);
		(void)put_line(s);
		if (!s->is_pipelining && !hear_rcpt(s))
			return false;
	}
	return s->is_pipelining || s->n_accepted > 0;
}

/* Replies to a pipelined envelope. */
static bool
hear_envelope(struct sending *s)
{
	if (!s->is_pipelining)
		return true;
	if (hear(s) == XO_STEP_LOST)
		return false;
	for (size_t i = 0; i < s->settings->to.n; i++) {
		if (!hear_rcpt(s))
			return false;
	}
	return true;
}

/* Dot-stuffed, with the end of data. Pieces may end anywhere in a line. */
static bool
put_data(struct sending *s)
{
	struct xo_wire *wire = &s->dialogue->wire;
	struct xo_stuffer stuffer = {.is_inside_line = false};
	struct xo_span piece;

	while ((piece = xo_send_body_next(s->body)).len > 0) {
		xo_buf_clear(&s->line);
		xo_stuff_text(&stuffer, piece, &s->line);
		if (s->line.err != XO_OK ||
		    !xo_wire_put(wire, xo_buf_span(&s->line)))
			return false;
	}
	return xo_wire_put(wire, xo_stuff_end(&stuffer));
}

static void
send_data(struct sending *s)
{
	enum xo_step step;

	xo_buf_clear(&s->line);
	xo_buf_add_cstr(&s->line, "DATA");
	(void)put_line(s);
	if (!hear_envelope(s))
		return;
	step = listen(s);
	if (step != XO_STEP_OK)
		return;
	if (s->dialogue->reply.code != 354) {
		snprintf(s->outcome->failing, sizeof(s->outcome->failing),
		    "%s", s->outcome->final);
		return;
	}
	/* Pipelined, and none accepted: 354 is due an empty message. */
	if (s->n_accepted == 0) {
		(void)xo_wire_put(&s->dialogue->wire, XO_LIT(".\r\n"));
	} else {
		(void)put_data(s);
		xo_dialogue_note(s->dialogue, "%llu octets of content",
		    (unsigned long long)s->body->total);
	}
	(void)listen(s);
}

/* Moves `size` octets from the body to the wire. */
static bool
put_chunk(struct sending *s, struct xo_span *piece, uint64_t size)
{
	while (size > 0) {
		struct xo_span part;

		if (piece->len == 0)
			*piece = xo_send_body_next(s->body);
		part = xo_span_first(*piece,
		    size < piece->len ? (size_t)size : piece->len);
		if (part.len == 0 || !xo_wire_put(&s->dialogue->wire, part))
			return false;
		*piece = xo_span_from(*piece, part.len);
		size -= part.len;
	}
	return true;
}

static bool
put_bdat(struct sending *s, struct xo_span *piece, uint64_t size, bool is_last)
{
	xo_buf_clear(&s->line);
	xo_buf_add_cstr(&s->line, "BDAT ");
	xo_buf_add_u64(&s->line, size);
	if (is_last)
		xo_buf_add_cstr(&s->line, " LAST");
	return put_line(s) && put_chunk(s, piece, size);
}

/* As many replies as must be in before the next chunk. */
static void
hear_chunks(struct sending *s)
{
	size_t most = s->is_pipelining ? OWED_MAX : 0;

	while (s->owed > most && !s->outcome->is_lost)
		if (listen(s) != XO_STEP_OK)
			s->is_refused = true;
}

static void
send_bdat(struct sending *s)
{
	struct xo_span piece = {NULL, 0};
	uint64_t left = s->body->total, size;
	bool is_envelope_heard = !s->is_pipelining;

	do {
		size = s->settings->chunk > 0 && s->settings->chunk < left
		    ? s->settings->chunk : left;
		left -= size;
		if (!put_bdat(s, &piece, size, left == 0))
			break;
		if (!is_envelope_heard) {
			is_envelope_heard = true;
			if (!hear_envelope(s) || s->n_accepted == 0)
				break;
		}
		hear_chunks(s);
	} while (left > 0 && !s->is_refused && !s->outcome->is_lost);
	while (s->owed > 0 && !s->outcome->is_lost)
		(void)listen(s);
}

void
xo_send_message(struct xo_dialogue *dialogue,
    const struct xo_send_settings *settings, struct xo_send_body *body,
    uint64_t number, struct xo_send_outcome *outcome)
{
	struct sending s = {
		.dialogue = dialogue,
		.settings = settings,
		.body = body,
		.outcome = outcome,
		.is_pipelining = settings->is_pipelining &&
		    xo_caps_has(&dialogue->caps, XO_CAP_PIPELINING),
	};

	xo_send_body_start(body, number);
	if (send_envelope(&s)) {
		if (settings->is_bdat)
			send_bdat(&s);
		else
			send_data(&s);
	}
	/* A refused transaction must not reach into the next one. */
	if (outcome->failing[0] != '\0' && !outcome->is_lost &&
	    outcome->final[0] != '2')
		(void)xo_dialogue_say(dialogue, "RSET");
	xo_buf_fini(&s.line);
}
