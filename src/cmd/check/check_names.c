/* SPDX-License-Identifier: ISC */
/*
 * xoorg check --live: what DNS says of the gateway and of its tenants' domains.
 * A connector of Exchange Online finds the gateway by its name; receivers ask
 * what its address is called.
 */
#include <cmd/check/check.h>

#include <netdb.h>

#include <conf/place.h>

/* Of the domains of one configuration. */
#define DOMAINS_MAX 20

static void
check_reverse(struct xo_live *live, const char *hostname,
    const struct xo_place *place)
{
	struct xo_finding_of of = {"dns", {NULL, 0}, NULL};
	char text[NI_MAXHOST];
	char name[XO_MX_NAME_SIZE];
	struct xo_conf_host host = {.host = text, .port = 25};

	/* analyser: the resolver wrote it */
	if (getnameinfo((const struct sockaddr *)&place->address, place->len,
	    text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
		return;
	of.where = text;
	if (!xo_host_is_public(&host)) {
		xo_findings_add(live->findings, XO_FINDING_OK, &of,
		    "%s is there, at a private address", hostname);
		return;
	}
	(void)xo_names_of(live->names, (const struct sockaddr *)&place->address,
	    name);
	if (xo_span_is_equal_nocase(xo_span_from_cstr(name),
	    xo_span_from_cstr(hostname)))
		xo_findings_add(live->findings, XO_FINDING_OK, &of,
		    "%s is there, and called so", hostname);
	else
		xo_findings_add(live->findings, XO_FINDING_WARNING, &of,
		    "%s is there, but its PTR is %s", hostname,
		    name[0] != '\0' ? name : "missing");
}

static void
check_hostname(struct xo_live *live)
{
	struct xo_span name = live->conf->policy.hostname;
	const struct xo_finding_of of = {"dns", name, ""};
	struct xo_resolved list[XO_RESOLVED_MAX];
	char hostname[XO_MX_NAME_SIZE];
	enum xo_lookup_result result;
	size_t n;

	snprintf(hostname, sizeof(hostname), "%.*s", (int)name.len,
	    (const char *)name.p);
	result = xo_names_hosts(live->names, hostname, list, &n);
	if (result != XO_LOOKUP_OK)
		xo_findings_add(live->findings, XO_FINDING_WARNING, &of,
		    "its address: %s; a connector to this name finds nobody",
		    xo_lookup_result_name(result));
	for (size_t i = 0; i < n; i++)
		check_reverse(live, hostname, &list[i].place);
}

static void
check_domain(struct xo_live *live, struct xo_span domain)
{
	const struct xo_finding_of of = {"mx", domain, ""};
	struct xo_mx list[XO_MX_MAX];
	char text[XO_MX_NAME_SIZE];
	struct xo_buf all = {.p = NULL};
	enum xo_lookup_result result;
	size_t n;

	snprintf(text, sizeof(text), "%.*s", (int)domain.len,
	    (const char *)domain.p);
	result = xo_names_mx(live->names, text, list, &n);
	for (size_t i = 0; i < n; i++)
		xo_buf_add_all(&all, i > 0 ? ", " : "", list[i].name,
		    (char *)NULL);
	xo_buf_add_byte(&all, '\0');
	/* Where mail of the Internet comes in is for the tenant to say. */
	xo_findings_add(live->findings, result == XO_LOOKUP_TEMPORARY
	    ? XO_FINDING_WARNING : XO_FINDING_OK, &of, "%s",
	    result == XO_LOOKUP_OK && all.err == XO_OK
	    ? (const char *)all.p : xo_lookup_result_name(result));
	xo_buf_fini(&all);
}

void
xo_check_names(struct xo_live *live)
{
	const struct xo_finding_of of = {"dns", {NULL, 0}, ""};
	const struct xo_policy *policy = &live->conf->policy;
	size_t n = 0;

	if (live->names == NULL) {
		xo_findings_add(live->findings, XO_FINDING_CRITICAL, &of,
		    "there is no resolver");
		return;
	}
	check_hostname(live);
	for (size_t i = 0; i < policy->n_tenants; i++) {
		const struct xo_tenant *tenant = &policy->tenants[i];

		for (size_t k = 0; k < tenant->n_recipient_domains; k++)
			if (tenant->recipient_domains[k].p[0] != '*' &&
			    n++ < DOMAINS_MAX)
				check_domain(live,
				    tenant->recipient_domains[k]);
	}
}
