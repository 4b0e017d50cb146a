/* SPDX-License-Identifier: ISC */
/*
 * One link being opened: the socket, the PROXY header, TLS, the opening
 * dialogue, as the upstream's policy demands. It calls nobody: it is moved when
 * its leg is ready, and says how far it came.
 */
#ifndef XO_DIAL_H
#define XO_DIAL_H

#include "claim.h"
#include "link.h"
#include "search.h"

struct xo_dial {
	struct xo_hops *hops;		/* these two are the owner's to set */
	const struct xo_wish *wish;
	struct xo_link *link;		/* NULL: none is being opened */
	const struct xo_candidate *candidate;	/* NULL: it was kept */
	bool is_connecting;
	uint32_t timeout;		/* ms for what it waits for */
	enum xo_refusal why;		/* of XO_DIAL_FAILED */
	struct xo_span said;		/* the same; as long as the link */
	struct xo_buf text;		/* the owner's to free */
};

enum xo_dial_result {
	XO_DIAL_WAITS,
	XO_DIAL_MOVED,		/* and may move on at once: timeout is new */
	XO_DIAL_OPEN,		/* the link is the owner's */
	XO_DIAL_FAILED,		/* the same */
};

/* Begins. False: refused at once, and errno says why. */
bool xo_dial_connect(struct xo_dial *dial, const struct xo_candidate *candidate,
    xo_leg_ready *ready, void *owner);
/* One that was kept, which has to be made ready for this wish. */
void xo_dial_resume(struct xo_dial *dial, struct xo_link *link,
    xo_leg_ready *ready, void *owner);
enum xo_dial_result xo_dial_move(struct xo_dial *dial);
/* What its time is over for. */
enum xo_refusal xo_dial_timed_out(const struct xo_dial *dial);

#endif
