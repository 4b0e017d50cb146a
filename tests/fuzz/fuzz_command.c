/* SPDX-License-Identifier: ISC */
/* Lines and commands: what is taken apart is still a part of the line. */
#include <xoorg/command.h>
#include <xoorg/line.h>
#include <xoorg/path.h>

#include "fuzz.h"

/* Written on, it is read as the same again, in either way. */
static void
check_canonical(const struct xo_path *path, struct xo_span keyword)
{
	struct xo_buf out = {0};
	struct xo_span params;
	struct xo_path again;

	xo_buf_add(&out, keyword);
	xo_buf_add_byte(&out, '<');
	xo_buf_add(&out, path->address);
	xo_buf_add_byte(&out, '>');
	MUST(xo_path_parse(xo_buf_span(&out), keyword, XO_SYNTAX_LENIENT,
	    &again, &params) == XO_REFUSAL_NONE);
	MUST(params.len == 0);
	MUST(xo_span_is_equal(again.address, path->address));
	MUST(xo_span_is_equal(again.domain, path->domain));
	if (xo_path_parse(xo_buf_span(&out), keyword, XO_SYNTAX_STRICT,
	    &again, &params) == XO_REFUSAL_NONE)
		MUST(xo_span_is_equal(again.address, path->address));
	xo_buf_fini(&out);
}

/* What is read strictly is read leniently, too, and as the same. */
static void
check_syntaxes(struct xo_span args, struct xo_span keyword)
{
	struct xo_span params, params2;
	struct xo_path path, path2;

	if (xo_path_parse(args, keyword, XO_SYNTAX_STRICT, &path, &params) !=
	    XO_REFUSAL_NONE)
		return;
	MUST(xo_path_parse(args, keyword, XO_SYNTAX_LENIENT, &path2,
	    &params2) == XO_REFUSAL_NONE);
	MUST(xo_span_is_equal(path.address, path2.address));
	MUST(xo_span_is_equal(path.domain, path2.domain));
	MUST(xo_span_is_equal(params, params2));
	MUST(path.has_utf8 == path2.has_utf8);
}

static void
check_path(struct xo_span args, struct xo_span keyword)
{
	struct xo_span params;
	struct xo_path path;

	check_syntaxes(args, keyword);
	if (xo_path_parse(args, keyword, XO_SYNTAX_LENIENT, &path, &params) !=
	    XO_REFUSAL_NONE)
		return;
	check_canonical(&path, keyword);
	MUST(fuzz_is_inside(path.address, args));
	MUST(fuzz_is_inside(path.domain, path.address));
	MUST(fuzz_is_inside(params, args));
	/* What goes on between < and > ends nothing there. */
	for (size_t i = 0; i < path.address.len; i++) {
		MUST(path.address.p[i] >= 32 && path.address.p[i] != 127);
		MUST(path.address.p[0] == '"' || (path.address.p[i] != ' ' &&
		    path.address.p[i] != '<' && path.address.p[i] != '>'));
	}
}

static void
check_line(struct xo_span text)
{
	struct xo_command command;
	struct xo_chunk chunk;

	xo_command_parse(text, &command);
	MUST(command.verb < XO_VERB_COUNT);
	MUST(fuzz_is_inside(command.name, text));
	MUST(fuzz_is_inside(command.args, text));
	if (xo_hello_name_is_valid(command.args))
		for (size_t i = 0; i < command.args.len; i++)
			MUST(command.args.p[i] > 32 &&
			    command.args.p[i] < 127);
	if (xo_hello_name_is_odd(command.args))
		MUST(!xo_hello_name_is_valid(command.args));
	check_path(command.args, XO_LIT("FROM:"));
	check_path(command.args, XO_LIT("TO:"));
	if (xo_bdat_parse(command.args, &chunk) != XO_REFUSAL_NONE)
		MUST(chunk.size == 0 && !chunk.is_last);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);

	while (in.len > 0) {
		struct xo_line line;
		enum xo_err err = xo_line_next(in, 512, &line);

		if (err == XO_MORE || (err == XO_ERR_LIMIT && line.size == 0))
			break;
		MUST(line.size > 0 && line.size <= in.len);
		MUST(in.p[line.size - 1] == '\n');
		if (err == XO_OK) {
			MUST(line.text.len + 2 == line.size);
			MUST(xo_span_find(line.text, '\r') == line.text.len);
			MUST(xo_span_find(line.text, '\0') == line.text.len);
			check_line(line.text);
		}
		in = xo_span_from(in, line.size);
	}
	return 0;
}
