/* SPDX-License-Identifier: ISC */
/*
 * A report as text, and as one page of HTML that needs nothing else.
 */
#include <cmd/report/report.h>

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *table;
	const char *title;
	const char *empty;		/* what it means that there is none */
} sections[] = {
	{"orgs", "Originator organisations", "No message brought XOORG."},
	{"tenants", "Tenants", "No message was a tenant's."},
	{"refusals", "Refusals, by reason", "Nothing was refused."},
	{"certificates", "Certificates and handshakes that failed",
	    "None failed."},
	{"trouble", "Trouble of the gateway itself", "None."},
};

#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL && *text != '\0' ? text : "-";
}

static json_int_t
of(const json_t *report, const char *verdict)
{
	return xo_report_sum(json_object_get(json_object_get(report,
	    "verdicts"), verdict));
}

static json_int_t
would_refuse(const json_t *report)
{
	const json_t *would = json_object_get(report, "would");

	return json_integer_value(json_object_get(would, "reject")) +
	    json_integer_value(json_object_get(would, "tempfail"));
}

/* One line that says whether somebody has to look. */
static void
say_sum(const json_t *report, FILE *out)
{
	fprintf(out, "%lld messages: %lld verified, %lld of foreign "
	    "organisations, %lld refused, %lld demoted to ordinary mail.",
	    (long long)xo_report_sum(json_object_get(report, "verdicts")),
	    (long long)of(report, "verified"),
	    (long long)of(report, "unknown_org"),
	    (long long)(xo_report_action(report, "reject") +
	    xo_report_action(report, "tempfail")),
	    (long long)xo_report_action(report, "demote"));
	if (would_refuse(report) > 0)
		fprintf(out, " Enforcing would have refused %lld.",
		    (long long)would_refuse(report));
}

/* What came from outside steers no terminal. */
static void
put_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc(*text >= ' ' && *text < 0x7f ? *text : '?', out);
}

static void
print_row(const char *table, const struct xo_report_row *row, FILE *out)
{
	static const char *const keys[] = {"tenant", "verdict", "would"};

	fprintf(out, "  %8lld  ", (long long)row->n);
	put_text(row->name, out);
	for (size_t i = 0; strcmp(table, "orgs") == 0 && i < 3; i++) {
		fputs(i == 0 ? " (tenant " : ", ", out);
		put_text(text_of(row->value, keys[i]), out);
	}
	fputs(strcmp(table, "orgs") == 0 ? ")\n" : "\n", out);
}

typedef void put(const char *text, FILE *out);

/* "mta, 3 upstream-lost": a next hop, and what went wrong with it. */
static void
put_upstream(put *put_it, const char *name, const json_t *upstream, FILE *out)
{
	const char *reason;
	json_t *n;

	put_it(name, out);
	json_object_foreach(json_object_get(upstream, "reasons"), reason, n) {
		fprintf(out, ", %lld ", (long long)json_integer_value(n));
		put_it(reason, out);
	}
}

static void
print_upstreams(const json_t *report, put *put_it, const char *const form[3],
    FILE *out)
{
	const char *name;
	json_t *upstream;

	json_object_foreach(json_object_get(report, "upstreams"), name,
	    upstream) {
		fprintf(out, "%s%8lld%s", form[0],
		    (long long)json_integer_value(json_object_get(upstream,
		    "delivered")), form[1]);
		put_upstream(put_it, name, upstream, out);
		fputs(form[2], out);
	}
}

void
xo_report_print_text(const json_t *report, size_t top, FILE *out)
{
	static const char *const form[] = {"  ", "  ", "\n"};

	fprintf(out, "From %s to %s\n", text_of(report, "from"),
	    text_of(report, "to"));
	say_sum(report, out);
	fputc('\n', out);
	for (size_t i = 0; i < N_SECTIONS; i++) {
		const json_t *table =
		    json_object_get(report, sections[i].table);
		size_t n;
		struct xo_report_row *rows = xo_report_rows(table, top, &n);

		fprintf(out, "\n%s\n", sections[i].title);
		if (n == 0)
			fprintf(out, "  %s\n", sections[i].empty);
		for (size_t row = 0; row < n; row++)
			print_row(sections[i].table, &rows[row], out);
		if (json_object_size(table) > n)
			fprintf(out, "  and %zu more\n",
			    json_object_size(table) - n);
		free(rows);
	}
	fputs("\nNext hops: delivered, and what failed\n", out);
	print_upstreams(report, put_text, form, out);
}

static void
put_html(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void
put_cell(const char *text, FILE *out)
{
	fputs("<td>", out);
	put_html(text, out);
	fputs("</td>", out);
}

static const char head[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content=\"width=device-width\">"
    "<title>xoorgd: report</title><style>"
    "body{font:16px/1.5 sans-serif;max-width:52em;margin:1em auto;"
    "padding:0 1em;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}"
    "td{border-top:1px solid #ccc;padding:.2em .6em .2em 0;"
    "text-align:left;vertical-align:top}"
    "td:first-child{text-align:right;width:3em}h1{font-size:1.4em}"
    "h2{font-size:1.1em}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
    "</style>\n";

static void
print_html_section(const json_t *report, size_t i, size_t top, FILE *out)
{
	size_t n;
	struct xo_report_row *rows = xo_report_rows(json_object_get(report,
	    sections[i].table), top, &n);

	fprintf(out, "<h2>%s</h2>\n", sections[i].title);
	if (n == 0)
		fprintf(out, "<p>%s</p>\n", sections[i].empty);
	fputs("<table>\n", out);
	if (n > 0 && json_is_object(rows[0].value))
		fputs("<tr><td>mails<td>organisation<td>tenant<td>verdict"
		    "<td>enforced</tr>\n", out);
	for (size_t row = 0; row < n; row++) {
		fprintf(out, "<tr><td>%lld</td>", (long long)rows[row].n);
		put_cell(rows[row].name, out);
		if (json_is_object(rows[row].value)) {
			put_cell(text_of(rows[row].value, "tenant"), out);
			put_cell(text_of(rows[row].value, "verdict"), out);
			put_cell(text_of(rows[row].value, "would"), out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
	free(rows);
}

void
xo_report_print_html(const json_t *report, size_t top, FILE *out)
{
	static const char *const form[] = {"<tr><td>", "</td><td>",
	    "</td></tr>\n"};

	fputs(head, out);
	fputs("<h1>What passed the gateway</h1>\n<p>From ", out);
	put_html(text_of(report, "from"), out);
	fputs(" to ", out);
	put_html(text_of(report, "to"), out);
	fputs("</p>\n<p>", out);
	say_sum(report, out);
	fputs("</p>\n", out);
	for (size_t i = 0; i < N_SECTIONS; i++)
		print_html_section(report, i, top, out);
	fputs("<h2>Next hops: delivered, and what failed</h2>\n<table>\n",
	    out);
	print_upstreams(report, put_html, form, out);
	fputs("</table></html>\n", out);
}
