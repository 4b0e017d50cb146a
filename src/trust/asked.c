/* SPDX-License-Identifier: ISC */
/* An MTA asks: see asked.h. */
#include <xoorg/asked.h>

void
xo_asked_rights(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_asked *asked,
    struct xo_rights *rights_r)
{
	bool is_named = asked->name.len > 0;
	struct xo_certificate certificate = {
		.is_present = is_named || asked->common_name.len > 0,
		.has_alt_names = true,
		.is_chain_valid = true,
	};

	if (is_named) {
		certificate.dns_names = &asked->name;
		certificate.n_dns_names = 1;
	} else {
		certificate.common_name = asked->common_name;
	}
	xo_rights_decide(policy, listener,
	    asked->has_tls ? &certificate : NULL, asked->address, rights_r);
	/* Who should vouch and cannot is no more one of our own than before. */
	if (!is_named && (rights_r->rights & XO_RIGHT_XOORG) != 0)
		rights_r->rights &=
		    ~(uint32_t)(XO_RIGHT_XOORG | XO_RIGHT_RELAY);
}

struct xo_span
xo_asked_open_name(const struct xo_asked *asked,
    const struct xo_rights *rights)
{
	if (rights->open_names == 0)
		return xo_span(NULL, 0);
	return asked->name.len > 0 ? asked->name : asked->common_name;
}

/* What a verdict would have got, were it not only observed. */
static enum xo_refusal
would_refuse(const struct xo_policy *policy, const struct xo_listener *listener,
    const struct xo_question *question)
{
	struct xo_listener enforcing = *listener;
	struct xo_treatment treatment;

	enforcing.mode = XO_MODE_ENFORCE;
	return xo_treatment_mail(policy, &enforcing, question, &treatment);
}

enum xo_refusal
xo_asked_judge(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_rights *rights,
    const struct xo_question *question, const struct xo_path *to,
    struct xo_treatment *treatment_r, enum xo_refusal *would_r)
{
	enum xo_refusal why;

	*treatment_r = XO_TREATMENT_NONE;
	*would_r = XO_REFUSAL_TLS_CERTIFICATE;
	if (rights->is_refused)
		return XO_REFUSAL_TLS_CERTIFICATE;
	why = xo_treatment_mail(policy, listener, question, treatment_r);
	*would_r = would_refuse(policy, listener, question);
	if (why != XO_REFUSAL_NONE || to == NULL ||
	    *would_r != XO_REFUSAL_NONE)
		return why;
	return xo_treatment_rcpt(policy, listener, to, true, treatment_r,
	    would_r);
}

bool
xo_asked_may_relay(const struct xo_policy *policy,
    const struct xo_treatment *t)
{
	const struct xo_tenant *tenant = xo_tenant_at(policy,
	    t->answer.tenant);

	if (!t->is_trusted)
		return false;
	if (t->origin == XO_ORIGIN_OURS)
		return true;
	return t->origin == XO_ORIGIN_VERIFIED && tenant != NULL &&
	    tenant->relay;
}
