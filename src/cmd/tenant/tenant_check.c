/* SPDX-License-Identifier: ISC */
/*
 * What stands in the certificates of tenants, against the tenants. That no
 * organisation is claimed twice was seen to when the source was loaded.
 */
#include <cmd/common/tls_tool.h>
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <conf/folder.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct seen {
	const struct xo_tenant *tenant;
	struct xo_shown shown;
	char *fingerprint;
};

struct check {
	struct seen *seen;
	size_t n;
	size_t n_found;
};

__attribute__((format(printf, 3, 4))) static void
tell(struct check *check, const struct seen *s, const char *format, ...)
{
	va_list arguments;

	printf("%s:%d: %.*s: ", s->shown.certificate.where.file,
	    s->shown.certificate.where.line, (int)s->tenant->name.len,
	    (const char *)s->tenant->name.p);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	check->n_found++;
}

/* The domain, one below it, or *. before either: what Exchange Online finds. */
static bool
is_of_org(struct xo_span name, struct xo_span org)
{
	if (xo_span_has_prefix_nocase(org, XO_LIT("*.")))
		org = xo_span_from(org, 2);
	if (name.len < org.len || !xo_span_is_equal_nocase(
	    xo_span_from(name, name.len - org.len), org))
		return false;
	return name.len == org.len || name.p[name.len - org.len - 1] == '.';
}

static bool
has_own_name(const struct xo_tls_tool_certificate *leaf,
    const struct xo_tenant *tenant)
{
	for (size_t i = 0; i < leaf->n_names; i++) {
		struct xo_span name = xo_span_from_cstr(leaf->names[i]);

		if (!xo_span_has_prefix_nocase(name, XO_LIT("DNS:")))
			continue;
		name = xo_span_from(name, 4);
		for (size_t k = 0; k < tenant->n_originator_orgs; k++)
			if (is_of_org(name, tenant->originator_orgs[k]))
				return true;
	}
	return false;
}

static void
check_leaf(struct check *check, struct seen *s,
    const struct xo_tls_tool_certificate *leaf, uint64_t days)
{
	if (!has_own_name(leaf, s->tenant))
		tell(check, s, "%s has no name of its originator_orgs",
		    s->shown.certificate.path);
	if (leaf->days_left < 0)
		tell(check, s, "%s ended %s",
		    s->shown.certificate.path, leaf->not_after);
	else if ((uint64_t)leaf->days_left < days)
		tell(check, s, "%s ends %s", s->shown.certificate.path,
		    leaf->not_after);
	s->fingerprint = strdup(leaf->fingerprint);
	(void)xo_tool_require(s->fingerprint);
}

static void
check_tenant(struct check *check, struct seen *s, uint64_t days)
{
	struct xo_tls_tool_settings settings = {
		.certificate = s->shown.certificate.path,
		.key = s->shown.key.path,
		.trust = s->shown.certificate.path,
	};
	struct xo_tls_tool_chain chain = {NULL, 0};
	char error[256];
	struct xo_tls_context *context = xo_tls_tool_context_new(
	    &settings, error, sizeof(error));

	if (context == NULL) {
		tell(check, s, "%s", error);
		return;
	}
	xo_tls_tool_own_chain(context, &chain);
	if (chain.n > 0)
		check_leaf(check, s, &chain.certificates[0], days);
	xo_tls_tool_chain_fini(&chain);
	xo_tls_context_free(&context);
}

/* Those without one last. */
static int
compare_seen(const void *a, const void *b)
{
	const struct seen *first = a, *second = b;

	if (first->fingerprint == NULL || second->fingerprint == NULL)
		return (first->fingerprint == NULL) -
		    (second->fingerprint == NULL);
	return strcmp(first->fingerprint, second->fingerprint);
}

static void
check_twins(struct check *check)
{
	qsort(check->seen, check->n, sizeof(*check->seen), compare_seen);
	for (size_t i = 1; i < check->n; i++) {
		const struct seen *s = &check->seen[i];

		if (s->fingerprint == NULL || s[-1].fingerprint == NULL ||
		    strcmp(s[-1].fingerprint, s->fingerprint) != 0)
			continue;
		tell(check, s, "%s is the certificate of tenant %.*s, too",
		    s->shown.certificate.path,
		    (int)s[-1].tenant->name.len,
		    (const char *)s[-1].tenant->name.p);
	}
}

int
xo_tenant_check(const struct xo_tenant_settings *settings,
    const struct xo_tenant_source *source)
{
	struct check check = {
		.n_found = xo_tenant_check_records(settings, source),
	};

	check.seen = xo_tool_require(calloc(source->n + 1,
	    sizeof(*check.seen)));
	for (size_t i = 0; i < source->n; i++) {
		struct seen *s = &check.seen[check.n];

		s->tenant = &source->conf->policy.tenants[i];
		if (!xo_shown_find(&s->shown, source->conf, i)) {
			xo_shown_fini(&s->shown);
			continue;
		}
		check_tenant(&check, s, settings->days);
		check.n++;
	}
	check_twins(&check);
	printf("%zu tenants, %zu with a certificate, %zu found\n", source->n,
	    check.n, check.n_found);
	for (size_t i = 0; i < check.n; i++) {
		free(check.seen[i].fingerprint);
		xo_shown_fini(&check.seen[i].shown);
	}
	free(check.seen);
	return check.n_found == 0 ? XO_EXIT_OK : XO_EXIT_FAILED;
}
