/* SPDX-License-Identifier: ISC */
/*
 * Words to the service manager (sd_notify(3)), if there is one.
 */
#ifndef XO_NOTIFY_H
#define XO_NOTIFY_H

/* "READY=1", "RELOADING=1", "STOPPING=1". */
void xo_notify(const char *state);

/*
 * "FDSTORE=1\nFDNAME=...": the manager keeps a copy of `fd`, and hands it to the
 * next process of the service by $LISTEN_FDS (sd_pid_notify_with_fds(3)).
 */
void xo_notify_fd(const char *state, int fd);

#endif
