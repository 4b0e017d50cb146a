/* SPDX-License-Identifier: ISC */
/* See xclient_table.h. */
#include "xclient_table.h"

static const char *const names[] = {
	[XO_XCLIENT_NAME] = "NAME",
	[XO_XCLIENT_ADDR] = "ADDR",
	[XO_XCLIENT_PORT] = "PORT",
	[XO_XCLIENT_PROTO] = "PROTO",
	[XO_XCLIENT_HELO] = "HELO",
	[XO_XCLIENT_REVERSE_NAME] = "REVERSE_NAME",
	[XO_XCLIENT_DESTADDR] = "DESTADDR",
	[XO_XCLIENT_DESTPORT] = "DESTPORT",
	[XO_XCLIENT_LOGIN] = "LOGIN",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == XO_XCLIENT_COUNT,
    "a name for each attribute");

const char *
xo_xclient_name(enum xo_xclient attribute)
{
	return names[attribute];
}

enum xo_xclient
xo_xclient_find(struct xo_span name)
{
	for (size_t i = 0; i < XO_XCLIENT_COUNT; i++)
		if (xo_span_is_equal_nocase(name, xo_span_from_cstr(names[i])))
			return (enum xo_xclient)i;
	return XO_XCLIENT_COUNT;
}

bool
xo_xclient_is_listed(struct xo_span list, enum xo_xclient attribute)
{
	while (list.len > 0) {
		size_t n = xo_span_find(list, ' ');

		if (xo_xclient_find(xo_span_first(list, n)) == attribute)
			return true;
		list = xo_span_from(list, n + 1);
	}
	return false;
}

/* Not LOGIN: it would be a right of its client's, and we take it from nobody. */
void
xo_xclient_announce(struct xo_buf *text)
{
	for (size_t i = 0; i < XO_XCLIENT_LOGIN; i++)
		xo_buf_add_all(text, " ", names[i], (char *)NULL);
}

void
xo_xclient_write_address(struct xo_buf *text, const struct xo_address *address)
{
	if (!xo_address_is_ipv4(address))
		xo_buf_add_cstr(text, "IPV6:");
	xo_address_write(text, address);
}

bool
xo_xclient_read_address(struct xo_span value, struct xo_address *address_r)
{
	if (xo_span_has_prefix_nocase(value, XO_LIT("IPV6:")))
		value = xo_span_from(value, 5);
	return xo_address_read(value, address_r) == XO_OK;
}
