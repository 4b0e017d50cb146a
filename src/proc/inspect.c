/* SPDX-License-Identifier: ISC */
/*
 * Certificates that are no good, and telling of all warnings: see inspect.h.
 */
#include <time.h>

#include <conf/warning.h>

#include "inspect.h"

#define DAY ((int64_t)86400)
/* Of its life at most, lest one that lives only for days be warned of always. */
#define SHARE 4

#define SETTING_SIZE 128

/* A certificate that is shown, and the setting it stands in. */
struct shown {
	const struct xo_tls_leaf *leaf;	/* NULL: none */
	bool is_fit;			/* for the side that shows it */
	struct xo_conf_where where;
	char setting[SETTING_SIZE];
};

typedef void shown_fn(void *arg, const struct shown *shown);

/* From when on it is warned of: a renewal is overdue. */
static int64_t
soon(int64_t from, int64_t until, uint32_t days)
{
	int64_t share = (until - from) / SHARE;
	int64_t limit = days * DAY;

	return until - (share < limit ? share : limit);
}

static struct shown
of_listener(const struct xo_runtime *r, size_t i)
{
	const struct xo_conf *conf = r->conf;
	int tls = conf->listeners[i].tls;
	struct shown shown = {.leaf = NULL};

	if (r->listeners[i] == NULL)
		return shown;
	/* Listeners may share one; the first tells. */
	for (size_t k = 0; k < i; k++)
		if (conf->listeners[k].tls == tls)
			return shown;
	shown.leaf = xo_tls_context_leaf(r->listeners[i]);
	shown.is_fit = true;
	shown.where = conf->tls[tls].certificate.where;
	(void)snprintf(shown.setting, sizeof(shown.setting),
	    "tls.%.60s.certificate", conf->tls[tls].name);
	return shown;
}

static struct shown
of_client(const struct xo_tls_leaf *leaf, bool is_fit, const char *section,
    struct xo_span name, const struct xo_conf_path *file)
{
	struct shown shown = {.leaf = leaf, .is_fit = is_fit,
	    .where = file->where};

	(void)snprintf(shown.setting, sizeof(shown.setting),
	    "%s.%.*s.client_certificate", section,
	    (int)(name.len < 60 ? name.len : 60), (const char *)name.p);
	return shown;
}

static struct shown
of_upstream(const struct xo_runtime *r, size_t i)
{
	return of_client(r->upstreams[i] != NULL ?
	    xo_tls_context_leaf(r->upstreams[i]) : NULL,
	    r->upstreams[i] != NULL &&
	    xo_tls_context_leaf(r->upstreams[i]) != NULL &&
	    xo_tls_context_is_for_clients(r->upstreams[i]), "upstreams",
	    r->conf->policy.upstreams[i].name,
	    &r->conf->upstreams[i].client_certificate);
}

static struct shown
of_tenant(const struct xo_runtime *r, size_t i)
{
	return of_client(r->tenants[i] != NULL ?
	    xo_tls_credential_leaf(r->tenants[i]) : NULL,
	    r->tenants[i] != NULL &&
	    xo_tls_credential_is_for_clients(r->tenants[i]), "tenants",
	    r->conf->policy.tenants[i].name,
	    &r->conf->tenants[i].client_certificate);
}

static struct shown
of_redis(const struct xo_runtime *r)
{
	struct shown shown = {
		.where = r->conf->lookup.redis.client_certificate.where,
		.setting = "redis_client_certificate",
	};

	if (r->redis != NULL)
		shown.leaf = xo_tls_context_leaf(r->redis);
	shown.is_fit = shown.leaf != NULL &&
	    xo_tls_context_is_for_clients(r->redis);
	return shown;
}

