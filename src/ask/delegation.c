/* SPDX-License-Identifier: ISC */
/*
 * Postfix' policy delegation: see delegation.h.
 */
#include <ask/delegation.h>

#include <xoorg/domain.h>
#include <xoorg/xtext.h>

#define KIND XO_LIT("smtpd_access_policy")

static const char *const names[] = {
	[XO_ATTRIBUTE_REQUEST] = "request",
	[XO_ATTRIBUTE_STATE] = "protocol_state",
	[XO_ATTRIBUTE_INSTANCE] = "instance",
	[XO_ATTRIBUTE_CLIENT_ADDRESS] = "client_address",
	[XO_ATTRIBUTE_SENDER] = "sender",
	[XO_ATTRIBUTE_RECIPIENT] = "recipient",
	[XO_ATTRIBUTE_TLS] = "encryption_protocol",
	[XO_ATTRIBUTE_CCERT_SUBJECT] = "ccert_subject",
	[XO_ATTRIBUTE_XOORG] = "xoorg",
	[XO_ATTRIBUTE_XOORG_CCERT_NAME] = "xoorg_ccert_name",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == XO_ATTRIBUTE_COUNT,
    "a name for each attribute");

/* XO_ATTRIBUTE_COUNT: none of ours. */
static size_t
find_attribute(struct xo_span name)
{
	size_t i = 0;

	while (i < XO_ATTRIBUTE_COUNT && !xo_span_is_equal(name,
	    xo_span_from_cstr(names[i])))
		i++;
	return i;
}

static bool
has_control(struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 32 || s.p[i] == 127)
			return true;
	return false;
}

static enum xo_err
read_line(struct xo_span line, struct xo_delegation *question, uint32_t *seen)
{
	size_t equal = xo_span_find(line, '=');
	struct xo_span value = xo_span_from(line, equal + 1);
	size_t i;

	if (equal == 0 || equal == line.len ||
	    xo_span_find(line, '\0') != line.len)
		return XO_ERR_SYNTAX;
	i = find_attribute(xo_span_first(line, equal));
	if (i == XO_ATTRIBUTE_COUNT)
		return XO_OK;
	if ((*seen >> i & 1) != 0 || has_control(value))
		return XO_ERR_SYNTAX;
	*seen |= (uint32_t)1 << i;
	question->values[i] = value;
	return XO_OK;
}

enum xo_err
xo_delegation_read(struct xo_span in, struct xo_delegation *question_r,
    size_t *used_r)
{
	struct xo_span rest = in;
	uint32_t seen = 0;
	size_t n = 0;

	*question_r = (struct xo_delegation){.values = {{NULL, 0}}};
	for (;;) {
		size_t len = xo_span_find(rest, '\n');
		struct xo_span line = xo_span_first(rest, len);
		enum xo_err err;

		if (len >= XO_DELEGATION_LINE ||
		    in.len - rest.len + len >= XO_DELEGATION_OCTETS)
			return XO_ERR_LIMIT;
		if (len == rest.len)
			return XO_MORE;
		rest = xo_span_from(rest, len + 1);
		if (len == 0)
			break;
		if (++n > XO_DELEGATION_LINES)
			return XO_ERR_LIMIT;
		err = read_line(line, question_r, &seen);
		if (err != XO_OK)
			return err;
	}
	*used_r = in.len - rest.len;
	return n > 0 ? XO_OK : XO_ERR_SYNTAX;
}

/* --- the answer --- */

enum stage {
	STAGE_EARLY,			/* there is no sender yet, or none ever */
	STAGE_MAIL,
	STAGE_RCPT,
};

static enum stage
stage_of(struct xo_span state)
{
	static const char *const early[] = {"CONNECT", "EHLO", "HELO", "VRFY",
		"ETRN"};

	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
		if (xo_span_is_equal(state, xo_span_from_cstr(early[i])))
			return STAGE_EARLY;
	return xo_span_is_equal(state, XO_LIT("RCPT")) ? STAGE_RCPT :
	    STAGE_MAIL;
}

static bool
is_good(const struct xo_delegation *question, enum stage stage)
{
	const struct xo_span *v = question->values;

	return xo_span_is_equal(v[XO_ATTRIBUTE_REQUEST], KIND) &&
	    v[XO_ATTRIBUTE_STATE].len > 0 &&
	    (v[XO_ATTRIBUTE_XOORG].len == 0 ||
	    xo_domain_is_valid(v[XO_ATTRIBUTE_XOORG])) &&
	    (stage != STAGE_RCPT || v[XO_ATTRIBUTE_RECIPIENT].len > 0);
}

