/* SPDX-License-Identifier: ISC */
/* What every fuzzer has: its entry, and a way to say that something is wrong. */
#ifndef XO_FUZZ_H
#define XO_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include <xoorg/bytes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition); \
			abort(); \
		} \
	} while (0)

/* A span inside another, or empty. */
static inline bool
fuzz_is_inside(struct xo_span s, struct xo_span whole)
{
	return s.len == 0 || (s.p >= whole.p &&
	    s.p + s.len <= whole.p + whole.len);
}

#endif
