/* SPDX-License-Identifier: ISC */
/*
 * Words to the service manager (sd_notify(3)), if there is one.
 */
#ifndef XO_NOTIFY_H
#define XO_NOTIFY_H

/* "READY=1", "RELOADING=1", "STOPPING=1". */
void xo_notify(const char *state);

#endif
