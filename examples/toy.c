/* SPDX-License-Identifier: ISC */
/*
 * A toy server that asks libxoorg: may this client say XOORG, whose mail is it,
 * may it go there, and what of its header may pass? SMTP on stdin and stdout; the
 * argument is the DNS name that your TLS code found in a valid client
 * certificate. What would be handed on goes to stderr.
 *
 *     cc toy.c $(pkg-config --cflags --libs libxoorg) -o toy
 *     ./toy mail.protection.outlook.com
 */
#include <stdio.h>
#include <string.h>

#include <xoorg/command.h>
#include <xoorg/header.h>
#include <xoorg/line.h>
#include <xoorg/param.h>
#include <xoorg/rights.h>
#include <xoorg/tenants.h>
#include <xoorg/verdict.h>
#include <xoorg/wall.h>

#define S(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* A configuration. Yours comes from a file. */
static const struct xo_span names[] = {S("mail.protection.outlook.com")};
static const struct xo_span orgs[] = {S("contoso.com"), S("contoso.onmicrosoft.com")};
static const struct xo_peer peers[] = {{.name = S("exchange-online"), .names = names,
    .n_names = 1, .rights = XO_RIGHT_XOORG}};
static const struct xo_tenant tenants[] = {{.name = S("contoso"), .originator_orgs = orgs,
    .n_originator_orgs = 2, .recipient_domains = orgs, .n_recipient_domains = 1,
    .upstream = XO_NOBODY}};
static const int peers_here[] = {0};
static const struct xo_listener listener = {.peers = peers_here, .n_peers = 1, .on = {
    [XO_VERDICT_UNKNOWN_ORG] = XO_DECISION_REJECT, [XO_VERDICT_NO_ORG] = XO_DECISION_DEMOTE,
    [XO_VERDICT_UNAUTHENTICATED] = XO_DECISION_DEMOTE}};
static struct xo_policy policy = {.hostname = S("gw.contoso.com"), .peers = peers, .n_peers = 1,
    .tenants = tenants, .n_tenants = 1, .listeners = &listener, .n_listeners = 1};

static uint32_t announced;
static struct xo_rights rights;
static struct xo_answer answer;

/* One reply of our own, or a refusal in the words of the table. */
static void
reply(enum xo_refusal why, const char *good)
{
	const struct xo_refusal_info *info = xo_refusal_info(why);

	if (why == XO_REFUSAL_NONE)
		printf("%s\r\n", good);
	else
		printf("%u %s %s\r\n", (unsigned int)info->code, info->enhanced, info->text);
}

static enum xo_refusal
on_mail(struct xo_span args)
{
	struct xo_mail mail;
	enum xo_refusal why = xo_mail_parse(args, announced, NULL,
	    XO_SYNTAX_STRICT, &mail);
	struct xo_question question = {.rights = rights.rights, .has_xoorg = mail.has_xoorg,
	    .xoorg = xo_mail_xoorg(&mail), .sender = mail.from.address};

	if (why != XO_REFUSAL_NONE)
		return why;
	xo_verdict_decide(&policy, &listener, &question, &answer);
	return answer.decision == XO_DECISION_REJECT ? XO_REFUSAL_UNKNOWN_ORG : XO_REFUSAL_NONE;
}

static enum xo_refusal
on_rcpt(struct xo_span args)
{
	struct xo_rcpt rcpt;
	enum xo_refusal why = xo_rcpt_parse(args, announced, NULL, false,
	    XO_SYNTAX_STRICT, &rcpt);

	/* Ordinary mail goes where your usual rules let it go. */
	if (why != XO_REFUSAL_NONE || answer.decision != XO_DECISION_ACCEPT)
		return why;
	return xo_recipient_check(&policy, answer.tenant, rights.rights, &rcpt.to);
}

/* The lines up to the dot; a real server unstuffs them, and counts. */
static enum xo_refusal
on_data(void)
{
	struct xo_wall wall = {.hostname = policy.hostname, .remove = XO_WALL_ALWAYS |
	    (answer.verdict == XO_VERDICT_VERIFIED ? 0 : XO_WALL_CROSS_PREMISES)};
	struct xo_wall_report report;
	struct xo_header_finder finder = {0};
	struct xo_buf in = {.max = 1 << 20}, out = {0};
	char line[1024];
	size_t header;
	enum xo_refusal why;

	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, ".\r\n") != 0)
		xo_buf_add_cstr(&in, line);
	if (xo_header_find(&finder, xo_buf_span(&in), &header) != XO_OK)
		header = in.len;
	why = xo_wall_apply(&wall, xo_span_first(xo_buf_span(&in), header), &out, &report);
	xo_buf_add(&out, xo_span_from(xo_buf_span(&in), header));
	if (why == XO_REFUSAL_NONE)
		fprintf(stderr, "%s, tenant %d:\n%.*s", xo_verdict_name(answer.verdict),
		    answer.tenant, (int)out.len, (const char *)out.p);
	xo_buf_fini(&in);
	xo_buf_fini(&out);
	return why;
}

static void
on_line(struct xo_span line)
{
	struct xo_command command;

	xo_command_parse(line, &command);
	if (command.verb == XO_VERB_EHLO) {
		announced = rights.rights & XO_RIGHT_XOORG ? XO_CAP_BIT(XO_CAP_XOORG) : 0;
		printf("250%s\r\n", announced != 0 ? "-gw.contoso.com\r\n250 XOORG" :
		    " gw.contoso.com");
	} else if (command.verb == XO_VERB_MAIL) {
		reply(on_mail(command.args), "250 2.1.0 Sender OK");
	} else if (command.verb == XO_VERB_RCPT) {
		reply(on_rcpt(command.args), "250 2.1.5 Recipient OK");
	} else if (command.verb == XO_VERB_DATA) {
		printf("354 Start mail input\r\n");
		reply(on_data(), "250 2.0.0 Taken");
	} else {
		reply(XO_REFUSAL_COMMAND_UNKNOWN, "");
	}
}

int
main(int argc, char **argv)
{
	struct xo_span name = xo_span_from_cstr(argc > 1 ? argv[1] : NULL);
	struct xo_certificate certificate = {.is_present = argc > 1, .dns_names = &name,
	    .n_dns_names = 1, .is_chain_valid = true, .is_for_servers = true};
	struct xo_address address = {{0}};
	struct xo_line line;
	char text[1024];
	int first, second;

	if (xo_tenants_index(&policy, &first, &second) != XO_OK)
		return 1;
	xo_rights_decide(&policy, &listener, argc > 1 ? &certificate : NULL, &address, &rights);
	setvbuf(stdout, NULL, _IONBF, 0);
	while (fgets(text, sizeof(text), stdin) != NULL) {
		if (xo_line_next(xo_span_from_cstr(text), sizeof(text), &line) != XO_OK)
			reply(XO_REFUSAL_LINE_BARE_LF, "");
		else
			on_line(line.text);
	}
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}
