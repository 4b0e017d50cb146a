/* SPDX-License-Identifier: ISC */
/*
 * The table of rules, and the list of warnings.
 */
#include <conf/warning.h>

#include <stdarg.h>
#include <stdlib.h>

#include <conf/fail.h>

#define LINE_SIZE 2048
#define ERROR XO_SEVERITY_ERROR
#define WARNING XO_SEVERITY_WARNING

static const struct xo_rule rules[] = {
	[XO_RULE_NO_NEXT_HOP] = {"no-next-hop", ERROR,
	    "it would have no next hop",
	    "an upstream for all mail that is accepted"},
	[XO_RULE_DEMOTE_TO_VERIFIED] = {"demote-to-verified", ERROR,
	    "mail of strangers would arrive where trusted mail does",
	    "a place other than that of trusted mail"},
	[XO_RULE_DEMOTE_MAY_BE_VERIFIED] = {"demote-may-be-verified", WARNING,
	    "if they are one server, mail of strangers arrives where trusted "
	    "mail does",
	    "use two ports, or two machines"},
	[XO_RULE_DEMOTE_WITH_CERTIFICATE] = {"demote-with-certificate", WARNING,
	    "a server that knows us by it takes mail of strangers for ours",
	    "demote to an upstream without client_certificate"},
	[XO_RULE_ACCEPTS_UNVERIFIED] = {"accepts-unverified", WARNING,
	    "the MTA cannot tell it from verified mail",
	    "write \"demote\" or \"reject\""},
	[XO_RULE_STRANGERS_AS_LOCAL] = {"strangers-as-local", WARNING,
	    "an MTA takes every stranger for this machine and may relay for "
	    "it",
	    "write handover = \"xclient\" or \"proxy\", or have the MTA trust "
	    "no address on that port"},
	[XO_RULE_VERIFIED_IN_CLEAR] = {"verified-in-clear", WARNING,
	    "an attacker in between can read and change it",
	    "write tls = \"verify\""},
	[XO_RULE_OBSERVE_REFUSES] = {"observe-refuses", WARNING,
	    "it refuses with 550 what it should only observe",
	    "write demote_to"},
	[XO_RULE_TENANT_CERTIFICATE] = {"tenant-certificate", WARNING,
	    "its mail goes there without a certificate, as a stranger's",
	    "give the tenant client_certificate and client_key"},
	[XO_RULE_NEEDS_TENANT] = {"needs-tenant", WARNING,
	    "mail that belongs to no tenant gets 550 there",
	    "name an upstream without client_certificate = \"tenant\""},
	[XO_RULE_UPSTREAM_IS_LISTENER] = {"upstream-is-listener", ERROR,
	    "mail would loop back to the gateway",
	    "a server behind the gateway"},
	[XO_RULE_STATUS_IS_LISTENER] = {"status-is-listener", ERROR,
	    "the two cannot share it",
	    "a port of its own"},
	[XO_RULE_STATUS_PUBLIC] = {"status-public", WARNING,
	    "everybody can read tenants, organisations and counters there",
	    "write a loopback or private address"},
	[XO_RULE_OPEN_RELAY] = {"open-relay", ERROR,
	    "everybody could send mail to anywhere",
	    "the networks of your own systems"},
	[XO_RULE_WIDE_NETWORK] = {"wide-network", WARNING,
	    "everybody in it has these rights",
	    "name the networks of your own systems"},
	[XO_RULE_WIDE_NAME] = {"wide-name", ERROR,
	    "many share this suffix, and no server has it as its name",
	    "the name of a server"},
	[XO_RULE_TWO_TENANTS] = {"two-tenants", WARNING,
	    "such a client may not relay, for it could speak for one as the "
	    "other",
	    "let one of them match it"},
	[XO_RULE_NAME_OF_TWO] = {"name-of-two", ERROR,
	    "a system of the tenant would speak for every organisation",
	    "a name that is in no tenant's certificate_names"},
	[XO_RULE_WIDE_ORG] = {"wide-org", ERROR,
	    "other organisations would be verified as this tenant",
	    "a domain that belongs to the tenant alone"},
	[XO_RULE_WIDE_DOMAIN] = {"wide-domain", WARNING,
	    "many share this suffix",
	    "name the tenant's own domains, or write relay = true if you mean "
	    "all"},
	[XO_RULE_HOSTNAME_ADDRESS] = {"hostname-address", ERROR,
	    "RFC 5321 4.1.3 has no such name", "a domain"},
	[XO_RULE_HOSTNAME_LOCAL] = {"hostname-local", WARNING,
	    "other servers have that name, too, and could have written what we "
	    "stamp with it",
	    "write the full name of this machine"},
	[XO_RULE_NO_TENANTS] = {"no-tenants", WARNING,
	    "no mail is ever verified",
	    "list your organisations in tenants"},
	[XO_RULE_XOORG_OF_NOBODY] = {"xoorg-of-nobody", WARNING,
	    "the next hop takes the mail for another organisation's",
	    "write an originator org of a tenant"},
	[XO_RULE_RELAY_ANY_SENDER] = {"relay-any-sender", WARNING,
	    "what others send through the tenant goes on to anywhere",
	    "write sender_domains"},
	[XO_RULE_PEER_UNUSED] = {"peer-unused", WARNING,
	    "it has its rights nowhere", "name it there or take it out"},
	[XO_RULE_PEER_WITHOUT_RIGHTS] = {"peer-without-rights", WARNING,
	    "it is a stranger like any other client",
	    "write rights or take it out"},
	[XO_RULE_TENANT_UNUSED] = {"tenant-unused", WARNING,
	    "mail of this tenant is never recognised",
	    "name a peer with the right xoorg or relay in a listener"},
	[XO_RULE_NAMES_UNUSED] = {"certificate-names-unused", WARNING,
	    "the tenant's own systems are strangers",
	    "write tenant_names = true for a peer, and name it in a listener"},
	[XO_RULE_UPSTREAM_UNUSED] = {"upstream-unused", WARNING,
	    "it does nothing", "name it there or take it out"},
	[XO_RULE_TLS_UNUSED] = {"tls-unused", WARNING,
	    "nobody is offered it", "name it there or take it out"},
	[XO_RULE_ROW_SKIPPED] = {"row-skipped", WARNING,
	    "the row counts for nothing, and its tenant's mail is that of no "
	    "tenant here",
	    "mend the row and reload"},
	[XO_RULE_TENANT_FILE_MISSING] = {"tenant-file-missing", WARNING,
	    "their mail gets 451 there",
	    "put TENANT.pem into the folder, or give the tenant "
	    "client_certificate"},
	[XO_RULE_TENANT_FILE_UNREADABLE] = {"tenant-file-unreadable", WARNING,
	    "the key process reads them as this user, and their mail gets 451",
	    "run chgrp with its group, and chmod 640"},
	[XO_RULE_TENANT_FILE_UNUSED] = {"tenant-file-unused", WARNING,
	    "no mail is sent with them",
	    "name them as the tenants are, TENANT.pem, or take them out"},
	[XO_RULE_KEY_READABLE] = {"key-readable", WARNING,
	    "its readers can pose as this gateway",
	    "run chmod 600, or 640 with our group"},
	[XO_RULE_FILE_WRITABLE] = {"file-writable", WARNING,
	    "others can change what the gateway does",
	    "run chmod go-w, and chown root"},
	[XO_RULE_FOLDER_WRITABLE] = {"folder-writable", WARNING,
	    "others can replace the file",
	    "run chmod go-w on it, and chown root"},
	[XO_RULE_USER_CANNOT_READ] = {"user-cannot-read", WARNING,
	    "the gateway does not start as this user, as under the systemd unit",
	    "let its group read it, or start the gateway as root"},
	[XO_RULE_RUNS_AS_ROOT] = {"runs-as-root", WARNING,
	    "an attacker who takes over a worker has this machine",
	    "write user = \"xoorg\""},
	[XO_RULE_LOG_FOLDER] = {"log-folder", ERROR,
	    "nothing could be logged", "a file that can be written"},
	[XO_RULE_PID_FOLDER] = {"pid-folder", WARNING,
	    "no script learns the process id", "name a file that can be written"},
	[XO_RULE_CERTIFICATE_EXPIRED] = {"certificate-expired", WARNING,
	    "a peer that verifies it refuses us", "renew it and reload"},
	[XO_RULE_CERTIFICATE_TOO_NEW] = {"certificate-not-yet-valid", WARNING,
	    "a peer that verifies it refuses us until then",
	    "set the clock, or use the previous one"},
	[XO_RULE_CERTIFICATE_ENDS] = {"certificate-ends-soon", WARNING,
	    "from then on a peer that verifies it refuses us",
	    "renew it and reload"},
	[XO_RULE_CERTIFICATE_NAME] = {"certificate-name", WARNING,
	    "a peer that expects it refuses us or takes us for a stranger",
	    "use a certificate with that name"},
	[XO_RULE_CERTIFICATE_PURPOSE] = {"certificate-not-for-clients", WARNING,
	    "a server that looks at the purpose takes us for a stranger or "
	    "refuses us",
	    "get a certificate with clientAuth, or ask the receiver whether it "
	    "does without"},
	[XO_RULE_MICROSOFT_ROOT] = {"microsoft-root", WARNING,
	    "Exchange Online's certificates are then not accepted, and its "
	    "mail is refused with 454 4.7.5 or not sent",
	    "update ca-certificates, or add that root to the file"},
	[XO_RULE_CRL_STALE] = {"crl-stale", WARNING,
	    "\"soft\" no longer knows what is revoked, \"hard\" believes "
	    "nobody",
	    "install the new list and reload"},
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) == XO_RULE_COUNT,
    "a rule without its row");

