/* SPDX-License-Identifier: ISC */
/*
 * xoorg send: sends test messages, prints what was said, and tells by its exit
 * code whether the server did what was expected.
 *
 * What is given is sent as it is, announced or not: a test must be able to be
 * wrong.
 */
#include <cmd/send/send.h>

#include <stdlib.h>
#include <unistd.h>

#include <cmd/common/tool.h>

#define FIELD(name) offsetof(struct xo_send_settings, name)
#define BODY(name) \
	(offsetof(struct xo_send_settings, body) + \
	offsetof(struct xo_send_body_settings, name))

static const char *const tls_words[] = {
	[XO_SEND_TLS_DEFAULT] = "default",
	[XO_SEND_TLS_NONE] = "none",
	[XO_SEND_TLS_STARTTLS] = "starttls",
	[XO_SEND_TLS_VERIFY] = "verify",
	NULL,
};

/* No size is given: told apart from --size 0. */
#define NO_SIZE UINT64_MAX

static const struct xo_option options[] = {
	{"from", XO_OPTION_TEXT, FIELD(from), "ADDRESS",
	    "envelope sender; \"\" is the null sender\n"
	    "(default: sender@example.com)", NULL},
	{"to", XO_OPTION_LIST, FIELD(to), "ADDRESS",
	    "a recipient; may be repeated", NULL},
	{"mail-param", XO_OPTION_LIST, FIELD(mail_params), "PARAMS",
	    "append to MAIL as it is: \"XOORG=contoso.com SIZE=1\"", NULL},
	{"rcpt-param", XO_OPTION_LIST, FIELD(rcpt_params), "PARAMS",
	    "append to each RCPT as it is", NULL},
	{"data", XO_OPTION_TEXT, BODY(file), "FILE",
	    "the message, header and body; - is standard input", NULL},
	{"raw", XO_OPTION_FLAG, BODY(is_raw), NULL,
	    "do not turn the file's LF into CRLF", NULL},
	{"header", XO_OPTION_LIST, BODY(headers), "LINE",
	    "\"Name: value\", put first; may be repeated", NULL},
	{"size", XO_OPTION_NUMBER, BODY(size), "OCTETS",
	    "generate a body of this length (20M: 20 MiB)", NULL},
	{"seed", XO_OPTION_NUMBER, BODY(seed), "N",
	    "the same seed gives the same body (default: 1)", NULL},
	{"count", XO_OPTION_NUMBER, FIELD(count), "N",
	    "send N messages (default: 1)", NULL},
	{"per-connection", XO_OPTION_NUMBER, FIELD(per_connection), "N",
	    "send N of them on one connection (default: all)", NULL},
	{"bdat", XO_OPTION_FLAG, FIELD(is_bdat), NULL,
	    "BDAT instead of DATA", NULL},
	{"chunk", XO_OPTION_NUMBER, FIELD(chunk), "OCTETS",
	    "BDAT in chunks of this length (default: one chunk)", NULL},
	{"pipelining", XO_OPTION_FLAG, FIELD(is_pipelining), NULL,
	    "do not wait for each reply, if PIPELINING is announced", NULL},
	{"tls", XO_OPTION_WORD, FIELD(tls), "none|starttls|verify",
	    "default: starttls with --certificate, none without", tls_words},
	{"certificate", XO_OPTION_TEXT, FIELD(certificate), "FILE",
	    "client certificate to show, with its chain (PEM)", NULL},
	{"key", XO_OPTION_TEXT, FIELD(key), "FILE",
	    "its key (default: in the same file)", NULL},
	{"trust", XO_OPTION_TEXT, FIELD(trust), "system|FILE",
	    "CA certificates for --tls verify", NULL},
	{"tls-name", XO_OPTION_TEXT, FIELD(tls_name), "NAME",
	    "the name the server must have (default: HOST)", NULL},
	{"helo", XO_OPTION_TEXT, FIELD(helo), "NAME",
	    "name for EHLO (default: this host's)", NULL},
	{"expect", XO_OPTION_TEXT, FIELD(expect), "CODE",
	    "succeed if the final or the first failing reply\n"
	    "begins with this: 550, \"501 5.5.4\"", NULL},
	{"timeout", XO_OPTION_NUMBER, FIELD(timeout), "SECONDS",
	    "the longest wait for anything (default: 60)", NULL},
	{"quiet", XO_OPTION_FLAG, FIELD(is_quiet), NULL,
	    "print the final reply only", NULL},
	{"transcript", XO_OPTION_FLAG, FIELD(has_transcript), NULL,
	    "print what is said (default for one message)", NULL},
};

