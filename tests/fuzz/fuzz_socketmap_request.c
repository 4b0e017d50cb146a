/* SPDX-License-Identifier: ISC */
/*
 * Lookups as they come on the wire: netstrings in a row, each answered by one of
 * the replies there are, with no octet that another reader would stumble over; and
 * no reply ever lets anybody relay.
 */
#include <string.h>

#include <ask/map.h>
#include <table/netstring.h>
#include <xoorg/tenants.h>

#include "fuzz.h"

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const struct xo_span contoso[] = {S("contoso.com"), S("*.contoso.com")};
static const struct xo_span fabrikam[] = {S("fabrikam.com")};
static const struct xo_tenant tenants[] = {
	{.name = S("contoso"), .originator_orgs = contoso,
	    .n_originator_orgs = 2, .recipient_domains = contoso,
	    .n_recipient_domains = 2},
	{.name = S("fabrikam"), .originator_orgs = fabrikam,
	    .n_originator_orgs = 1, .recipient_domains = fabrikam,
	    .n_recipient_domains = 1, .relay = true},
};

static bool
begins(struct xo_span s, const char *with)
{
	return s.len >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

static void
check_reply(struct xo_span reply, const struct xo_map_answer *answer)
{
	static const char *const words[] = {"OK ", "NOTFOUND ", "TEMP ",
		"PERM "};
	static const char *const values[] = {"contoso", "fabrikam",
		"contoso.com", "fabrikam.com", "DUNNO",
		"550 5.7.1 Originator organisation not authorised here"};
	bool is_known = false;

	MUST((unsigned int)answer->result < XO_MAP_RESULT_COUNT);
	MUST(begins(reply, words[answer->result]));
	for (size_t i = 0; i < reply.len; i++)
		MUST(reply.p[i] >= ' ' && reply.p[i] < 127);
	if (answer->result != XO_MAP_OK)
		return;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		is_known |= reply.len == 3 + strlen(values[i]) &&
		    memcmp(reply.p + 3, values[i], strlen(values[i])) == 0;
	MUST(is_known);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xo_policy policy = {.tenants = tenants, .n_tenants = 2};
	struct xo_listener listener = {.service = XO_SERVICE_SOCKETMAP,
		.on = {[XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT}};
	struct xo_span rest = xo_span(data, size), request;
	size_t used;
	int first, second;

	if (policy.tenant_index == NULL)
		MUST(xo_tenants_index(&policy, &first, &second) == XO_OK);
	/* Half of them with tables that nobody has asked yet. */
	policy.guests = size % 2 == 0 ? xo_guests_new(2) : NULL;
	while (xo_netstring_read(rest, XO_MAP_REQUEST, &request, &used) ==
	    XO_OK) {
		struct xo_buf reply = {0};
		struct xo_map_answer answer;

		MUST(used > 0 && used <= rest.len);
		xo_map_answer(&policy, &listener, request, &reply, &answer);
		MUST(reply.err == XO_OK && reply.len > 3);
		MUST(fuzz_is_inside(answer.map, request));
		MUST(fuzz_is_inside(answer.key, request));
		check_reply(xo_buf_span(&reply), &answer);
		xo_buf_fini(&reply);
		MUST(answer.result != XO_MAP_TEMP || policy.guests != NULL);
		rest = xo_span_from(rest, used);
	}
	xo_guests_free(&policy.guests);
	return 0;
}
