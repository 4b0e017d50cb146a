/* SPDX-License-Identifier: ISC */
/*
 * xoorg explain --reply: what servers say when hybrid mail goes wrong, its
 * cause and its remedy. The table is read from its top, so that a row with
 * more of the text stands above the row for its code alone.
 */
#include <cmd/explain/explain.h>

#include <cmd/common/json.h>
#include <cmd/common/tool.h>
#include <cmd/report/report.h>
#include <xoorg/refusal.h>

#define REPLY_MAX 1024

struct known {
	const char *enhanced;		/* "5.7.64"; "": any */
	unsigned int last;		/* its last number may go up to this */
	const char *text;		/* stands in it; "": any */
	const char *who;
	const char *cause;
	const char *remedy;
};

#define EXO "Exchange Online"
#define EXCHANGE "Exchange on premises"
#define ANY "an SMTP server"

#define UNKNOWN_PARAMETER "The server does not know a parameter of MAIL: the " \
	"client sent it although it had not been announced (XOORG, AUTH, RET)."
#define KNOW_PARAMETER "Send a parameter only where its extension is " \
	"announced; xoorgd does so, and never passes XOORG on otherwise."

#define DANE_FAILS(what) "DANE or MTA-STS of the receiver is in force at " \
	"the connector or the domain (SmtpDaneMode, MtaStsMode), and " what "."
#define MTA_STS "The MX or its certificate does not fit the receiver's " \
	"MTA-STS policy."
#define POLICY "Name the MX in the policy (mta-sts.<domain>), and renew its " \
	"id; the certificate must carry the name of the MX."

