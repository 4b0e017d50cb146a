/* SPDX-License-Identifier: ISC */
/*
 * The header wall against the oracle: in no way of reading what comes out is
 * there a protected field. The finder sees the same whole and in pieces.
 */
#include <xoorg/header.h>
#include <xoorg/wall.h>

#include <unit/wall_views.h>

#include "fuzz.h"

#define HOST "gw.contoso.com"

static const char *const names[] = {
	"X-MS-Exchange-Organization-", "X-MS-Exchange-CrossPremises-",
	"X-MS-Exchange-Forest-", "=X-OriginatorOrg",
	"=X-OriginatorOrganization", "X-MS-Exchange-CrossTenant-",
	"X-MS-Exchange-Transport-CrossTenantHeaders",
	"=X-OrganizationHeadersPreserved", NULL
};

static const struct view_search protected_names = {names, {NULL, 0}, 0};

static void
check_view(struct xo_span out, const struct view_search *search)
{
	char name[80];

	if (views_find(out, search, name, sizeof(name)) >= 0) {
		fprintf(stderr, "found: %s\n", name);
		abort();
	}
}

/* The oracle looks through colons in an authserv-id, as nobody else does. */
static void
check_results(struct xo_span out)
{
	const struct view_search search = {NULL, XO_LIT(HOST), 0};
	struct xo_buf copy = {0};
	bool is_value = false;

	for (size_t i = 0; i < out.len; i++) {
		bool is_begin = i == 0 || out.p[i - 1] == '\n';

		if (is_begin)
			is_value = out.p[i] == ' ' || out.p[i] == '\t';
		xo_buf_add_byte(&copy, is_value && out.p[i] == ':' ?
		    'x' : out.p[i]);
		is_value |= out.p[i] == ':';
	}
	check_view(xo_buf_span(&copy), &search);
	xo_buf_fini(&copy);
}

static void
check_out(struct xo_span out)
{
	check_view(out, &protected_names);
	check_results(out);
	for (size_t i = 0; i < out.len; i++) {
		if (out.p[i] == '\n')
			MUST(i > 0 && out.p[i - 1] == '\r');
		if (out.p[i] == '\r')
			MUST(i + 1 < out.len && out.p[i + 1] == '\n');
		MUST(out.p[i] != '\0');
	}
}

static void
check_finder(struct xo_span in)
{
	struct xo_header_finder whole = {0}, slow = {0};
	size_t len = 0, len_slowly = 0;
	enum xo_err err = xo_header_find(&whole, in, &len), again = XO_MORE;

	for (size_t n = 1; n <= in.len && again == XO_MORE; n++)
		again = xo_header_find(&slow, xo_span_first(in, n),
		    &len_slowly);
	MUST(err == again || in.len == 0);
	MUST(len == len_slowly && len <= in.len);
}

/* Whole, and octet by octet. */
static size_t
find_end(struct xo_header_finder *finder, struct xo_span in)
{
	struct xo_header_finder slow = {.repairs = true};
	size_t len = 0, len_slowly = 0;
	enum xo_err err = xo_header_find(finder, in, &len), again = XO_MORE;

	for (size_t n = 1; n <= in.len && again == XO_MORE; n++)
		again = xo_header_find(&slow, xo_span_first(in, n),
		    &len_slowly);
	if (err == XO_MORE)
		len = xo_header_end(finder, in);
	if (again == XO_MORE)
		len_slowly = xo_header_end(&slow, in);
	MUST(len == len_slowly && len <= in.len);
	MUST(finder->fault == slow.fault);
	return len;
}

/* Repaired: neither the header nor what has become body shows a field. */
static void
check_repair(struct xo_wall wall, struct xo_span in)
{
	struct xo_header_finder finder = {.repairs = true};
	struct view_search search = protected_names;
	struct xo_wall_report report;
	struct xo_buf out = {0};
	size_t len = find_end(&finder, in);

	wall.repairs = true;
	wall.ends_early = finder.fault;
	xo_buf_add_cstr(&out, "Received: by " HOST "\r\n");
	if (xo_wall_apply(&wall, xo_span_first(in, len), &out, &report) ==
	    XO_REFUSAL_NONE) {
		check_out(xo_buf_span(&out));
		xo_buf_add(&out, xo_span_from(in, len));
		search.without = VIEW_NO_END;
		if (finder.fault == XO_FAULT_NONE)
			search.without |= VIEW_UNFOLDS_FIRST;
		check_view(xo_buf_span(&out), &search);
	} else {
		MUST(report.fault.kind >= XO_FAULT_REPAIRABLE);
		xo_fault_write(&out, &report.fault);
		xo_fault_write_place(&out, &report.fault);
	}
	xo_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_wall wall = {
		.remove = XO_WALL_ALWAYS | XO_WALL_CROSS_PREMISES |
		    XO_WALL_CROSS_TENANT | XO_WALL_SENDER_TRACE,
		.hostname = XO_LIT(HOST), .max_fields = 50, .max_line = 1000,
	};
	struct xo_span in = xo_span(data, size);
	struct xo_header_finder finder = {0};
	struct xo_wall_report report;
	struct xo_buf out = {0};

	check_finder(in);
	check_repair(wall, in);
	if (xo_header_find(&finder, in, &in.len) != XO_OK)
		in.len = size;
	if (xo_wall_apply(&wall, in, &out, &report) == XO_REFUSAL_NONE) {
		check_out(xo_buf_span(&out));
		MUST(fuzz_is_inside(report.originator_org, in));
	}
	xo_buf_clear(&out);
	wall.remove = XO_WALL_ALWAYS;
	wall.promote = true;
	if (xo_wall_apply(&wall, in, &out, &report) == XO_REFUSAL_NONE)
		MUST(report.n_promoted <= report.n_fields);
	xo_buf_fini(&out);
	return 0;
}
