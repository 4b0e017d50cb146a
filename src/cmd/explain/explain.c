/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain: reads a message or a header block, made canonical line by
 * line, because people paste what their mail programs show.
 */
#include <cmd/explain/explain.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmd/common/options.h>
#include <cmd/common/tool.h>

/* Of a header; what follows is not looked at. */
#define INPUT_MAX ((size_t)1 << 20)

struct settings {
	const char *reply;
	bool is_log;
	bool is_json;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct xo_option options[] = {
	{"reply", XO_OPTION_TEXT, FIELD(reply), "TEXT",
	    "explain an SMTP reply, or a line of xoorgd's log that\n"
	    "has one, instead of a message:\n"
	    "\"550 5.7.64 TenantAttribution; Relay Access Denied\"", NULL},
	{"log", XO_OPTION_FLAG, FIELD(is_log), NULL,
	    "FILE is a log of xoorgd: say what was done to each message",
	    NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "print a JSON object", NULL},
};

#define USAGE(what, how_many) { \
	.command = "explain", \
	.operands = what, \
	.purpose = "Says in plain words what the Exchange headers of a " \
		   "message mean: who handed it\nover, whether Exchange took " \
		   "it for internal, what became of its cross-premises\n" \
		   "headers, and which way it came. FILE is a message or its " \
		   "header; - is standard\ninput. Or explains the reply of a " \
		   "server.\n\nUsage: xoorg explain [--json] --reply TEXT", \
	.exits = "0 explained, 1 nothing of Exchange in it, or a reply that " \
		 "is not known,\n2 usage, or the file cannot be read", \
	.options = options, \
	.n_options = sizeof(options) / sizeof(options[0]), \
	.n_operands = how_many, \
}

static const struct xo_usage usage_file = USAGE("[--json] [--log] FILE", 1);
static const struct xo_usage usage_reply = USAGE("[--json] --reply TEXT", 0);

static int
complain_file(const char *name, const char *what)
{
	xo_tool_complain("explain: %s: %s", name, what);
	return XO_EXIT_USAGE;
}

/* Up to INPUT_MAX octets; what is cut off is a body or an attack. */
static int
read_input(const char *name, struct xo_buf *in)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(name, "rb");
	int result = XO_EXIT_OK;
	size_t n = 1;

	if (file == NULL)
		return complain_file(name, strerror(errno));
	while (n > 0 && in->len < INPUT_MAX) {
		uint8_t *p = xo_tool_require(xo_buf_reserve(in, 65536));

		n = fread(p, 1, 65536, file);
		in->len += n;
	}
	if (ferror(file))
		result = complain_file(name, strerror(errno));
	if (!is_stdin)
		fclose(file);
	return result;
}

/* The first line without its LF and CR; moves `*in` behind it. */
static struct xo_span
take_line(struct xo_span *in)
{
	size_t n = xo_span_find(*in, '\n');
	struct xo_span line = xo_span_first(*in, n);

	*in = xo_span_from(*in, n + 1);
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
add_line(struct xo_buf *section, struct xo_span line)
{
	for (size_t i = 0; i < line.len; i++) {
		uint8_t c = line.p[i];

		xo_buf_add_byte(section, c == '\0' || c == '\r' ? '?' : c);
	}
	xo_buf_add(section, XO_LIT("\r\n"));
}

/*
 * The header section up to its empty line, every line ended by CRLF. Empty
 * lines, a byte order mark and the From line of an mbox before it are passed
 * over.
 */
static void
make_section(struct xo_span in, struct xo_buf *section)
{
	if (xo_span_has_prefix_nocase(in, XO_LIT("\xef\xbb\xbf")))
		in = xo_span_from(in, 3);
	while (in.len > 0) {
		struct xo_span line = take_line(&in);
		bool is_empty = xo_span_trim(line).len == 0;

		if (is_empty && section->len > 0)
			break;
		if (is_empty || (section->len == 0 &&
		    xo_span_has_prefix_nocase(line, XO_LIT("From "))))
			continue;
		add_line(section, line);
	}
}

static bool
is_utf16(struct xo_span in)
{
	return in.len >= 2 && ((in.p[0] == 0xff && in.p[1] == 0xfe) ||
	    (in.p[0] == 0xfe && in.p[1] == 0xff));
}

static int
explain_file(const char *name, const struct settings *settings)
{
	struct xo_explain explain = {.notes = NULL};
	struct xo_buf in = {.p = NULL}, section = {.p = NULL};
	int result = read_input(name, &in);

	if (result == XO_EXIT_OK && is_utf16(xo_buf_span(&in)))
		result = complain_file(name, "is UTF-16; save it as UTF-8");
	if (result == XO_EXIT_OK && settings->is_log) {
		result = xo_explain_log(xo_buf_span(&in), settings->is_json,
		    stdout);
	} else if (result == XO_EXIT_OK) {
		make_section(xo_buf_span(&in), &section);
		(void)xo_tool_cstr(&section);
		xo_explain_section(&explain, xo_buf_span(&section));
		xo_explain_conclude(&explain);
		if (settings->is_json)
			xo_explain_print_json(&explain, stdout);
		else
			xo_explain_print_text(&explain, stdout);
		result = explain.n_notes > 0 ? XO_EXIT_OK : XO_EXIT_FAILED;
	}
	xo_explain_fini(&explain);
	xo_buf_fini(&section);
	xo_buf_fini(&in);
	return result;
}

/* With --reply there is no operand. */
static const struct xo_usage *
find_usage(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--reply") == 0 ||
		    strncmp(argv[i], "--reply=", 8) == 0)
			return &usage_reply;
	}
	return &usage_file;
}

int
xo_cmd_explain(int argc, char **argv)
{
	struct settings settings = {NULL, false, false};
	int result;

	if (!xo_options_parse(find_usage(argc, argv), argc, argv, &settings,
	    &result))
		return result;
	if (settings.reply != NULL)
		result = xo_explain_reply(settings.reply, settings.is_json,
		    stdout);
	else
		result = explain_file(argv[optind], &settings);
	if (fflush(stdout) != 0) {
		xo_tool_complain("explain: cannot write");
		result = XO_EXIT_FAILED;
	}
	return result;
}
