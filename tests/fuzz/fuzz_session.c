/* SPDX-License-Identifier: ISC */
/*
 * Whole sessions over the pure relay, in the world of the unit tests, which
 * knows what must hold (unit/relay_world.h). The first octets choose client and
 * next hop; the rest is what the client sends, with controls in it:
 *
 *   0xff  all that was sent is worked off   0xfb  CRLF . CRLF
 *   0xfe  time passes to the deadline       0xfa  the client leaves
 *   0xfd  the next hop closes               0xf9  the gateway drains
 */
#include <unit/relay_world.h>

#include "fuzz.h"

#define OPTIONS 6

static const char *const caps[] = {
	"", "PIPELINING", "CHUNKING", "PIPELINING CHUNKING",
	"PIPELINING CHUNKING DSN SIZE 8BITMIME BINARYMIME SMTPUTF8",
	"SIZE 100 DSN", "CHUNKING BINARYMIME", "XCLIENT XOORG",
};

static const char *const replies[] = {
	NULL, "250 ok\r\n", "250-a\r\n250 b\r\n", "451 later\r\n",
	"550 no\r\n", "421 bye\r\n", "354 go\r\n", "250-a\r\n451 b\r\n",
	"999 x\r\n", "250 text", "25", "250\n", "250-a\r\n", "\r\n",
	"550 no\r\n421 bye\r\n", "250 a\r\n250 b\r\n",
};

/* As in the random tests: a 250 too many in its place is believed. */
static void
set_plan(struct hop_plan *p, uint8_t a, uint8_t b)
{
	*p = (struct hop_plan){
		.phase = (enum hop_phase)((a & 7) % HOP_PHASE_COUNT),
		.connection = (a >> 3) & 3, .nth = (a >> 5) & 3,
		.reply = replies[b & 15], .closes = (b & 16) != 0,
		.is_silent = (b & 32) != 0, .commits = (b & 64) != 0,
	};
	if (p->phase != HOP_FINAL && ((b & 15) == 15 || (p->phase > HOP_RCPT &&
	    p->reply != NULL && p->reply[0] == '2')))
		p->reply = "451 later\r\n";
}

static void
set_options(struct world_options *o, struct hop_plan *plans,
    const uint8_t *data)
{
	set_plan(&plans[0], data[2], data[3]);
	set_plan(&plans[1], data[4], data[5]);
	*o = (struct world_options){
		.client = (enum world_client)(data[0] % 3),
		.caps = caps[(data[0] >> 2) & 7],
		.later_caps = caps[(data[0] >> 5) & 7],
		.is_reused = (data[1] & 1) != 0,
		.is_unknown = (data[1] & 2) != 0,
		.normalizes = (data[1] & 4) != 0,
		.is_safe = (data[1] & 8) != 0,
		.size_limit = (data[1] & 16) != 0 ? 300 : 0,
		.is_lmtp = (data[2] & 128) != 0,
		.has_message_xoorg = (data[3] & 128) != 0,
		.is_front_bytewise = (data[1] & 32) != 0,
		.is_hop_bytewise = (data[1] & 64) != 0,
		.is_hop_first = (data[1] & 128) != 0,
		.plans = plans, .n_plans = data[2] == 0 ? 0 : 2,
	};
}

static void
control(struct world *w, uint8_t c)
{
	switch (c) {
	case 0xfe:
		(void)world_wait(w);
		break;
	case 0xfd:
		w->hop.closes = true;
		world_settle(w);
		break;
	case 0xfb:
		world_say(w, "\r\n.\r\n");
		break;
	case 0xfa:
		world_leave(w);
		break;
	case 0xf9:
		world_shutdown(w, false);
		break;
	default:
		break;
	}
}

static void
play(struct world *w, struct xo_span in)
{
	while (in.len > 0 && !w->is_closed && w->violation[0] == '\0') {
		size_t n = 0;

		while (n < in.len && in.p[n] < 0xf9)
			n++;
		if (n > 0 && !w->is_gone)
			world_send(w, xo_span_first(in, n));
		if (n < in.len)
			control(w, in.p[n]);
		in = xo_span_from(in, n + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct world_options options;
	struct hop_plan plans[2];

	if (size < OPTIONS)
		return 0;
	set_options(&options, plans, data);
	MUST(world_init(&w, &options));
	world_say(&w, "EHLO c.example\r\n");
	if (options.client == CLIENT_EXCHANGE) {
		world_say(&w, "STARTTLS\r\n");
		world_say(&w, "EHLO c.example\r\n");
	}
	play(&w, xo_span(data + OPTIONS, size - OPTIONS));
	world_leave(&w);
	for (size_t i = 0; i < 20 && !w.is_closed && world_wait(&w); i++)
		;
	if (w.violation[0] != '\0') {
		fprintf(stderr, "%s\n%.*s", w.violation, (int)w.transcript.len,
		    (const char *)w.transcript.p);
		abort();
	}
	world_fini(&w);
	return 0;
}
