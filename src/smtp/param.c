/* SPDX-License-Identifier: ISC */
/*
 * ESMTP parameters. One table says which there are, where, what each needs, and
 * which function knows a good value; nothing outside it is understood, and only
 * what the operator named is passed on unread.
 */
#include <assert.h>

#include <xoorg/param.h>
#include <xoorg/xtext.h>

#define AUTH_MAX 500
#define ENVID_MAX 100
#define ORCPT_MAX 500
#define XOORG_MAX 1000		/* encoded */
#define HOLD_DIGITS_MAX 9
#define HOLD_UNTIL_MAX 32
#define NO_CAP XO_CAP_MAX

enum at {
	AT_MAIL,
	AT_RCPT,
};

struct reading {
	enum at at;
	struct xo_mail *mail;		/* NULL for RCPT */
	uint32_t announced;
	const struct xo_extensions *extensions;
	bool allow_utf8;
	enum xo_syntax syntax;
	uint32_t seen;			/* a bit for each row of the table */
	uint32_t needs;
	enum xo_refusal unannounced;	/* the first of them */
};

typedef enum xo_refusal check(const struct xo_param *param,
    struct reading *reading);

struct rule {
	const char *name;
	enum at at;
	enum xo_cap cap;
	check *check;
};

static enum xo_refusal
verdict(bool is_good)
{
	return is_good ? XO_REFUSAL_NONE : XO_REFUSAL_PARAM_SYNTAX;
}

static bool
is_word(struct xo_span value, const char *word)
{
	return xo_span_is_equal_nocase(value, xo_span_from_cstr(word));
}

/* A number of at most `max` digits at the front: how many, or 0. */
static size_t
digits_len(struct xo_span s, size_t max)
{
	size_t n = 0;

	while (n < s.len && xo_ascii_is_digit(s.p[n]))
		n++;
	return n <= max ? n : 0;
}

static enum xo_refusal
check_size(const struct xo_param *param, struct reading *reading)
{
	struct xo_mail *mail = reading->mail;

	mail->has_size = true;
	return verdict(xo_span_to_u64(param->value, &mail->size) == XO_OK);
}

static enum xo_refusal
check_body(const struct xo_param *param, struct reading *reading)
{
	if (!param->has_value)
		return XO_REFUSAL_PARAM_SYNTAX;
	if (is_word(param->value, "7BIT"))
		reading->mail->body = XO_BODY_7BIT;
	else if (is_word(param->value, "8BITMIME"))
		reading->mail->body = XO_BODY_8BITMIME;
	else if (is_word(param->value, "BINARYMIME"))
		reading->mail->body = XO_BODY_BINARYMIME;
	else
		return XO_REFUSAL_PARAM_BODY;
	return XO_REFUSAL_NONE;
}

static enum xo_refusal
check_xtext(const struct xo_param *param, size_t max)
{
	return verdict(param->has_value && param->value.len <= max &&
	    xo_xtext_is_clean(param->value));
}

/* AUTH=<> is xtext, too. */
static enum xo_refusal
check_auth(const struct xo_param *param, struct reading *reading)
{
	(void)reading;
	return check_xtext(param, AUTH_MAX);
}

static enum xo_refusal
check_envid(const struct xo_param *param, struct reading *reading)
{
	(void)reading;
	return check_xtext(param, ENVID_MAX);
}

static enum xo_refusal
check_ret(const struct xo_param *param, struct reading *reading)
{
	(void)reading;
	return verdict(is_word(param->value, "FULL") ||
	    is_word(param->value, "HDRS"));
}

static enum xo_refusal
check_smtputf8(const struct xo_param *param, struct reading *reading)
{
	reading->mail->is_utf8 = true;
	return verdict(!param->has_value);
}

static enum xo_refusal
check_flag(const struct xo_param *param, struct reading *reading)
{
	(void)reading;
	return verdict(!param->has_value);
}