static const struct known table[] = {
	{"5.7.64", 0, "", EXO,
	    "No tenant stands behind the session. Exchange Online relays only "
	    "if the domain in the client certificate or of the envelope sender "
	    "is an accepted domain of the tenant, and the certificate's domain "
	    "or the address matches an inbound connector of type OnPremises. "
	    "With a null sender only the certificate can do.",
	    "Show the tenant's own client certificate with its whole chain (a "
	    "missing intermediate is a documented cause), from a public CA; "
	    "name it in TlsSenderCertificateName of the connector ('xoorg "
	    "setup' prints it); make its domain an accepted domain. Changes "
	    "need about an hour."},
	{"5.7.51", 0, "", EXO,
	    "An inbound connector of type Partner matches and restricts the "
	    "domain to a certificate or to addresses that this session does "
	    "not have: wrong client certificate, or none.",
	    "Show the certificate that the connector names "
	    "(TlsSenderCertificateName), with its chain; after a renewal look "
	    "at its name first."},
	{"5.7.68", 0, "", EXO,
	    "The tenant refuses direct send (RejectDirectSend): the sender's "
	    "domain is one of its own, and the session matched no inbound "
	    "connector.",
	    "Give the gateway an inbound connector, by certificate, and show "
	    "that certificate. Forwarded mail needs SRS."},
	{"4.4.317", 0, "SubjectMismatch", EXO,
	    "Exchange Online did not find the TlsDomain of its outbound "
	    "connector in the certificate of the smart host.",
	    "Compare 'Expected Subject' and 'Presented Subject': set TlsDomain "
	    "to a name that stands in our certificate, or get a certificate "
	    "with that name. 'xoorg probe' prints the names."},
	{"", 0, "OrganizationInboundConnectorProhibited", EXO,
	    "New tenants may not enable inbound connectors of type OnPremises "
	    "(since February 2023).",
	    "Open a support case with Microsoft."},
	{"4.4.317", 0, "STARTTLS is required", EXO,
	    "The outbound connector demands TLS, and TLS with the smart host "
	    "failed: no STARTTLS, a broken chain or a root that is not "
	    "trusted.",
	    "Check the gateway from outside with 'xoorg probe': STARTTLS, the "
	    "chain with all intermediates, the expiry."},
	{"4.4.317", 0, "", EXO,
	    "Exchange Online could not connect to the smart host as its "
	    "outbound connector demands.",
	    "The text in brackets says why. Check port 25 from outside, and "
	    "the certificate with 'xoorg probe'."},
	{"4.7.320", 0, "", EXO,
	    "Exchange Online could not verify the certificate of the smart "
	    "host (older form of 4.4.317).",
	    "Check name, chain and expiry with 'xoorg probe'."},
	{"4.7.321", 0, "", EXO, DANE_FAILS("the receiver's server does not "
	    "offer STARTTLS"), "Offer STARTTLS at the server whose TLSA record "
	    "or policy promises it; 'xoorg probe' shows what it announces."},
	{"4.7.322", 0, "", EXO, DANE_FAILS("the certificate of the receiver's "
	    "server has expired"), "Renew it, reload, and publish a TLSA "
	    "record for the new one beforehand."},
	{"4.7.323", 0, "", EXO, DANE_FAILS("no TLSA record fits the "
	    "certificate or its chain (tlsa-invalid)"), "Publish the TLSA "
	    "record of the certificate in use, best of its key (3 1 1), and "
	    "the next one's before each renewal."},
	{"4.7.324", 0, "", EXO, DANE_FAILS("DNSSEC of the receiver's domain, "
	    "or of its MX, is broken (dnssec-invalid)"), "Repair the "
	    "signatures or the DS record of the zone."},
	{"4.7.325", 0, "", EXO, DANE_FAILS("the receiver's certificate does "
	    "not carry the name of its MX (certificate-host-mismatch)"),
	    "Get a certificate with the name of the MX or smart host."},
	{"5.7.321", 0, "", EXO, DANE_FAILS("the receiver's server does not "
	    "offer STARTTLS"), "Offer STARTTLS at the server whose TLSA record "
	    "or policy promises it; 'xoorg probe' shows what it announces."},
	{"5.7.322", 0, "", EXO, DANE_FAILS("the certificate of the receiver's "
	    "server has expired"), "Renew it, reload, and publish a TLSA "
	    "record for the new one beforehand."},
	{"5.7.323", 0, "", EXO, DANE_FAILS("no TLSA record fits the "
	    "certificate or its chain (tlsa-invalid)"), "Publish the TLSA "
	    "record of the certificate in use, best of its key (3 1 1), and "
	    "the next one's before each renewal."},
	{"5.7.324", 0, "", EXO, DANE_FAILS("DNSSEC of the receiver's domain, "
	    "or of its MX, is broken (dnssec-invalid)"), "Repair the "
	    "signatures or the DS record of the zone."},
	{"5.7.325", 0, "", EXO, DANE_FAILS("the receiver's certificate does "
	    "not carry the name of its MX (certificate-host-mismatch)"),
	    "Get a certificate with the name of the MX or smart host."},
	{"4.4.8", 0, "MTA-STS", EXO, MTA_STS, POLICY},
	{"5.4.8", 0, "MTA-STS", EXO, MTA_STS, POLICY},
	{"5.7.57", 0, "", EXO,
	    "The session is neither authenticated nor attributed to a tenant "
	    "by a connector: the client spoke to the place for submission "
	    "(smtp.office365.com, or a mailbox server), or no connector takes "
	    "anonymous mail.",
	    "Send to <tenant>.mail.protection.outlook.com, port 25, with the "
	    "client certificate that the inbound connector names."},
	{"4.4.62", 0, "", EXO,
	    "The mail came to a region of Microsoft's that is not the "
	    "tenant's: the upstream is an address, an old name, or another "
	    "tenant's.",
	    "Write the name that Microsoft gives the domain as its MX, "
	    "<domain>.mail.protection.outlook.com, as `hosts` of the upstream, "
	    "and never an address."},
	{"4.7.5", 0, "TlsCertificateName", EXCHANGE,
	    "The send connector names a certificate that no longer exists, "
	    "mostly after a renewal.",
	    "Set-SendConnector -TlsCertificateName to \"<I>issuer<S>subject\" "
	    "of the new certificate, and enable it for SMTP."},
	{"4.7.5", 0, "", "Exchange, or xoorgd",
	    "The server knows the name in the client certificate, but cannot "
	    "verify its chain: expired, untrusted root, missing intermediate, "
	    "revoked, or not for serverAuth.",
	    "The sender retries. Complete the chain that the client shows; "
	    "update the root certificates of the server."},
	{"4.7.230", 0, "", EXO,
	    "Transport enforcement: the sending Exchange server is too old and "
	    "is throttled on its OnPremises connector.",
	    "Update that Exchange server, or take it out of the path."},
	{"5.7.230", 0, "", EXO,
	    "Transport enforcement: the sending Exchange server is too old and "
	    "is blocked on its OnPremises connector.",
	    "Update that Exchange server, or take it out of the path."},
	{"5.6.11", 0, "", EXO,
	    "The message has bare line feeds, and the next server does not "
	    "announce CHUNKING, so that it cannot be sent unchanged.",
	    "Announce CHUNKING (not `safe = true` at the listener of xoorgd), "
	    "or fix the software that writes such messages."},
	{"5.7.3", 0, "Require XOORG", EXCHANGE,
	    "The sending connector requires XOORG, and the server did not "
	    "announce it in the TLS session.",
	    "Ask the server with 'xoorg probe': it must ask for a client "
	    "certificate, know its name and trust its chain."},
	{"5.7.3", 0, "STARTTLS", ANY,
	    "The connector requires TLS. As a reply: the client did not start "
	    "it. In a queue: the server does not offer it, which Exchange does "
	    "when its certificate is broken.",
	    "Start TLS; check the certificate of the server."},
	{"4.7.0", 0, "cipher strength", EXCHANGE,
	    "The cipher has less than 128 bits.",
	    "Let the client offer modern ciphers of TLS 1.2 or 1.3."},
	{"4.7.0", 0, "maximum TLS rate", EXCHANGE,
	    "Too many TLS handshakes at a time.", "It will be retried."},
	{"4.7.0", 0, "Too many errors", ANY,
	    "Too many refused commands in one session.",
	    "Look at the refusals before this one."},
	{"5.7.1", 0, "Client was not authenticated", EXCHANGE,
	    "The receive connector takes no anonymous mail, and the session "
	    "got no right by its certificate.",
	    "Show a client certificate that TlsDomainCapabilities names with "
	    "AcceptCloudServicesMail."},
	{"5.7.1", 0, "permissions to submit", EXCHANGE,
	    "The session is known to the receive connector, but may not "
	    "submit.",
	    "Give it AcceptCloudServicesMail in TlsDomainCapabilities, or a "
	    "permission group."},
	{"5.5.4", 0, "Unsupported option", "Postfix and others",
	    UNKNOWN_PARAMETER, KNOW_PARAMETER},
	{"5.5.4", 0, "parameter unrecognized", "Sendmail", UNKNOWN_PARAMETER,
	    KNOW_PARAMETER},
	{"", 0, "MAIL FROM parameters not recognized", ANY,
	    UNKNOWN_PARAMETER, KNOW_PARAMETER},
	{"5.5.4", 0, "Invalid arguments", "Exchange, or xoorgd",
	    "A parameter of MAIL is malformed, stands twice, or is XOORG in a "
	    "session to which it was not announced.",
	    "Look at the MAIL line; ask with 'xoorg probe' whether XOORG is "
	    "announced to this certificate."},
	{"4.7.652", 0, "", EXO, "Too many connections.",
	    "Send over fewer connections; it will be retried."},
	{"4.7.500", 699, "", EXO,
	    "The sending address is throttled.",
	    "It will be retried; look at what was sent from this address."},
	{"5.7.606", 649, "", EXO, "The sending address is banned.",
	    "Ask for delisting at sender.office.com, once the cause is gone."},
	{"5.4.1", 0, "Relay Access Denied", EXO,
	    "The recipient's domain is not an accepted domain of the tenant to "
	    "which the session was attributed.",
	    "Check the accepted domains, the connector and the MX record."},
	{"5.4.1", 0, "", EXO,
	    "The recipient does not exist in the tenant, or its domain is not "
	    "accepted there.",
	    "Check the recipient and the type of the accepted domain."},
	{"4.4.4", 0, "ATTR", EXO,
	    "The session could not be attributed to a tenant now.",
	    "It will be retried; if it stays, look at the inbound connector "
	    "and the client certificate."},
	{"5.4.6", 0, "", EXO, "The message runs in a loop.",
	    "Look at connectors and mail flow rules that send it back."},
	{"5.4.14", 0, "", EXO, "The message runs in a loop.",
	    "Look at connectors and mail flow rules that send it back."},
	{"4.4.7", 0, "", EXO, "The message waited too long in the queue.",
	    "The reason is the last temporary error before it."},
	{"5.4.300", 0, "", EXO, "The message waited too long in the queue.",
	    "The reason is the last temporary error before it."},
	{"4.5.3", 0, "", ANY, "Too many recipients.",
	    "The sender retries with the rest."},
	{"5.6.0", 0, "", EXO, "The content of the message is refused.",
	    "Look at its structure."},
};

