/* SPDX-License-Identifier: ISC */
/* What a session tells of itself. */
#include "lookup.h"

const struct xo_report *
xo_relay_report(struct xo_relay *r)
{
	return &r->report;
}

bool
xo_relay_is_busy(const struct xo_relay *r)
{
	return r->front.state == FRONT_MAIL || r->front.state == FRONT_CHUNKS ||
	    r->front.state == FRONT_DATA || r->front.state == FRONT_CHUNK ||
	    r->front.state == FRONT_FINAL || lookup_is_in_transaction(r);
}

bool
xo_relay_wants_tenant(const struct xo_relay *r)
{
	return r->lookup.is_open && !r->has_ended &&
	    r->front.state != FRONT_CLOSED;
}

const struct xo_lack *
xo_relay_lacks(const struct xo_relay *r)
{
	return &r->t.trust.lacks;
}

const struct xo_treatment *
xo_relay_treatment(const struct xo_relay *r)
{
	return &r->t.trust;
}

struct xo_span
xo_relay_sender(const struct xo_relay *r)
{
	return r->t.mail.from.address;
}

struct xo_span
xo_relay_xoorg(const struct xo_relay *r)
{
	return xo_mail_xoorg(&r->t.mail);
}

const struct xo_rights *
xo_relay_rights(const struct xo_relay *r)
{
	return &r->front.rights;
}

struct xo_span
xo_relay_hello(const struct xo_relay *r)
{
	return r->spoken.hello.len > 0 ? xo_buf_span(&r->spoken.hello) :
	    xo_buf_span(&r->front.hello);
}

struct xo_span
xo_relay_said_hello(const struct xo_relay *r)
{
	return r->front.odd_hello.len > 0 && r->spoken.hello.len == 0 ?
	    xo_buf_span(&r->front.odd_hello) : xo_relay_hello(r);
}

bool
xo_relay_is_esmtp(const struct xo_relay *r)
{
	return r->front.is_esmtp;
}

const struct xo_address *
xo_relay_address(const struct xo_relay *r)
{
	return &r->setup.address;
}

uint16_t
xo_relay_port(const struct xo_relay *r)
{
	return r->setup.port;
}

const struct xo_told *
xo_relay_told(const struct xo_relay *r)
{
	return &r->spoken.told;
}

bool
xo_relay_is_tls(const struct xo_relay *r)
{
	return r->front.is_tls;
}

const char *
xo_relay_tls_description(const struct xo_relay *r)
{
	return r->front.tls_description;
}
