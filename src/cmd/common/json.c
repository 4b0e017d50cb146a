/* SPDX-License-Identifier: ISC */
/*
 * JSON of what a peer said.
 */
#include <cmd/common/json.h>

#include <cmd/common/tool.h>
#include <xoorg/reply.h>

json_t *
xo_json_text(struct xo_span s)
{
	struct xo_buf ascii = {.p = NULL};
	json_t *json;

	if (s.len == 0)
		return xo_tool_require(json_string(""));
	json = json_stringn((const char *)s.p, s.len);
	if (json != NULL)
		return json;
	for (size_t i = 0; i < s.len; i++)
		xo_buf_add_byte(&ascii, s.p[i] < 0x80 ? s.p[i] : '?');
	json = json_stringn(xo_tool_cstr(&ascii), ascii.len);
	xo_buf_fini(&ascii);
	return xo_tool_require(json);
}

json_t *
xo_json_lines(struct xo_span text)
{
	json_t *lines = xo_tool_require(json_array());
	struct xo_span line;

	while (xo_reply_line(&text, &line))
		json_array_append_new(lines, xo_json_text(line));
	return lines;
}

static json_t *
text(const char *s)
{
	return xo_json_text(xo_span_from_cstr(s));
}

json_t *
xo_json_certificate(const struct xo_tls_tool_certificate *certificate)
{
	json_t *names = xo_tool_require(json_array());

	for (size_t i = 0; i < certificate->n_names; i++)
		json_array_append_new(names, text(certificate->names[i]));
	return xo_tool_require(json_pack(
	    "{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:s}",
	    "subject", text(certificate->subject),
	    "issuer", text(certificate->issuer),
	    "names", names,
	    "extended_key_usage", text(certificate->usages),
	    "key", text(certificate->key),
	    "serial", text(certificate->serial),
	    "not_before", certificate->not_before,
	    "not_after", certificate->not_after,
	    "days_left", (json_int_t)certificate->days_left,
	    "sha256", certificate->fingerprint));
}
