/* SPDX-License-Identifier: ISC */
/*
 * xoorg check: the settings of a configuration as they are in force, what is
 * odd with them, and, with --live, with what runs.
 */
#include <cmd/check/check.h>

#include <time.h>
#include <unistd.h>

#include <cmd/common/json.h>
#include <cmd/common/options.h>
#include <cmd/common/tool.h>
#include <conf/warning.h>
#include <proc/inspect.h>

#define FIELD(name) offsetof(struct xo_check_settings, name)

static const struct xo_option options[] = {
	{"changed", XO_OPTION_FLAG, FIELD(is_changed), NULL,
	    "print only what differs from the defaults", NULL},
	{"live", XO_OPTION_FLAG, FIELD(is_live), NULL,
	    "print no settings: look at listeners, upstreams,\n"
	    "DNS and the clock", NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "print what is wrong or odd as a JSON object", NULL},
	{"timeout", XO_OPTION_NUMBER, FIELD(timeout), "SECONDS",
	    "the longest wait for anything (default: 10)", NULL},
};

static const struct xo_usage usage = {
	.command = "check",
	.operands = "[OPTION]... FILE",
	.purpose = "Prints every setting of a configuration of xoorgd as it is "
		   "in force, defaults\nincluded, or the first thing that is "
		   "wrong with it. Warnings go to the standard\nerror.",
	.exits = "0 fine, 1 something is wrong, 2 usage;\nwith --live or "
		 "--json as monitoring plugins have it:\n"
		 "0 fine, 1 warnings, 2 something is wrong, or usage",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.letters = "n",
	.n_operands = 1,
};

static void
warn(const struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		fprintf(stderr, "%s\n", warnings->list[i].text);
}

/* For who reads settings; warnings on the other stream, so that what is printed
 * remains a configuration. */
static int
print(const struct xo_runtime *runtime, const char *error,
    const struct xo_check_settings *settings)
{
	if (runtime == NULL) {
		fprintf(stderr, "%s\n", error);
		return XO_EXIT_FAILED;
	}
	warn(&runtime->conf->warnings);
	warn(&runtime->conf->found);
	if (xo_conf_print(runtime->conf, settings->is_changed, stdout) == 0 &&
	    fflush(stdout) == 0)
		return XO_EXIT_OK;
	xo_tool_complain("check: cannot write");
	return XO_EXIT_FAILED;
}

/* What the checker said, as rows: the text ends with its rule. */
static void
add_warnings(struct xo_findings *findings, const struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		xo_findings_add(findings, XO_FINDING_WARNING,
		    &(struct xo_finding_of){"configuration", xo_span_from_cstr(
		    xo_rule(warnings->list[i].rule)->id), ""}, "%s",
		    warnings->list[i].text);
}

static void
print_json(const struct xo_findings *findings, const char *file)
{
	json_t *json = xo_tool_require(json_pack("{s:o, s:s, s:o}",
	    "file", xo_json_text(xo_span_from_cstr(file)),
	    "result", xo_finding_level_name(xo_findings_worst(findings, 0)),
	    "findings", xo_findings_json(findings)));

	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

/* For who watches. */
static int
watch(const struct xo_runtime *runtime, const char *error, const char *file,
    const struct xo_check_settings *settings)
{
	static const struct xo_finding_of of = {"configuration", {NULL, 0}, ""};
	struct xo_findings findings = {NULL, 0};
	int result;

	if (runtime == NULL) {
		xo_findings_add(&findings, XO_FINDING_CRITICAL, &of, "%s",
		    error);
	} else {
		add_warnings(&findings, &runtime->conf->warnings);
		add_warnings(&findings, &runtime->conf->found);
		if (findings.n == 0)
			xo_findings_add(&findings, XO_FINDING_OK, &of,
			    "no warnings");
		if (settings->is_live)
			xo_check_live(runtime, settings, &findings);
	}
	result = (int)xo_findings_worst(&findings, 0);
	if (settings->is_json)
		print_json(&findings, file);
	else
		xo_findings_print(&findings, stdout);
	xo_findings_fini(&findings);
	return result;
}

int
xo_cmd_check(int argc, char **argv)
{
	struct xo_check_settings settings = {.timeout = 10};
	struct xo_buf error = {.p = NULL};
	struct xo_runtime *runtime;
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	runtime = xo_runtime_load(argv[optind], &error);
	if (runtime != NULL &&
	    !xo_runtime_inspect(runtime, true, (int64_t)time(NULL), &error))
		xo_runtime_free(&runtime);
	result = settings.is_live || settings.is_json
	    ? watch(runtime, xo_tool_cstr(&error), argv[optind], &settings)
	    : print(runtime, xo_tool_cstr(&error), &settings);
	xo_runtime_free(&runtime);
	xo_buf_fini(&error);
	return result;
}
