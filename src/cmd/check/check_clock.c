/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: the clock, by which certificates are valid. The kernel
 * knows whether something keeps it in step; and some neighbours tell the time.
 */
#include <cmd/check/check.h>

#include <time.h>
#include <sys/timex.h>

#define SKEW_MAX 300

static const struct xo_finding_of clock_of = {"clock", {NULL, 0}, ""};

void
xo_check_clock(struct xo_live *live)
{
	struct timex state = {.modes = 0};

	if (adjtimex(&state) != TIME_ERROR)
		xo_findings_add(live->findings, XO_FINDING_OK, &clock_of,
		    "the kernel says that it is kept in step");
	else
		xo_findings_add(live->findings, XO_FINDING_WARNING, &clock_of,
		    "the kernel says that nothing keeps it in step: does NTP "
		    "run?");
}

/* "... ready at Fri, 12 Jun 2026 10:00:00 +0000" */
static bool
read_time(const char *text, int64_t *time_r)
{
	const char *comma = strchr(text, ',');
	struct tm tm = {0};
	int64_t zone;

	if (comma == NULL ||
	    strptime(comma, ", %d %b %Y %H:%M:%S %z", &tm) == NULL)
		return false;
	zone = tm.tm_gmtoff;		/* timegm() takes it away */
	*time_r = (int64_t)timegm(&tm) - zone;
	return true;
}

void
xo_check_banner_time(struct xo_live *live, const struct xo_finding_of *of,
    struct xo_span banner)
{
	struct xo_buf text = {.p = NULL};
	int64_t told, skew;

	xo_buf_add(&text, banner);
	xo_buf_add_byte(&text, '\0');
	if (text.err == XO_OK && read_time((const char *)text.p, &told)) {
		skew = told - (int64_t)time(NULL);
		if (skew > SKEW_MAX || skew < -SKEW_MAX)
			xo_findings_add(live->findings, XO_FINDING_WARNING, of,
			    "its clock and ours differ by %lld s",
			    (long long)skew);
	}
	xo_buf_fini(&text);
}