static bool
is_part_of_number(uint8_t c)
{
	return xo_ascii_is_digit(c) || c == '.';
}

/* The number behind `class.subject.`, if `s` begins with that. */
static bool
read_detail(struct xo_span s, struct xo_span prefix, uint64_t *n_r)
{
	size_t n = 0;

	if (!xo_span_has_prefix_nocase(s, prefix))
		return false;
	s = xo_span_from(s, prefix.len);
	while (n < s.len && xo_ascii_is_digit(s.p[n]))
		n++;
	return xo_span_to_u64(xo_span_first(s, n), n_r) == XO_OK;
}

/* Somewhere in `s`, as a number of its own. */
static bool
has_enhanced(struct xo_span s, const struct known *known)
{
	struct xo_span prefix = xo_span_from_cstr(known->enhanced);
	uint64_t n, first = 0;
	bool is_inside = false;

	if (prefix.len == 0)
		return true;
	/* "5.7.64": up to and with the second dot. */
	prefix.len = 2 + xo_span_find(xo_span_from(prefix, 2), '.') + 1;
	if (xo_span_to_u64(xo_span_from_cstr(known->enhanced + prefix.len),
	    &first) != XO_OK)
		return false;
	for (; s.len > 0; s = xo_span_from(s, 1)) {
		if (!is_inside && read_detail(s, prefix, &n) && n >= first &&
		    n <= (known->last > 0 ? known->last : first))
			return true;
		is_inside = is_part_of_number(s.p[0]);
	}
	return false;
}

