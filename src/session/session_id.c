/* SPDX-License-Identifier: ISC */
/* The name of a session: see session_id.h. */
#include <stdint.h>
#include <unistd.h>

#include <net/clock.h>

#include "session_id.h"

void
xo_session_id_write(char id[XO_SESSION_ID_SIZE])
{
	static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
	static uint64_t n_ids;
	uint64_t n = (uint64_t)xo_clock_wall() << 27 |
	    ((uint64_t)getpid() & 0x3ff) << 17 | (n_ids++ & 0x1ffff);
	int i = XO_SESSION_ID_SIZE - 1;

	id[i] = '\0';
	while (i > 0) {
		id[--i] = digits[n % (sizeof(digits) - 1)];
		n /= sizeof(digits) - 1;
	}
}
