/* SPDX-License-Identifier: ISC */
/*
 * xoorg probe: one plain sentence why XOORG was or was not announced. The
 * server does not say why; it follows from what it did (protocol.md 1.2,
 * 4.5).
 */
#include <cmd/probe/probe.h>

#define DAYS_LEFT 14

static const char *
own_name(const struct xo_visit *probe)
{
	return probe->own.n > 0
	    ? xo_tls_tool_certificate_name(&probe->own.certificates[0]) : "";
}

static bool
has_shown(const struct xo_visit *probe)
{
	return probe->was_asked && probe->own.n > 0;
}

static void
explain_refusal(const struct xo_visit *probe, struct xo_buf *out)
{
	bool is_chain = strncmp(probe->last, "454 4.7.5", 9) == 0;

	if (is_chain && has_shown(probe)) {
		xo_buf_add_all(out, "the server refused our certificate with ",
		    probe->last,
		    ": it knows the name, but cannot verify the chain.",
		    (char *)NULL);
		return;
	}
	xo_buf_add_all(out, "the server refused EHLO after TLS with ",
	    probe->last, ".", (char *)NULL);
}

static void
explain_end(const struct xo_visit *probe, struct xo_buf *out)
{
	xo_buf_add_cstr(out, "XOORG was not announced: ");
	if (probe->step == XO_STEP_TLS)
		xo_buf_add_all(out, "the TLS handshake failed (", probe->last,
		    ").", (char *)NULL);
	else if (probe->step == XO_STEP_LOST)
		xo_buf_add_all(out, "the dialogue ended at ",
		    xo_visit_stage_name(probe), " (", probe->last, ").", (char *)NULL);
	else if (probe->stage == XO_VISIT_EHLO_AFTER)
		explain_refusal(probe, out);
	else
		xo_buf_add_all(out, "the server refused ", xo_visit_stage_name(probe),
		    " with ", probe->last, ".", (char *)NULL);
}

static void
explain_clear_text(const struct xo_visit *probe, struct xo_buf *out)
{
	xo_buf_add_cstr(out, "XOORG was not announced: ");
	if (probe->settings->is_without_tls)
		xo_buf_add_cstr(out, "we stayed in clear text (--no-tls).");
	else
		xo_buf_add_cstr(out, "the server does not offer STARTTLS.");
}

static void
explain_absence(const struct xo_visit *probe, struct xo_buf *out)
{
	xo_buf_add_cstr(out, "XOORG was not announced: ");
	if (probe->own.n == 0 && probe->was_asked)
		xo_buf_add_cstr(out, "we showed no client certificate.");
	else if (probe->own.n == 0)
		xo_buf_add_cstr(out, "we showed no client certificate, and "
		    "the server asked for none.");
	else if (!probe->was_asked)
		xo_buf_add_all(out, "the server did not ask for a client "
		    "certificate, so ours for ", own_name(probe),
		    " was not shown.", (char *)NULL);
	else
		xo_buf_add_all(out, "our certificate for ", own_name(probe),
		    " gives no right to it at this server, or the server does "
		    "not know XOORG.", (char *)NULL);
}

void
xo_probe_explain(const struct xo_visit *probe, struct xo_buf *out)
{
	if (xo_visit_is_announced(probe)) {
		if (has_shown(probe))
			xo_buf_add_all(out, "XOORG was announced: the server "
			    "accepted our certificate for ", own_name(probe),
			    ".", (char *)NULL);
		else
			xo_buf_add_cstr(out, "XOORG was announced although we "
			    "showed no client certificate: this server gives "
			    "it to anybody.");
	} else if (probe->step != XO_STEP_OK) {
		explain_end(probe, out);
	} else if (xo_caps_has(&probe->caps_before, XO_CAP_XOORG)) {
		xo_buf_add_cstr(out, "XOORG was announced only in clear text, "
		    "before TLS: it must not be used.");
	} else if (!probe->is_tls) {
		explain_clear_text(probe, out);
	} else {
		explain_absence(probe, out);
	}
}

static void
warn_of_own(const struct xo_visit *probe, struct xo_buf *out)
{
	const struct xo_tls_tool_certificate *own;

	if (probe->own.n == 0)
		return;
	own = &probe->own.certificates[0];
	if (own->usages[0] != '\0' && strstr(own->usages, "clientAuth") == NULL &&
	    strstr(own->usages, "anyExtendedKeyUsage") == NULL)
		xo_buf_add_cstr(out, "Our certificate is for servers only (no "
		    "clientAuth): a server that looks at the purpose takes us "
		    "for a stranger or refuses us.\n");
	if (own->days_left < 0 || (own->days_left < DAYS_LEFT &&
	    own->days_left < own->days_life / 4))
		xo_buf_add_all(out, own->days_left < 0 ?
		    "Our certificate ended " : "Our certificate ends soon: ",
		    own->not_after, ".\n", (char *)NULL);
}

void
xo_probe_warn(const struct xo_visit *probe, struct xo_buf *out)
{
	if (xo_visit_is_announced(probe) &&
	    xo_caps_has(&probe->caps_before, XO_CAP_XOORG))
		xo_buf_add_cstr(out, "XOORG is announced in clear text too: "
		    "this server does not protect it.\n");
	warn_of_own(probe, out);
	if (!probe->is_tls)
		return;
	if (probe->flaw[0] != '\0')
		xo_buf_add_all(out, "The server's certificate cannot be "
		    "verified (", probe->flaw, "): XOORG must not be sent "
		    "here.\n", (char *)NULL);
	if (!probe->has_name)
		xo_buf_add_all(out, "The server's certificate does not carry "
		    "the name ", xo_visit_tls_name(probe), ": XOORG must not "
		    "be sent here.\n", (char *)NULL);
}
