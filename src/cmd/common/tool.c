/* SPDX-License-Identifier: ISC */
/*
 * What the subcommands of `xoorg` have in common.
 */
#include <cmd/common/tool.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <conf/fail.h>

void
xo_tool_complain(const char *format, ...)
{
	struct xo_buf shown = {0};
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text != NULL)
		xo_conf_add_shown(&shown, xo_span_from_cstr(text));
	if (text == NULL || shown.err != XO_OK)
		fprintf(stderr, "xoorg: %s\n", format);
	else
		fprintf(stderr, "xoorg: %.*s\n", (int)shown.len,
		    (const char *)shown.p);
	xo_buf_fini(&shown);
	free(text);
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
