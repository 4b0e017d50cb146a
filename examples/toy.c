/* SPDX-License-Identifier: ISC */
/*
 * A toy server that asks libxoorg: may this client say XOORG, whose mail is it, may it go
 * there, and what of its header may pass? SMTP on stdin and stdout; the argument is the DNS
 * name that your TLS code found in a valid client certificate. What passes: stderr.
 *     cc toy.c $(pkg-config --cflags --libs libxoorg) -o toy && ./toy mail.protection.outlook.com
 */
#include <stdio.h>

#include <xoorg/command.h>
#include <xoorg/line.h>
#include <xoorg/tenants.h>
#include <xoorg/treatment.h>
#include <xoorg/wall.h>

/* A configuration; yours comes from a file. What it does not name is refused. */
static const struct xo_span exchange = XO_TEXT("mail.protection.outlook.com");
static const struct xo_span domain = XO_TEXT("contoso.com");
static struct xo_policy policy = {.hostname = XO_TEXT("gw.contoso.com"),
    .peers = &(const struct xo_peer){.names = &exchange, .n_names = 1,
	.rights = XO_RIGHT_XOORG}, .n_peers = 1,
    .tenants = &(const struct xo_tenant){.originator_orgs = &domain, .n_originator_orgs = 1,
	.recipient_domains = &domain, .n_recipient_domains = 1}, .n_tenants = 1,
    .listeners = &(const struct xo_listener){.peers = (const int[]){0}, .n_peers = 1,
	.has_upstream = true, .upstream = 0}, .n_listeners = 1,
    .upstreams = &(const struct xo_upstream){.name = XO_TEXT("mta")}, .n_upstreams = 1};
static struct xo_rights rights;
static uint32_t announced;
static struct xo_treatment treatment;
static bool has_recipient;

/* The lines up to the dot; a real server unstuffs them. */
static enum xo_refusal
on_data(void)
{
	struct xo_wall wall = {.hostname = policy.hostname};
	struct xo_wall_report report;
	struct xo_buf in = {.max = 1 << 20}, out = {0};
	enum xo_refusal why;
	char line[1024];

	printf("354 Go on\r\n");
	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, ".\r\n") != 0)
		xo_buf_add_cstr(&in, line);
	wall.remove = xo_treatment_removes(&policy, &treatment, false, &wall.promote);
	why = in.err != XO_OK ? XO_REFUSAL_SIZE :
	    xo_wall_message(&wall, xo_buf_span(&in), &out, &report);
	if (why == XO_REFUSAL_NONE)
		fprintf(stderr, "%s, tenant %d:\n%.*s", xo_verdict_name(treatment.answer.verdict),
		    treatment.answer.tenant, (int)out.len, (const char *)out.p);
	xo_buf_fini(&in);
	xo_buf_fini(&out);
	return why;
}

static enum xo_refusal
judge(const struct xo_command *command)
{
	struct xo_mail mail;
	struct xo_rcpt rcpt;
	struct xo_question question;
	enum xo_refusal why, would;

	switch (command->verb) {
	case XO_VERB_EHLO:
		return XO_REFUSAL_NONE;
	case XO_VERB_MAIL:
		has_recipient = false;
		why = xo_mail_parse(command->args, announced, NULL, XO_SYNTAX_STRICT, &mail);
		question = xo_treatment_question(&rights, &mail);
		return why != XO_REFUSAL_NONE ? why :
		    xo_treatment_mail(&policy, policy.listeners, &question, &treatment);
	case XO_VERB_RCPT:
		why = xo_rcpt_parse(command->args, announced, NULL, false, XO_SYNTAX_STRICT, &rcpt);
		if (why == XO_REFUSAL_NONE)
			why = xo_treatment_rcpt(&policy, policy.listeners, &rcpt.to, false,
			    &treatment, &would);
		has_recipient |= why == XO_REFUSAL_NONE;
		return why;
	case XO_VERB_DATA:
		return has_recipient ? on_data() : XO_REFUSAL_COMMAND_SEQUENCE;
	default:
		return XO_REFUSAL_COMMAND_UNKNOWN;
	}
}

int
main(int argc, char **argv)
{
	struct xo_span name = xo_span_from_cstr(argv[1]);
	struct xo_certificate certificate = {.is_present = argc > 1, .dns_names = &name,
	    .n_dns_names = 1, .is_chain_valid = true, .is_for_servers = true};
	struct xo_address address = {{0}};
	struct xo_command command;
	struct xo_line line;
	enum xo_refusal why;
	char text[1024];
	int first, second;

	if (xo_tenants_index(&policy, &first, &second) != XO_OK)
		return 1;
	xo_rights_decide(&policy, policy.listeners, &certificate, &address, &rights);
	announced = rights.rights & XO_RIGHT_XOORG ? XO_CAP_BIT(XO_CAP_XOORG) : 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	while (fgets(text, sizeof(text), stdin) != NULL &&
	    xo_line_next(xo_span_from_cstr(text), sizeof(text), &line) == XO_OK) {
		xo_command_parse(line.text, &command);
		why = judge(&command);
		if (why != XO_REFUSAL_NONE)
			printf("%u %s %s\r\n", xo_refusal_info(why)->code,
			    xo_refusal_info(why)->enhanced, xo_refusal_info(why)->text);
		else
			printf(announced != 0 && command.verb == XO_VERB_EHLO ?
			    "250-gw.contoso.com\r\n250 XOORG\r\n" : "250 Good\r\n");
	}
	xo_tenants_index_free(&policy.tenant_index);
	return 0;
}
