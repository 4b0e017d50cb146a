/* SPDX-License-Identifier: ISC */
/*
 * What the subcommands of `xoorg` have in common: exit codes, entry points,
 * and how a program that runs once deals with trouble.
 */
#ifndef XO_TOOL_H
#define XO_TOOL_H

#include <xoorg/bytes.h>

enum xo_exit {
	XO_EXIT_OK = 0,
	XO_EXIT_FAILED = 1,	/* what was tested failed */
	XO_EXIT_USAGE = 2,	/* command line, or a file it names */
	XO_EXIT_CONNECTION = 3,	/* not reached, lost, or too slow */
};

/* argv[0] is the subcommand's name; they return an enum xo_exit. */
int xo_cmd_check(int argc, char **argv);
int xo_cmd_explain(int argc, char **argv);
int xo_cmd_orgs(int argc, char **argv);
int xo_cmd_probe(int argc, char **argv);
int xo_cmd_report(int argc, char **argv);
int xo_cmd_send(int argc, char **argv);
int xo_cmd_setup(int argc, char **argv);
int xo_cmd_sink(int argc, char **argv);
int xo_cmd_tenant(int argc, char **argv);

/* "xoorg: ..." to standard error, as xo_conf_add_shown() shows it. */
void xo_tool_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* `p`, or the end of the program: a tool has no use without memory. */
void *xo_tool_require(void *p);

/* The whole of `b` as a C string, for system calls and printf. */
const char *xo_tool_cstr(struct xo_buf *b);

/* Milliseconds of a clock that never goes back. */
int64_t xo_tool_now(void);

#endif
