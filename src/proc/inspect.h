/* SPDX-License-Identifier: ISC */
/*
 * What is to be warned of in a configuration that has been loaded: what the
 * checker of src/conf found in it and in its files, and its certificates.
 */
#ifndef XO_INSPECT_H
#define XO_INSPECT_H

#include "runtime.h"

/*
 * Looks at files and certificates anew: runtime->conf->found. `is_test`: see
 * xo_conf_check_files(). `now`: seconds since 1970. False: one line in `error`.
 */
bool xo_runtime_inspect(struct xo_runtime *runtime, bool is_test, int64_t now,
    struct xo_buf *error);

/* inspect_roots.c: the CAs that Exchange Online's certificates come from. */
void xo_runtime_inspect_roots(const struct xo_runtime *runtime,
    struct xo_warnings *warnings);

/* In how many seconds a certificate changes from one state to the next, at most
 * a day: then it is time to look again. */
int64_t xo_runtime_inspect_after(const struct xo_runtime *runtime, int64_t now);

/* A line for each; `is_all`: those of the configuration's text, too. */
void xo_runtime_log_warnings(const struct xo_runtime *runtime, bool is_all);

size_t xo_runtime_count_warnings(const struct xo_runtime *runtime);

#endif
