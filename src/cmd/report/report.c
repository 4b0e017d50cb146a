/* SPDX-License-Identifier: ISC */
/*
 * xoorg report: files in, one report out.
 */
#include <cmd/common/options.h>
#include <cmd/report/report.h>
#include <cmd/common/tool.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	const char *since;
	const char *until;
	uint64_t top;
	bool is_html;
	bool is_json;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct xo_option options[] = {
	{"since", XO_OPTION_TEXT, FIELD(since), "TIME",
	    "leave out what came before (2026-11-29, or\n"
	    "2026-11-29T18:00, UTC as in the log)", NULL},
	{"until", XO_OPTION_TEXT, FIELD(until), "TIME",
	    "leave out what came at this time or later", NULL},
	{"top", XO_OPTION_NUMBER, FIELD(top), "N",
	    "rows of each table (default: 10)", NULL},
	{"html", XO_OPTION_FLAG, FIELD(is_html), NULL,
	    "print a page of HTML", NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "print all of it as a JSON object", NULL},
};

static const struct xo_usage usage = {
	.command = "report",
	.operands = "[OPTION]... [FILE]...",
	.purpose = "Reads logs of xoorgd, text or JSON, from files or standard "
		   "input, and prints what\nthey say of its mail: verified, "
		   "foreign, refused, demoted, by organisation, tenant,\n"
		   "reason and next hop. For a week of the journal:\n\n"
		   "  journalctl -u xoorgd -o cat --since -7d | xoorg report",
	.exits = "0 printed, 1 no line of xoorgd among what was read, 2 usage",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = XO_OPERANDS_ANY,
};

/* The log's times are of one length and form, so that text compares as time. */
static bool
is_wanted(const struct settings *settings, struct xo_span time)
{
	const char *at = (const char *)time.p;

	return (settings->since == NULL ||
	    strncmp(at, settings->since, time.len) >= 0) &&
	    (settings->until == NULL ||
	    strncmp(at, settings->until, time.len) < 0);
}

/* Lines that were counted. */
static size_t
read_file(FILE *in, const struct settings *settings, json_t *report)
{
	struct xo_record record = {.n = 0};
	char *line = NULL;
	size_t room = 0, n = 0;
	ssize_t len;

	while ((len = getline(&line, &room, in)) >= 0) {
		if (!xo_record_read(&record, xo_span(line, (size_t)len)) ||
		    !is_wanted(settings, record.time))
			continue;
		xo_report_add(report, &record);
		n++;
	}
	free(line);
	xo_record_fini(&record);
	return n;
}

static bool
read_all(int n, char **names, const struct settings *settings, json_t *report,
    size_t *lines_r)
{
	*lines_r = n == 0 ? read_file(stdin, settings, report) : 0;
	for (int i = 0; i < n; i++) {
		bool is_stdin = strcmp(names[i], "-") == 0;
		FILE *in = is_stdin ? stdin : fopen(names[i], "re");

		if (in == NULL) {
			xo_tool_complain("report: %s: %s", names[i],
			    strerror(errno));
			return false;
		}
		*lines_r += read_file(in, settings, report);
		if (!is_stdin)
			fclose(in);
	}
	return true;
}

static int
print(const json_t *report, const struct settings *settings)
{
	if (settings->is_json) {
		json_dumpf(report, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else if (settings->is_html) {
		xo_report_print_html(report, settings->top, stdout);
	} else {
		xo_report_print_text(report, settings->top, stdout);
	}
	if (fflush(stdout) == 0)
		return XO_EXIT_OK;
	xo_tool_complain("report: cannot write");
	return XO_EXIT_FAILED;
}

int
xo_cmd_report(int argc, char **argv)
{
	struct settings settings = {.top = 10};
	json_t *report;
	size_t lines;
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	report = xo_report_new();
	if (!read_all(argc - optind, argv + optind, &settings, report,
	    &lines)) {
		result = XO_EXIT_USAGE;
	} else if (lines == 0) {
		xo_tool_complain("report: expected lines of xoorgd's log, "
		    "found none");
		result = XO_EXIT_FAILED;
	} else {
		result = print(report, &settings);
	}
	json_decref(report);
	return result;
}
