/* SPDX-License-Identifier: ISC */
/*
 * Whose a session is by the open names of its certificate (rights.h), once the
 * sources have said whose they are (protocol.md 9.13).
 */
#ifndef XO_NAMES_H
#define XO_NAMES_H

#include <xoorg/tenants.h>
#include <xoorg/verdict.h>

/*
 * Of one tenant: its system, with the right relay, whatever its address is. Of
 * two, or of one beside a tenant of the configuration that its certificate names:
 * nobody's, without that right. Of none: as it was. False: whose one of them is
 * must be asked first, or what is said of them does not go together; then
 * nothing is changed.
 */
XO_MUST_CHECK bool xo_names_settle(const struct xo_policy *policy,
    struct xo_question *question);

#endif
