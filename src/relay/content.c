/* SPDX-License-Identifier: ISC */
/*
 * Content from the client, by DATA or BDAT. The header section is held until it
 * is whole, because the wall judges it whole; the body is passed on as it comes.
 * A message that cannot be delivered is read to its end all the same, so that
 * what follows is a command again.
 */
#include <assert.h>

#include <xoorg/header.h>
#include <xoorg/stamp.h>

#include "actions.h"
#include "back.h"
#include "content.h"
#include "finish.h"
#include "lookup.h"
#include "writer.h"

/* Octets of a refused chunk that are read and dropped; beyond, we hang up. */
#define REFUSED_CHUNK_MAX ((uint64_t)1024 * 1024)

bool
content_is_waiting(const struct xo_relay *r)
{
	/*
	 * Each chunk is answered before the next is said, pipelining or not:
	 * a next hop that answers one twice is caught before its second answer
	 * could be taken for that of the last chunk, which is the message's.
	 */
	if (r->front.state == FRONT_CHUNKS)
		return r->t.writer.uses_bdat && r->back.n_expected > 0;
	return r->t.content.state == CONTENT_OPENING;
}

/* Why no content may come now; NONE: it may. */
static enum xo_refusal
check_transaction(const struct xo_relay *r)
{
	if (r->front.state == FRONT_GREETED)
		return XO_REFUSAL_HELLO_FIRST;
	if (r->front.state == FRONT_READY || r->t.envelope.n_slots == 0)
		return XO_REFUSAL_COMMAND_SEQUENCE;
	if (r->t.envelope.n_accepted == 0)
		return XO_REFUSAL_NO_RECIPIENTS;
	return XO_REFUSAL_NONE;
}

static void
begin_header(struct xo_relay *r)
{
	r->t.content.state = CONTENT_HEADER;
	r->t.content.finder.repairs = xo_listener_repairs(r->setup.listener);
}

void
content_data(struct xo_relay *r)
{
	enum xo_refusal why = check_transaction(r);

	if (why == XO_REFUSAL_NONE &&
	    r->t.mail.body == XO_BODY_BINARYMIME)
		why = XO_REFUSAL_BINARY_NEEDS_BDAT;
	if (why != XO_REFUSAL_NONE) {
		relay_refuse(r, why);
		return;
	}
	if (r->back.state == BACK_FAILED) {
		finish_with_refusal(r, r->back.why);
		return;
	}
	begin_header(r);
	r->t.content.scanner.is_stuffed = true;
	r->front.state = FRONT_DATA;
	relay_reply(r, 354, NULL,
	    XO_LIT("Start mail input; end with <CRLF>.<CRLF>"));
}

/* The body may begin in the middle of what was a line: with a dot, maybe. */
static void
ends_early(struct xo_relay *r)
{
	r->t.writer.has_held_dot |= r->t.content.finder.fault != XO_FAULT_NONE;
}

static void
finish_discarded(struct xo_relay *r)
{
	enum xo_refusal why = r->t.outcome.why;

	if (!r->t.content.is_stray) {
		finish_with_refusal(r, why);
		return;
	}
	r->t.content.is_stray = false;
	r->front.state = r->t.content.back_to;
	r->t.content.state = CONTENT_NONE;
	r->t.outcome.why = XO_REFUSAL_NONE;
	r->t.content.size = r->t.content.waited = 0;
	relay_refuse(r, why);
}

/* All content is here. */
static void
complete(struct xo_relay *r)
{
	enum content_state was = r->t.content.state;

	if (was == CONTENT_DISCARD) {
		finish_discarded(r);
		return;
	}
	r->t.content.is_complete = true;
	r->front.commands = 0;
	r->front.state = FRONT_FINAL;
	if (was == CONTENT_BODY) {
		writer_end(r);
		return;
	}
	if (was == CONTENT_HEADER) {
		/* It ended inside its header section. */
		r->t.content.header_len = xo_header_end(&r->t.content.finder,
		    xo_buf_span(&r->header));
		ends_early(r);
		r->t.content.state = CONTENT_OPENING;
	}
	back_pump(r);
}

/* May the value that the message brought go on? */
static bool
may_take_value(const struct xo_relay *r)
{
	return !r->t.envelope.is_said_again &&
	    has_cap(r->back.caps, XO_CAP_XOORG);
}

static bool
lacks_value(struct xo_relay *r, struct xo_span org)
{
	return may_take_value(r) &&
	    xo_treatment_lacks_value(r->setup.policy, &r->t.trust, org);
}