static const struct xo_usage usage = {
	.command = "send",
	.operands = "[OPTION]... HOST[:PORT]",
	.purpose = "Sends test messages. The last line printed is the final "
		   "reply.",
	.exits = "0 all got 2xx, or what was expected; 1 not so; 2 usage;\n"
		 "3 not reached or connection lost",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 1,
};

struct run {
	const struct xo_send_settings *settings;
	struct xo_target target;
	struct xo_tls_context *context;
	struct xo_dialogue *dialogue;
	struct xo_send_body body;
	uint64_t n_good;
	struct xo_send_outcome outcome;	/* of the last message */
};

/* The server must be who we think before it gets any mail. */
static bool
is_verified(struct run *run)
{
	struct xo_tls *tls = run->dialogue->wire.tls;
	const char *name = run->settings->tls_name;
	const char *flaw = xo_tls_tool_flaw(tls);

	if (name == NULL)
		name = run->target.host;
	if (flaw == NULL && !xo_tls_tool_has_name(tls, name, true))
		flaw = "it does not carry the name";
	if (flaw == NULL) {
		xo_dialogue_note(run->dialogue, "verified: %s", name);
		return true;
	}
	snprintf(run->outcome.final, sizeof(run->outcome.final),
	    "server certificate not verified for %s: %s", name, flaw);
	memcpy(run->outcome.failing, run->outcome.final,
	    sizeof(run->outcome.failing));
	return false;
}

/* Notes the step; true if it is done. */
static bool
is_done(struct run *run, enum xo_step step)
{
	xo_send_note(&run->outcome, run->dialogue, step);
	return step == XO_STEP_OK;
}

static bool
open_connection(struct run *run)
{
	const struct xo_send_settings *settings = run->settings;
	struct xo_dialogue *dialogue = run->dialogue;

	if (!is_done(run, xo_dialogue_open(dialogue, &run->target,
	    (int64_t)settings->timeout * 1000)) ||
	    !is_done(run, xo_dialogue_hello(dialogue, settings->helo)))
		return false;
	if (settings->tls == XO_SEND_TLS_NONE)
		return true;
	if (!xo_caps_has(&dialogue->caps, XO_CAP_STARTTLS)) {
		static const char text[] = "STARTTLS is not offered";

		memcpy(run->outcome.failing, text, sizeof(text));
		memcpy(run->outcome.final, text, sizeof(text));
		return false;
	}
	if (!is_done(run, xo_dialogue_starttls(dialogue, run->context,
	    settings->tls_name != NULL
	    ? settings->tls_name : run->target.host)))
		return false;
	if (settings->tls == XO_SEND_TLS_VERIFY && !is_verified(run))
		return false;
	return is_done(run, xo_dialogue_hello(dialogue, settings->helo));
}

