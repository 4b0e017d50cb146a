/* SPDX-License-Identifier: ISC */
/*
 * xoorg: one tool, a table of subcommands.
 */
#include <signal.h>
#include <stdio.h>

#include <cmd/common/tool.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"probe", xo_cmd_probe,
	    "look at a server: is XOORG announced to us, and why (not)"},
	{"send", xo_cmd_send, "send test messages"},
	{"sink", xo_cmd_sink, "an SMTP server for tests, plays Exchange"},
	{"check", xo_cmd_check, "print a configuration as it is in force"},
	{"explain", xo_cmd_explain,
	    "say what the headers of a message, or a reply, mean"},
	{"orgs", xo_cmd_orgs,
	    "list the organisations that were seen, authorise one"},
	{"report", xo_cmd_report,
	    "add up a log: mail by verdict, organisation and tenant"},
	{"setup", xo_cmd_setup,
	    "print what is to be done at the other ends, or a configuration"},
	{"tenant", xo_cmd_tenant,
	    "list, move, compare and check tenants"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_help(FILE *out)
{
	fputs("Usage: xoorg COMMAND [OPTION]...\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s%s\n", commands[i].name,
		    commands[i].help);
	fputs("\n'xoorg COMMAND --help' explains a command; "
	      "'xoorg --version' prints the version.\n"
	      "Exit codes: 0 success, 1 what was tested failed, "
	      "2 usage, 3 no connection.\n", out);
}

/* One command a line, for the shells' completion. */
static void
print_table(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("%s\t%s\n", commands[i].name, commands[i].help);
}

int
main(int argc, char **argv)
{
	/* A peer that goes away is an error of one write, no more. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return XO_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("xoorg " XO_VERSION);
		return XO_EXIT_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return XO_EXIT_OK;
	}
	if (strcmp(argv[1], "--commands") == 0) {
		print_table();
		return XO_EXIT_OK;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	xo_tool_complain("no such command: '%s'", argv[1]);
	print_help(stderr);
	return XO_EXIT_USAGE;
}