/* The envelope has been said without that value, and is said again with it. */
static bool
takes_value(struct xo_relay *r, struct xo_span org)
{
	struct transaction *t = &r->t;

	if (!may_take_value(r) ||
	    !xo_treatment_takes_value(r->setup.policy, &t->trust, org))
		return false;
	t->envelope.message_xoorg = r->text.len;
	xo_buf_add(&r->text, org);
	if (r->text.err != XO_OK)
		return false;
	t->envelope.message_xoorg_len = org.len;
	t->envelope.is_said_again = true;
	return true;
}

/* Returns how many fields it wrote. */
static size_t
stamp(struct xo_relay *r)
{
	const struct xo_policy *policy = r->setup.policy;
	const struct transaction *t = &r->t;
	const struct xo_tenant *tenant = xo_tenant_at(policy,
	    t->trust.answer.tenant);
	struct xo_span sent = t->envelope.has_xoorg_out ? back_xoorg(r) :
	    (struct xo_span){NULL, 0};
	struct xo_stamp s = {
		.hostname = policy->hostname,
		.session = xo_span_from_cstr(r->setup.session),
		.hello = xo_relay_hello(r),
		.address = &r->setup.address,
		.is_esmtp = r->front.is_esmtp,
		.is_tls = r->front.is_tls,
		.is_utf8 = t->mail.is_utf8,
		.tls = xo_span_from_cstr(r->front.tls_description),
		.time = r->wall_clock,
		.has_results = xo_treatment_has_results(&t->trust),
		.verdict = t->trust.answer.verdict,
		.has_xoorg = t->mail.has_xoorg,
		.xoorg = xo_mail_xoorg(&t->mail),
		.originator_org = xo_treatment_originator_org(&t->trust,
		    xo_mail_xoorg(&t->mail), sent),
	};

	if (tenant != NULL)
		s.tenant = tenant->name;
	xo_stamp_write(&r->clean, &s);
	return xo_stamp_count(&s);
}

void
content_open(struct xo_relay *r)
{
	struct xo_wall wall = {
		.hostname = r->setup.policy->hostname,
		.max_fields = limits(r)->header_fields,
		.max_hops = limits(r)->hops,
		.repairs = r->t.content.finder.repairs,
		.ends_early = r->t.content.finder.fault,
	};
	struct xo_wall_report *report = &r->t.wall;
	enum xo_refusal why;
	size_t n_stamped;

	wall.remove = xo_treatment_removes(r->setup.policy, &r->t.trust,
	    r->t.envelope.has_xoorg_out, &wall.promote);
	xo_buf_clear(&r->clean);
	n_stamped = stamp(r);
	why = xo_wall_apply(&wall,
	    xo_span(r->header.p, r->t.content.header_len), &r->clean, report);
	if (why == XO_REFUSAL_NONE && r->clean.err != XO_OK)
		why = XO_REFUSAL_MEMORY;
	if (why != XO_REFUSAL_NONE) {
		content_fail(r, why);
		return;
	}
	report->n_stamped += n_stamped;
	if (lacks_value(r, report->originator_org)) {
		if (!lookup_for_value(r))
			content_fail(r, XO_REFUSAL_TENANT_NOT_KNOWN);
		return;
	}
	if (takes_value(r, report->originator_org)) {
		back_say_again(r);
		return;
	}
	r->t.writer.is_opened = true;
	writer_open(r);
}

void
content_go(struct xo_relay *r)
{
	/* The wall has seen its header, and has let it pass. */
	assert(r->t.writer.is_opened &&
	    r->t.content.state == CONTENT_OPENING);
	r->t.content.state = CONTENT_BODY;
	relay_client_turn(r);
	writer_held(r);
	if (r->t.content.is_complete && r->t.content.state == CONTENT_BODY)
		writer_end(r);
}

void
content_fail(struct xo_relay *r, enum xo_refusal why)
{
	struct transaction *t = &r->t;

	if (t->outcome.why != XO_REFUSAL_NONE)
		return;
	t->outcome.why = why;
	r->lookup.is_open = false;
	relay_client_turn(r);
	back_leave(r);
	t->content.state = CONTENT_DISCARD;
	if (r->front.state == FRONT_FINAL)
		finish_with_refusal(r, why);
}

/* Found before the wall has seen it: `kind`, after what is held. */
static void
fail_header(struct xo_relay *r, enum xo_refusal why, enum xo_fault_kind kind,
    uint64_t bound)
{
	struct xo_span held = xo_buf_span(&r->header);

	if (r->t.outcome.why == XO_REFUSAL_NONE) {
		r->t.wall.fault = xo_fault_in(held, kind,
		    xo_span(held.p + held.len, 0));
		r->t.wall.fault.bound = bound;
	}
	content_fail(r, why);
}