/* RFC 6710: -9 to 9. */
static enum xo_refusal
check_priority(const struct xo_param *param, struct reading *reading)
{
	size_t sign = param->value.len > 0 && param->value.p[0] == '-';
	struct xo_span digit = xo_span_from(param->value, sign);

	(void)reading;
	return verdict(digit.len == 1 && xo_ascii_is_digit(digit.p[0]));
}

/* RFC 2852: seconds, `;`, N or R, and perhaps T. */
static enum xo_refusal
check_by(const struct xo_param *param, struct reading *reading)
{
	struct xo_span value = param->value;
	size_t n;

	(void)reading;
	if (value.len > 0 && (value.p[0] == '-' || value.p[0] == '+'))
		value = xo_span_from(value, 1);
	n = digits_len(value, HOLD_DIGITS_MAX);
	value = xo_span_from(value, n);
	return verdict(n > 0 && (is_word(value, ";N") ||
	    is_word(value, ";R") || is_word(value, ";NT") ||
	    is_word(value, ";RT")));
}

/* RFC 4865: seconds. */
static enum xo_refusal
check_holdfor(const struct xo_param *param, struct reading *reading)
{
	(void)reading;
	return verdict(param->value.len > 0 &&
	    digits_len(param->value, HOLD_DIGITS_MAX) == param->value.len);
}

/* RFC 4865: a date of RFC 3339, whose sense is the next hop's to judge. */
static enum xo_refusal
check_holduntil(const struct xo_param *param, struct reading *reading)
{
	struct xo_span value = param->value;

	(void)reading;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = xo_ascii_lower(value.p[i]);

		if (!xo_ascii_is_digit(c) && c != 't' && c != 'z' &&
		    c != ':' && c != '-' && c != '+' && c != '.')
			return XO_REFUSAL_PARAM_SYNTAX;
	}
	return verdict(value.len > 0 && value.len <= HOLD_UNTIL_MAX);
}

/* RFC 3461 4.1. */
static enum xo_refusal
check_notify(const struct xo_param *param, struct reading *reading)
{
	struct xo_span rest = param->value;
	size_t comma;

	(void)reading;
	if (is_word(rest, "NEVER"))
		return XO_REFUSAL_NONE;
	do {
		struct xo_span word;

		comma = xo_span_find(rest, ',');
		word = xo_span_first(rest, comma);
		if (!is_word(word, "SUCCESS") && !is_word(word, "FAILURE") &&
		    !is_word(word, "DELAY"))
			return XO_REFUSAL_PARAM_SYNTAX;
		/* Behind a final comma stands an empty word. */
		if (comma == rest.len)
			return XO_REFUSAL_NONE;
		rest = xo_span_from(rest, comma + 1);
	} while (true);
}

/* Clean xtext, between whose octets UTF-8 may stand (RFC 6533 3). */
static bool
is_clean_utf8(struct xo_span value)
{
	while (value.len > 0) {
		size_t n = 0;

		while (n < value.len && value.p[n] < 0x80)
			n++;
		if (!xo_xtext_is_clean(xo_span_first(value, n)))
			return false;
		while (n < value.len && value.p[n] >= 0x80) {
			size_t len = xo_utf8_len(xo_span_from(value, n));

			if (len == 0)
				return false;
			n += len;
		}
		value = xo_span_from(value, n);
	}
	return true;
}

/* RFC 3461 4.2: addr-type, `;`, xtext. */
static enum xo_refusal
check_orcpt(const struct xo_param *param, struct reading *reading)
{
	size_t type = xo_span_find(param->value, ';');
	struct xo_span address = xo_span_from(param->value, type + 1);

	if (type == 0 || address.len == 0 || param->value.len > ORCPT_MAX)
		return XO_REFUSAL_PARAM_SYNTAX;
	for (size_t i = 0; i < type; i++) {
		uint8_t c = param->value.p[i];

		if (!xo_ascii_is_alpha(c) && !xo_ascii_is_digit(c) &&
		    c != '-')
			return XO_REFUSAL_PARAM_SYNTAX;
	}
	return verdict(reading->allow_utf8 ? is_clean_utf8(address) :
	    xo_xtext_is_clean(address));
}