/* All that are shown to anybody. */
static void
visit(const struct xo_runtime *r, shown_fn *fn, void *arg)
{
	const struct xo_policy *policy = &r->conf->policy;
	struct shown shown;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		shown = of_listener(r, i);
		if (shown.leaf != NULL)
			fn(arg, &shown);
	}
	for (size_t i = 0; i < policy->n_upstreams; i++) {
		shown = of_upstream(r, i);
		if (shown.leaf != NULL)
			fn(arg, &shown);
	}
	for (size_t i = 0; i < policy->n_tenants; i++) {
		shown = of_tenant(r, i);
		if (shown.leaf != NULL)
			fn(arg, &shown);
	}
	shown = of_redis(r);
	if (shown.leaf != NULL)
		fn(arg, &shown);
}

struct inspection {
	struct xo_warnings *warnings;
	int64_t now;
	uint32_t days;			/* before its end */
};

static void
check_dates(void *arg, const struct shown *s)
{
	const struct inspection *in = arg;
	int64_t from, until;
	char text[32] = "";
	struct tm tm;
	enum xo_rule_id rule = XO_RULE_CERTIFICATE_EXPIRED;

	xo_tls_leaf_validity(s->leaf, &from, &until);
	if (in->now < from)
		rule = XO_RULE_CERTIFICATE_TOO_NEW;
	else if (in->now < soon(from, until, in->days))
		return;
	else if (in->now <= until)
		rule = XO_RULE_CERTIFICATE_ENDS;
	if (gmtime_r(rule == XO_RULE_CERTIFICATE_TOO_NEW ? &from : &until,
	    &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	xo_warnings_add(in->warnings, rule, &s->where, s->setting, "%s %s",
	    rule == XO_RULE_CERTIFICATE_TOO_NEW ? "it begins" :
	    rule == XO_RULE_CERTIFICATE_ENDS ? "it ends" : "it ended", text);
}

static void
check_purpose(void *arg, const struct shown *s)
{
	const struct inspection *in = arg;

	if (!s->is_fit)
		xo_warnings_add(in->warnings, XO_RULE_CERTIFICATE_PURPOSE,
		    &s->where, s->setting, "it, or an issuer in the file, is "
		    "for servers only");
}

static void
check_name(const struct inspection *in, const struct shown *s, bool has_name,
    struct xo_span wanted)
{
	if (s->leaf != NULL && !has_name)
		xo_warnings_add(in->warnings, XO_RULE_CERTIFICATE_NAME,
		    &s->where, s->setting, "it has no name %.*s",
		    (int)wanted.len, (const char *)wanted.p);
}

/* Exchange Online looks for an accepted domain of the tenant, or one below. */
static bool
is_of_tenant(const struct xo_tls_leaf *leaf, const struct xo_tenant *tenant)
{
	for (size_t i = 0; i < tenant->n_originator_orgs; i++) {
		struct xo_span org = tenant->originator_orgs[i];

		if (xo_span_has_prefix_nocase(org, XO_LIT("*.")))
			org = xo_span_from(org, 2);
		if (xo_tls_leaf_has_name(leaf, org, true))
			return true;
	}
	return false;
}

static bool
is_of_some_tenant(const struct xo_policy *policy,
    const struct xo_tls_leaf *leaf)
{
	for (size_t i = 0; i < policy->n_tenants; i++)
		if (is_of_tenant(leaf, &policy->tenants[i]))
			return true;
	return false;
}

static void
check_names(const struct inspection *in, const struct xo_runtime *r)
{
	const struct xo_policy *policy = &r->conf->policy;
	struct shown s;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		s = of_listener(r, i);
		check_name(in, &s, s.leaf != NULL && xo_tls_leaf_has_name(
		    s.leaf, policy->hostname, false), policy->hostname);
	}
	for (size_t i = 0; i < policy->n_upstreams; i++) {
		s = of_upstream(r, i);
		check_name(in, &s, s.leaf != NULL && (xo_tls_leaf_has_name(
		    s.leaf, policy->hostname, false) ||
		    is_of_some_tenant(policy, s.leaf)), policy->hostname);
	}
	for (size_t i = 0; i < policy->n_tenants; i++) {
		s = of_tenant(r, i);
		check_name(in, &s, s.leaf != NULL &&
		    is_of_tenant(s.leaf, &policy->tenants[i]),
		    policy->tenants[i].originator_orgs[0]);
	}
}

static void
check_list(const struct inspection *in, const char *section,
    struct xo_span name, const struct xo_conf_path *file, int64_t expiry)
{
	char setting[SETTING_SIZE];

	if (expiry == 0 || expiry > in->now)
		return;
	(void)snprintf(setting, sizeof(setting), "%s.%.*s.crl_file", section,
	    (int)(name.len < 60 ? name.len : 60), (const char *)name.p);
	xo_warnings_add(in->warnings, XO_RULE_CRL_STALE, &file->where, setting,
	    "a list in it is stale");
}

static void
check_lists(const struct inspection *in, const struct xo_runtime *r)
{
	const struct xo_conf *conf = r->conf;
	const struct xo_policy *policy = &conf->policy;

	for (size_t i = 0; i < policy->n_listeners; i++) {
		struct shown s = of_listener(r, i);
		const struct xo_conf_tls *tls;

		if (s.leaf == NULL)
			continue;
		tls = &conf->tls[conf->listeners[i].tls];
		check_list(in, "tls", xo_span_from_cstr(tls->name),
		    &tls->crl_file,
		    xo_tls_context_crl_expiry(r->listeners[i]));
	}
	for (size_t i = 0; i < policy->n_peers; i++)
		check_list(in, "peers", policy->peers[i].name,
		    &conf->peers[i].crl_file, r->crl_expiry[i]);
	for (size_t i = 0; i < policy->n_upstreams; i++)
		if (r->upstreams[i] != NULL)
			check_list(in, "upstreams", policy->upstreams[i].name,
			    &conf->upstreams[i].crl_file,
			    xo_tls_context_crl_expiry(r->upstreams[i]));
}

bool
xo_runtime_inspect(struct xo_runtime *r, bool is_test, int64_t now,
    struct xo_buf *error)
{
	struct xo_warnings found = {NULL, 0};
	struct inspection in = {.warnings = &found, .now = now,
	    .days = r->conf->certificate_warning};

	if (!xo_conf_check_files(r->conf, is_test, &found, error)) {
		xo_warnings_fini(&found);
		return false;
	}
	visit(r, check_dates, &in);
	visit(r, check_purpose, &in);
	check_names(&in, r);
	xo_runtime_inspect_roots(r, &found);
	check_lists(&in, r);
	xo_warnings_fini(&r->conf->found);
	r->conf->found = found;
	return true;
}

struct alarm {
	int64_t now;
	int64_t at;
	uint32_t days;
};

static void
find_change(void *arg, const struct shown *s)
{
	struct alarm *alarm = arg;
	int64_t from, until;
	int64_t changes[3];

	xo_tls_leaf_validity(s->leaf, &from, &until);
	changes[0] = from;
	changes[1] = soon(from, until, alarm->days);
	changes[2] = until + 1;
	for (size_t i = 0; i < 3; i++)
		if (changes[i] > alarm->now && changes[i] < alarm->at)
			alarm->at = changes[i];
}

int64_t
xo_runtime_inspect_after(const struct xo_runtime *r, int64_t now)
{
	struct alarm alarm = {.now = now, .at = now + DAY,
	    .days = r->conf->certificate_warning};

	visit(r, find_change, &alarm);
	return alarm.at - now;
}

static void
log_list(struct xo_log *log, const struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++) {
		struct xo_log_line *line = xo_log_begin(log, XO_LOG_WARNING,
		    "configuration");

		xo_log_cstr(line, "id",
		    xo_rule(warnings->list[i].rule)->id);
		xo_log_cstr(line, "text", warnings->list[i].text);
		xo_log_end(line);
	}
}

void
xo_runtime_log_warnings(const struct xo_runtime *r, bool is_all)
{
	if (is_all)
		log_list(r->log, &r->conf->warnings);
	log_list(r->log, &r->conf->found);
}

size_t
xo_runtime_count_warnings(const struct xo_runtime *r)
{
	return r->conf->warnings.n + r->conf->found.n;
}
