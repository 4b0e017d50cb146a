/* SPDX-License-Identifier: ISC */
/*
 * A name server of a few rows, on loopback and on the test's own event loop.
 */
#ifndef XO_TEST_DNS_SERVER_H
#define XO_TEST_DNS_SERVER_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_AAAA = 28,
};

enum dns_manner {
	DNS_ANSWERS,
	DNS_SERVFAIL,
	DNS_TRUNCATES,		/* over UDP; answers over TCP */
	DNS_MANGLES,		/* right head and question, rubbish behind */
	DNS_RUBBISH,		/* no DNS message at all */
	DNS_SILENT,
};

/* Rows of one name and type make one answer; the first one's manner counts. */
struct dns_row {
	const char *name;
	enum dns_type type;
	const char *data;	/* address or host; "": the root */
	uint16_t preference;
	enum dns_manner manner;
};

struct dns_server {
	const struct dns_row *rows;
	size_t n_rows;
	uint16_t port;
	size_t n_asked;
	size_t n_asked_tcp;
	struct event *udp;
	struct event *tcp;
};

/* Aborts the test if it cannot be started. */
void dns_server_start(struct dns_server *server, struct event_base *base);
void dns_server_stop(struct dns_server *server);

/* Runs the loop until `*counter` is `want`, or the time is up. */
void dns_run_until(struct event_base *base, const size_t *counter, size_t want,
    unsigned milliseconds);

#endif