static void
take_header(struct xo_relay *r, struct xo_span span)
{
	struct transaction *t = &r->t;
	size_t max = limits(r)->header_octets;

	xo_buf_add(&r->header, span);
	if (r->header.err != XO_OK) {
		content_fail(r, XO_REFUSAL_MEMORY);
		return;
	}
	if (xo_header_find(&t->content.finder, xo_buf_span(&r->header),
	    &t->content.header_len) == XO_MORE) {
		if (r->header.len > max)
			fail_header(r, XO_REFUSAL_HEADER_LIMIT,
			    XO_FAULT_OCTETS, max);
		return;
	}
	if (t->content.header_len > max) {
		fail_header(r, XO_REFUSAL_HEADER_LIMIT, XO_FAULT_OCTETS, max);
		return;
	}
	ends_early(r);
	t->content.state = CONTENT_OPENING;
}

/* Counts. True: the message has become too large. */
static bool
is_too_large(struct xo_relay *r, size_t len)
{
	uint64_t limit = r->setup.listener->size_limit;

	r->t.content.size += len;
	return limit != 0 && r->t.content.size > limit;
}

static void
take(struct xo_relay *r, struct xo_span span)
{
	struct writer *w = &r->t.writer;

	if (is_too_large(r, span.len))
		content_fail(r, XO_REFUSAL_SIZE);
	switch (r->t.content.state) {
	case CONTENT_HEADER:
		w->has_held_dot |= xo_stuff(&w->held_stuffer, span);
		take_header(r, span);
		break;
	case CONTENT_OPENING:
		w->has_held_dot |= xo_stuff(&w->held_stuffer, span);
		xo_buf_add(&r->header, span);
		if (r->header.err != XO_OK)
			content_fail(r, XO_REFUSAL_MEMORY);
		break;
	case CONTENT_BODY:
		writer_span(r, span);
		break;
	case CONTENT_NONE:
	case CONTENT_DISCARD:
	default:
		break;
	}
}

static void
take_bare(struct xo_relay *r)
{
	if (r->t.content.state == CONTENT_HEADER)
		fail_header(r, XO_REFUSAL_HEADER_BARE_NEWLINE,
		    XO_FAULT_BARE_NEWLINE, 0);
	else if (r->setup.listener->bare_newline == XO_BARE_NEWLINE_NORMALIZE)
		take(r, XO_LIT("\r\n"));
	else
		content_fail(r, XO_REFUSAL_CONTENT_BARE_NEWLINE);
}

static void
take_nul(struct xo_relay *r)
{
	if (r->t.content.state == CONTENT_HEADER)
		fail_header(r, XO_REFUSAL_CONTENT_NUL, XO_FAULT_NUL, 0);
	else
		content_fail(r, XO_REFUSAL_CONTENT_NUL);
}

static size_t
data_event(struct xo_relay *r, struct xo_span in)
{
	struct xo_span span;
	size_t n;

	/* A CR that turns out bare uses nothing of what follows it. */
	do {
		switch (xo_scan(&r->t.content.scanner, in, &span, &n)) {
		case XO_CONTENT_SPAN:
			take(r, span);
			break;
		case XO_CONTENT_BARE_CR:
		case XO_CONTENT_BARE_LF:
			take_bare(r);
			break;
		case XO_CONTENT_NUL:
			take_nul(r);
			break;
		case XO_CONTENT_END:
			complete(r);
			break;
		case XO_CONTENT_MORE:
		default:
			break;
		}
	} while (n == 0);
	return n;
}

static bool
is_held(const struct xo_relay *r)
{
	return r->t.content.state == CONTENT_HEADER ||
	    (r->t.content.state == CONTENT_OPENING && !r->t.writer.is_opened);
}

/*
 * While the content is held all of the input is looked at before the next hop
 * is asked: a whole message needs no DATA and no wait for 354, but one BDAT.
 */
size_t
content_data_bytes(struct xo_relay *r, struct xo_span in)
{
	size_t used = 0, n;

	do {
		n = data_event(r, xo_span_from(in, used));
		used += n;
	} while (n > 0 && used < in.len && r->front.state == FRONT_DATA &&
	    is_held(r));
	if (r->t.content.state == CONTENT_OPENING)
		back_pump(r);
	return used;
}