static enum xo_refusal
check_xoorg(const struct xo_param *param, struct reading *reading)
{
	struct xo_mail *mail = reading->mail;
	size_t len = 0;

	if (!param->has_value || param->value.len > XOORG_MAX ||
	    xo_xtext_decode(param->value, mail->xoorg, sizeof(mail->xoorg),
	    &len) != XO_OK ||
	    !xo_domain_is_valid(xo_span(mail->xoorg, len)))
		return XO_REFUSAL_XOORG_MALFORMED;
	assert(len <= sizeof(mail->xoorg) && len <= UINT8_MAX);
	mail->has_xoorg = true;
	mail->xoorg_len = (uint8_t)len;
	return XO_REFUSAL_NONE;
}

static const struct rule rules[] = {
	{"SIZE", AT_MAIL, XO_CAP_SIZE, check_size},
	{"BODY", AT_MAIL, XO_CAP_8BITMIME, check_body},
	{"XOORG", AT_MAIL, XO_CAP_XOORG, check_xoorg},
	{"SMTPUTF8", AT_MAIL, XO_CAP_SMTPUTF8, check_smtputf8},
	{"RET", AT_MAIL, XO_CAP_DSN, check_ret},
	{"ENVID", AT_MAIL, XO_CAP_DSN, check_envid},
	/* Clients give it unasked; it says nothing that we would believe. */
	{"AUTH", AT_MAIL, NO_CAP, check_auth},
	{"REQUIRETLS", AT_MAIL, XO_CAP_REQUIRETLS, check_flag},
	{"MT-PRIORITY", AT_MAIL, XO_CAP_MT_PRIORITY, check_priority},
	{"BY", AT_MAIL, XO_CAP_DELIVERBY, check_by},
	{"HOLDFOR", AT_MAIL, XO_CAP_FUTURERELEASE, check_holdfor},
	{"HOLDUNTIL", AT_MAIL, XO_CAP_FUTURERELEASE, check_holduntil},
	{"NOTIFY", AT_RCPT, XO_CAP_DSN, check_notify},
	{"ORCPT", AT_RCPT, XO_CAP_DSN, check_orcpt},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))
_Static_assert(RULES <= 32, "reading.seen has a bit for each");

static const struct rule *
find_rule(struct xo_span name)
{
	for (size_t i = 0; i < RULES; i++) {
		if (is_word(name, rules[i].name))
			return &rules[i];
	}
	return NULL;
}

bool
xo_param_is_known(struct xo_span name)
{
	return find_rule(name) != NULL;
}

/* The one parameter whose value decides what it needs. */
static enum xo_cap
cap_needed(const struct rule *rule, const struct xo_param *param)
{
	if (rule->cap == XO_CAP_8BITMIME &&
	    is_word(param->value, "BINARYMIME"))
		return XO_CAP_BINARYMIME;
	return rule->cap;
}

/* What stands behind the table; XO_CAP_MAX: nothing, as NO_CAP. */
static enum xo_cap
extension(const struct xo_extensions *extensions, struct xo_span name)
{
	return (enum xo_cap)(XO_CAP_COUNT +
	    xo_extensions_find(extensions, name));
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool
xo_param_is_name(struct xo_span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!xo_ascii_is_alpha(name.p[i]) &&
		    !xo_ascii_is_digit(name.p[i]) &&
		    (name.p[i] != '-' || i == 0))
			return false;
	}
	return name.len > 0;
}

static bool
is_value(struct xo_span value, bool allow_utf8)
{
	for (size_t i = 0, n; i < value.len; i += n) {
		n = xo_utf8_len(xo_span_from(value, i));
		if (n == 0 || (n > 1 && !allow_utf8) ||
		    value.p[i] < 33 || value.p[i] == 127)
			return false;
	}
	return value.len > 0;
}

