/* SPDX-License-Identifier: ISC */
/*
 * The values of labels: fixed words, and names copied from the configuration,
 * which may be gone before the numbers are.
 */
#include <stdlib.h>

#include "metrics_table.h"

/* How many verdicts have cells of each sort. */
#define TENANT_VERDICTS 4
#define OTHER_VERDICTS 3
_Static_assert(TENANT_VERDICTS + OTHER_VERDICTS == XO_VERDICT_COUNT,
    "a cell for each verdict");

static const char *const tls_results[] = {
	[XO_TLS_RESULT_VERIFIED] = "verified",
	[XO_TLS_RESULT_NO_CERTIFICATE] = "no_certificate",
	[XO_TLS_RESULT_OTHER_NAME] = "other_name",
	[XO_TLS_RESULT_BAD_CERTIFICATE] = "bad_certificate",
	[XO_TLS_RESULT_FAILED] = "failed",
};
_Static_assert(sizeof(tls_results) / sizeof(tls_results[0]) ==
    XO_TLS_RESULT_COUNT, "a word for each result");

static const char *const answers[] = {
	[XO_ANSWERED_OK] = "ok",
	[XO_ANSWERED_DUNNO] = "dunno",
	[XO_ANSWERED_REFUSED] = "refused",
	[XO_ANSWERED_DEFERRED] = "deferred",
	[XO_ANSWERED_NOTFOUND] = "notfound",
	[XO_ANSWERED_ERROR] = "error",
};
_Static_assert(sizeof(answers) / sizeof(answers[0]) == XO_ANSWERED_COUNT,
    "a word for each answer");

const enum xo_refusal xo_recipient_reasons[XO_RECIPIENT_REASONS] = {
	XO_REFUSAL_RCPT_RELAY, XO_REFUSAL_RCPT_ROUTED, XO_REFUSAL_NO_TENANT
};

static size_t
dim_size(enum xo_dim dim, const struct xo_conf *conf)
{
	switch (dim) {
	case XO_DIM_LISTENER:
		return conf->policy.n_listeners;
	case XO_DIM_UPSTREAM:
	case XO_DIM_NAME_UPSTREAM:
		return conf->policy.n_upstreams;
	case XO_DIM_TENANT:
		return 1 + conf->policy.n_tenants +
		    (conf->policy.guests != NULL);
	case XO_DIM_NAME_TENANT:
		return conf->policy.n_tenants;
	case XO_DIM_NAME_PEER:
		return conf->policy.n_peers;
	case XO_DIM_NAME_TLS:
		return conf->n_tls;
	case XO_DIM_VERDICT:
		return TENANT_VERDICTS;
	case XO_DIM_VERDICT_OTHER:
		return OTHER_VERDICTS;
	case XO_DIM_ACTION:
		return XO_DECISION_COUNT;
	case XO_DIM_REASON:
		return XO_REFUSAL_COUNT - 1;	/* without _NONE */
	case XO_DIM_RECIPIENT:
		return XO_RECIPIENT_REASONS;
	case XO_DIM_MODE:
		return XO_MODE_COUNT;
	case XO_DIM_REPAIR:
		return XO_FAULT_REPAIRABLE - 1;	/* the same */
	case XO_DIM_FAMILY:
		return XO_WALL_FAMILIES;
	case XO_DIM_TLS_RESULT:
		return XO_TLS_RESULT_COUNT;
	case XO_DIM_RESULT:
		return 2;
	case XO_DIM_ANSWER:
		return XO_ANSWERED_COUNT;
	case XO_DIM_NONE:
	case XO_DIM_NO_TENANT:
	case XO_DIM_KIND_TLS:
	case XO_DIM_KIND_UPSTREAM:
	case XO_DIM_KIND_TENANT:
	case XO_DIM_KIND_PEER:
	case XO_DIM_VERSION:
	case XO_DIM_COUNT:
		break;
	}
	return 1;
}

static const char *
verdict_word(bool has_tenant, size_t i)
{
	for (int v = 0; v < XO_VERDICT_COUNT; v++) {
		struct xo_verdict_cell cell =
		    xo_verdict_cell((enum xo_verdict)v);

		if (cell.has_tenant == has_tenant && cell.index == i)
			return xo_verdict_name((enum xo_verdict)v);
	}
	return "";
}

