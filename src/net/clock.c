/* SPDX-License-Identifier: ISC */
/* What time it is: see clock.h. */
#include <stdbool.h>
#include <time.h>

#include "clock.h"

static struct {
	bool is_set;
	uint64_t now;
	int64_t wall;
} test;

uint64_t
xo_clock_now(void)
{
	struct timespec ts;

	if (test.is_set)
		return test.now;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int64_t
xo_clock_wall(void)
{
	return test.is_set ? test.wall : (int64_t)time(NULL);
}

struct timeval
xo_clock_timeval(uint64_t milliseconds)
{
	return (struct timeval){
		.tv_sec = (time_t)(milliseconds / 1000),
		.tv_usec = (suseconds_t)(milliseconds % 1000 * 1000),
	};
}

void
xo_clock_set(uint64_t now, int64_t wall)
{
	test.is_set = true;
	test.now = now;
	test.wall = wall;
}
