/* SPDX-License-Identifier: ISC */
/*
 * What was seen, as text, so that it survives a restart: the originator orgs and
 * the recipient domains of metrics.h, one a line. It is statistics: whoever
 * writes the text decides about no mail.
 */
#ifndef XO_SEEN_H
#define XO_SEEN_H

#include "metrics.h"

/* No text of ours is longer. */
#define XO_SEEN_MAX ((size_t)2 << 20)

/* Appends it, the last seen first, as much as a slot holds. Fails by out->err. */
void xo_seen_write(struct xo_snapshot *snapshot, struct xo_buf *out);

/*
 * In the master, before it forks: what stands in `text` was seen. False: the text
 * is none of this version's, and nothing was taken. `now`: seconds since 1970;
 * nothing was seen later.
 */
XO_MUST_CHECK bool xo_seen_read(struct xo_metrics *metrics, struct xo_span text,
    int64_t now);

#endif
