/* SPDX-License-Identifier: ISC */
/*
 * Who may ask the status server, and for how long: private to status*.c.
 *
 * A browser of somebody who may see the page can be led to ask for it under a
 * name of a stranger, which leads here all of a sudden (DNS rebinding), and the
 * stranger's page then reads the answer. The name stands in `Host:`, so only
 * names of ours are answered. Addresses are: no page of a stranger's is there.
 */
#ifndef XO_STATUS_DOOR_H
#define XO_STATUS_DOOR_H

#include <microhttpd.h>

#include <conf/conf.h>

/* Of each Host field of the request; none is what HTTP/1.0 sends. */
bool xo_status_is_addressed(struct MHD_Connection *connection,
    const struct xo_conf *conf);

/*
 * Connections: at the most XO_DOOR_ALL, of which XO_DOOR_EACH of one address.
 * One more ends the oldest, so that those who say nothing are in nobody's way;
 * and none is older than XO_DOOR_AGE ms.
 */
#define XO_DOOR_ALL 48
#define XO_DOOR_EACH 16
#define XO_DOOR_AGE 30000

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void xo_status_notify(void *arg, struct MHD_Connection *connection,
    void **context, enum MHD_ConnectionNotificationCode code);
/* Each second or so. */
void xo_status_sweep(void);

#endif
