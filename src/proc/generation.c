/* SPDX-License-Identifier: ISC */
/*
 * Starting, ending and replacing the processes of a configuration: see
 * generation.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <conf/warning.h>
#include <net/clock.h>
#include <watch/status.h>

#include "descriptors.h"
#include "runtime_tell.h"
#include "generation.h"
#include "inspect.h"
#include "keys.h"
#include "log_writer.h"
#include "privileges.h"
#include "sandbox.h"
#include "title.h"
#include "worker.h"

/* Between two starts of a process; one that lived longer starts again at once.
 * With the master's pause a dead worker is replaced within a second. */
#define SHORT_LIFE ((uint64_t)800)

static const int master_signals[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD, SIGUSR1};

void
xo_generation_signals(bool is_blocked)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0;
	    i < sizeof(master_signals) / sizeof(master_signals[0]); i++)
		sigaddset(&set, master_signals[i]);
	sigprocmask(is_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Children */

static void
note_start(struct xo_child *c, pid_t pid)
{
	c->started = xo_clock_now();
	c->pid = pid > 0 ? pid : 0;
	c->start_at = pid > 0 ? 0 : c->started + SHORT_LIFE;
}

/* In a child: SIGTERM is its own affair, the rest the master's. */
static void
set_child_signals(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	xo_generation_signals(false);
}

static void
start_worker(struct xo_generation *g, size_t slot)
{
	struct xo_worker_setup setup = {
		.runtime = g->runtime,
		.sockets = &g->sockets,
		.slot = slot,
		.parent = getpid(),
	};
	pid_t pid = fork();

	if (pid == 0) {
		set_child_signals();
		xo_pairs_close(&g->log_control);
		setup.key_fd = xo_pairs_take(&g->key_pairs, slot);
		setup.log_fd = xo_pairs_take(&g->log_pairs, slot);
		xo_title_set("worker", slot + 1);
		_exit(xo_worker_run(&setup));
	}
	if (pid < 0)
		xo_log_note(g->runtime->log, XO_LOG_ERROR, "worker",
		    strerror(errno));
	note_start(&g->workers[slot], pid);
}

static int
status_fd(const struct xo_generation *g)
{
	for (size_t i = 0; i < g->sockets.n; i++)
		if (g->sockets.list[i].slot == XO_SLOT_STATUS)
			return g->sockets.list[i].fd;
	return -1;
}

static bool
confine_status(void *arg)
{
	const struct xo_conf *conf = arg;
	const struct xo_sandbox sandbox = {
		.role = XO_SANDBOX_STATUS,
		.mode = conf->process.sandbox,
	};
	struct xo_buf error = {0};

	return xo_privileges_drop(conf->process.user, &error) &&
	    xo_sandbox_enter(&sandbox, &error);
}

static void
start_status(struct xo_generation *g)
{
	struct xo_status_setup setup = {
		.conf = g->runtime->conf,
		.metrics = g->runtime->metrics,
		.listen_fd = status_fd(g),
		.parent = getpid(),
		.confine = confine_status,
		.arg = g->runtime->conf,
	};
	pid_t pid = fork();

	if (pid == 0) {
		int kept = setup.listen_fd;

		set_child_signals();
		xo_title_set("status", 0);
		xo_metrics_guard(g->runtime->metrics, false);
		xo_descriptors_close_but(&kept, 1);
		xo_status_run(&setup);
	}
	note_start(&g->status, pid);
}

static bool
start_keys(struct xo_generation *g, struct xo_buf *error)
{
	note_start(&g->keys, xo_keys_start(&g->key_pairs, g->runtime->keyring,
	    g->runtime->conf, error));
	return g->keys.pid != 0;
}

/* The files may have changed, and what is in memory has not. */
static void
start_keys_again(struct xo_generation *g)
{
	struct xo_buf error = {0};

	if (!start_keys(g, &error)) {
		xo_buf_add_byte(&error, '\0');
		xo_log_note(g->runtime->log, XO_LOG_ERROR, "keys",
		    (const char *)error.p);
	}
	xo_buf_fini(&error);
}

static void
start_log(struct xo_generation *g)
{
	note_start(&g->log, xo_log_writer_start(&g->log_pairs,
	    g->log_control.workers[0], g->runtime->log, g->runtime->conf));
}

static bool
is_due(const struct xo_child *c)
{
	return c->pid == 0 && xo_clock_now() >= c->start_at;
}

void
xo_generation_start(struct xo_generation *g)
{
	if (g->runtime->keyring != NULL && is_due(&g->keys))
		start_keys_again(g);
	if (is_due(&g->log))
		start_log(g);
	for (size_t i = 0; i < g->n_workers; i++)
		if (is_due(&g->workers[i]))
			start_worker(g, i);
	if (status_fd(g) >= 0 && is_due(&g->status))
		start_status(g);
}

static void
tell(const struct xo_child *c, int signal_number)
{
	if (c->pid != 0)
		kill(c->pid, signal_number);
}

void
xo_generation_kill(const struct xo_generation *g)
{
	for (size_t i = 0; i < g->n_workers; i++)
		tell(&g->workers[i], SIGKILL);
	tell(&g->status, SIGKILL);
	tell(&g->keys, SIGKILL);
	tell(&g->log, SIGKILL);
}

void
xo_generation_end(const struct xo_generation *g)
{
	if (g->status.pid != 0 && xo_generation_count(g) == 1)
		tell(&g->status, SIGTERM);
}

void
xo_generation_pass_log(const struct xo_generation *g)
{
	(void)xo_descriptor_send(g->log_control.others[0],
	    xo_log_fd(g->runtime->log));
}

size_t
xo_generation_count(const struct xo_generation *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid != 0)
			n++;
	if (g->status.pid != 0)
		n++;
	if (g->log.pid != 0)
		n++;
	return g->keys.pid != 0 ? n + 1 : n;
}

