/* SPDX-License-Identifier: EPL-2.0 OR IPL-1.0 */
/* What decides about XOORG; see the header. */
#include "xoorg_rules.h"

#include <string.h>

#include <xoorg/domain.h>
#include <xoorg/xtext.h>

#define SEPARATORS	" \t\r\n,"

static const char keyword[] = "XOORG";

static struct xo_span
span(const char *text, size_t len)
{
	return (struct xo_span){(const uint8_t *)text, len};
}

enum xoorg_offer
xoorg_offer_decide(const struct xoorg_session *session)
{
	if (!session->is_configured || session->is_discarded ||
	    !session->is_starttls || session->is_xclient ||
	    !session->has_name)
		return XOORG_OFFER_NONE;
	return session->is_chain_good ? XOORG_OFFER_YES : XOORG_OFFER_REFUSE;
}

/* Is the name in the list? */
static bool
is_listed(const char *listed, const struct xoorg_name *name)
{
	struct xo_span presented = span(name->text, name->len);

	for (;;) {
		size_t len;

		listed += strspn(listed, SEPARATORS);
		len = strcspn(listed, SEPARATORS);
		if (len == 0)
			return false;
		if (xo_domain_is_equal(span(listed, len), presented))
			return true;
		listed += len;
	}
}

/* What a common name has to be to count: no free text. */
static bool
is_name(const struct xoorg_name *cn)
{
	struct xo_span text = span(cn->text, cn->len);

	if (xo_span_has_prefix_nocase(text, span("*.", 2)))
		text = xo_span_from(text, 2);
	return xo_domain_is_valid(text);
}

const struct xoorg_name *
xoorg_names_find(const char *listed, const struct xoorg_name *sans,
    size_t n_sans, bool has_san, const struct xoorg_name *cn)
{
	size_t i;

	for (i = 0; i < n_sans; i++) {
		if (is_listed(listed, &sans[i]))
			return &sans[i];
	}
	return !has_san && cn != NULL && is_name(cn) && is_listed(listed, cn) ?
	    cn : NULL;
}

bool
xoorg_names_match(const char *listed, const struct xoorg_name *sans,
    size_t n_sans, bool has_san, const struct xoorg_name *cn)
{
	return xoorg_names_find(listed, sans, n_sans, has_san, cn) != NULL;
}

enum xoorg_param
xoorg_param_judge(const char *arg, bool is_announced, bool has_one,
    char value[XOORG_VALUE_SIZE])
{
	size_t name_len = strcspn(arg, "=");
	size_t len = 0;
	const char *text = arg + name_len;

	if (!is_announced || !xo_span_is_equal_nocase(span(arg, name_len),
	    span(keyword, sizeof(keyword) - 1)))
		return XOORG_PARAM_UNKNOWN;
	if (has_one)
		return XOORG_PARAM_TWICE;
	if (*text++ != '=' || xo_xtext_decode(span(text, strlen(text)),
	    (uint8_t *)value, XOORG_VALUE_SIZE - 1, &len) != XO_OK ||
	    !xo_domain_is_valid(span(value, len))) {
		value[0] = '\0';
		return XOORG_PARAM_MALFORMED;
	}
	value[len] = '\0';
	return XOORG_PARAM_GOOD;
}

enum xoorg_send
xoorg_send_decide(const struct xoorg_delivery *delivery)
{
	bool has_value = delivery->value[0] != '\0';

	if (has_value && !xoorg_value_is_valid(delivery->value))
		return XOORG_SEND_FAIL_VALUE;
	if (!delivery->is_announced || !delivery->is_tls)
		return delivery->is_required ? XOORG_SEND_FAIL_ABSENT :
		    XOORG_SEND_NOT;
	if (!delivery->is_verified && !delivery->is_unverified_fine)
		return delivery->is_required ? XOORG_SEND_FAIL_UNVERIFIED :
		    XOORG_SEND_NOT;
	return has_value ? XOORG_SEND : XOORG_SEND_NOT;
}

const char *
xoorg_value_choose(bool is_passed, const char *came_with,
    const char *of_sender, const char *of_transport)
{
	if (is_passed && came_with != NULL && came_with[0] != '\0')
		return came_with;
	if (of_sender != NULL && of_sender[0] != '\0')
		return of_sender;
	return of_transport != NULL ? of_transport : "";
}

bool
xoorg_value_is_valid(const char *value)
{
	return xo_domain_is_valid(span(value, strlen(value)));
}
