/* SPDX-License-Identifier: ISC */
/* The name of a session, in the log and in our Received field. */
#ifndef XO_SESSION_ID_H
#define XO_SESSION_ID_H

#define XO_SESSION_ID_SIZE 13

/*
 * Time, process, count, each in its own bits, in twelve digits that cannot be
 * misread: unique for 131,072 sessions a second in each process.
 */
void xo_session_id_write(char id[XO_SESSION_ID_SIZE]);

#endif
