/* SPDX-License-Identifier: ISC */
/*
 * xoorg probe --as-exchange-online: a listener of ours, visited four times: by a
 * client without a certificate, by one with a certificate of its own making in
 * Microsoft's name, with TLS 1.2 alone, and, if we have one that counts as
 * Microsoft's, by that. Microsoft's real key is Microsoft's; what the forger is
 * told shows all the same that the name is known and the chain looked at
 * (protocol.md 4.5).
 */
#include <cmd/probe/probe.h>

#include <stdarg.h>

#include <cmd/common/finding.h>
#include <cmd/common/json.h>
#include <cmd/common/names.h>
#include <cmd/common/tool.h>

#define MICROSOFT "mail.protection.outlook.com"
/* What an Exchange server takes by default. */
#define SIZE_USUAL 37748736
#define DAYS_LEFT 14

struct tour {
	const struct xo_probe_settings *settings;
	const struct xo_target *target;
	struct xo_findings findings;
	char where[280];
};

static void __attribute__((format(printf, 4, 5)))
tell(struct tour *t, enum xo_finding_level level, const char *kind,
    const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	xo_findings_add(&t->findings, level,
	    &(struct xo_finding_of){kind, {NULL, 0}, t->where}, "%s", text);
}

static struct xo_tls_context *
new_context(struct tour *t, bool has_certificate)
{
	const struct xo_probe_settings *s = t->settings;
	char error[256];
	struct xo_tls_context *context = xo_tls_tool_context_new(
	    &(struct xo_tls_tool_settings){
	    .certificate = has_certificate ? s->certificate : NULL,
	    .key = has_certificate ? s->key : NULL,
	    .trust = s->trust}, error, sizeof(error));

	if (context == NULL)
		tell(t, XO_FINDING_CRITICAL, "usage", "%s", error);
	return context;
}

static void
make_visit(struct tour *t, struct xo_visit *visit,
    struct xo_tls_context *context)
{
	*visit = (struct xo_visit){.settings = &t->settings->visit,
	    .target = *t->target};
	xo_visit_make(visit, context);
}

/* Did it get as far as EHLO after TLS? If not, that is told. */
static bool
is_whole(struct tour *t, const char *kind, const struct xo_visit *visit)
{
	if (visit->step != XO_STEP_OK)
		tell(t, XO_FINDING_CRITICAL, kind, "it ended at %s: %s",
		    xo_visit_stage_name(visit), visit->last);
	else if (!visit->is_tls)
		tell(t, XO_FINDING_CRITICAL, kind, "STARTTLS is not announced, "
		    "and a connector to us demands it");
	return visit->step == XO_STEP_OK && visit->is_tls;
}

static void
check_certificate(struct tour *t, const struct xo_visit *visit)
{
	const struct xo_tls_tool_certificate *leaf;
	size_t before = t->findings.n;

	if (visit->flaw[0] != '\0')
		tell(t, XO_FINDING_CRITICAL, "chain", "it is not accepted: "
		    "%s%s", visit->flaw, visit->chain.n < 2 ?
		    "; the server sent no intermediate certificate" : "");
	if (!visit->has_name)
		tell(t, XO_FINDING_CRITICAL, "name", "the certificate does not "
		    "carry %s, which TlsDomain of the connector demands",
		    xo_visit_tls_name(visit));
	if (visit->chain.n > 0) {
		leaf = &visit->chain.certificates[0];
		if (leaf->days_left < DAYS_LEFT &&
		    leaf->days_left < leaf->days_life / 4)
			tell(t, leaf->days_left < 0 ? XO_FINDING_CRITICAL :
			    XO_FINDING_WARNING, "certificate", "it ends %s",
			    leaf->not_after);
	}
	if (t->findings.n == before)
		tell(t, XO_FINDING_OK, "certificate", "chain and name %s are "
		    "good", xo_visit_tls_name(visit));
}

static void
check_size(struct tour *t, const struct xo_visit *visit)
{
	const struct xo_caps *caps = &visit->caps_after;

	if (!xo_caps_has(caps, XO_CAP_SIZE) || caps->size == 0)
		tell(t, XO_FINDING_OK, "size", "no limit is announced");
	else
		tell(t, caps->size < SIZE_USUAL ? XO_FINDING_WARNING :
		    XO_FINDING_OK, "size", "SIZE %llu%s",
		    (unsigned long long)caps->size, caps->size < SIZE_USUAL ?
		    ": less than Exchange takes by default, so longer mail of "
		    "the tenant bounces" : "");
}

static void
visit_as_stranger(struct tour *t, struct xo_tls_context *context)
{
	struct xo_visit visit;

	make_visit(t, &visit, context);
	if (xo_caps_has(&visit.caps_before, XO_CAP_XOORG) ||
	    xo_caps_has(&visit.caps_after, XO_CAP_XOORG))
		tell(t, XO_FINDING_CRITICAL, "stranger", "XOORG is announced "
		    "to a client without a certificate");
	if (is_whole(t, "stranger", &visit)) {
		if (!xo_visit_is_announced(&visit))
			tell(t, XO_FINDING_OK, "stranger", "without a "
			    "certificate there is no XOORG");
		tell(t, visit.was_asked ? XO_FINDING_OK : XO_FINDING_CRITICAL,
		    "request", visit.was_asked ? "a client certificate is "
		    "asked for" : "no client certificate is asked for: no "
		    "peer of the listener has names");
		tell(t, XO_FINDING_OK, "tls", "%s %s", visit.version,
		    visit.cipher);
		check_certificate(t, &visit);
		check_size(t, &visit);
	}
	xo_visit_fini(&visit);
}

