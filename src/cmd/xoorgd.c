/* SPDX-License-Identifier: ISC */
/*
 * xoorgd: the gateway.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gate/gate.h>
#include <gate/master.h>

static const char usage[] =
    "usage: xoorgd -c FILE       run in the foreground\n"
    "       xoorgd -t -c FILE    check the configuration and all it names\n"
    "       xoorgd -V            print the version\n"
    "\n"
    "  -c, --config FILE   the configuration (/etc/xoorg/xoorgd.conf)\n"
    "  -t, --test          check only: exit status 0, or 1 and FILE:LINE:\n"
    "                      what was expected\n"
    "\n"
    "SIGHUP reads the configuration again, SIGTERM drains and ends, SIGUSR1\n"
    "opens the log file again. Exit status: 0 ended as told, 1 could not\n"
    "start, 2 usage.\n";

static int
check(const char *path)
{
	struct xo_buf error = {0};
	struct xo_gate *gate = xo_gate_load(path, &error);

	/* Here it is this process that looks at the keys. */
	if (gate != NULL && gate->keyring != NULL &&
	    !xo_tls_keyring_load(gate->keyring, &error))
		xo_gate_free(&gate);
	if (gate == NULL) {
		fprintf(stderr, "%.*s\n", (int)error.len,
		    (const char *)error.p);
		xo_buf_fini(&error);
		return 1;
	}
	printf("%s: ok\n", path);
	xo_gate_free(&gate);
	xo_buf_fini(&error);
	return 0;
}

static bool
is_option(const char *arg, const char *brief, const char *full)
{
	return strcmp(arg, brief) == 0 || strcmp(arg, full) == 0;
}

static int
complain(const char *what, const char *arg)
{
	fprintf(stderr, "xoorgd: %s %s\nTry 'xoorgd --help'.\n", what, arg);
	return 2;
}

int
main(int argc, char **argv)
{
	const char *path = "/etc/xoorg/xoorgd.conf";
	bool is_check = false;

	for (int i = 1; i < argc; i++) {
		if (is_option(argv[i], "-t", "--test")) {
			is_check = true;
		} else if (is_option(argv[i], "-c", "--config")) {
			if (++i == argc)
				return complain("expected a file behind",
				    argv[i - 1]);
			path = argv[i];
		} else if (is_option(argv[i], "-h", "--help")) {
			fputs(usage, stdout);
			return 0;
		} else if (is_option(argv[i], "-V", "--version")) {
			puts("xoorgd " XO_VERSION);
			return 0;
		} else {
			return complain("unexpected argument:", argv[i]);
		}
	}
	return is_check ? check(path) : xo_master_run(path);
}
