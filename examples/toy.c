/* SPDX-License-Identifier: ISC */
/*
 * A toy server that asks libxoorg: may this client say XOORG, whose mail is it, may it go
 * there, and what of its header may pass? SMTP on stdin and stdout; the argument is the DNS
 * name that your TLS code found in a valid client certificate. What passes: stderr.
 *     cc toy.c $(pkg-config --cflags --libs libxoorg) -o toy && ./toy mail.protection.outlook.com
 */
#include <stdio.h>
#include <string.h>

#include <xoorg/command.h>
#include <xoorg/header.h>
#include <xoorg/line.h>
#include <xoorg/param.h>
#include <xoorg/rights.h>
#include <xoorg/tenants.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* A configuration. Yours comes from a file. */
static const struct xo_span names[] = {S("mail.protection.outlook.com")};
static const struct xo_span orgs[] = {S("contoso.com"), S("contoso.onmicrosoft.com")};
static const struct xo_peer peer = {.names = names, .n_names = 1, .rights = XO_RIGHT_XOORG};
static const struct xo_tenant tenant = {.name = S("contoso"), .originator_orgs = orgs,
    .n_originator_orgs = 2, .recipient_domains = orgs, .n_recipient_domains = 1,
    .upstream = XO_NOBODY};
static const struct xo_upstream mta = {.name = S("mta")};
static const int peers_here[] = {0};
static const struct xo_listener listener = {.peers = peers_here, .n_peers = 1, .on = {
    [XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT, [XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
    [XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE}};
static struct xo_policy policy = {.hostname = S("gw.contoso.com"), .peers = &peer, .n_peers = 1,
    .tenants = &tenant, .n_tenants = 1, .upstreams = &mta, .n_upstreams = 1,
    .listeners = &listener, .n_listeners = 1};
static struct xo_rights rights;
static struct xo_treatment treatment;

static enum xo_refusal
on_mail(struct xo_span args, uint32_t announced)
{
	struct xo_mail m;
	enum xo_refusal why = xo_mail_parse(args, announced, NULL, XO_SYNTAX_STRICT, &m);
	struct xo_question question = {.rights = rights.rights, .has_xoorg = m.has_xoorg,
	    .xoorg = xo_mail_xoorg(&m), .sender = m.from.address,
	    .is_attributed = rights.is_attributed, .tenant = rights.tenant};

	return why != XO_REFUSAL_NONE ? why :
	    xo_treatment_mail(&policy, &listener, &question, &treatment);
}

static enum xo_refusal
on_rcpt(struct xo_span args, uint32_t announced)
{
	struct xo_rcpt r;
	enum xo_refusal would, why = xo_rcpt_parse(args, announced, NULL, false, XO_SYNTAX_STRICT, &r);

	return why != XO_REFUSAL_NONE ? why :
	    xo_treatment_rcpt(&policy, &listener, &r.to, false, &treatment, &would);
}

/* The lines up to the dot; a real server unstuffs them, and counts. */
static enum xo_refusal
on_data(void)
{
	struct xo_wall wall = {.hostname = policy.hostname};
	struct xo_wall_report report;
	struct xo_header_finder finder = {0};
	struct xo_buf in = {.max = 1 << 20}, out = {0};
	enum xo_refusal why;
	char line[1024];
	size_t len;

	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, ".\r\n") != 0)
		xo_buf_add_cstr(&in, line);
	if (xo_header_find(&finder, xo_buf_span(&in), &len) != XO_OK)
		len = in.len;
	wall.remove = xo_treatment_removes(&policy, &treatment, false, &wall.promote);
	why = xo_wall_apply(&wall, xo_span_first(xo_buf_span(&in), len), &out, &report);
	xo_buf_add(&out, xo_span_from(xo_buf_span(&in), len));
	if (in.err != XO_OK || out.err != XO_OK)
		why = XO_REFUSAL_MEMORY;
	if (why == XO_REFUSAL_NONE)
		fprintf(stderr, "%s, tenant %d:\n%.*s", xo_verdict_name(treatment.answer.verdict),
		    treatment.answer.tenant, (int)out.len, (const char *)out.p);
	xo_buf_fini(&in);
	xo_buf_fini(&out);
	return why;
}

int
main(int argc, char **argv)
{
	struct xo_span name = xo_span_from_cstr(argc > 1 ? argv[1] : NULL);
	struct xo_certificate certificate = {.is_present = argc > 1, .dns_names = &name,
	    .n_dns_names = 1, .is_chain_valid = true, .is_for_servers = true};
	struct xo_address address = {{0}};
	struct xo_command c;
	struct xo_line line;
	uint32_t announced;
	char text[1024];
	int first, second;

	if (xo_tenants_index(&policy, &first, &second) != XO_OK)
		return 1;
	xo_rights_decide(&policy, &listener, argc > 1 ? &certificate : NULL, &address, &rights);
	announced = rights.rights & XO_RIGHT_XOORG ? XO_CAP_BIT(XO_CAP_XOORG) : 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	while (fgets(text, sizeof(text), stdin) != NULL) {
		enum xo_refusal why = XO_REFUSAL_NONE;

		if (xo_line_next(xo_span_from_cstr(text), sizeof(text), &line) != XO_OK)
			return 1;
		xo_command_parse(line.text, &c);
		if (c.verb == XO_VERB_EHLO && announced != 0)
			printf("250-gw.contoso.com\r\n250 XOORG\r\n");
		else if (c.verb == XO_VERB_MAIL)
			why = on_mail(c.args, announced);
		else if (c.verb == XO_VERB_RCPT)
			why = on_rcpt(c.args, announced);
		else if (c.verb == XO_VERB_DATA && printf("354 Go on\r\n") > 0)
			why = on_data();
		else if (c.verb != XO_VERB_EHLO)
			why = XO_REFUSAL_COMMAND_UNKNOWN;
		if (why != XO_REFUSAL_NONE)
			printf("%u %s %s\r\n", (unsigned int)xo_refusal_info(why)->code,
			    xo_refusal_info(why)->enhanced, xo_refusal_info(why)->text);
		else if (c.verb != XO_VERB_EHLO || announced == 0)
			printf("250 Good\r\n");
	}
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}