/* Exchange Online speaks 1.2 at some hosts (protocol.md 4.4). */
static void
visit_with_1_2(struct tour *t, struct xo_tls_context *context)
{
	struct xo_visit visit;

	xo_tls_tool_set_maximum_1_2(context);
	make_visit(t, &visit, context);
	if (visit.is_tls)
		tell(t, XO_FINDING_OK, "tls", "%s %s", visit.version,
		    visit.cipher);
	else
		tell(t, XO_FINDING_WARNING, "tls", "TLS 1.2 is not spoken: not "
		    "all of Exchange Online's hosts are known to speak 1.3");
	xo_visit_fini(&visit);
}

static void
visit_as_forger(struct tour *t, struct xo_tls_context *context)
{
	struct xo_visit visit;

	if (!xo_tls_tool_forge(context, MICROSOFT)) {
		tell(t, XO_FINDING_WARNING, "forger", "no certificate could be "
		    "made");
		return;
	}
	make_visit(t, &visit, context);
	if (xo_visit_is_announced(&visit))
		tell(t, XO_FINDING_CRITICAL, "forger", "XOORG is announced to a "
		    "certificate for %s that signed itself", MICROSOFT);
	else if (visit.stage == XO_VISIT_EHLO_AFTER &&
	    strncmp(visit.last, "454 4.7.5", 9) == 0)
		tell(t, XO_FINDING_OK, "forger", "a certificate for %s that "
		    "signed itself is refused: %s", MICROSOFT, visit.last);
	else if (is_whole(t, "forger", &visit))
		tell(t, XO_FINDING_WARNING, "forger", "a certificate for %s "
		    "that signed itself gets no XOORG, and no 454 4.7.5 "
		    "either: no peer here has that name, or bad_certificate "
		    "is not \"refuse\"", MICROSOFT);
	xo_visit_fini(&visit);
}

static void
visit_as_microsoft(struct tour *t)
{
	struct xo_tls_context *context;
	struct xo_visit visit;
	const char *name;

	if (t->settings->certificate == NULL) {
		tell(t, XO_FINDING_OK, "client", "no --certificate: that XOORG "
		    "is announced to Exchange Online shows in its first mail");
		return;
	}
	context = new_context(t, true);
	if (context == NULL)
		return;
	make_visit(t, &visit, context);
	name = visit.own.n > 0 ? xo_tls_tool_certificate_name(
	    &visit.own.certificates[0]) : "";
	if (xo_visit_is_announced(&visit))
		tell(t, XO_FINDING_OK, "client", "XOORG is announced to our "
		    "certificate for %s", name);
	else if (is_whole(t, "client", &visit))
		tell(t, XO_FINDING_CRITICAL, "client", "XOORG is not announced "
		    "to our certificate for %s", name);
	xo_visit_fini(&visit);
	xo_tls_context_free(&context);
}

/* The name of an MX is what senders look for in the certificate. */
static void
check_mx(struct tour *t)
{
	const char *domain = t->settings->domain;
	struct xo_names *names;
	struct xo_mx list[XO_MX_MAX];
	enum xo_lookup_result result = XO_LOOKUP_TEMPORARY;
	struct xo_span name = xo_span_from_cstr(
	    t->settings->visit.tls_name != NULL ?
	    t->settings->visit.tls_name : t->target->host);
	size_t n = 0;

	if (domain == NULL)
		return;
	names = xo_names_new(t->settings->resolver);
	if (names != NULL)
		result = xo_names_mx(names, domain, list, &n);
	xo_names_free(&names);
	for (size_t i = 0; i < n; i++) {
		if (xo_span_is_equal_nocase(name,
		    xo_span_from_cstr(list[i].name))) {
			tell(t, XO_FINDING_OK, "mx", "%s is an MX of %s",
			    list[i].name, domain);
			return;
		}
	}
	tell(t, XO_FINDING_WARNING, "mx", "MX of %s: %s%s%s", domain,
	    n > 0 ? list[0].name : xo_lookup_result_name(result),
	    n > 0 ? ", not " : "", n > 0 ? (const char *)name.p : "");
}

static void
print(const struct tour *t)
{
	json_t *json;

	if (!t->settings->is_json) {
		xo_findings_print(&t->findings, stdout);
		return;
	}
	json = xo_tool_require(json_pack("{s:s, s:s, s:s, s:o}",
	    "host", t->target->host, "port", t->target->port,
	    "result", xo_finding_level_name(xo_findings_worst(&t->findings, 0)),
	    "findings", xo_findings_json(&t->findings)));
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

int
xo_probe_as_exchange_online(const struct xo_probe_settings *settings,
    const struct xo_target *target)
{
	struct tour t = {.settings = settings, .target = target};
	struct xo_tls_context *context;
	int result;

	snprintf(t.where, sizeof(t.where), "%s:%s", target->host,
	    target->port);
	context = new_context(&t, false);
	if (context != NULL) {
		visit_as_stranger(&t, context);
		visit_as_forger(&t, context);
		visit_with_1_2(&t, context);
		visit_as_microsoft(&t);
		check_mx(&t);
	}
	xo_tls_context_free(&context);
	print(&t);
	result = (int)xo_findings_worst(&t.findings, 0);
	xo_findings_fini(&t.findings);
	return result;
}
