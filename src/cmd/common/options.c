/* SPDX-License-Identifier: ISC */
/*
 * Command lines from a table.
 */
#include <cmd/common/options.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmd/common/tool.h>

#define HELP_COLUMN 32
/* Above every character that getopt_long may return. */
#define FIRST_VALUE 256

static char
letter_of(const struct xo_usage *usage, size_t i)
{
	return usage->letters != NULL && i < strlen(usage->letters)
	    ? usage->letters[i] : '\0';
}

static void
print_option(const struct xo_option *option, char letter)
{
	char brief[8] = "";
	char left[80];
	const char *line = option->help;
	size_t len;

	if (letter != '\0')
		snprintf(brief, sizeof(brief), "-%c, ", letter);
	snprintf(left, sizeof(left), "  %s--%s%s%s", brief, option->name,
	    option->argument != NULL ? " " : "",
	    option->argument != NULL ? option->argument : "");
	if (strlen(left) >= HELP_COLUMN - 1) {
		printf("%s\n", left);
		left[0] = '\0';
	}
	for (;; line += len + 1) {
		len = strcspn(line, "\n");
		printf("%-*s%.*s\n", HELP_COLUMN, left, (int)len, line);
		left[0] = '\0';
		if (line[len] == '\0')
			break;
	}
}

static void
print_help(const struct xo_usage *usage)
{
	printf("Usage: xoorg %s %s\n\n%s\n\n", usage->command,
	    usage->operands, usage->purpose);
	for (size_t i = 0; i < usage->n_options; i++)
		print_option(&usage->options[i], letter_of(usage, i));
	printf("%-*s%s\n", HELP_COLUMN, "  --help", "print this");
	printf("\nExit codes: %s\n", usage->exits);
}

/* One option a line, for the shells' completion: name, argument, words, help;
 * parted by TAB. */
static void
print_table(const struct xo_usage *usage)
{
	for (size_t i = 0; i < usage->n_options; i++) {
		const struct xo_option *option = &usage->options[i];

		printf("%s\t%s\t", option->name,
		    option->argument != NULL ? option->argument : "");
		for (size_t w = 0; option->words != NULL &&
		    option->words[w] != NULL; w++)
			printf("%s%s", w > 0 ? " " : "", option->words[w]);
		printf("\t%.*s\n", (int)strcspn(option->help, "\n"),
		    option->help);
	}
	printf("help\t\t\tprint this\n");
}

static bool
read_number(const char *text, uint64_t *n_r)
{
	static const struct {
		char unit;
		unsigned shift;
	} units[] = {{'k', 10}, {'M', 20}, {'G', 30}};
	struct xo_span s = xo_span_from_cstr(text);
	unsigned shift = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (s.len > 0 && s.p[s.len - 1] == (uint8_t)units[i].unit) {
			shift = units[i].shift;
			s.len--;
			break;
		}
	}
	if (xo_span_to_u64(s, n_r) != XO_OK || *n_r > UINT64_MAX >> shift)
		return false;
	*n_r <<= shift;
	return true;
}

static bool
read_word(const char *text, const char *const *words, int *index_r)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*index_r = i;
			return true;
		}
	}
	return false;
}

static bool
add_to_list(struct xo_option_list *list, const char *text)
{
	if (list->n == XO_OPTION_LIST_MAX)
		return false;
	if (list->v == NULL)
		list->v = xo_tool_require(
		    calloc(XO_OPTION_LIST_MAX, sizeof(*list->v)));
	list->v[list->n++] = text;
	return true;
}

static bool
set_option(const struct xo_option *option, const char *text, void *settings)
{
	void *field = (uint8_t *)settings + option->offset;

	switch (option->kind) {
	case XO_OPTION_FLAG:
		*(bool *)field = true;
		return true;
	case XO_OPTION_TEXT:
		*(const char **)field = text;
		return true;
	case XO_OPTION_NUMBER:
		return read_number(text, field);
	case XO_OPTION_LIST:
		return add_to_list(field, text);
	case XO_OPTION_WORD:
		return read_word(text, option->words, field);
	}
	return false;
}

static const char *
wanted(const struct xo_option *option)
{
	switch (option->kind) {
	case XO_OPTION_NUMBER:
		return "a number (k, M or G may follow)";
	case XO_OPTION_LIST:
		return "it less often";
	case XO_OPTION_WORD:
	case XO_OPTION_FLAG:
	case XO_OPTION_TEXT:
		break;
	}
	return option->argument;
}

static int
complain_usage(const struct xo_usage *usage)
{
	fprintf(stderr, "Try 'xoorg %s --help'.\n", usage->command);
	return XO_EXIT_USAGE;
}

static void
fill_table(const struct xo_usage *usage, struct option *table)
{
	size_t n;

	for (n = 0; n < usage->n_options && n < XO_OPTIONS_MAX; n++) {
		const struct xo_option *option = &usage->options[n];

		table[n].name = option->name;
		table[n].has_arg = option->kind == XO_OPTION_FLAG
		    ? no_argument : required_argument;
		table[n].val = FIRST_VALUE + (int)n;
	}
	table[n].name = "help";
	table[n++].val = 'h';
	table[n].name = "options";
	table[n].val = 't';
}

/* "h" and the letters; each with ":" if its option has an argument. */
static void
fill_letters(const struct xo_usage *usage, char *brief)
{
	*brief++ = 'h';
	for (size_t i = 0; letter_of(usage, i) != '\0'; i++) {
		*brief++ = letter_of(usage, i);
		if (usage->options[i].kind != XO_OPTION_FLAG)
			*brief++ = ':';
	}
	*brief = '\0';
}

/* The value that getopt_long returns for the option of a letter. */
static int
value_of(const struct xo_usage *usage, int value)
{
	for (size_t i = 0; letter_of(usage, i) != '\0'; i++)
		if (value == letter_of(usage, i))
			return FIRST_VALUE + (int)i;
	return value;
}

bool
xo_options_parse(const struct xo_usage *usage, int argc, char **argv,
    void *settings, int *exit_r)
{
	struct option table[XO_OPTIONS_MAX + 3] = {{NULL, 0, NULL, 0}};
	char letters[2 * XO_OPTIONS_MAX + 2];
	const struct xo_option *option;
	int value;

	fill_table(usage, table);
	fill_letters(usage, letters);
	optind = 1;
	while ((value = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		value = value_of(usage, value);
		if (value == 'h' || value == 't') {
			(value == 'h' ? print_help : print_table)(usage);
			*exit_r = XO_EXIT_OK;
			return false;
		}
		if (value < FIRST_VALUE) {
			*exit_r = complain_usage(usage);
			return false;
		}
		option = &usage->options[value - FIRST_VALUE];
		if (!set_option(option, optarg, settings)) {
			xo_tool_complain("%s: --%s: expected %s: '%s'",
			    usage->command, option->name,
			    wanted(option), optarg);
			*exit_r = complain_usage(usage);
			return false;
		}
	}
	if (usage->n_operands != XO_OPERANDS_ANY &&
	    argc - optind != usage->n_operands) {
		xo_tool_complain("%s: expected: %s", usage->command,
		    usage->operands);
		*exit_r = complain_usage(usage);
		return false;
	}
	return true;
}

void
xo_option_list_fini(struct xo_option_list *list)
{
	free(list->v);
	*list = (struct xo_option_list){NULL, 0};
}
