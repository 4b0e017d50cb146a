/* SPDX-License-Identifier: ISC */
/*
 * xoorg probe: talks to a server as Exchange Online would, up to the second
 * EHLO, and tells what it saw. No mail is sent.
 */
#include <cmd/probe/probe.h>

#include <stdlib.h>
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
	{"tls-name", XO_OPTION_TEXT, FIELD(tls_name), "NAME",
	    "the name the server's certificate must carry\n"
	    "(default: HOST)", NULL},
	{"helo", XO_OPTION_TEXT, FIELD(helo), "NAME",
	    "name for EHLO (default: this host's)", NULL},
	{"no-tls", XO_OPTION_FLAG, FIELD(is_without_tls), NULL,
	    "stay in clear text", NULL},
	{"require-xoorg", XO_OPTION_FLAG, FIELD(must_announce), NULL,
	    "exit 1 if XOORG is not announced after TLS", NULL},
	{"timeout", XO_OPTION_NUMBER, FIELD(timeout), "SECONDS",
	    "the longest wait for anything (default: 30)", NULL},
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
		 "2 usage, 3 not reached or connection lost",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 1,
};

const char *
xo_probe_tls_name(const struct xo_probe *probe)
{
	return probe->settings->tls_name != NULL
	    ? probe->settings->tls_name : probe->target.host;
}

bool
xo_probe_is_announced(const struct xo_probe *probe)
{
	return probe->is_tls && xo_caps_has(&probe->caps_after, XO_CAP_XOORG);
}

static void
keep_tls(struct xo_probe *probe, const struct xo_tls_tool *tls)
{
	const char *flaw = xo_tls_tool_flaw(tls);

	probe->is_tls = true;
	probe->bits = xo_tls_tool_bits(tls);
	snprintf(probe->version, sizeof(probe->version), "%s",
	    xo_tls_tool_version(tls));
	snprintf(probe->cipher, sizeof(probe->cipher), "%s",
	    xo_tls_tool_cipher(tls));
	snprintf(probe->flaw, sizeof(probe->flaw), "%s",
	    flaw != NULL ? flaw : "");
	probe->has_name = xo_tls_tool_has_name(tls, xo_probe_tls_name(probe),
	    true);
	xo_tls_tool_peer_chain(tls, &probe->chain);
}

static void
keep_request(struct xo_probe *probe, const struct xo_tls_tool *tls)
{
	probe->was_asked = xo_tls_tool_was_asked(tls);
	probe->n_authorities = xo_tls_tool_asked_authorities(tls);
}

static enum xo_step
open_and_greet(struct xo_probe *probe, struct xo_dialogue *dialogue)
{
	enum xo_step step;

	probe->stage = XO_PROBE_BANNER;
	step = xo_dialogue_open(dialogue, &probe->target,
	    (int64_t)probe->settings->timeout * 1000);
	if (step != XO_STEP_OK)
		return step;
	xo_wire_peer_address(&dialogue->wire, probe->address,
	    sizeof(probe->address));
	xo_buf_add(&probe->banner, xo_buf_span(&dialogue->reply.text));
	probe->stage = XO_PROBE_EHLO_BEFORE;
	step = xo_dialogue_hello(dialogue, probe->settings->helo);
	if (step == XO_STEP_OK) {
		xo_buf_add(&probe->before, xo_buf_span(&dialogue->reply.text));
		probe->caps_before = dialogue->caps;
	}
	return step;
}

static enum xo_step
go_secure(struct xo_probe *probe, struct xo_dialogue *dialogue,
    struct xo_tls_tool_context *context)
{
	enum xo_step step;

	probe->stage = XO_PROBE_STARTTLS;
	step = xo_dialogue_starttls(dialogue, context,
	    xo_probe_tls_name(probe));
	if (dialogue->wire.tls != NULL)
		keep_request(probe, dialogue->wire.tls);
	if (step != XO_STEP_OK)
		return step;
	keep_tls(probe, dialogue->wire.tls);
	probe->stage = XO_PROBE_EHLO_AFTER;
	step = xo_dialogue_hello(dialogue, probe->settings->helo);
	/* TLS 1.3 tells of a refused certificate only now. */
	keep_request(probe, dialogue->wire.tls);
	if (step == XO_STEP_OK) {
		xo_buf_add(&probe->after, xo_buf_span(&dialogue->reply.text));
		probe->caps_after = dialogue->caps;
	}
	return step;
}

static void
talk(struct xo_probe *probe, struct xo_dialogue *dialogue,
    struct xo_tls_tool_context *context)
{
	probe->step = open_and_greet(probe, dialogue);
	if (probe->step == XO_STEP_OK && !probe->settings->is_without_tls &&
	    xo_caps_has(&probe->caps_before, XO_CAP_STARTTLS))
		probe->step = go_secure(probe, dialogue, context);
	if (probe->step == XO_STEP_OK) {
		probe->stage = XO_PROBE_DONE;
		(void)xo_dialogue_say(dialogue, "QUIT");
	} else if (probe->step == XO_STEP_REFUSED) {
		xo_dialogue_reply_line(dialogue, probe->last,
		    sizeof(probe->last));
	} else {
		snprintf(probe->last, sizeof(probe->last), "%s",
		    dialogue->wire.error);
	}
}

static int
exit_code(const struct xo_probe *probe)
{
	switch (probe->step) {
	case XO_STEP_OK:
		return probe->settings->must_announce &&
		    !xo_probe_is_announced(probe)
		    ? XO_EXIT_FAILED : XO_EXIT_OK;
	case XO_STEP_REFUSED:
	case XO_STEP_TLS:
		return XO_EXIT_FAILED;
	case XO_STEP_LOST:
		break;
	}
	return XO_EXIT_CONNECTION;
}

static void
probe_fini(struct xo_probe *probe)
{
	xo_buf_fini(&probe->banner);
	xo_buf_fini(&probe->before);
	xo_buf_fini(&probe->after);
	xo_tls_tool_chain_fini(&probe->own);
	xo_tls_tool_chain_fini(&probe->chain);
}

static int
run(struct xo_probe *probe, struct xo_tls_tool_context *context)
{
	struct xo_dialogue *dialogue =
	    xo_tool_require(calloc(1, sizeof(*dialogue)));

	xo_tls_tool_own_chain(context, &probe->own);
	talk(probe, dialogue, context);
	if (probe->settings->is_json)
		xo_probe_print_json(probe, stdout);
	else
		xo_probe_print_text(probe, stdout);
	xo_dialogue_fini(dialogue);
	free(dialogue);
	return exit_code(probe);
}

int
xo_cmd_probe(int argc, char **argv)
{
	struct xo_probe_settings settings = {.timeout = 30, .trust = "system"};
	struct xo_probe probe = {.settings = &settings};
	struct xo_tls_tool_context *context;
	char error[256];
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	if (settings.helo == NULL)
		settings.helo = xo_dialogue_default_name();
	if (!xo_target_parse(argv[optind], "25", &probe.target)) {
		xo_tool_complain("probe: expected HOST[:PORT]: '%s'",
		    argv[optind]);
		return XO_EXIT_USAGE;
	}
	context = xo_tls_tool_context_new(&(struct xo_tls_tool_settings){
	    .certificate = settings.certificate,
	    .key = settings.key,
	    .trust = settings.trust}, error, sizeof(error));
	if (context == NULL) {
		xo_tool_complain("probe: %s", error);
		return XO_EXIT_USAGE;
	}
	result = run(&probe, context);
	xo_tls_tool_context_free(&context);
	probe_fini(&probe);
	return result;
}
