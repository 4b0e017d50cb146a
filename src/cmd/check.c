/* SPDX-License-Identifier: ISC */
/*
 * xoorg check: the settings of a configuration as they are in force.
 */
#include <stdio.h>
#include <unistd.h>

#include <cmd/options.h>
#include <cmd/tool.h>
#include <conf/conf.h>

static const struct xo_usage usage = {
	.command = "check",
	.operands = "FILE",
	.purpose = "Prints every setting of a configuration of xoorgd as it is "
		   "in force, defaults\nincluded, or the first thing that is "
		   "wrong with it.",
	.exits = "0 fine, 1 something is wrong, 2 usage",
	.n_operands = 1,
};

int
xo_cmd_check(int argc, char **argv)
{
	struct xo_buf error = {.p = NULL};
	struct xo_conf *conf;
	int result;

	if (!xo_options_parse(&usage, argc, argv, NULL, &result))
		return result;
	conf = xo_conf_load(argv[optind], &error);
	if (conf == NULL) {
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
