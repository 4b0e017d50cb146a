/* SPDX-License-Identifier: ISC */
/*
 * A worker's life: see worker.h.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <event2/event.h>

#include <hop/claim.h>
#include <hop/hop.h>
#include <hop/learn.h>
#include <lookup/access.h>
#include <lookup/lookups.h>
#include <net/clock.h>
#include <net/env.h>
#include <net/leg.h>
#include <net/resolve.h>
#include <net/tls_shelf.h>
#include <session/asks.h>
#include <session/sessions.h>

#include "accept.h"
#include "keys.h"
#include "privileges.h"
#include "runtime.h"
#include "sandbox.h"
#include "worker.h"

/* ms for the last words of a worker whose time to drain is over. */
#define LAST_WORDS ((uint64_t)1000)
/* Descriptors that are not sessions': the loop's, sockets, log, names. */
#define DESCRIPTORS_OWN 128

/* Free memory that a worker keeps: buffers of content come and go with each
 * message, and pages from the kernel are dear. */
#define MEMORY_KEPT (4 * 1024 * 1024)

struct worker {
	struct xo_env env;
	struct xo_hops *hops;
	struct xo_sessions *sessions;
	struct xo_asks *asks;
	struct xo_doors *doors;
	size_t most_sessions;		/* as descriptors allow; 0: any */
	struct event *tick;		/* heartbeat, log */
	struct event *terminate;
	struct event *drained;
	bool is_pressed;		/* max_sessions are here */
	bool is_draining;
	bool is_over;			/* and the time for it is up */
	uint8_t scratch[XO_LEG_READ];
};

static void
stop_if_done(struct worker *w)
{
	if (w->is_draining && xo_sessions_count(w->sessions) == 0 &&
	    xo_asks_count(w->asks) == 0)
		event_base_loopbreak(w->env.base);
}

/* The last session is gone, or the last connection that asks. */
static void
on_emptied(void *arg)
{
	stop_if_done(arg);
}

/* What sessions wait for. */
static void
on_learnt(void *arg)
{
	struct worker *w = arg;

	xo_sessions_learnt(w->sessions);
}

static void
on_terminate(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	const struct xo_conf_process *process = &w->env.conf->process;
	struct timeval tv = xo_clock_timeval(process->drain_timeout);

	(void)fd;
	(void)what;
	if (w->is_draining)
		return;
	w->is_draining = true;
	xo_doors_close(&w->doors);
	xo_hops_drain(w->hops);
	evtimer_add(w->drained, &tv);
	xo_sessions_shutdown(w->sessions, false);
	xo_asks_shutdown(w->asks, false);
	stop_if_done(w);
}

/* Time is up: each hears so, and has a moment to read it. Then all is cut. */
static void
on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct timeval tv = xo_clock_timeval(LAST_WORDS);

	(void)fd;
	(void)what;
	if (w->is_over) {
		event_base_loopbreak(w->env.base);
		return;
	}
	w->is_over = true;
	evtimer_add(w->drained, &tv);
	xo_sessions_shutdown(w->sessions, true);
	xo_asks_shutdown(w->asks, true);
}

/* Full: a silent client has to make room sooner. */
static void
look_at_load(struct worker *w)
{
	uint32_t most = w->env.conf->clients.max_sessions;
	struct xo_count n = xo_census_sessions(w->env.census);
	bool is_pressed;

	/* At the limit itself, and from there down to four fifths of it. */
	if (w->is_pressed)
		most -= most / 5;
	n.all++;
	n.own++;
	is_pressed = xo_census_exceeds(w->env.census, n, most);

	if (is_pressed == w->is_pressed)
		return;
	w->is_pressed = is_pressed;
	xo_log_note(w->env.log, XO_LOG_WARNING, "load", is_pressed ?
	    "max_sessions are open: clients get load_timeout" :
	    "over: clients get their usual time");
	xo_sessions_press(w->sessions, is_pressed);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	xo_metrics_beat(w->env.metrics, xo_clock_now());
	xo_metrics_log_drops(w->env.metrics, xo_log_drops(w->env.log));
	xo_hops_tick(w->hops);
	look_at_load(w);
	xo_sessions_tick(w->sessions);
	xo_asks_tick(w->asks);
	xo_hops_look_for_ends(w->hops);
}

/* A turn of the loop, then what its events had to say goes out at once. */
static void
turn(struct worker *w)
{
	while (!event_base_got_break(w->env.base)) {
		if (event_base_loop(w->env.base, EVLOOP_ONCE) != 0)
			break;
		xo_log_flush(w->env.log);
	}
}

static bool
add_events(struct worker *w)
{
	struct timeval second = {.tv_sec = 1};

	w->terminate = evsignal_new(w->env.base, SIGTERM, on_terminate, w);
	w->drained = evtimer_new(w->env.base, on_drained, w);
	w->tick = event_new(w->env.base, -1, EV_PERSIST, on_tick, w);
	return w->terminate != NULL && w->drained != NULL && w->tick != NULL &&
	    event_add(w->terminate, NULL) == 0 &&
	    event_add(w->tick, &second) == 0;
}

/* Sessions beyond what descriptors allow are refused with words, not left in
 * a backlog: each needs one, and one for its next hop. */
static void
bound_sessions(struct worker *w)
{
	uint64_t limit = xo_privileges_raise_nofile();

	if (limit != 0 && limit != UINT64_MAX)
		w->most_sessions = limit > DESCRIPTORS_OWN + 2 ?
		    (size_t)((limit - DESCRIPTORS_OWN) / 2) : 1;
}