/* False: the name of the certificate cannot be read. */
static bool
decide_rights(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_delegation *question,
    struct xo_delegation_answer *answer)
{
	const struct xo_span *v = question->values;
	struct xo_asked asked = {
		.has_tls = v[XO_ATTRIBUTE_TLS].len > 0,
		.name = v[XO_ATTRIBUTE_XOORG_CCERT_NAME],
		.common_name = {answer->common_name, 0},
	};

	if (xo_xtext_decode(v[XO_ATTRIBUTE_CCERT_SUBJECT],
	    answer->common_name, sizeof(answer->common_name),
	    &asked.common_name.len) != XO_OK)
		return false;
	answer->has_address = xo_address_read(v[XO_ATTRIBUTE_CLIENT_ADDRESS],
	    &answer->address) == XO_OK;
	if (answer->has_address)
		asked.address = &answer->address;
	xo_asked_rights(policy, listener, &asked, &answer->rights);
	answer->open_name = xo_asked_open_name(&asked, &answer->rights);
	return true;
}

enum xo_err
xo_delegation_judge(const struct xo_policy *policy,
    const struct xo_listener *listener, const struct xo_delegation *question,
    struct xo_delegation_answer *answer_r)
{
	const struct xo_span *v = question->values;
	enum stage stage = stage_of(v[XO_ATTRIBUTE_STATE]);
	struct xo_path to = {.address = v[XO_ATTRIBUTE_RECIPIENT],
		.domain = xo_address_domain(v[XO_ATTRIBUTE_RECIPIENT])};
	struct xo_question asked = {
		.has_xoorg = v[XO_ATTRIBUTE_XOORG].len > 0,
		.xoorg = v[XO_ATTRIBUTE_XOORG],
		.sender = v[XO_ATTRIBUTE_SENDER],
	};

	*answer_r = (struct xo_delegation_answer){
		.rights = {.peer = XO_NOBODY},
		.treatment = XO_TREATMENT_NONE,
		.sender = asked.sender,
		.xoorg = asked.xoorg,
	};
	if (!is_good(question, stage) ||
	    !decide_rights(policy, listener, question, answer_r))
		return XO_ERR_SYNTAX;
	if (stage == STAGE_EARLY)
		return XO_OK;
	answer_r->is_judged = true;
	if (stage == STAGE_RCPT)
		answer_r->recipient = to.address;
	asked.rights = answer_r->rights.rights;
	asked.is_attributed = answer_r->rights.is_attributed;
	asked.is_by_name = answer_r->rights.is_by_name;
	asked.tenant = answer_r->rights.tenant;
	asked.names = &answer_r->open_name;
	asked.n_names = answer_r->open_name.len > 0;
	answer_r->refusal = xo_asked_judge(policy, listener, &answer_r->rights,
	    &asked, stage == STAGE_RCPT ? &to : NULL, &answer_r->treatment,
	    &answer_r->would);
	if (answer_r->treatment.is_by_open_name)
		answer_r->rights.peer = answer_r->rights.open_peer;
	answer_r->may_relay = stage == STAGE_RCPT &&
	    answer_r->refusal == XO_REFUSAL_NONE &&
	    xo_asked_may_relay(policy, &answer_r->treatment);
	return XO_OK;
}

void
xo_delegation_write_action(struct xo_buf *out, bool may_relay,
    enum xo_refusal refusal)
{
	const struct xo_refusal_info *info = xo_refusal_info(refusal);

	if (refusal == XO_REFUSAL_NONE) {
		xo_buf_add_cstr(out, may_relay ? "OK" : "DUNNO");
		return;
	}
	xo_buf_add_u64(out, info->code);
	xo_buf_add_all(out, " ", info->enhanced, " ", info->text,
	    (char *)NULL);
}

void
xo_delegation_write(struct xo_buf *out, bool may_relay,
    enum xo_refusal refusal)
{
	xo_buf_add_cstr(out, "action=");
	xo_delegation_write_action(out, may_relay, refusal);
	xo_buf_add_cstr(out, "\n\n");
}