enum xo_err
xo_param_next(struct xo_span *rest, bool allow_utf8, struct xo_param *param_r)
{
	size_t start = 0, end, equals;
	struct xo_span word;

	*param_r = (struct xo_param){.has_value = false};
	while (start < rest->len && is_blank(rest->p[start]))
		start++;
	if (start == rest->len) {
		*rest = xo_span(NULL, 0);
		return XO_END;
	}
	if (start == 0)
		return XO_ERR_SYNTAX;
	end = start;
	while (end < rest->len && !is_blank(rest->p[end]))
		end++;
	word = xo_span(rest->p + start, end - start);
	*rest = xo_span_from(*rest, end);
	equals = xo_span_find(word, '=');
	param_r->name = xo_span_first(word, equals);
	param_r->has_value = equals < word.len;
	param_r->value = xo_span_from(word, equals + 1);
	if (!xo_param_is_name(param_r->name) ||
	    (param_r->has_value && !is_value(param_r->value, allow_utf8)))
		return XO_ERR_SYNTAX;
	return XO_OK;
}

/* The first that was not announced is what is told. */
static void
note_unannounced(struct reading *reading, enum xo_cap cap)
{
	if ((reading->announced & XO_CAP_BIT(cap)) == 0 &&
	    reading->unannounced == XO_REFUSAL_NONE)
		reading->unannounced = cap == XO_CAP_XOORG ?
		    XO_REFUSAL_XOORG_NOT_ANNOUNCED : XO_REFUSAL_PARAM_UNKNOWN;
}

/* The operator's: nothing is known of it but its form. */
static enum xo_refusal
take_extension(struct reading *reading, const struct xo_param *param)
{
	enum xo_cap cap = extension(reading->extensions, param->name);

	if (cap == XO_CAP_MAX)
		return XO_REFUSAL_PARAM_UNKNOWN;
	/* No other parameter needs it. */
	if ((reading->needs & XO_CAP_BIT(cap)) != 0)
		return XO_REFUSAL_PARAM_TWICE;
	note_unannounced(reading, cap);
	reading->needs |= XO_CAP_BIT(cap);
	return verdict(xo_span_find(param->value, '=') == param->value.len);
}

static enum xo_refusal
take_param(struct reading *reading, const struct xo_param *param)
{
	const struct rule *rule = find_rule(param->name);
	enum xo_refusal why;
	enum xo_cap cap;
	uint32_t bit;

	if (rule == NULL)
		return take_extension(reading, param);
	if (rule->at != reading->at)
		return XO_REFUSAL_PARAM_UNKNOWN;
	bit = (uint32_t)1 << (rule - rules);
	if ((reading->seen & bit) != 0)
		return XO_REFUSAL_PARAM_TWICE;
	reading->seen |= bit;
	why = rule->check(param, reading);
	cap = cap_needed(rule, param);
	if (why != XO_REFUSAL_NONE || cap == NO_CAP)
		return why;
	note_unannounced(reading, cap);
	/* Who loses BODY=7BIT loses nothing. */
	if (!is_word(param->value, "7BIT") || cap != XO_CAP_8BITMIME)
		reading->needs |= XO_CAP_BIT(cap);
	return XO_REFUSAL_NONE;
}

/* All of `params`: their syntax first, then whether they were announced. */
static enum xo_refusal
take_params(struct reading *reading, struct xo_span params)
{
	struct xo_param param;
	enum xo_err err;

	/* Between parameters a TAB is fine, as for Exchange; behind the path,
	 * where others might read on, only leniently. */
	if (reading->syntax == XO_SYNTAX_STRICT && params.len > 0 && params.p[0] == '\t')
		return XO_REFUSAL_PARAM_SYNTAX;
	while ((err = xo_param_next(&params, reading->allow_utf8, &param)) ==
	    XO_OK) {
		enum xo_refusal why = take_param(reading, &param);

		if (why != XO_REFUSAL_NONE)
			return why;
	}
	if (err == XO_END)
		return XO_REFUSAL_NONE;
	return reading->at == AT_MAIL && is_word(param.name, "XOORG") ?
	    XO_REFUSAL_XOORG_MALFORMED : XO_REFUSAL_PARAM_SYNTAX;
}

