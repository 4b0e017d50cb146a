/* SPDX-License-Identifier: ISC */
/*
 * The soak's program: see soak.h, and ./run, which starts it and the gateways.
 * It says "listening" when its next hop is there, and begins with a line on
 * standard input. Exit 0: the books are closed and all rules were kept.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "soak.h"

/* How long commits may come behind clients that went. */
#define AFTERMATH ((uint64_t)3 * 1000)

struct options options = {
	.n_messages = 100000,
	.n_clients = 32,
	.faults = 10,
	.seed = 1,
};

static uint64_t random_state;

uint64_t
soak_random(void)
{
	/* splitmix64 */
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t
soak_below(uint32_t n)
{
	return (uint32_t)(soak_random() % n);
}

bool
soak_strikes(void)
{
	return soak_below(1000) < options.faults;
}

uint64_t
soak_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool
read_options(int argc, char **argv)
{
	static const struct option list[] = {
		{"messages", required_argument, NULL, 'm'},
		{"seconds", required_argument, NULL, 's'},
		{"clients", required_argument, NULL, 'c'},
		{"faults", required_argument, NULL, 'f'},
		{"seed", required_argument, NULL, 'r'},
		{"listen", required_argument, NULL, 'l'},
		{"connect", required_argument, NULL, 'p'},
		{"kills", no_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		uint64_t n = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;

		switch (c) {
		case 'm':
			options.n_messages = (uint32_t)n;
			break;
		case 's':
			options.seconds = (uint32_t)n;
			break;
		case 'c':
			options.n_clients = (uint32_t)n;
			break;
		case 'f':
			options.faults = (uint32_t)n;
			break;
		case 'r':
			options.seed = n;
			break;
		case 'l':
			options.listen_port = (uint16_t)n;
			break;
		case 'p':
			options.connect_port = (uint16_t)n;
			break;
		case 'k':
			options.has_kills = true;
			break;
		default:
			return false;
		}
	}
	return options.listen_port != 0 && options.connect_port != 0 &&
	    options.n_messages > 0 && options.n_clients > 0;
}

static void
turn(void)
{
	struct epoll_event events[64];
	int n = epoll_wait(conn_poll_fd(), events, 64, 20);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == NULL)
			sink_accept();
		else
			conn_event(events[i].data.ptr, events[i].events);
}

/* Until the books can be closed. False: somebody is stuck. */
static bool
play(uint64_t begun)
{
	uint64_t ticked = 0;

	while (!ledger_is_closed()) {
		uint64_t now = soak_now();

		if (options.seconds != 0 &&
		    now - begun >= (uint64_t)options.seconds * 1000)
			ledger_stop_new();
		if (now - ticked >= 10) {
			ticked = now;
			if (!clients_tick())
				return false;
		}
		turn();
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct epoll_event accepting = {.events = EPOLLIN};
	uint64_t begun, took;
	bool is_done, is_kept;

	if (!read_options(argc, argv)) {
		fputs("usage: soak --listen PORT --connect PORT [--messages N] "
		    "[--seconds S] [--clients N] [--faults N] [--seed N] "
		    "[--kills]\n", stderr);
		return 2;
	}
	random_state = options.seed;
	if (!ledger_init() || !clients_start() || !sink_start() ||
	    epoll_ctl(conn_poll_fd(), EPOLL_CTL_ADD, sink_fd(), &accepting) !=
	    0) {
		perror("soak");
		return 2;
	}
	puts("listening");
	fflush(stdout);
	/* The gateways ask what their next hop can do before it begins. */
	if (getchar() == EOF)
		return 2;
	begun = soak_now();
	is_done = play(begun);
	took = soak_now() - begun;
	while (soak_now() - begun - took < AFTERMATH)
		turn();
	is_kept = ledger_close(took);
	return is_done && is_kept ? 0 : 1;
}