static const struct known *
find_known(struct xo_span text)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (has_enhanced(text, &table[i]) &&
		    xo_explain_contains(text, table[i].text))
			return &table[i];
	}
	return NULL;
}

/* What is to be explained: from a reply, or from a line of the log, which has the
 * reason of ours beside it. */
struct asked {
	struct xo_buf reply;		/* NUL behind it */
	struct xo_buf reason;		/* the same; empty: not told */
};

/* A line of the log, or what somebody cut out of one, from its event on: `line` is
 * what the record then points into. */
static bool
read_line(struct xo_record *record, struct xo_buf *line, const char *text)
{
	const char *event = strstr(text, "event=");

	if (xo_record_read(record, xo_span_from_cstr(text)))
		return true;
	if (event == NULL)
		return false;
	xo_buf_add_all(line, "1970-01-01T00:00:00.000Z ", event, (char *)NULL);
	(void)xo_tool_cstr(line);
	return xo_record_read(record, xo_buf_span(line));
}

static void
read_asked(struct asked *asked, const char *text)
{
	struct xo_record record = {.n = 0};
	struct xo_span reply = xo_span_from_cstr(text);
	struct xo_buf line = {.p = NULL};

	if (read_line(&record, &line, text)) {
		reply = xo_record_value(&record, "reply");
		if (reply.len == 0)
			reply = xo_record_value(&record, "said");
		xo_explain_add_printable(&asked->reason, xo_record_value(&record,
		    "reason"), REPLY_MAX);
	}
	xo_explain_add_printable(&asked->reply, reply, REPLY_MAX);
	(void)xo_tool_cstr(&asked->reply);
	(void)xo_tool_cstr(&asked->reason);
	xo_record_fini(&record);
	xo_buf_fini(&line);
}

/* Is it one that xoorgd gives? Several reasons may have the same words. */
static bool
is_own(const struct asked *asked, enum xo_refusal refusal)
{
	const struct xo_refusal_info *info = xo_refusal_info(refusal);
	char line[256];

	if (xo_explain_refusal(refusal) == NULL)
		return false;
	if (asked->reason.len > 0)
		return xo_span_is_equal(xo_buf_span(&asked->reason),
		    xo_span_from_cstr(info->id));
	snprintf(line, sizeof(line), "%u %s %s", info->code, info->enhanced,
	    info->text);
	return xo_span_has_prefix_nocase(xo_buf_span(&asked->reply),
	    xo_span_from_cstr(line));
}

/* The next one behind `i`; XO_REFUSAL_COUNT: there is none. */
static int
next_own(const struct asked *asked, int i)
{
	while (++i < XO_REFUSAL_COUNT && !is_own(asked, (enum xo_refusal)i))
		continue;
	return i;
}

