/* SPDX-License-Identifier: ISC */
/*
 * Extensions that the operator may name, and those that cannot be named. Not the
 * judgement of a value: nothing is known about it.
 */
#include <xoorg/extension.h>
#include <xoorg/param.h>

/*
 * To announce these would promise commands, other replies or other octets in
 * the stream, parameters of another name, or let a stranger claim an identity.
 */
static const char *const barred[] = {
	"ATRN", "AUTH", "BURL", "CHECKPOINT", "ETRN", "EXPN", "HELP", "LIMITS",
	"ONEX", "PIPECONNECT", "PRDR", "SAML", "SEND", "SOML", "TURN",
	"UTF8SMTP", "VERB", "VRFY", "XFORWARD",
	/* of another name */
	"NO-SOLICITING",
	/* Exchange's commands */
	"X-ANONYMOUSTLS", "X-EXPS", "X-LINK2STATE", "XEXCH50", "XPROXY",
	"XPROXYFROM", "XPROXYTO", "XRDST", "XSHADOW", "XSHADOWREQUEST",
	/* what Exchange believes of those it trusts */
	"XATTR", "XATTRDIRECT", "XATTRORGID", "XMESSAGECONTEXT", "XMSGID",
	"XORIGFROM", "XSYSPROBE", "XSYSPROBEID",
};

size_t
xo_extensions_find(const struct xo_extensions *extensions, struct xo_span name)
{
	for (size_t i = 0; extensions != NULL && i < extensions->n; i++) {
		if (xo_span_is_equal_nocase(name, extensions->names[i]))
			return i;
	}
	return XO_EXTENSIONS_MAX;
}

static bool
is_barred(struct xo_span name)
{
	for (size_t i = 0; i < sizeof(barred) / sizeof(barred[0]); i++) {
		if (xo_span_is_equal_nocase(name, xo_span_from_cstr(barred[i])))
			return true;
	}
	return false;
}

const char *
xo_extension_expected(struct xo_span name)
{
	if (name.len > XO_EXTENSION_LEN_MAX || !xo_param_is_name(name))
		return "a keyword as in \"XVERP\" (letters, digits, -)";
	if (is_barred(name))
		return "a keyword that only adds parameters of its name";
	if (xo_cap_find(name, NULL) != XO_CAP_MAX || xo_param_is_known(name))
		return "a keyword that the gateway does not know itself";
	return NULL;
}
