/* SPDX-License-Identifier: ISC */
/*
 * xoorgd: the gateway.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <conf/warning.h>
#include <net/tls.h>
#include <proc/inspect.h>
#include <proc/master.h>
#include <proc/title.h>

static const char usage[] =
    "usage: xoorgd -c FILE       run in the foreground\n"
    "       xoorgd -t -c FILE    check the configuration and all it names\n"
    "       xoorgd -V            print the version\n"
    "\n"
    "  -c, --config FILE   the configuration (/etc/xoorg/xoorgd.conf)\n"
    "  -t, --test          check only: exit status 0, or 1 and FILE:LINE:\n"
    "                      what was expected; warnings have their lines, too\n"
    "  --strict            with -t: exit status 1 if there is a warning\n"
    "\n"
    "SIGHUP reads the configuration again, SIGTERM drains and ends, SIGUSR1\n"
    "opens the log file again. Exit status: 0 ended as told, 1 could not\n"
    "start, 2 usage.\n";

static void
print(const struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		fprintf(stderr, "%s\n", warnings->list[i].text);
}

static int
report(const char *path, const struct xo_runtime *runtime, bool is_strict)
{
	size_t n = xo_runtime_count_warnings(runtime);

	print(&runtime->conf->warnings);
	print(&runtime->conf->found);
	if (n == 0)
		printf("%s: ok\n", path);
	else
		printf("%s: %s%zu warning%s\n", path, is_strict ? "" : "ok, ",
		    n, n == 1 ? "" : "s");
	return is_strict && n > 0 ? 1 : 0;
}

static int
check(const char *path, bool is_strict)
{
	struct xo_buf error = {0};
	struct xo_runtime *runtime = xo_runtime_load(path, &error);
	int result;

	/* Here it is this process that looks at the keys. */
	if (runtime != NULL && ((runtime->keyring != NULL &&
	    !xo_tls_keyring_load(runtime->keyring, &error)) ||
	    !xo_runtime_inspect(runtime, true, (int64_t)time(NULL), &error)))
		xo_runtime_free(&runtime);
	if (runtime == NULL) {
		fprintf(stderr, "%.*s\n", (int)error.len,
		    (const char *)error.p);
		xo_buf_fini(&error);
		return 1;
	}
	result = report(path, runtime, is_strict);
	xo_runtime_free(&runtime);
	xo_buf_fini(&error);
	return result;
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
	static char *kept;
	const char *path = "/etc/xoorg/xoorgd.conf";
	bool is_check = false;
	bool is_strict = false;

	xo_tls_memory_init();
	for (int i = 1; i < argc; i++) {
		if (is_option(argv[i], "-t", "--test")) {
			is_check = true;
		} else if (strcmp(argv[i], "--strict") == 0) {
			is_strict = true;
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
	if (is_strict && !is_check)
		return complain("expected -t beside", "--strict");
	if (is_check)
		return check(path, is_strict);
	/* Titles stand where `path` points to. Processes end without coming back
	 * here, so this stays. */
	kept = strdup(path);
	if (kept == NULL)
		return 1;
	xo_title_init(argc, argv);
	return xo_master_run(kept);
}
