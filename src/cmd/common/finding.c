/* SPDX-License-Identifier: ISC */
/*
 * A list of what was found.
 */
#include <cmd/common/finding.h>

#include <stdarg.h>
#include <stdlib.h>

#include <cmd/common/json.h>
#include <cmd/common/tool.h>

#define TEXT_MAX 600

static const char *const levels[] = {
	[XO_FINDING_OK] = "ok",
	[XO_FINDING_WARNING] = "warning",
	[XO_FINDING_CRITICAL] = "critical",
};

const char *
xo_finding_level_name(enum xo_finding_level level)
{
	return levels[level];
}

/* A copy without what commands a terminal: peers' words are in it. */
static char *
printable(struct xo_span text)
{
	size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX;
	char *copy = xo_tool_require(calloc(1, len + 1));

	for (size_t i = 0; i < len; i++)
		copy[i] = text.p[i] >= ' ' && text.p[i] <= '~'
		    ? (char)text.p[i] : '?';
	return copy;
}

void
xo_findings_add(struct xo_findings *findings, enum xo_finding_level level,
    const struct xo_finding_of *of, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	findings->list = xo_tool_require(realloc(findings->list,
	    (findings->n + 1) * sizeof(*findings->list)));
	findings->list[findings->n++] = (struct xo_finding){
		.level = level,
		.kind = of->kind,
		.name = printable(of->name),
		.where = printable(xo_span_from_cstr(of->where)),
		.text = printable(xo_span_from_cstr(text)),
	};
}

enum xo_finding_level
xo_findings_worst(const struct xo_findings *findings, size_t from)
{
	enum xo_finding_level worst = XO_FINDING_OK;

	for (size_t i = from; i < findings->n; i++)
		if (findings->list[i].level > worst)
			worst = findings->list[i].level;
	return worst;
}

void
xo_findings_fini(struct xo_findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->list[i].name);
		free(findings->list[i].where);
		free(findings->list[i].text);
	}
	free(findings->list);
	*findings = (struct xo_findings){NULL, 0};
}

static size_t
count(const struct xo_findings *findings, enum xo_finding_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->list[i].level == level;
	return n;
}

static void
print_row(const struct xo_finding *row, FILE *out)
{
	fprintf(out, "%-10s%s%s%s%s%s: %s\n", levels[row->level], row->kind,
	    row->name[0] != '\0' ? " " : "", row->name,
	    row->where[0] != '\0' ? " " : "", row->where, row->text);
}

void
xo_findings_print(const struct xo_findings *findings, FILE *out)
{
	static const char *const words[] = {
		[XO_FINDING_OK] = "OK",
		[XO_FINDING_WARNING] = "WARNING",
		[XO_FINDING_CRITICAL] = "CRITICAL",
	};

	fprintf(out, "XOORG %s - %zu critical, %zu warnings, %zu ok\n",
	    words[xo_findings_worst(findings, 0)],
	    count(findings, XO_FINDING_CRITICAL),
	    count(findings, XO_FINDING_WARNING),
	    count(findings, XO_FINDING_OK));
	for (int level = XO_FINDING_CRITICAL; level >= XO_FINDING_OK; level--)
		for (size_t i = 0; i < findings->n; i++)
			if ((int)findings->list[i].level == level)
				print_row(&findings->list[i], out);
}

json_t *
xo_findings_json(const struct xo_findings *findings)
{
	json_t *rows = xo_tool_require(json_array());

	for (size_t i = 0; i < findings->n; i++) {
		const struct xo_finding *row = &findings->list[i];

		json_array_append_new(rows, xo_tool_require(json_pack(
		    "{s:s, s:s, s:o, s:o, s:o}",
		    "result", levels[row->level],
		    "kind", row->kind,
		    "name", xo_json_text(xo_span_from_cstr(row->name)),
		    "where", xo_json_text(xo_span_from_cstr(row->where)),
		    "text", xo_json_text(xo_span_from_cstr(row->text)))));
	}
	return rows;
}