/* NULL: the reply has no code in front. */
static const char *
find_class(struct xo_span text)
{
	/* analyser: a span with octets has a place */
	if (text.len < 3 || !xo_ascii_is_digit(text.p[1]) ||
	    !xo_ascii_is_digit(text.p[2]))
		return NULL;
	if (text.p[0] == '4')
		return "temporary: the sender tries again";
	if (text.p[0] == '5')
		return "permanent: the message goes back to its sender";
	return NULL;
}

static void
print_row(FILE *out, const char *label, const char *text)
{
	if (text == NULL)
		return;
	fprintf(out, "%s\n", label);
	xo_explain_print_wrapped(out, xo_span_from_cstr(text), 6, "");
}

static void
print_own(FILE *out, enum xo_refusal refusal)
{
	const struct xo_explain_own *own = xo_explain_refusal(refusal);
	struct xo_buf who = {.p = NULL};

	xo_buf_add_all(&who, "xoorgd, reason ", xo_refusal_info(refusal)->id,
	    ", see xoorgd(8)", (char *)NULL);
	print_row(out, "Said by", xo_tool_cstr(&who));
	print_row(out, "Cause", own->cause);
	print_row(out, "Remedy", own->remedy);
	xo_buf_fini(&who);
}

static void
print_text(FILE *out, const struct asked *asked, const struct known *known)
{
	int own = next_own(asked, XO_REFUSAL_NONE);

	print_row(out, "Reply", (const char *)asked->reply.p);
	print_row(out, "Class", find_class(xo_buf_span(&asked->reply)));
	if (known != NULL) {
		print_row(out, "Said by", known->who);
		print_row(out, "Cause", known->cause);
		print_row(out, "Remedy", known->remedy);
	} else if (own == XO_REFUSAL_COUNT) {
		fputs("This reply is not known here.\n", out);
	}
	for (; own < XO_REFUSAL_COUNT; own = next_own(asked, own))
		print_own(out, (enum xo_refusal)own);
}

static json_t *
list_own(const struct asked *asked)
{
	json_t *list = xo_tool_require(json_array());

	for (int i = next_own(asked, XO_REFUSAL_NONE); i < XO_REFUSAL_COUNT;
	    i = next_own(asked, i)) {
		const struct xo_explain_own *own =
		    xo_explain_refusal((enum xo_refusal)i);

		json_array_append_new(list, xo_tool_require(json_pack(
		    "{s:s, s:s, s:s}", "reason",
		    xo_refusal_info((enum xo_refusal)i)->id, "cause",
		    own->cause, "remedy", own->remedy)));
	}
	return list;
}

static void
print_json(FILE *out, const struct asked *asked, const struct known *known)
{
	int own = next_own(asked, XO_REFUSAL_NONE);
	bool is_own = own < XO_REFUSAL_COUNT;
	json_t *json = xo_tool_require(json_pack(
	    "{s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}",
	    "reply", (const char *)asked->reply.p,
	    "known", known != NULL || is_own,
	    "class", find_class(xo_buf_span(&asked->reply)),
	    "who", known != NULL ? known->who : is_own ? "xoorgd" : NULL,
	    "cause", known != NULL ? known->cause : is_own ?
	    xo_explain_refusal((enum xo_refusal)own)->cause : NULL,
	    "remedy", known != NULL ? known->remedy : is_own ?
	    xo_explain_refusal((enum xo_refusal)own)->remedy : NULL,
	    "reason", is_own ? xo_refusal_info((enum xo_refusal)own)->id : NULL,
	    "reasons", list_own(asked)));

	json_dumpf(json, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(json);
}

int
xo_explain_reply(const char *text, bool is_json, FILE *out)
{
	struct asked asked = {.reply = {.p = NULL}};
	const struct known *known = NULL;
	bool is_known;

	read_asked(&asked, text);
	/* A line of the log says whose words they are. */
	if (asked.reason.len == 0 || xo_span_is_equal(xo_buf_span(
	    &asked.reason), XO_LIT("upstream-said")))
		known = find_known(xo_buf_span(&asked.reply));
	is_known = known != NULL ||
	    next_own(&asked, XO_REFUSAL_NONE) < XO_REFUSAL_COUNT;
	if (is_json)
		print_json(out, &asked, known);
	else
		print_text(out, &asked, known);
	xo_buf_fini(&asked.reply);
	xo_buf_fini(&asked.reason);
	return is_known ? XO_EXIT_OK : XO_EXIT_FAILED;
}
