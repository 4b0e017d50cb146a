/* SPDX-License-Identifier: ISC */
/*
 * The master: binds, reads keys and configuration, starts workers and a status
 * server, starts them again when they die, and speaks no SMTP.
 *
 * SIGHUP: a new configuration is checked whole; new workers run on it while the
 * old ones drain. A bad one changes nothing and says why. SIGTERM, SIGINT:
 * drain, then end. SIGUSR1: open the log file again.
 */
#ifndef XO_MASTER_H
#define XO_MASTER_H

/* Runs in the foreground; returns the exit status: 0 after a drain, 1 if it
 * could not start. `path`: the configuration. */
int xo_master_run(const char *path);

#endif