struct xo_child *
xo_generation_find(struct xo_generation *g, pid_t pid)
{
	for (size_t i = 0; i < g->n_workers; i++)
		if (g->workers[i].pid == pid)
			return &g->workers[i];
	if (g->status.pid == pid)
		return &g->status;
	if (g->log.pid == pid)
		return &g->log;
	return g->keys.pid == pid ? &g->keys : NULL;
}

static void
mourn(struct xo_generation *g, struct xo_child *c, int status)
{
	struct xo_log_line *line = xo_log_begin(g->runtime->log, XO_LOG_ERROR,
	    c->died);

	xo_log_u64(line, "pid", (uint64_t)c->pid);
	if (WIFSIGNALED(status))
		xo_log_u64(line, "signal", (uint64_t)WTERMSIG(status));
	else
		xo_log_u64(line, "exit", (uint64_t)WEXITSTATUS(status));
	xo_log_end(line);
	c->start_at = c->started + SHORT_LIFE;
}

void
xo_generation_lost(struct xo_generation *g, struct xo_child *c, int status)
{
	bool is_worker = c != &g->status && c != &g->keys && c != &g->log;
	bool is_told = c == &g->status && g->is_status_told;

	if (is_worker) {
		size_t slot = (size_t)(c - g->workers);

		xo_metrics_worker_gone(g->runtime->metrics, slot);
		xo_census_worker_gone(g->runtime->census, slot);
	}
	if (is_told)
		g->is_status_told = false;
	if (!g->is_old && !is_told) {
		if (is_worker)
			xo_metrics_worker_restarted(g->runtime->metrics);
		mourn(g, c, status);
	}
	c->pid = 0;
}

/* Warnings */

static void
plan_inspection(struct xo_generation *g)
{
	g->inspect_at = xo_clock_now() + 1000 *
	    (uint64_t)xo_runtime_inspect_after(g->runtime, (int64_t)time(NULL));
	xo_metrics_warnings(g->runtime->metrics,
	    xo_runtime_count_warnings(g->runtime));
}

void
xo_generation_warn(struct xo_generation *g)
{
	xo_runtime_tell(g->runtime, (int64_t)time(NULL));
	xo_runtime_log_warnings(g->runtime, true);
	plan_inspection(g);
}

void
xo_generation_inspect(struct xo_generation *g)
{
	struct xo_warnings before = {NULL, 0};
	struct xo_buf error = {0};

	if (g->is_old || xo_clock_now() < g->inspect_at)
		return;
	xo_warnings_join(&before, &g->runtime->conf->found);
	if (!xo_runtime_inspect(g->runtime, false, (int64_t)time(NULL),
	    &error)) {
		xo_buf_add_byte(&error, '\0');
		if (error.err == XO_OK)
			xo_log_note(g->runtime->log, XO_LOG_ERROR,
			    "configuration", (const char *)error.p);
	}
	xo_runtime_log_warnings(g->runtime, false);
	/* Its page shows what it was started with. */
	if (!xo_warnings_are_equal(&before, &g->runtime->conf->found) &&
	    g->status.pid != 0) {
		g->is_status_told = true;
		tell(&g->status, SIGTERM);
	}
	xo_warnings_fini(&before);
	xo_buf_fini(&error);
	plan_inspection(g);
}

/* Life */

static size_t
count_workers(const struct xo_conf *conf)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->process.workers != 0)
		return conf->process.workers;
	return n > 0 ? (size_t)n : 1;
}