/* Of dimensions with one value. */
static const char *const fixed[XO_DIM_COUNT] = {
	[XO_DIM_KIND_TLS] = "tls",
	[XO_DIM_KIND_UPSTREAM] = "upstream",
	[XO_DIM_KIND_TENANT] = "tenant",
	[XO_DIM_KIND_PEER] = "peer",
	[XO_DIM_VERSION] = XO_VERSION,
};

static struct xo_span
dim_word(enum xo_dim dim, size_t i, const struct xo_conf *conf)
{
	const char *word = "";

	switch (dim) {
	case XO_DIM_LISTENER:
		return conf->policy.listeners[i].name;
	case XO_DIM_UPSTREAM:
	case XO_DIM_NAME_UPSTREAM:
		return conf->policy.upstreams[i].name;
	case XO_DIM_TENANT:
		if (i > conf->policy.n_tenants)
			word = XO_GUESTS_LABEL;
		else if (i > 0)
			return conf->policy.tenants[i - 1].name;
		break;
	case XO_DIM_NAME_TENANT:
		return conf->policy.tenants[i].name;
	case XO_DIM_NAME_PEER:
		return conf->policy.peers[i].name;
	case XO_DIM_NAME_TLS:
		word = conf->tls[i].name;
		break;
	case XO_DIM_VERDICT:
	case XO_DIM_VERDICT_OTHER:
		word = verdict_word(dim == XO_DIM_VERDICT, i);
		break;
	case XO_DIM_ACTION:
		word = xo_decision_name((enum xo_decision)i);
		break;
	case XO_DIM_REASON:
		word = xo_refusal_info((enum xo_refusal)(i + 1))->id;
		break;
	case XO_DIM_RECIPIENT:
		word = xo_refusal_info(xo_recipient_reasons[i])->id;
		break;
	case XO_DIM_MODE:
		word = i == XO_MODE_OBSERVE ? "observe" : "enforce";
		break;
	case XO_DIM_REPAIR:
		word = xo_fault_name((enum xo_fault_kind)(i + 1));
		break;
	case XO_DIM_FAMILY:
		word = xo_wall_family_name(i);
		break;
	case XO_DIM_TLS_RESULT:
		word = tls_results[i];
		break;
	case XO_DIM_RESULT:
		word = i == 0 ? "ok" : "failed";
		break;
	case XO_DIM_ANSWER:
		word = answers[i];
		break;
	case XO_DIM_KIND_TLS:
	case XO_DIM_KIND_UPSTREAM:
	case XO_DIM_KIND_TENANT:
	case XO_DIM_KIND_PEER:
	case XO_DIM_VERSION:
		word = fixed[dim];
		break;
	case XO_DIM_NONE:
	case XO_DIM_NO_TENANT:
	case XO_DIM_COUNT:
		break;
	}
	return xo_span_from_cstr(word);
}

static bool
init_dim(struct xo_names *names, enum xo_dim dim, const struct xo_conf *conf)
{
	size_t n = dim_size(dim, conf);

	names->names = calloc(n > 0 ? n : 1, sizeof(*names->names));
	if (names->names == NULL)
		return false;
	for (names->n = 0; names->n < n; names->n++) {
		struct xo_span word = dim_word(dim, names->n, conf);
		char *copy = calloc(1, word.len + 1);

		/* analyser: xo_names_fini() frees what is there */
		if (copy == NULL)
			return false;
		if (word.len > 0)
			memcpy(copy, word.p, word.len);
		names->names[names->n] = copy;
	}
	return true;
}

bool
xo_names_init(struct xo_names names[XO_DIM_COUNT], const struct xo_conf *conf)
{
	for (int d = 0; d < XO_DIM_COUNT; d++) {
		/* analyser: xo_names_fini() frees what is there */
		if (!init_dim(&names[d], (enum xo_dim)d, conf))
			return false;
	}
	return true;
}

void
xo_names_fini(struct xo_names names[XO_DIM_COUNT])
{
	for (int d = 0; d < XO_DIM_COUNT; d++) {
		for (size_t i = 0; i < names[d].n; i++)
			free(names[d].names[i]);
		free(names[d].names);
		names[d].names = NULL;
		names[d].n = 0;
	}
}
