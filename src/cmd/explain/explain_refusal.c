/* SPDX-License-Identifier: ISC */
/*
 * Each reply of our own: why the gateway gives it, and what to do. By the reason
 * that the log has; the manual says the same in a word (xoorgd(8), REASONS).
 */
#include <cmd/explain/explain.h>

#define CLIENT "It is the client's to mend. "
#define NEXT_HOP "The client tries again. The log's event=upstream line names " \
	"the host and has its words. "

static const struct xo_explain_own table[XO_REFUSAL_COUNT] = {
	[XO_REFUSAL_LINE_BARE_LF] = {
	    "A command ended in LF alone, which servers read in different ways "
	    "(SMTP smuggling); the connection was closed.",
	    CLIENT "Its lines must end in CRLF."},
	[XO_REFUSAL_LINE_BARE_CR] = {
	    "A command held a CR that is no line end; the connection was closed.",
	    CLIENT "It sends something that is not SMTP."},
	[XO_REFUSAL_LINE_NUL] = {
	    "A command held a NUL; the connection was closed.",
	    CLIENT "It sends something that is not SMTP, or its data is broken."},
	[XO_REFUSAL_LINE_TOO_LONG] = {
	    "A command was longer than 4096 octets.",
	    CLIENT "Look at the address or the parameters that it sends."},
	[XO_REFUSAL_LINE_ENDLESS] = {
	    "A command did not end, or a long one might be BDAT, behind which "
	    "nobody knows what is content; the connection was closed.",
	    CLIENT "It sends content where a command is expected."},
	[XO_REFUSAL_COMMAND_UNKNOWN] = {
	    "The gateway has no such command.",
	    CLIENT "If XCLIENT was meant, its peer lacks the right xclient."},
	[XO_REFUSAL_COMMAND_HTTP] = {
	    "A web browser's request came to the port of SMTP; the connection "
	    "was closed.",
	    "Nothing, or find out who calls that port as a web server."},
	[XO_REFUSAL_COMMAND_SYNTAX] = {
	    "The arguments are not what this command takes.",
	    CLIENT "The command is in its own log."},
	[XO_REFUSAL_COMMAND_DISABLED] = {
	    "AUTH: the gateway has no accounts.",
	    "Turn authentication off for this server in the client; rights come "
	    "by certificate or address (peers)."},
	[XO_REFUSAL_COMMAND_SEQUENCE] = {
	    "The command may not stand here, such as RCPT before MAIL.",
	    CLIENT "Look at the reply before this one: it was probably refused."},
	[XO_REFUSAL_HELLO_FIRST] = {
	    "There was no EHLO yet, or none since STARTTLS, which forgets the "
	    "first.",
	    CLIENT "It must say EHLO again inside TLS (RFC 3207 4.2)."},
	[XO_REFUSAL_HELLO_NAME] = {
	    "EHLO had no name, or one that is no domain and no address literal.",
	    "Correct the client's host name, or set lenient_envelope for devices."},
	[XO_REFUSAL_PIPELINING] = {
	    "Something was sent before a reply that must be waited for, such as "
	    "that to STARTTLS; the connection was closed.",
	    CLIENT "What came along may be injected, so it is not used."},
	[XO_REFUSAL_TOO_MANY_ERRORS] = {
	    "The session had as many refused commands as limits.errors allows.",
	    "Look at the session's refusals before this one."},
	[XO_REFUSAL_TOO_MANY_RESETS] = {
	    "The session began as many transactions without a message as "
	    "limits.resets allows.",
	    "Most often somebody tries out addresses. A client that means well "
	    "needs a higher limits.resets."},
	[XO_REFUSAL_TOO_MANY_COMMANDS] = {
	    "The session said as many commands without a message as "
	    "limits.commands allows.",
	    "A monitor that keeps one session open should end it, or raise "
	    "limits.commands."},
	[XO_REFUSAL_TLS_TWICE] = {
	    "STARTTLS came inside TLS.", CLIENT "It has TLS already."},
	[XO_REFUSAL_TLS_NOT_OFFERED] = {
	    "STARTTLS came to a listener that has no tls.",
	    "Set tls at the listener; without it there is no XOORG either."},
	[XO_REFUSAL_TLS_REQUIRED] = {
	    "The listener has require_tls, and MAIL came without STARTTLS.",
	    "Let the client use TLS. Where old senders must get through: "
	    "require_tls = false."},
	[XO_REFUSAL_TLS_RATE] = {
	    "The address began more TLS sessions in a minute than "
	    "max_tls_per_minute allows.",
	    "The client tries again. Raise the limit if it is a proxy or "
	    "Exchange Online."},
	[XO_REFUSAL_TLS_CERTIFICATE] = {
	    "The client's certificate has the name of a peer and is not valid "
	    "(expired, its root is not trusted, a link of the chain is missing, "
	    "revoked), or the cipher has less than 128 bits; the connection was "
	    "closed. The log's because says which.",
	    "The sender tries again. Update the trust store: ca-certificates, or "
	    "the file in trust. If it is not Microsoft's address, somebody tries."},
	[XO_REFUSAL_MAIL_NESTED] = {
	    "MAIL came while a message was under way.",
	    CLIENT "It must end the transaction first, or say RSET."},
	[XO_REFUSAL_MAIL_SYNTAX] = {
	    "There was no FROM: behind MAIL.", CLIENT "MAIL FROM:<address>."},
	[XO_REFUSAL_ADDRESS_SYNTAX] = {
	    "The sender is no address, or one with two readings.",
	    "Correct it in the sending system; lenient_envelope reads what "
	    "devices write."},
	[XO_REFUSAL_ADDRESS_UTF8] = {
	    "An address has characters outside ASCII, and SMTPUTF8 was not said "
	    "or not announced.",
	    "The next hop must announce SMTPUTF8: Postfix, smtputf8_enable. "
	    "xoorg probe shows what is announced."},
	[XO_REFUSAL_PARAM_SYNTAX] = {
	    "A parameter of MAIL or RCPT is malformed.",
	    CLIENT "Look at its MAIL line."},
	[XO_REFUSAL_PARAM_TWICE] = {
	    "A parameter of MAIL or RCPT stands twice, so that two readers could "
	    "take different ones.", CLIENT "Look at its MAIL line."},
	[XO_REFUSAL_PARAM_UNKNOWN] = {
	    "A parameter of MAIL or RCPT was not announced to this client.",
	    "The next hop does not announce its extension. If it does and xoorgd "
	    "does not know it: extensions."},
	[XO_REFUSAL_PARAM_BODY] = {
	    "BODY is neither 7BIT nor 8BITMIME nor BINARYMIME.",
	    CLIENT "It uses a word that no standard has."},
	[XO_REFUSAL_SIZE] = {
	    "The message is larger than size_limit, or than the next hop takes.",
	    "Raise size_limit of the listener and the limit of the MTA behind "
	    "(Postfix: message_size_limit), or send less."},
	[XO_REFUSAL_XOORG_MALFORMED] = {
	    "XOORG has no value, or one that is no domain.",
	    CLIENT "Exchange sends a domain; look at who this is."},
	[XO_REFUSAL_XOORG_NOT_ANNOUNCED] = {
	    "XOORG came from a client that was not offered it: it has no right "
	    "xoorg, or said EHLO before STARTTLS. The log's because says why.",
	    "If it is Exchange Online: the peer's names, the trust store, the "
	    "listener's peers. 'xoorg probe' with a certificate shows what is "
	    "announced."},
	[XO_REFUSAL_UNKNOWN_ORG] = {
	    "The client proved itself, but no tenant here has this value of "
	    "XOORG: another customer of the same cloud, or a domain that "
	    "originator_orgs lacks.",
	    "If it is yours: xoorg orgs --authorize ORG --tenant NAME. If not, "
	    "nothing: this is what the gateway is for."},
	[XO_REFUSAL_NO_ORG] = {
	    "The client proved itself and said no XOORG, and the listener "
	    "refuses that, or has no demote_to.",
	    "On the connector of Exchange Online: CloudServicesMailEnabled. To "
	    "take it as ordinary mail: no_org = \"demote\" with a demote_to."},
	[XO_REFUSAL_SENDER_MISMATCH] = {
	    "XOORG is a tenant's, but the envelope sender's domain is not in its "
	    "sender_domains, or the address holds a route.",
	    "Add the domain to the tenant's sender_domains if the tenant may use "
	    "it; forwarded mail needs SRS."},
	[XO_REFUSAL_UNAUTHENTICATED] = {
	    "The client has no right, and the listener refuses such mail, or has "
	    "no demote_to.",
	    "If it is one of your own systems, give its address to a peer with "
	    "the right relay. For mail of the Internet: demote_to."},
	[XO_REFUSAL_TRY_LATER] = {
	    "The verdict's action is tempfail, or there is no upstream for what "
	    "is accepted.",
	    "Set the action that is meant, or the upstream; the client tries "
	    "again until then."},
	[XO_REFUSAL_NO_TENANT] = {
	    "Mail of our own systems goes to an upstream that wants a tenant's "
	    "certificate, and the address belongs to no tenant.",
	    "Add the domain to the sender_domains or originator_orgs of a "
	    "tenant, or send it elsewhere."},
	[XO_REFUSAL_TENANT_NOT_KNOWN] = {
	    "Whose the mail is stands in a table that is asked, and the table did "
	    "not answer in time, not at all, or not what it should.",
	    "The log says why. The client tries again until then; tenants of the "
	    "configuration are not concerned."},
	[XO_REFUSAL_RCPT_SYNTAX] = {
	    "The recipient is no address, or one with two readings.",
	    "Correct it in the sending system; lenient_envelope reads what "
	    "devices write."},
	[XO_REFUSAL_RCPT_RELAY] = {
	    "The recipient's domain is not in the tenant's recipient_domains, "
	    "and the tenant may not relay.",
	    "Add the domain if it is the tenant's. For centralized mail "
	    "transport: relay = true, with sender_domains. Otherwise it was "
	    "meant to be refused."},
	[XO_REFUSAL_RCPT_ROUTED] = {
	    "The recipient holds a route (%, !, a quoted @), by which mail could "
	    "leave through the MTA behind.",
	    "Write the address without it, or set allow_untrusted_routing of the "
	    "tenant if the MTA takes no routes."},
	[XO_REFUSAL_RCPT_APART] = {
	    "It is only observed: this recipient would be refused, and the "
	    "message is already on its way as trusted mail.",
	    "Nothing: the client sends it again in a message of its own. Look at "
	    "the log's event=observed."},
	[XO_REFUSAL_RCPT_TOO_MANY] = {
	    "The message has as many recipients as limits.recipients allows.",
	    "Nothing: the client sends the rest in another message."},
	[XO_REFUSAL_NO_RECIPIENTS] = {
	    "Content came, but no recipient was accepted.",
	    "Look at the replies to RCPT before it."},
	[XO_REFUSAL_BDAT_SYNTAX] = {
	    "BDAT has no plain number, so that nobody knows where its content "
	    "ends; the connection was closed.", CLIENT "Look at its BDAT line."},
	[XO_REFUSAL_BDAT_TOO_LARGE] = {
	    "A chunk goes beyond size_limit; the connection was closed, since "
	    "the chunk is on its way.",
	    "Raise size_limit of the listener, or send less."},
	[XO_REFUSAL_BDAT_TOO_MANY] = {
	    "The message has as many chunks as limits.chunks allows.",
	    CLIENT "It should send larger chunks."},
	[XO_REFUSAL_BDAT_TOO_MANY_EMPTY] = {
	    "The message has as many empty chunks as limits.empty_chunks allows.",
	    CLIENT "Chunks without content only keep a session busy."},
	[XO_REFUSAL_BINARY_NEEDS_BDAT] = {
	    "DATA was said for BODY=BINARYMIME, which only BDAT can carry.",
	    CLIENT "It must use BDAT (RFC 3030 3)."},
	[XO_REFUSAL_CONTENT_BARE_NEWLINE] = {
	    "The body has CR or LF on its own, which servers read in different "
	    "ways (SMTP smuggling); the connection was closed.",
	    "Mend the program that wrote the message, or set bare_newline = "
	    "\"normalize\"."},
	[XO_REFUSAL_CONTENT_NUL] = {
	    "A header, or a body that came by DATA, has a NUL; the connection was "
	    "closed.", CLIENT "Attachments must be encoded."},
	[XO_REFUSAL_CONTENT_NEEDS_CHUNKING] = {
	    "The body has bare line ends or NUL, and the next hop takes only "
	    "DATA, which cannot carry them.",
	    "Let the next hop announce CHUNKING, or set bare_newline = "
	    "\"normalize\"."},
	[XO_REFUSAL_HEADER_BARE_NEWLINE] = {
	    "The header has CR or LF on its own, in which a forged field could "
	    "hide; the connection was closed.",
	    "Mend the program that wrote the message."},
	[XO_REFUSAL_HEADER_SYNTAX] = {
	    "The header has a line that is no field, or that can be read in two "
	    "ways; the reply and the log's because say which.",
	    "Mend the program that wrote the message, or set malformed_header = "
	    "\"repair\"."},
	[XO_REFUSAL_HEADER_LIMIT] = {
	    "The header is larger than limits.header_octets, or has more fields "
	    "than limits.header_fields.",
	    "Most often a loop or a broken program; otherwise raise the limit."},
	[XO_REFUSAL_HEADER_LOOP] = {
	    "The header has more Received fields than hops: the message runs in "
	    "a loop.",
	    "Read the Received fields with 'xoorg explain FILE': connectors, "
	    "transports or mail flow rules that send it back."},
	[XO_REFUSAL_UPSTREAM_CONNECT] = {
	    "None of the upstream's hosts could be connected to, or found.",
	    NEXT_HOP "Does the MTA run, and listen on that port?"},
	[XO_REFUSAL_UPSTREAM_GREETING] = {
	    "The next hop did not greet with 220, or refused EHLO.",
	    NEXT_HOP "A Postfix with postscreen or a limit on clients in front "
	    "of that port does so."},
	[XO_REFUSAL_UPSTREAM_TLS] = {
	    "The next hop offers no STARTTLS, or has not the certificate that "
	    "tls, tls_name and trust demand, or did not take ours.",
	    NEXT_HOP "'xoorg probe' shows its certificate and chain."},
	[XO_REFUSAL_TENANT_CERTIFICATE] = {
	    "The tenant's file in the folder tenant_certificates is missing or "
	    "no good; other tenants' mail goes on.",
	    "event=upstream names the file and says why. Once it is mended the "
	    "gateway reads it by itself; 'xoorg tenant check' looks at all."},
	[XO_REFUSAL_UPSTREAM_XOORG] = {
	    "The upstream has require_xoorg, and the next hop did not announce "
	    "XOORG in verified TLS.",
	    NEXT_HOP "On Exchange: TlsDomainCapabilities with the name in our "
	    "certificate, and a chain that it trusts."},
	[XO_REFUSAL_UPSTREAM_HANDOVER] = {
	    "The next hop refused XCLIENT or the PROXY header, or did not "
	    "announce XCLIENT with ADDR.",
	    NEXT_HOP "Postfix: smtpd_authorized_xclient_hosts with the gateway's "
	    "address, or handover = \"none\"."},
	[XO_REFUSAL_UPSTREAM_LOST] = {
	    "The next hop closed the connection in the middle, without a word.",
	    "The client tries again. The MTA's log has its side."},
	[XO_REFUSAL_UPSTREAM_TIMEOUT] = {
	    "The next hop did not answer in time.",
	    "The client tries again. Is the MTA overloaded, or does a filter in "
	    "it take longer than the limits allow?"},
	[XO_REFUSAL_UPSTREAM_CONFUSED] = {
	    "The next hop's reply is no SMTP reply, or answers no command.",
	    "The client tries again. Does something else than an MTA listen "
	    "there? event=upstream has its words."},
	[XO_REFUSAL_UPSTREAM_OUT_OF_STEP] = {
	    "The next hop answered more than it was asked, so that one reply "
	    "could stand for another.",
	    "The client tries again, and the upstream gets DATA in the place of "
	    "BDAT. Report it to the next hop's maker."},
	[XO_REFUSAL_UPSTREAM_SETUP] = {
	    "The next hop refused the gateway, not the mail: it wants STARTTLS "
	    "or AUTH, or does not know a command.",
	    "The client tries again. Set tls of the upstream, or give the "
	    "gateway's address the right to send there."},
	[XO_REFUSAL_UPSTREAM_CAPABILITY] = {
	    "The message needs an extension that the next hop does not announce "
	    "(any more): 8BITMIME, SMTPUTF8, DSN or the like.",
	    "The client tries again. All upstreams of a listener should announce "
	    "the same; 'xoorg probe' shows it."},
	[XO_REFUSAL_UPSTREAM_SAID] = {
	    "The next hop refused; its own words went to the client, and are in "
	    "reply.",
	    "Look into the MTA's log; explain those words with --reply."},
	[XO_REFUSAL_ASK_SYNTAX] = {
	    "What came at a listener where Postfix asks is no question that "
	    "Postfix would ask; the connection was closed.",
	    "Look at who is connected: protocol must be what the program speaks, "
	    "policy for a policy service, socketmap for a lookup table."},
	[XO_REFUSAL_ASK_LIMIT] = {
	    "A question of Postfix has more octets or lines than a question may "
	    "have; the connection was closed.",
	    "The same as ask-syntax: Postfix' own questions are far shorter."},
	[XO_REFUSAL_TIMEOUT] = {
	    "The client said nothing for too long.",
	    "It tries again. If it is the network: an MTU or firewall problem "
	    "stops large packets."},
	[XO_REFUSAL_SLOW] = {
	    "The content came slower than limits.data_rate allows.",
	    "It tries again. Lower limits.data_rate for clients with poor lines."},
	[XO_REFUSAL_SHUTDOWN] = {
	    "The gateway stops or was reloaded, and drain_timeout is over.",
	    "Nothing: the client tries again."},
	[XO_REFUSAL_OVERLOAD] = {
	    "max_sessions are open, or a buffer could not be had.",
	    "The client tries again. Raise max_sessions if there is memory, or "
	    "limit one client by max_sessions_per_address."},
	[XO_REFUSAL_DESCRIPTORS] = {
	    "The process may open no more descriptors.",
	    "The client tries again. Raise LimitNOFILE of the unit, or lower "
	    "max_sessions."},
	[XO_REFUSAL_TOO_MANY_SESSIONS] = {
	    "The address has as many sessions as max_sessions_per_address "
	    "allows.",
	    "The client tries again. Exchange Online needs many sessions from "
	    "few addresses: raise the limit."},
	[XO_REFUSAL_TOO_MANY_FROM_NETWORK] = {
	    "The network has as many sessions as max_sessions_per_network "
	    "allows.",
	    "The client tries again. Raise the limit if the network is yours or "
	    "Microsoft's."},
	[XO_REFUSAL_MEMORY] = {
	    "There was no memory.",
	    "The client tries again. Lower max_sessions, or give the unit more "
	    "memory."},
};

const struct xo_explain_own *
xo_explain_refusal(enum xo_refusal refusal)
{
	return table[refusal].cause != NULL ? &table[refusal] : NULL;
}