/* The rest of a chunk that the next hop takes by DATA: scan and stuff. */
static size_t
rescan(struct xo_relay *r, struct xo_span in)
{
	struct xo_span span;
	size_t n;

	/* A CR that turns out bare uses nothing of what follows it. */
	do {
		enum xo_content event = xo_scan(&r->t.writer.scanner, in, &span,
		    &n);

		if (!writer_mends(r, event, &span)) {
			content_fail(r, XO_REFUSAL_CONTENT_NEEDS_CHUNKING);
			return in.len;
		}
		if (event != XO_CONTENT_MORE)
			writer_span(r, span);
	} while (n == 0);
	return n;
}

static void
chunk_done(struct xo_relay *r)
{
	struct xo_buf *out;
	size_t start;

	if (r->t.content.chunk.is_last ||
	    r->t.content.state == CONTENT_DISCARD) {
		complete(r);
		return;
	}
	if (r->t.content.state == CONTENT_BODY)
		writer_chunk_end(r);
	r->front.state = FRONT_CHUNKS;
	out = relay_send_begin(r);
	start = out->len;
	xo_buf_add_cstr(out, "250 2.0.0 ");
	xo_buf_add_u64(out, r->t.content.chunk.size);
	xo_buf_add_cstr(out, " octets received\r\n");
	relay_send_end(r, XO_FRONT, start);
}

size_t
content_chunk_bytes(struct xo_relay *r, struct xo_span in)
{
	struct content *c = &r->t.content;
	size_t n = c->chunk_left < in.len ? (size_t)c->chunk_left : in.len;
	struct xo_span span = xo_span_first(in, n);

	if (c->state == CONTENT_BODY && !r->t.writer.uses_bdat) {
		n = rescan(r, span);
		c->size += n;
		c->chunk_left -= n;
	} else {
		c->chunk_left -= n;
		take(r, span);
	}
	if (c->state == CONTENT_OPENING)
		back_pump(r);
	if (c->chunk_left == 0 && r->front.state == FRONT_CHUNK)
		chunk_done(r);
	return n;
}

static enum xo_refusal
check_chunk(struct xo_relay *r, const struct xo_chunk *chunk)
{
	uint64_t limit = r->setup.listener->size_limit;

	if (limit != 0 && (r->t.content.size > limit ||
	    chunk->size > limit - r->t.content.size))
		return XO_REFUSAL_BDAT_TOO_LARGE;
	if (chunk->size == 0 && !chunk->is_last &&
	    ++r->t.content.empty_chunks > limits(r)->empty_chunks)
		return XO_REFUSAL_BDAT_TOO_MANY_EMPTY;
	if (limits(r)->chunks != 0 && ++r->t.content.chunks > limits(r)->chunks)
		return XO_REFUSAL_BDAT_TOO_MANY;
	return XO_REFUSAL_NONE;
}

/* The octets of a refused chunk are on their way already. */
static void
refuse_chunk(struct xo_relay *r, enum xo_refusal why)
{
	if (r->t.content.chunk.size > REFUSED_CHUNK_MAX) {
		relay_refuse(r, why);
		finish_quietly(r, why);
		relay_close(r);
		return;
	}
	r->t.content.is_stray = true;
	r->t.content.back_to = r->front.state;
	r->t.content.state = CONTENT_DISCARD;
	r->t.outcome.why = why;
	r->front.state = FRONT_CHUNK;
}

void
content_bdat(struct xo_relay *r, struct xo_span args)
{
	struct transaction *t = &r->t;
	enum xo_refusal why = xo_bdat_parse(args, &t->content.chunk);

	if (why == XO_REFUSAL_NONE)
		why = check_chunk(r, &t->content.chunk);
	if (why != XO_REFUSAL_NONE) {
		relay_refuse(r, why);
		return;
	}
	t->content.chunk_left = t->content.chunk.size;
	why = check_transaction(r);
	if (why == XO_REFUSAL_NONE && !has_cap(r->front.announced,
	    XO_CAP_CHUNKING))
		why = XO_REFUSAL_COMMAND_DISABLED;
	if (why != XO_REFUSAL_NONE) {
		refuse_chunk(r, why);
	} else {
		r->front.state = FRONT_CHUNK;
		t->content.is_chunked = true;
		if (r->back.state == BACK_FAILED)
			content_fail(r, r->back.why);
		else if (t->content.state == CONTENT_NONE)
			begin_header(r);
		else if (t->content.state == CONTENT_BODY)
			writer_chunk_begin(r, t->content.chunk.size,
			    t->content.chunk.is_last);
	}
	if (t->content.chunk_left == 0)
		chunk_done(r);
}
