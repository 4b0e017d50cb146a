/* SPDX-License-Identifier: ISC */
/* See failure.h. */
#include <netinet/in.h>

#include "failure.h"
#include "hop_internal.h"
#include "search.h"

/* "mail.contoso.com:25": as the configuration, or DNS, names it. */
static void
add_host(struct xo_log_line *line, const struct xo_candidate *candidate)
{
	const struct sockaddr_storage *at = &candidate->place.address;
	bool is_ipv6 = strchr(candidate->name, ':') != NULL;
	struct xo_buf text = {0};

	xo_buf_add_all(&text, is_ipv6 ? "[" : "", candidate->name,
	    is_ipv6 ? "]:" : ":", (char *)NULL);
	xo_buf_add_u64(&text, ntohs(at->ss_family == AF_INET6 ?
	    ((const struct sockaddr_in6 *)(const void *)at)->sin6_port :
	    ((const struct sockaddr_in *)(const void *)at)->sin_port));
	xo_log_str(line, "host", xo_buf_span(&text));
	xo_buf_fini(&text);
}

/* Which announcement was waited for in vain, and where to look for it. NULL: it
 * was something else. */
static const char *
missing(const struct xo_opening *o, enum xo_refusal why)
{
	const struct xo_caps *caps = &o->caps;

	if (why == XO_REFUSAL_UPSTREAM_HANDOVER && !o->is_handed_over)
		return xo_caps_has(caps, XO_CAP_XCLIENT) ?
		    "XCLIENT was announced without ADDR" :
		    "XCLIENT was not announced: "
		    "smtpd_authorized_xclient_hosts?";
	if (why == XO_REFUSAL_UPSTREAM_TLS && !o->is_tls &&
	    !xo_caps_has(caps, XO_CAP_STARTTLS))
		return "STARTTLS was not announced: has it a certificate?";
	if (why == XO_REFUSAL_UPSTREAM_XOORG)
		return "XOORG was not announced: does it trust our client "
		    "certificate, and know its name (TlsDomainCapabilities)?";
	return NULL;
}

void
xo_hop_log_failure(const struct xo_hops *hops, const struct xo_failure *f)
{
	struct xo_log_line *line = xo_log_begin(hops->env->log,
	    XO_LOG_WARNING, "upstream");
	const char *what = f->opening != NULL ?
	    missing(f->opening, f->why) : NULL;

	xo_log_str(line, "upstream", xo_hop_policy(hops, f->upstream)->name);
	if (f->candidate != NULL)
		add_host(line, f->candidate);
	else if (f->name != NULL)
		xo_log_cstr(line, "host", f->name);
	xo_log_cstr(line, "reason", xo_refusal_info(f->why)->id);
	xo_log_words(line, "said", f->said);
	if (what != NULL)
		xo_log_cstr(line, "missing", what);
	xo_log_end(line);
}
