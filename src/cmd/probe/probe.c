/* SPDX-License-Identifier: ISC */
/*
 * xoorg probe: talks to a server as Exchange Online would, up to the second
 * EHLO, and tells what it saw. No mail is sent.
 */
#include <cmd/probe/probe.h>

#include <unistd.h>

#include <cmd/common/options.h>
#include <cmd/common/tool.h>

#define FIELD(name) offsetof(struct xo_probe_settings, name)

static const struct xo_option options[] = {
	{"certificate", XO_OPTION_TEXT, FIELD(certificate), "FILE",
	    "client certificate to show, with its chain (PEM)", NULL},
	{"key", XO_OPTION_TEXT, FIELD(key), "FILE",
	    "its key (default: in the same file)", NULL},
	{"trust", XO_OPTION_TEXT, FIELD(trust), "system|FILE",
	    "CA certificates to verify the server by", NULL},
	{"tls-name", XO_OPTION_TEXT, FIELD(visit.tls_name), "NAME",
	    "the name the server's certificate must carry\n"
	    "(default: HOST)", NULL},
	{"helo", XO_OPTION_TEXT, FIELD(visit.helo), "NAME",
	    "name for EHLO (default: this host's)", NULL},
	{"no-tls", XO_OPTION_FLAG, FIELD(visit.is_without_tls), NULL,
	    "stay in clear text", NULL},
	{"require-xoorg", XO_OPTION_FLAG, FIELD(must_announce), NULL,
	    "exit 1 if XOORG is not announced after TLS", NULL},
	{"timeout", XO_OPTION_NUMBER, FIELD(visit.timeout), "SECONDS",
	    "the longest wait for anything (default: 30)", NULL},
	{"as-exchange-online", XO_OPTION_FLAG, FIELD(is_exchange_online), NULL,
	    "look at a listener of our own as Exchange Online\n"
	    "would, and as a stranger and a forger", NULL},
	{"domain", XO_OPTION_TEXT, FIELD(domain), "DOMAIN",
	    "the same: HOST is to be an MX of this domain", NULL},
	{"resolver", XO_OPTION_TEXT, FIELD(resolver), "IP[:PORT]",
	    "whom to ask for the MX (default: the system's)", NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "print a JSON object", NULL},
};

static const struct xo_usage usage = {
	.command = "probe",
	.operands = "[OPTION]... HOST[:PORT]",
	.purpose = "Says EHLO, STARTTLS and EHLO to a server, with or without "
		   "a client certificate,\nand tells what it announced, who "
		   "it is, and why XOORG was or was not announced.",
	.exits = "0 the dialogue worked, 1 it failed or XOORG was required,\n"
		 "2 usage, 3 not reached or connection lost;\n"
		 "with --as-exchange-online 0 fine, 1 warnings, 2 something "
		 "is wrong",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 1,
};

static int
exit_code(const struct xo_visit *probe, bool must_announce)
{
	switch (probe->step) {
	case XO_STEP_OK:
		return must_announce && !xo_visit_is_announced(probe)
		    ? XO_EXIT_FAILED : XO_EXIT_OK;
	case XO_STEP_REFUSED:
	case XO_STEP_TLS:
		return XO_EXIT_FAILED;
	case XO_STEP_LOST:
		break;
	}
	return XO_EXIT_CONNECTION;
}

static int
run(const struct xo_probe_settings *settings, const struct xo_target *target)
{
	struct xo_visit probe = {.settings = &settings->visit,
	    .target = *target};
	char error[256];
	int result;
	struct xo_tls_context *context = xo_tls_tool_context_new(
	    &(struct xo_tls_tool_settings){
	    .certificate = settings->certificate,
	    .key = settings->key,
	    .trust = settings->trust}, error, sizeof(error));

	if (context == NULL) {
		xo_tool_complain("probe: %s", error);
		return XO_EXIT_USAGE;
	}
	xo_visit_make(&probe, context);
	if (settings->is_json)
		xo_probe_print_json(&probe, stdout);
	else
		xo_probe_print_text(&probe, stdout);
	result = exit_code(&probe, settings->must_announce);
	xo_tls_context_free(&context);
	xo_visit_fini(&probe);
	return result;
}

int
xo_cmd_probe(int argc, char **argv)
{
	struct xo_probe_settings settings = {.visit.timeout = 30,
	    .trust = "system"};
	struct xo_target target;
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	if (settings.visit.helo == NULL)
		settings.visit.helo = xo_dialogue_default_name();
	if (!xo_target_parse(argv[optind], "25", &target)) {
		xo_tool_complain("probe: expected HOST[:PORT]: '%s'",
		    argv[optind]);
		return XO_EXIT_USAGE;
	}
	return settings.is_exchange_online
	    ? xo_probe_as_exchange_online(&settings, &target)
	    : run(&settings, &target);
}
