/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SMTP up to the first MAIL.
 */
#include <cmd/common/dialogue.h>

#include <stdarg.h>
#include <unistd.h>

#include <cmd/common/tool.h>
#include <xoorg/proxy.h>

const char *
xo_dialogue_default_name(void)
{
	static char name[256];

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return "localhost";
	return name;
}

void
xo_dialogue_note(const struct xo_dialogue *dialogue, const char *format, ...)
{
	va_list args;

	if (dialogue->transcript == NULL)
		return;
	va_start(args, format);
	fputs("-- ", dialogue->transcript);
	vfprintf(dialogue->transcript, format, args);
	fputc('\n', dialogue->transcript);
	va_end(args);
}

static void
print_reply(const struct xo_dialogue *dialogue)
{
	struct xo_span text = xo_buf_span(&dialogue->reply.text);
	struct xo_span line, next;
	bool has_more = xo_reply_line(&text, &line);

	if (dialogue->transcript == NULL)
		return;
	if (!has_more)
		fprintf(dialogue->transcript, "<- %u\n", dialogue->reply.code);
	while (has_more) {
		has_more = xo_reply_line(&text, &next);
		fprintf(dialogue->transcript, "<- %u%c%.*s\n",
		    dialogue->reply.code, has_more ? '-' : ' ',
		    (int)line.len, (const char *)line.p);
		line = next;
	}
	fflush(dialogue->transcript);
}

void
xo_dialogue_reply_line(const struct xo_dialogue *dialogue, char *text,
    size_t text_len)
{
	struct xo_span rest = xo_buf_span(&dialogue->reply.text);
	struct xo_span line = {NULL, 0};

	if (!xo_reply_line(&rest, &line))
		line = XO_LIT("");
	snprintf(text, text_len, "%u %.*s", dialogue->reply.code,
	    (int)line.len, (const char *)line.p);
}

bool
xo_dialogue_put(struct xo_dialogue *dialogue, struct xo_span line)
{
	if (dialogue->transcript != NULL)
		fprintf(dialogue->transcript, "-> %.*s\n", (int)line.len,
		    (const char *)line.p);
	return xo_wire_put(&dialogue->wire, line) &&
	    xo_wire_put(&dialogue->wire, XO_LIT("\r\n"));
}

enum xo_step
xo_dialogue_listen(struct xo_dialogue *dialogue)
{
	if (!xo_wire_read_reply(&dialogue->wire, &dialogue->reply)) {
		xo_dialogue_note(dialogue, "%s", dialogue->wire.error);
		return XO_STEP_LOST;
	}
	print_reply(dialogue);
	return dialogue->reply.code < 400 ? XO_STEP_OK : XO_STEP_REFUSED;
}

enum xo_step
xo_dialogue_say(struct xo_dialogue *dialogue, const char *line)
{
	/* A lost connection may still hold the peer's last words. */
	(void)xo_dialogue_put(dialogue, xo_span_from_cstr(line));
	return xo_dialogue_listen(dialogue);
}

/* The PROXY header of a client that is this connection's own. */
static bool
introduce(struct xo_dialogue *dialogue)
{
	struct xo_proxy proxy = {.is_local = false};
	struct xo_buf header = {.p = NULL};
	bool is_put;

	if (!xo_wire_ends(&dialogue->wire, &proxy.client, &proxy.client_port,
	    &proxy.server, &proxy.server_port))
		return false;
	(void)(dialogue->proxy == 1 ? xo_proxy_write_v1(&header, &proxy) :
	    xo_proxy_write_v2(&header, &proxy));
	is_put = header.err == XO_OK &&
	    xo_wire_put(&dialogue->wire, xo_buf_span(&header));
	xo_buf_fini(&header);
	return is_put;
}

enum xo_step
xo_dialogue_open(struct xo_dialogue *dialogue, const struct xo_target *target,
    int64_t timeout)
{
	char address[128];
	enum xo_step step;

	memset(&dialogue->caps, 0, sizeof(dialogue->caps));
	if (!xo_wire_connect(&dialogue->wire, target, timeout))
		return XO_STEP_LOST;
	if (dialogue->proxy != 0 && !introduce(dialogue))
		return XO_STEP_LOST;
	xo_wire_peer_address(&dialogue->wire, address, sizeof(address));
	xo_dialogue_note(dialogue, "connected to %s", address);
	step = xo_dialogue_listen(dialogue);
	if (step == XO_STEP_OK && dialogue->reply.code != 220)
		return XO_STEP_REFUSED;
	return step;
}

static void
read_caps(struct xo_dialogue *dialogue)
{
	struct xo_span text = xo_buf_span(&dialogue->reply.text);
	struct xo_span line;

	/* The first line is the greeting. */
	if (!xo_reply_line(&text, &line))
		return;
	while (xo_reply_line(&text, &line))
		xo_caps_add_line(&dialogue->caps, line, NULL);
}

static enum xo_step
say_hello(struct xo_dialogue *dialogue, const char *verb, const char *name)
{
	struct xo_buf line = {.p = NULL};
	enum xo_step step;

	memset(&dialogue->caps, 0, sizeof(dialogue->caps));
	xo_buf_add_all(&line, verb, " ", name, (char *)NULL);
	step = xo_dialogue_say(dialogue, xo_tool_cstr(&line));
	xo_buf_fini(&line);
	if (step == XO_STEP_OK && dialogue->reply.code != 250)
		return XO_STEP_REFUSED;
	return step;
}

enum xo_step
xo_dialogue_hello(struct xo_dialogue *dialogue, const char *name)
{
	enum xo_step step = say_hello(dialogue,
	    dialogue->is_lmtp ? "LHLO" : "EHLO", name);

	if (step == XO_STEP_OK)
		read_caps(dialogue);
	else if (!dialogue->is_lmtp && step == XO_STEP_REFUSED && (dialogue->reply.code == 500 ||
	    dialogue->reply.code == 502 || dialogue->reply.code == 504))
		step = say_hello(dialogue, "HELO", name);
	return step;
}

enum xo_step
xo_dialogue_starttls(struct xo_dialogue *dialogue,
    struct xo_tls_context *context, const char *server_name)
{
	enum xo_step step = xo_dialogue_say(dialogue, "STARTTLS");
	struct xo_tls *tls;

	if (step != XO_STEP_OK)
		return step;
	if (dialogue->reply.code != 220)
		return XO_STEP_REFUSED;
	memset(&dialogue->caps, 0, sizeof(dialogue->caps));
	tls = xo_tool_require(xo_tls_new_client(context, dialogue->wire.fd,
	    server_name, NULL));
	if (!xo_wire_start_tls(&dialogue->wire, tls)) {
		xo_dialogue_note(dialogue, "%s", dialogue->wire.error);
		return XO_STEP_TLS;
	}
	xo_dialogue_note(dialogue, "%s %s", xo_tls_version(tls),
	    xo_tls_cipher(tls));
	return XO_STEP_OK;
}

void
xo_dialogue_fini(struct xo_dialogue *dialogue)
{
	xo_wire_close(&dialogue->wire);
	xo_reply_fini(&dialogue->reply);
}