static struct xo_resolver *
make_resolver(struct worker *w)
{
	const struct xo_conf_host *at = &w->env.conf->resolver;
	char server[80];

	if (!w->env.conf->has_resolver)
		return xo_resolver_new(w->env.base, NULL);
	(void)snprintf(server, sizeof(server),
	    strchr(at->host, ':') != NULL ? "[%s]:%u" : "%s:%u", at->host,
	    (unsigned int)at->port);
	return xo_resolver_new(w->env.base, server);
}

static bool
set_up(struct worker *w, const struct xo_worker_setup *setup)
{
	struct xo_sessions_setup sessions = {
		.env = &w->env,
		.most = w->most_sessions,
		.emptied = on_emptied,
		.arg = w,
	};
	struct xo_asks_setup asks = {
		.env = &w->env,
		.most = w->most_sessions,
		.emptied = on_emptied,
		.arg = w,
	};

	w->env.base = event_base_new();
	if (w->env.base == NULL)
		return false;
	w->env.resolver = make_resolver(w);
	w->hops = sessions.hops = xo_hops_new(&w->env, on_learnt, w);
	if (w->env.resolver == NULL || w->hops == NULL)
		return false;
	if (w->env.conf->policy.guests != NULL) {
		w->env.lookups = xo_lookups_new(&w->env);
		if (w->env.lookups == NULL)
			return false;
	}
	w->sessions = xo_sessions_new(&sessions);
	w->asks = xo_asks_new(&asks);
	if (w->sessions == NULL || w->asks == NULL)
		return false;
	w->doors = xo_doors_open(&w->env, w->sessions, w->asks, setup->sockets,
	    setup->slot);
	return w->doors != NULL && add_events(w);
}

static void
tear_down(struct worker *w)
{
	xo_sessions_free(&w->sessions);
	xo_asks_free(&w->asks);
	xo_lookups_free(&w->env.lookups);
	xo_tls_shelf_free(&w->env.shelf);
	xo_log_close(&w->env.log);
}

static bool
confine(const struct worker *w, struct xo_buf *error)
{
	/* c-ares reads the first at each lookup. */
	char **readable = xo_table_access_list(w->env.conf, "/etc/hosts");
	const struct xo_sandbox sandbox = {
		.role = XO_SANDBOX_WORKER,
		.mode = w->env.conf->process.sandbox,
		.readable = (const char *const *)readable,
		.has_local_server = xo_table_access_is_local(w->env.conf),
	};
	bool is_good = xo_sandbox_enter(&sandbox, error);

	xo_table_access_free(&readable);
	return is_good;
}

static bool
set_shelf(struct worker *w)
{
	if (w->env.conf->tenant_certificates.path == NULL)
		return true;
	w->env.shelf = xo_tls_shelf_new(xo_keys_ask_certificate, NULL);
	return w->env.shelf != NULL;
}

/* All that it will ever have; afterwards nothing is opened but connections. */
static bool
prepare(struct worker *w, const struct xo_worker_setup *setup,
    struct xo_buf *error)
{
	bound_sessions(w);
	if (!xo_privileges_drop(w->env.conf->process.user, error))
		return false;
	/* Behind the change of user, which would clear it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != setup->parent) {
		xo_buf_add_cstr(error, "the master is gone");
		return false;
	}
	if (setup->key_fd >= 0)
		xo_keys_attach(setup->key_fd);
	if (!xo_tls_library_init() || !set_shelf(w) || !set_up(w, setup)) {
		xo_buf_add_cstr(error,
		    "a worker could not be set up");
		return false;
	}
	return confine(w, error);
}

static void
set_env(struct worker *w, struct xo_runtime *runtime)
{
	w->env = (struct xo_env){
		.conf = runtime->conf,
		.log = runtime->log,
		.metrics = runtime->metrics,
		.census = runtime->census,
		.listeners = runtime->listeners,
		.upstreams = runtime->upstreams,
		.redis = runtime->redis,
		.tenants = runtime->tenants,
		.scratch = w->scratch,
	};
}

int
xo_worker_run(const struct xo_worker_setup *setup)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct xo_buf error = {0};

	if (w == NULL)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* A full disk costs log lines, not the process. */
	signal(SIGXFSZ, SIG_IGN);
	set_env(w, setup->runtime);
	(void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
	(void)mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT);
	xo_log_after_fork(w->env.log);
	xo_log_divert(w->env.log, setup->log_fd);
	/* They may be the log, too. What the C library has to say is a line. */
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO &&
	    !xo_sandbox_is_sanitized(); fd++)
		(void)dup2(setup->log_fd, fd);
	xo_metrics_attach(w->env.metrics, setup->slot);
	xo_census_attach(w->env.census, setup->slot);
	xo_metrics_guard(w->env.metrics, true);
	xo_census_guard(w->env.census);
	if (!prepare(w, setup, &error)) {
		xo_buf_add_byte(&error, '\0');
		xo_log_note(w->env.log, XO_LOG_ERROR, "worker",
		    (const char *)error.p);
		xo_log_close(&w->env.log);
		return 1;
	}
	xo_metrics_beat(w->env.metrics, xo_clock_now());
	(void)xo_hops_learn(w->hops);
	turn(w);
	tear_down(w);
	return 0;
}
