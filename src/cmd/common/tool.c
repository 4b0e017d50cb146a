/* SPDX-License-Identifier: ISC */
/*
 * What the subcommands of `xoorg` have in common.
 */
#include <cmd/common/tool.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void
xo_tool_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	flockfile(stderr);
	fputs("xoorg: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(args);
}

void *
xo_tool_require(void *p)
{
	if (p == NULL) {
		xo_tool_complain("out of memory");
		exit(XO_EXIT_FAILED);
	}
	return p;
}

const char *
xo_tool_cstr(struct xo_buf *b)
{
	uint8_t *end = xo_tool_require(xo_buf_reserve(b, 1));

	*end = '\0';
	return (const char *)b->p;
}

int64_t
xo_tool_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