static enum xo_refusal
parse_mail(struct xo_span args, uint32_t announced,
    const struct xo_extensions *extensions, enum xo_syntax syntax,
    struct xo_mail *mail)
{
	struct reading reading = {
		.at = AT_MAIL, .mail = mail, .announced = announced,
		.extensions = extensions, .syntax = syntax,
	};
	enum xo_refusal why = xo_path_parse(args, XO_LIT("FROM:"), syntax,
	    &mail->from, &mail->params);

	if (why == XO_REFUSAL_NONE)
		why = take_params(&reading, mail->params);
	if (why == XO_REFUSAL_NONE)
		why = reading.unannounced;
	if (why == XO_REFUSAL_NONE && mail->from.has_utf8 && !mail->is_utf8)
		why = XO_REFUSAL_ADDRESS_UTF8;
	mail->needs = reading.needs;
	return why;
}

enum xo_refusal
xo_mail_parse(struct xo_span args, uint32_t announced,
    const struct xo_extensions *extensions, enum xo_syntax syntax,
    struct xo_mail *mail_r)
{
	enum xo_refusal why;

	*mail_r = (struct xo_mail){.has_xoorg = false};
	why = parse_mail(args, announced, extensions, syntax, mail_r);
	if (why != XO_REFUSAL_NONE)
		*mail_r = (struct xo_mail){.has_xoorg = false};
	return why;
}

enum xo_refusal
xo_rcpt_parse(struct xo_span args, uint32_t announced,
    const struct xo_extensions *extensions, bool allow_utf8,
    enum xo_syntax syntax, struct xo_rcpt *rcpt_r)
{
	struct reading reading = {
		.at = AT_RCPT, .announced = announced, .allow_utf8 = allow_utf8,
		.extensions = extensions, .syntax = syntax,
	};
	enum xo_refusal why;

	*rcpt_r = (struct xo_rcpt){.needs = 0};
	if (xo_path_parse(args, XO_LIT("TO:"), syntax, &rcpt_r->to,
	    &rcpt_r->params) != XO_REFUSAL_NONE || rcpt_r->to.address.len == 0)
		why = XO_REFUSAL_RCPT_SYNTAX;
	else
		why = take_params(&reading, rcpt_r->params);
	if (why == XO_REFUSAL_NONE)
		why = reading.unannounced;
	if (why == XO_REFUSAL_NONE && rcpt_r->to.has_utf8 && !allow_utf8)
		why = XO_REFUSAL_ADDRESS_UTF8;
	rcpt_r->needs = reading.needs;
	if (why != XO_REFUSAL_NONE)
		*rcpt_r = (struct xo_rcpt){.needs = 0};
	return why;
}

enum xo_err
xo_params_write(struct xo_buf *out, struct xo_span params, uint32_t caps,
    const struct xo_extensions *extensions)
{
	struct xo_param param;
	enum xo_err err;

	while ((err = xo_param_next(&params, true, &param)) == XO_OK) {
		const struct rule *rule = find_rule(param.name);
		enum xo_cap cap = rule != NULL ? cap_needed(rule, &param) :
		    extension(extensions, param.name);

		if (cap == NO_CAP || cap == XO_CAP_XOORG ||
		    (caps & XO_CAP_BIT(cap)) == 0)
			continue;
		xo_buf_add_byte(out, ' ');
		xo_buf_add(out, rule != NULL ?
		    xo_span_from_cstr(rule->name) : param.name);
		if (param.has_value) {
			xo_buf_add_byte(out, '=');
			xo_buf_add(out, param.value);
		}
	}
	if (err != XO_END)
		return err;
	return out->err;
}
