/* SPDX-License-Identifier: ISC */
/*
 * xoorg probe: the report, as text and as JSON.
 */
#include <cmd/probe/probe.h>

#include <cmd/common/json.h>
#include <cmd/common/tool.h>

/* Labels of the text report end here. */
#define COLUMN 16

static void
print_row(FILE *out, const char *label, const char *text)
{
	fprintf(out, "%-*s%s\n", COLUMN, label, text);
}

static void
print_lines(FILE *out, const char *label, struct xo_span text)
{
	struct xo_span line;

	while (xo_reply_line(&text, &line)) {
		fprintf(out, "%-*s%.*s\n", COLUMN, label, (int)line.len,
		    (const char *)line.p);
		label = "";
	}
}

static void
print_certificate(FILE *out, const struct xo_tls_tool_certificate *c,
    const char *label)
{
	print_row(out, label, c->subject);
	fprintf(out, "  %-*s%s\n", COLUMN - 2, "issuer", c->issuer);
	fprintf(out, "  %-*s", COLUMN - 2, "names");
	for (size_t i = 0; i < c->n_names; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", c->names[i]);
	fprintf(out, "%s\n", c->n_names == 0 ? "none" : "");
	fprintf(out, "  %-*s%s\n", COLUMN - 2, "EKU",
	    c->usages[0] != '\0' ? c->usages : "none");
	fprintf(out, "  %-*s%s\n", COLUMN - 2, "key", c->key);
	fprintf(out, "  %-*s%s to %s, ", COLUMN - 2, "valid", c->not_before,
	    c->not_after);
	if (c->days_left < 0)
		fputs("expired\n", out);
	else
		fprintf(out, "%lld days left\n", (long long)c->days_left);
	fprintf(out, "  %-*s%s\n", COLUMN - 2, "SHA-256", c->fingerprint);
}

static void
print_request(FILE *out, const struct xo_visit *probe)
{
	if (!probe->was_asked)
		print_row(out, "client cert", "the server did not ask for one");
	else if (probe->n_authorities == 0)
		print_row(out, "client cert", "asked for, of any CA");
	else
		fprintf(out, "%-*sasked for, of %zu named CAs\n", COLUMN,
		    "client cert", probe->n_authorities);
	if (probe->own.n == 0)
		print_row(out, "we showed", "none");
	else if (!probe->was_asked)
		print_row(out, "not shown",
		    probe->own.certificates[0].subject);
	else
		print_certificate(out, &probe->own.certificates[0],
		    "we showed");
}

static void
print_tls(FILE *out, const struct xo_visit *probe)
{
	char label[32];

	fprintf(out, "\n%-*s%s %s (%d bits)\n", COLUMN, "TLS",
	    probe->version, probe->cipher, probe->bits);
	print_request(out, probe);
	fputc('\n', out);
	for (size_t i = 0; i < probe->chain.n; i++) {
		snprintf(label, sizeof(label), "chain %zu", i);
		print_certificate(out, &probe->chain.certificates[i],
		    i == 0 ? "server cert" : label);
	}
	fprintf(out, "%-*s%s\n", COLUMN, "verified",
	    probe->flaw[0] == '\0' ? "chain yes" : "chain NO: ");
	if (probe->flaw[0] != '\0')
		fprintf(out, "%-*s%s\n", COLUMN, "", probe->flaw);
	fprintf(out, "%-*sname %s %s\n", COLUMN, "",
	    xo_visit_tls_name(probe), probe->has_name ? "yes" : "NO");
}

void
xo_probe_print_text(const struct xo_visit *probe, FILE *out)
{
	struct xo_buf text = {.p = NULL};

	fprintf(out, "%-*s%s:%s", COLUMN, "server", probe->target.host,
	    probe->target.port);
	fprintf(out, probe->address[0] != '\0' ? " (%s)\n" : "%s\n",
	    probe->address);
	print_lines(out, "banner", xo_buf_span(&probe->banner));
	print_lines(out, "before TLS", xo_buf_span(&probe->before));
	if (probe->is_tls)
		print_tls(out, probe);
	if (probe->after.len > 0)
		fputc('\n', out);
	print_lines(out, "after TLS", xo_buf_span(&probe->after));
	xo_probe_explain(probe, &text);
	xo_buf_add_byte(&text, '\n');
	xo_probe_warn(probe, &text);
	fprintf(out, "\n%s", xo_tool_cstr(&text));
	xo_buf_fini(&text);
}

static json_t *
json_tls(const struct xo_visit *probe)
{
	json_t *chain;

	if (!probe->is_tls)
		return json_null();
	chain = xo_tool_require(json_array());
	for (size_t i = 0; i < probe->chain.n; i++)
		json_array_append_new(chain,
		    xo_json_certificate(&probe->chain.certificates[i]));
	return xo_tool_require(json_pack(
	    "{s:s, s:s, s:i, s:b, s:I, s:o, s:o, s:b, s:s?, s:s, s:b}",
	    "version", probe->version,
	    "cipher", probe->cipher,
	    "bits", probe->bits,
	    "client_certificate_asked", probe->was_asked,
	    "client_certificate_authorities", (json_int_t)probe->n_authorities,
	    "client_certificate_shown",
	    probe->own.n > 0 && probe->was_asked
	    ? xo_json_certificate(&probe->own.certificates[0]) : json_null(),
	    "chain", chain,
	    "chain_valid", probe->flaw[0] == '\0',
	    "flaw", probe->flaw[0] != '\0' ? probe->flaw : NULL,
	    "name", xo_visit_tls_name(probe),
	    "name_valid", probe->has_name));
}

/* What was announced: the EHLO reply without its greeting line. */
static json_t *
json_announced(const struct xo_buf *lines)
{
	json_t *json = xo_json_lines(xo_buf_span(lines));

	json_array_remove(json, 0);
	return json;
}

void
xo_probe_print_json(const struct xo_visit *probe, FILE *out)
{
	static const char *const results[] = {
		[XO_STEP_OK] = "ok",
		[XO_STEP_REFUSED] = "refused",
		[XO_STEP_TLS] = "tls",
		[XO_STEP_LOST] = "lost",
	};
	struct xo_buf reason = {.p = NULL}, warnings = {.p = NULL};
	json_t *json;

	xo_probe_explain(probe, &reason);
	xo_probe_warn(probe, &warnings);
	json = xo_tool_require(json_pack(
	    "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:s, s:o}",
	    "host", probe->target.host,
	    "port", probe->target.port,
	    "address", probe->address,
	    "banner", xo_json_text(xo_buf_span(&probe->banner)),
	    "before_tls", json_announced(&probe->before),
	    "tls", json_tls(probe),
	    "after_tls", json_announced(&probe->after),
	    "xoorg", xo_visit_is_announced(probe),
	    "xoorg_before_tls",
	    xo_caps_has(&probe->caps_before, XO_CAP_XOORG),
	    "reason", xo_json_text(xo_buf_span(&reason)),
	    "warnings", xo_json_lines(xo_buf_span(&warnings)),
	    "result", results[probe->step],
	    "last", xo_json_text(xo_span_from_cstr(probe->last))));
	json_dumpf(json, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(json);
	xo_buf_fini(&reason);
	xo_buf_fini(&warnings);
}
