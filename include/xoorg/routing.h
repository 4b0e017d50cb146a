/* SPDX-License-Identifier: ISC */
/*
 * Addresses that hold a route. To RFC 5321 `victim%outside.example@contoso.com`
 * is an address of contoso.com; to many MTAs it is an order to send to
 * victim@outside.example, if the client may relay. The MTA that acts on an
 * address must read it as the gateway did, so such an address belongs to no
 * tenant (protocol.md 5.7 has the table).
 */
#ifndef XOORG_ROUTING_H
#define XOORG_ROUTING_H

#include <xoorg/bytes.h>

XO_API_BEGIN

/*
 * Whether the local part of `address`, which is all before its last `@`, could
 * be read as a route once its quotes and backslashes are taken away:
 *
 *  - an octet of `@ % ! / | : ; , < > ( ) [ ] \ " ^`: domains, bang paths,
 *    X.400, files and programs, source routes, lists and comments; the same in
 *    the wide and the small forms of Unicode;
 *  - a leading `-`: an option to the program it is handed to;
 *  - an address that Exchange has packed into another (IMCEASMTP-, IMCEAFAX-,
 *    but not IMCEAEX-, which is one of its own directory).
 */
bool xo_address_is_routed(struct xo_span address);

XO_API_END

#endif
