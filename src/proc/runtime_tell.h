/* SPDX-License-Identifier: ISC */
/* What a gateway is, told in the log at its start and at each reload. */
#ifndef XO_RUNTIME_TELL_H
#define XO_RUNTIME_TELL_H

#include "runtime.h"

/*
 * A line for each listener (where, mode, who, whereto), one for the tenants, and
 * one for each certificate of ours with its end; of the tenants' own only for the
 * one that ends first. `now`: seconds since 1970.
 */
void xo_runtime_tell(const struct xo_runtime *runtime, int64_t now);

#endif
