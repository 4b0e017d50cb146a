/* SPDX-License-Identifier: ISC */
/*
 * xoorg check: the settings of a configuration as they are in force.
 */
#include <stdio.h>
#include <unistd.h>

#include <cmd/common/options.h>
#include <cmd/common/tool.h>
#include <conf/warning.h>

static const struct xo_usage usage = {
	.command = "check",
	.operands = "FILE",
	.purpose = "Prints every setting of a configuration of xoorgd as it is "
		   "in force, defaults\nincluded, or the first thing that is "
		   "wrong with it. Warnings go to the standard\nerror; those "
		   "of certificates are told by xoorgd -t.",
	.exits = "0 fine, 1 something is wrong, 2 usage",
	.n_operands = 1,
};

/* On the other stream: what is printed remains a configuration. */
static bool
warn(struct xo_conf *conf, struct xo_buf *error)
{
	if (!xo_conf_check_files(conf, true, &conf->found, error))
		return false;
	for (size_t i = 0; i < conf->warnings.n; i++)
		fprintf(stderr, "%s\n", conf->warnings.list[i].text);
	for (size_t i = 0; i < conf->found.n; i++)
		fprintf(stderr, "%s\n", conf->found.list[i].text);
	return true;
}

int
xo_cmd_check(int argc, char **argv)
{
	struct xo_buf error = {.p = NULL};
	struct xo_conf *conf;
	int result;

	if (!xo_options_parse(&usage, argc, argv, NULL, &result))
		return result;
	conf = xo_conf_load(argv[optind], &error);
	if (conf == NULL || !warn(conf, &error)) {
		fprintf(stderr, "%s\n", xo_tool_cstr(&error));
		result = XO_EXIT_FAILED;
	} else if (xo_conf_print(conf, stdout) != 0 || fflush(stdout) != 0) {
		xo_tool_complain("check: cannot write");
		result = XO_EXIT_FAILED;
	} else {
		result = XO_EXIT_OK;
	}
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return result;
}
