/* SPDX-License-Identifier: ISC */
/*
 * The last hour as a drawing: a bar for each minute, a colour for each verdict.
 * An SVG in the page, without a script; its words stand beside it, as text, so
 * that they do not shrink with it.
 */
#include "status_html.h"

#define WIDTH 10			/* of a minute */
#define HEIGHT 200
/* More is no rate, but a worker that was taken over. */
#define MOST ((uint64_t)1000 * 1000 * 1000)

static uint64_t
messages(const struct xo_snapshot *snapshot, int minute, int verdict)
{
	uint64_t n = snapshot->minutes[minute][verdict];

	return n < MOST ? n : MOST;
}

static uint64_t
all_messages(const struct xo_snapshot *snapshot, int minute)
{
	uint64_t n = 0;

	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		n += messages(snapshot, minute, v);
	return n;
}

/* 1, 2 or 5 with zeros: what the plot is as high as. */
static uint64_t
round_up(uint64_t n)
{
	uint64_t top = 1;

	for (int i = 0; top < n; i++)
		top = i % 3 == 1 ? top / 2 * 5 : top * 2;
	return top;
}

static void
add_bar(struct xo_buf *out, int verdict, int minute, uint64_t y, uint64_t height)
{
	int x = (XO_MINUTES - 1 - minute) * WIDTH + 1;

	xo_buf_add_cstr(out, "<rect class=\"v");
	xo_buf_add_u64(out, (uint64_t)verdict);
	xo_buf_add_cstr(out, "\" x=\"");
	xo_buf_add_u64(out, (uint64_t)x);
	xo_buf_add_cstr(out, "\" y=\"");
	xo_buf_add_u64(out, y);
	xo_buf_add_cstr(out, "\" width=\"8\" height=\"");
	xo_buf_add_u64(out, height);
	xo_buf_add_cstr(out, "\"/>");
}

static void
add_minute(const struct xo_snapshot *snapshot, struct xo_buf *out, int minute,
    uint64_t top)
{
	uint64_t y = HEIGHT, sum = 0;

	if (all_messages(snapshot, minute) == 0)
		return;
	xo_buf_add_cstr(out, "<g><title>");
	xo_buf_add_u64(out, (uint64_t)minute);
	xo_buf_add_cstr(out, " min ago: ");
	xo_html_add_number(out, all_messages(snapshot, minute));
	xo_buf_add_cstr(out, "</title>");
	for (int v = 0; v < XO_VERDICT_COUNT; v++) {
		uint64_t end;

		sum += messages(snapshot, minute, v);
		end = HEIGHT - sum * HEIGHT / top;
		/* One message among thousands is seen, too. */
		if (messages(snapshot, minute, v) > 0 && end >= y && y >= 2)
			end = y - 2;
		if (end < y)
			add_bar(out, v, minute, end, y - end);
		y = end < y ? end : y;
	}
	xo_buf_add_cstr(out, "</g>\n");
}

static void
add_key(const struct xo_snapshot *snapshot, struct xo_buf *out)
{
	xo_buf_add_cstr(out, "<div class=\"key\">");
	for (int v = 0; v < XO_VERDICT_COUNT; v++) {
		uint64_t n = 0;

		for (int i = 0; i < XO_MINUTES; i++)
			n += messages(snapshot, i, v);
		if (n == 0)
			continue;
		xo_buf_add_cstr(out, "<span><i class=\"v");
		xo_buf_add_u64(out, (uint64_t)v);
		xo_buf_add_all(out, "\"></i>",
		    xo_verdict_name((enum xo_verdict)v), " ", (char *)NULL);
		xo_html_add_number(out, n);
		xo_buf_add_cstr(out, "</span>");
	}
	xo_buf_add_cstr(out, "</div>");
}

static void
add_drawing(const struct xo_snapshot *snapshot, struct xo_buf *out,
    uint64_t peak, uint64_t sum)
{
	uint64_t top = round_up(peak);

	xo_buf_add_cstr(out, "<figure><div class=\"axis\"><span>");
	xo_html_add_number(out, top);
	xo_buf_add_cstr(out, " a minute</span><span>");
	xo_html_add_number(out, sum);
	xo_buf_add_cstr(out, sum == 1 ? " message" : " messages");
	xo_buf_add_cstr(out, "</span></div>\n<svg viewBox=\"0 0 600 200\" "
	    "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Messages "
	    "a minute\"><line x1=\"0\" y1=\"100\" x2=\"600\" y2=\"100\"/>\n");
	for (int i = XO_MINUTES - 1; i >= 0; i--)
		add_minute(snapshot, out, i, top);
	xo_buf_add_cstr(out, "</svg>\n<div class=\"axis\"><span>60 min ago"
	    "</span><span>30 min</span><span>now</span></div>\n");
	add_key(snapshot, out);
	xo_buf_add_cstr(out, "</figure>\n");
}

void
xo_status_plot(const struct xo_page *page, struct xo_buf *out)
{
	uint64_t peak = 0, sum = 0;

	for (int i = 0; i < XO_MINUTES; i++) {
		uint64_t n = all_messages(page->snapshot, i);

		peak = n > peak ? n : peak;
		sum += n;
	}
	xo_buf_add_cstr(out, "<h2>The last hour</h2>\n");
	if (sum == 0)
		xo_buf_add_cstr(out, "<p>No message.</p>\n");
	else
		add_drawing(page->snapshot, out, peak, sum);
}
