/* SPDX-License-Identifier: ISC */
/*
 * The two clocks of a process: one that only goes forward, for deadlines, and
 * the wall's, for what people and certificates read. A test may set them.
 */
#ifndef XO_CLOCK_H
#define XO_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds of a clock that only goes forward. */
uint64_t xo_clock_now(void);
/* Seconds since 1970. */
int64_t xo_clock_wall(void);
struct timeval xo_clock_timeval(uint64_t milliseconds);

/* For tests: both stand still there until they are set anew. */
void xo_clock_set(uint64_t now, int64_t wall);

#endif
