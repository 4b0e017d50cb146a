/* SPDX-License-Identifier: ISC */
/*
 * Lines that a stranger causes by knocking alone: so many a second, and a line
 * that counts the others.
 */
#ifndef XO_LOG_RATE_H
#define XO_LOG_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct xo_log;

/* All-zero but for `most`: nothing has been told yet. */
struct xo_log_rate {
	uint32_t most;			/* lines a second; 0: any */
	uint32_t n;
	uint64_t second;		/* the one in which they came */
	uint64_t n_held;		/* left out, not yet told of */
};

/* May a line be told at `now` (ms)? False: it is counted. */
bool xo_log_rate_take(struct xo_log_rate *rate, struct xo_log *log,
    uint64_t now);
/* Tells how many were left out, once their second is over. */
void xo_log_rate_tell(struct xo_log_rate *rate, struct xo_log *log,
    uint64_t now);

#endif
