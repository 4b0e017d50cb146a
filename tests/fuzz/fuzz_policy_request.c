/* SPDX-License-Identifier: ISC */
/*
 * Questions of policy delegation against a reader that goes line by line; in
 * pieces the same as whole; spans stay in the text; and whatever is asked, nobody
 * is verified without a verified name, and nobody relays where no right allows it.
 */
#include <string.h>

#include <ask/delegation.h>
#include <xoorg/domain.h>
#include <xoorg/tenants.h>

#include "fuzz.h"

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const char *const keys[] = {"request", "protocol_state", "instance",
	"client_address", "sender", "recipient", "encryption_protocol",
	"ccert_subject", "xoorg", "xoorg_ccert_name"};
_Static_assert(sizeof(keys) / sizeof(keys[0]) == XO_ATTRIBUTE_COUNT,
    "a name for each attribute");

static bool
is_key(struct xo_span line, const char *key)
{
	size_t n = strlen(key);

	return line.len > n && memcmp(line.p, key, n) == 0 && line.p[n] == '=';
}

/* Takes one good line into `want`. */
static bool
take(struct xo_span line, struct xo_delegation *want)
{
	if (line.p[0] == '=' || memchr(line.p, '=', line.len) == NULL ||
	    memchr(line.p, '\0', line.len) != NULL)
		return false;
	for (size_t i = 0; i < XO_ATTRIBUTE_COUNT; i++) {
		size_t n = strlen(keys[i]) + 1;

		if (!is_key(line, keys[i]))
			continue;
		if (want->values[i].p != NULL)
			return false;
		for (size_t k = n; k < line.len; k++)
			if (line.p[k] < ' ' || line.p[k] == 127)
				return false;
		want->values[i] = (struct xo_span){line.p + n, line.len - n};
	}
	return true;
}

static enum xo_err
reference(struct xo_span in, struct xo_delegation *want, size_t *used)
{
	size_t start = 0, n = 0;

	memset(want, 0, sizeof(*want));
	for (size_t i = 0;; i++) {
		if (i - start >= XO_DELEGATION_LINE || i >= XO_DELEGATION_OCTETS)
			return XO_ERR_LIMIT;
		if (i == in.len)
			return XO_MORE;
		if (in.p[i] != '\n')
			continue;
		if (i == start)
			break;
		if (++n > XO_DELEGATION_LINES)
			return XO_ERR_LIMIT;
		if (!take((struct xo_span){in.p + start, i - start}, want))
			return XO_ERR_SYNTAX;
		start = i + 1;
	}
	*used = start + 1;
	return n > 0 ? XO_OK : XO_ERR_SYNTAX;
}

/* Fewer octets never say anything else than "more", or what all of them say. */
static void
check_pieces(struct xo_span in, enum xo_err whole, size_t used)
{
	struct xo_delegation question;
	size_t step = in.len / 64 + 1, n;

	for (size_t len = 0; len < in.len; len += step) {
		enum xo_err err = xo_delegation_read(xo_span_first(in, len),
		    &question, &n);

		MUST(err == XO_MORE || err == whole);
		MUST(err != XO_OK || (n == used && len >= used));
	}
}

static const struct xo_span names[] = {S("mail.protection.outlook.com")};
static const struct xo_span orgs[] = {S("contoso.com")};
static const struct xo_peer peers[] = {
	{.name = S("e"), .names = names, .n_names = 1,
	    .rights = XO_RIGHT_XOORG, .match = XO_MATCH_CN_TOO},
};
static const int numbers[] = {0};
static const struct xo_tenant tenants[] = {
	{.name = S("contoso"), .originator_orgs = orgs, .n_originator_orgs = 1,
	    .recipient_domains = orgs, .n_recipient_domains = 1},
};

static void
check_answer(const struct xo_policy *policy, const struct xo_delegation *q)
{
	struct xo_listener listener = {.service = XO_SERVICE_POLICY,
		.peers = numbers, .n_peers = 1};
	const struct xo_span *v = q->values;
	struct xo_delegation_answer answer;
	struct xo_buf out = {0};

	for (int v2 = 0; v2 < XO_VERDICT_COUNT; v2++)
		listener.on[v2] = XO_DECISION_DEMOTE;
	if (xo_delegation_judge(policy, &listener, q, &answer) != XO_OK) {
		MUST(answer.rights.rights == 0 && !answer.may_relay);
		return;
	}
	MUST(!answer.may_relay);
	if (answer.treatment.answer.verdict == XO_VERDICT_VERIFIED) {
		MUST(v[XO_ATTRIBUTE_TLS].len > 0);
		MUST(xo_span_is_equal_nocase(v[XO_ATTRIBUTE_XOORG_CCERT_NAME],
		    names[0]));
		MUST(xo_span_is_equal_nocase(v[XO_ATTRIBUTE_XOORG], orgs[0]));
	}
	xo_delegation_write(&out, answer.may_relay, answer.refusal);
	MUST(out.err == XO_OK && out.len > 9);
	MUST(memcmp(out.p, "action=", 7) == 0);
	MUST(memchr(out.p, '\n', out.len) == out.p + out.len - 2);
	MUST(out.p[out.len - 1] == '\n');
	xo_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xo_policy policy = {.peers = peers, .n_peers = 1,
		.tenants = tenants, .n_tenants = 1};
	struct xo_span in = xo_span(data, size);
	struct xo_delegation got, want;
	size_t used = 0, want_used = 0;
	enum xo_err err = xo_delegation_read(in, &got, &used);
	int first, second;

	if (policy.tenant_index == NULL)
		MUST(xo_tenants_index(&policy, &first, &second) == XO_OK);
	check_pieces(in, err, used);
	MUST(err == reference(in, &want, &want_used));
	if (err != XO_OK)
		return 0;
	MUST(used == want_used);
	for (size_t i = 0; i < XO_ATTRIBUTE_COUNT; i++) {
		MUST(fuzz_is_inside(got.values[i], in));
		MUST(xo_span_is_equal(got.values[i], want.values[i]));
	}
	check_answer(&policy, &got);
	return 0;
}