/* Ends of certificates and of revocation lists, for the metrics. */
static void
tell_expiry(const struct xo_runtime *runtime)
{
	const struct xo_conf *conf = runtime->conf;
	struct xo_metrics *m = runtime->metrics;

	for (size_t i = 0; i < conf->policy.n_listeners; i++) {
		size_t tls = (size_t)conf->listeners[i].tls;

		if (runtime->listeners[i] == NULL)
			continue;
		xo_metrics_expiry(m, XO_METRIC_EXPIRY, tls,
		    xo_tls_context_expiry(runtime->listeners[i]));
		/* A listener that asks for no certificate has no list. */
		if (xo_tls_context_crl_expiry(runtime->listeners[i]) != 0)
			xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY, tls,
			    xo_tls_context_crl_expiry(runtime->listeners[i]));
	}
	for (size_t i = 0; i < conf->policy.n_peers; i++)
		xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY_PEER, i,
		    runtime->crl_expiry[i]);
	for (size_t i = 0; i < conf->policy.n_upstreams; i++) {
		if (runtime->upstreams[i] == NULL)
			continue;
		xo_metrics_expiry(m, XO_METRIC_EXPIRY_UPSTREAM, i,
		    xo_tls_context_expiry(runtime->upstreams[i]));
		xo_metrics_expiry(m, XO_METRIC_CRL_EXPIRY_UPSTREAM, i,
		    xo_tls_context_crl_expiry(runtime->upstreams[i]));
	}
	for (size_t i = 0; i < conf->policy.n_tenants; i++)
		if (runtime->tenants[i] != NULL)
			xo_metrics_expiry(m, XO_METRIC_EXPIRY_TENANT, i,
			    xo_tls_credential_expiry(runtime->tenants[i]));
}

static struct xo_census *
new_census(const struct xo_generation *g)
{
	const struct xo_conf *conf = g->runtime->conf;
	const struct xo_census_setup setup = {
		.n_workers = g->n_workers,
		.max_sessions = conf->clients.max_sessions,
		.prefix_ipv4 = (uint8_t)conf->clients.network_prefix_ipv4,
		.prefix_ipv6 = (uint8_t)conf->clients.network_prefix_ipv6,
	};

	return xo_census_new(&setup);
}

static bool
make_children(struct xo_generation *g)
{
	g->n_workers = count_workers(g->runtime->conf);
	g->workers = calloc(g->n_workers, sizeof(*g->workers));
	for (size_t i = 0; g->workers != NULL && i < g->n_workers; i++)
		g->workers[i].died = "worker_died";
	g->status.died = "status_died";
	g->keys.died = "keys_died";
	g->log.died = "log_died";
	return g->workers != NULL &&
	    xo_pairs_open(&g->log_pairs, g->n_workers) &&
	    xo_pairs_open(&g->log_control, 1) &&
	    (g->runtime->keyring == NULL ||
	    xo_pairs_open(&g->key_pairs, g->n_workers));
}

static bool
make_counters(struct xo_generation *g, const struct xo_generation *old)
{
	g->runtime->census = new_census(g);
	if (g->runtime->census != NULL)
		g->runtime->metrics = xo_metrics_new(g->runtime->conf,
		    g->n_workers, old != NULL ? old->runtime->metrics : NULL);
	return g->runtime->metrics != NULL;
}

struct xo_generation *
xo_generation_new(const char *path, const struct xo_generation *old,
    const struct xo_sockets *sockets, struct xo_buf *error)
{
	struct xo_generation *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->runtime = xo_runtime_load(path, error);
	if (g->runtime == NULL || !make_children(g) ||
	    !xo_sockets_open(&g->sockets, g->runtime->conf, g->n_workers,
	    sockets, error) ||
	    (g->runtime->keyring != NULL && !start_keys(g, error)) ||
	    !make_counters(g, old))
		goto fail;
	xo_census_follow(g->runtime->census,
	    old != NULL ? old->runtime->census : NULL);
	tell_expiry(g->runtime);
	return g;
fail:
	xo_sockets_close(&g->sockets, sockets);
	if (g->runtime != NULL)
		xo_census_free(&g->runtime->census);
	if (error->len == 0)
		xo_buf_add_cstr(error, "no memory, or no descriptors");
	xo_generation_free(&g);
	return NULL;
}

void
xo_generation_free(struct xo_generation **generation)
{
	struct xo_generation *g = *generation;

	if (g == NULL)
		return;
	/* A key process without workers ends by this. */
	xo_pairs_close(&g->key_pairs);
	xo_pairs_close(&g->log_pairs);
	xo_pairs_close(&g->log_control);
	free(g->workers);
	xo_runtime_free(&g->runtime);
	free(g);
	*generation = NULL;
}

void
xo_generation_retire(struct xo_generation *g,
    const struct xo_generation *successor)
{
	g->is_old = true;
	for (size_t i = 0; i < g->n_workers; i++)
		tell(&g->workers[i], SIGTERM);
	if (successor != NULL)
		tell(&g->status, SIGTERM);
	else
		xo_metrics_drain(g->runtime->metrics);
	/* From here on these processes go with the last worker. */
	xo_pairs_close(&g->key_pairs);
	xo_pairs_close(&g->log_pairs);
	xo_sockets_close(&g->sockets,
	    successor != NULL ? &successor->sockets : NULL);
}