static bool
begins_with(const char *text, const char *prefix)
{
	return prefix[0] != '\0' && strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
is_good(const struct run *run)
{
	const struct xo_send_outcome *outcome = &run->outcome;
	const char *expect = run->settings->expect;

	if (expect != NULL)
		return begins_with(outcome->final, expect) ||
		    begins_with(outcome->failing, expect);
	return outcome->failing[0] == '\0' && !outcome->is_lost &&
	    outcome->final[0] == '2';
}

/* All messages; ends early if a connection does. */
static void
send_all(struct run *run)
{
	const struct xo_send_settings *settings = run->settings;
	bool is_open = false;

	for (uint64_t i = 0; i < settings->count; i++) {
		memset(&run->outcome, 0, sizeof(run->outcome));
		if (!is_open)
			is_open = open_connection(run);
		if (is_open) {
			memset(&run->outcome, 0, sizeof(run->outcome));
			xo_send_message(run->dialogue, settings, &run->body, i,
			    &run->outcome);
		}
		if (is_good(run))
			run->n_good++;
		if (!is_open || run->outcome.is_lost)
			break;
		if (settings->per_connection > 0 &&
		    (i + 1) % settings->per_connection == 0) {
			(void)xo_dialogue_say(run->dialogue, "QUIT");
			xo_wire_close(&run->dialogue->wire);
			is_open = false;
		}
	}
	if (is_open && !run->outcome.is_lost)
		(void)xo_dialogue_say(run->dialogue, "QUIT");
}

static int
report(const struct run *run)
{
	const struct xo_send_outcome *outcome = &run->outcome;
	bool has_failed = outcome->failing[0] != '\0';
	const char *last = outcome->final;

	/* What decided: a refusal, unless the message was accepted after it. */
	if (has_failed && outcome->final[0] != '2')
		last = outcome->failing;
	if (run->settings->count > 1 && !run->settings->is_quiet)
		printf("-- %llu of %llu as expected\n",
		    (unsigned long long)run->n_good,
		    (unsigned long long)run->settings->count);
	printf("%s\n", last);
	if (run->n_good == run->settings->count)
		return XO_EXIT_OK;
	return outcome->is_lost && !has_failed
	    ? XO_EXIT_CONNECTION : XO_EXIT_FAILED;
}

static bool
are_settings_good(struct xo_send_settings *settings)
{
	struct xo_send_body_settings *body = &settings->body;

	body->has_size = body->size != NO_SIZE;
	if (settings->to.n == 0) {
		xo_tool_complain("send: --to is missing");
		return false;
	}
	if (body->has_size && body->file != NULL) {
		xo_tool_complain("send: --size or --data, not both");
		return false;
	}
	if (settings->helo == NULL)
		settings->helo = xo_dialogue_default_name();
	if (settings->tls == XO_SEND_TLS_DEFAULT)
		settings->tls = settings->certificate != NULL
		    ? XO_SEND_TLS_STARTTLS : XO_SEND_TLS_NONE;
	body->from = settings->from;
	body->to = settings->to.v[0];
	return true;
}

static int
run_all(struct run *run)
{
	const struct xo_send_settings *settings = run->settings;
	char error[256];
	int result;

	run->context = xo_tls_tool_context_new(&(struct xo_tls_tool_settings){
	    .certificate = settings->certificate,
	    .key = settings->key,
	    .trust = settings->trust}, error, sizeof(error));
	if (run->context == NULL ||
	    !xo_send_body_open(&run->body, &settings->body, error,
	    sizeof(error))) {
		xo_tool_complain("send: %s", error);
		xo_tls_context_free(&run->context);
		return XO_EXIT_USAGE;
	}
	run->dialogue = xo_tool_require(calloc(1, sizeof(*run->dialogue)));
	run->dialogue->wire.fd = -1;
	if (!settings->is_quiet &&
	    (settings->has_transcript || settings->count == 1))
		run->dialogue->transcript = stdout;
	send_all(run);
	result = report(run);
	xo_dialogue_fini(run->dialogue);
	free(run->dialogue);
	xo_send_body_fini(&run->body);
	xo_tls_context_free(&run->context);
	return result;
}

int
xo_cmd_send(int argc, char **argv)
{
	struct xo_send_settings settings = {
		.from = "sender@example.com",
		.count = 1,
		.timeout = 60,
		.trust = "system",
		.body = {.size = NO_SIZE, .seed = 1},
	};
	struct run run = {.settings = &settings};
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		goto out;
	if (!are_settings_good(&settings) ||
	    !xo_target_parse(argv[optind], "25", &run.target)) {
		xo_tool_complain("send: expected: %s", usage.operands);
		result = XO_EXIT_USAGE;
		goto out;
	}
	result = run_all(&run);
out:
	xo_option_list_fini(&settings.to);
	xo_option_list_fini(&settings.mail_params);
	xo_option_list_fini(&settings.rcpt_params);
	xo_option_list_fini(&settings.body.headers);
	return result;
}
