/* SPDX-License-Identifier: ISC */
/*
 * Command lines from a table: getopt_long fills a struct of settings, and
 * --help is printed from the same table, and --options as packaging/completion
 * reads it, so that none can differ.
 */
#ifndef XO_OPTIONS_H
#define XO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xo_option_kind {
	XO_OPTION_FLAG,		/* bool */
	XO_OPTION_TEXT,		/* const char * */
	XO_OPTION_NUMBER,	/* uint64_t; a k, M or G multiplies by 1024s */
	XO_OPTION_LIST,		/* struct xo_option_list, may be repeated */
	XO_OPTION_WORD,		/* int: index into words */
};

#define XO_OPTION_LIST_MAX 1024

/* All-zero is empty. The texts are argv's, the array is ours. */
struct xo_option_list {
	const char **v;
	size_t n;
};

struct xo_option {
	const char *name;
	enum xo_option_kind kind;
	size_t offset;			/* into the settings */
	const char *argument;		/* as --help calls it; flags: NULL */
	const char *help;		/* lines may be parted by LF */
	const char *const *words;	/* NULL at the end */
};

#define XO_OPTIONS_MAX 40

struct xo_usage {
	const char *command;		/* "probe" */
	const char *operands;		/* "[OPTION]... HOST[:PORT]" */
	const char *purpose;
	const char *exits;		/* what the exit codes mean */
	const struct xo_option *options;
	size_t n_options;
	const char *letters;		/* short ones, of the first options */
	int n_operands;			/* exactly so many, or: */
#define XO_OPERANDS_ANY (-1)
};

/*
 * Fills `settings`, which holds the defaults. True: argv[optind] is the first
 * operand. False: nothing more to do, *exit_r is the exit code (--help was
 * printed, or a complaint).
 */
bool xo_options_parse(const struct xo_usage *usage, int argc, char **argv,
    void *settings, int *exit_r);

void xo_option_list_fini(struct xo_option_list *list);

#endif