const struct xo_rule *
xo_rule(enum xo_rule_id id)
{
	return &rules[id];
}

static bool
grow(struct xo_warnings *warnings)
{
	struct xo_warning *list;

	/* At 0, 16, 32, 64, ... */
	if (warnings->n != 0 && (warnings->n < 16 ||
	    (warnings->n & (warnings->n - 1)) != 0))
		return true;
	list = realloc(warnings->list, (warnings->n < 16 ? 16 :
	    warnings->n * 2) * sizeof(*list));
	if (list == NULL)
		return false;
	warnings->list = list;
	return true;
}

static void
add(struct xo_warnings *warnings, enum xo_rule_id rule, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL || !grow(warnings)) {
		free(copy);
		return;
	}
	/* analyser: the list has it now */
	warnings->list[warnings->n++] = (struct xo_warning){rule, copy};
}

void
xo_warnings_add(struct xo_warnings *warnings, enum xo_rule_id rule,
    const struct xo_conf_where *where, const char *setting,
    const char *format, ...)
{
	char what[LINE_SIZE];
	struct xo_buf line = {0};
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	(void)xo_conf_fail(&line, where, "warning: %s%s%s; %s; %s [%s]",
	    setting, setting[0] != '\0' ? ": " : "", what, rules[rule].risk,
	    rules[rule].cure, rules[rule].id);
	xo_buf_add_byte(&line, '\0');
	if (line.err == XO_OK)
		add(warnings, rule, (const char *)line.p);
	xo_buf_fini(&line);
}

void
xo_warnings_join(struct xo_warnings *warnings, const struct xo_warnings *other)
{
	for (size_t i = 0; i < other->n; i++)
		add(warnings, other->list[i].rule, other->list[i].text);
}

bool
xo_warnings_are_equal(const struct xo_warnings *a, const struct xo_warnings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->list[i].text, b->list[i].text) != 0)
			return false;
	return true;
}

void
xo_warnings_fini(struct xo_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		free(warnings->list[i].text);
	free(warnings->list);
	*warnings = (struct xo_warnings){NULL, 0};
}
