/* SPDX-License-Identifier: ISC */
/*
 * What the status server answers: see status.h.
 */
#include <stdlib.h>
#include <time.h>

#include "status_door.h"
#include "status_html.h"

#define QUERY_MAX 100

struct answer {
	unsigned int code;
	const char *type;
	struct xo_buf body;
	struct xo_span query;		/* of the page: what to look for */
};

typedef void answer_fn(const struct xo_status_setup *setup,
    struct answer *answer);

static uint64_t
monotonic_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
answer_text(struct answer *answer, unsigned int code, const char *text)
{
	xo_buf_fini(&answer->body);
	memset(&answer->body, 0, sizeof(answer->body));
	answer->code = code;
	answer->type = "text/plain; charset=utf-8";
	xo_buf_add_cstr(&answer->body, text);
}

static bool
take_snapshot(const struct xo_status_setup *setup, struct answer *answer,
    struct xo_snapshot *snapshot)
{
	if (xo_snapshot_init(snapshot, setup->metrics, monotonic_ms()))
		return true;
	answer_text(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n");
	return false;
}

static void
answer_metrics(const struct xo_status_setup *setup, struct answer *answer)
{
	struct xo_snapshot snapshot;

	if (!take_snapshot(setup, answer, &snapshot))
		return;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	(void)xo_snapshot_write(&snapshot, &answer->body, (int64_t)time(NULL));
	xo_snapshot_fini(&snapshot);
}

static void
answer_health(const struct xo_status_setup *setup, struct answer *answer)
{
	if (xo_metrics_alive(setup->metrics, monotonic_ms(),
	    XO_METRICS_BEAT_AGE) > 0)
		answer_text(answer, MHD_HTTP_OK, "ok\n");
	else
		answer_text(answer, MHD_HTTP_SERVICE_UNAVAILABLE,
		    "no worker is alive\n");
}

static void
answer_ready(const struct xo_status_setup *setup, struct answer *answer)
{
	struct xo_snapshot snapshot;

	if (!take_snapshot(setup, answer, &snapshot))
		return;
	answer_text(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "");
	(void)xo_status_ready(setup->conf, &snapshot, &answer->body,
	    (int64_t)time(NULL));
	if (answer->body.len == 0 && answer->body.err == XO_OK)
		answer_text(answer, MHD_HTTP_OK, "ready\n");
	xo_snapshot_fini(&snapshot);
}

static uint64_t
uses(const struct xo_metrics_org *org)
{
	uint64_t n = 0;

	for (int v = 0; v < XO_VERDICT_COUNT; v++)
		n += org->messages[v];
	return n;
}

/* Most used first, then by name. */
static int
compare_uses(const void *a, const void *b)
{
	const struct xo_metrics_org *x = a;
	const struct xo_metrics_org *y = b;
	uint64_t n = uses(x);
	uint64_t m = uses(y);

	if (n != m)
		return n > m ? -1 : 1;
	return memcmp(x->name, y->name, sizeof(x->name));
}

static void
answer_orgs(const struct xo_status_setup *setup, struct answer *answer)
{
	struct xo_snapshot snapshot;

	if (!take_snapshot(setup, answer, &snapshot))
		return;
	qsort(snapshot.orgs, snapshot.n_orgs, sizeof(*snapshot.orgs),
	    compare_uses);
	answer->type = "application/json";
	(void)xo_status_orgs(setup->conf, &snapshot, &answer->body);
	xo_snapshot_fini(&snapshot);
}

static void
answer_page(const struct xo_status_setup *setup, struct answer *answer)
{
	struct xo_snapshot snapshot;
	const struct xo_page page = {.conf = setup->conf,
		.snapshot = &snapshot, .now = (int64_t)time(NULL),
		.query = answer->query};

	if (!take_snapshot(setup, answer, &snapshot))
		return;
	qsort(snapshot.orgs, snapshot.n_orgs, sizeof(*snapshot.orgs),
	    compare_uses);
	answer->type = "text/html; charset=utf-8";
	(void)xo_status_page(&page, &answer->body);
	xo_snapshot_fini(&snapshot);
}

/* What a form brought, without blanks around it. */
static struct xo_span
read_query(struct MHD_Connection *connection)
{
	const char *q = MHD_lookup_connection_value(connection,
	    MHD_GET_ARGUMENT_KIND, "q");

	return q == NULL ? XO_LIT("") : xo_span_first(xo_span_trim(
	    xo_span_from_cstr(q)), QUERY_MAX);
}

static const struct {
	const char *path;
	answer_fn *answer;
} pages[] = {
	{"/", answer_page},
	{"/metrics", answer_metrics},
	{"/healthz", answer_health},
	{"/readyz", answer_ready},
	{"/orgs", answer_orgs},
};

static const struct {
	const char *name;
	const char *value;
} fields[] = {
	{MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Frame-Options", "DENY"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Content-Security-Policy", "default-src 'none'; "
	    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
	    "form-action 'self'; frame-ancestors 'none'"},
};

/* The body becomes the response's. */
static enum MHD_Result
send_answer(struct MHD_Connection *connection, struct answer *answer)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (answer->body.err != XO_OK)
		answer_text(answer, MHD_HTTP_SERVICE_UNAVAILABLE,
		    "no memory\n");
	response = MHD_create_response_from_buffer(answer->body.len,
	    answer->body.p, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		xo_buf_fini(&answer->body);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    answer->type);
	if (answer->code == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		(void)MHD_add_response_header(response, fields[i].name,
		    fields[i].value);
	result = MHD_queue_response(connection, answer->code, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result
xo_status_handle(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload_data,
    size_t *upload_data_size, void **state)
{
	const struct xo_status_setup *setup = arg;
	struct answer answer = {.code = MHD_HTTP_OK};
	static char seen;

	(void)version;
	(void)upload_data;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		answer_text(&answer, MHD_HTTP_METHOD_NOT_ALLOWED,
		    "only GET and HEAD\n");
		return send_answer(connection, &answer);
	}
	if (!xo_status_is_addressed(connection, setup->conf)) {
		answer_text(&answer, MHD_HTTP_MISDIRECTED_REQUEST,
		    "not a name of this gateway: see status_names\n");
		return send_answer(connection, &answer);
	}
	/* The first call is for the header; a body is not wanted. */
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_data_size > 0) {
		*upload_data_size = 0;
		return MHD_YES;
	}
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(url, pages[i].path) == 0) {
			answer.query = read_query(connection);
			pages[i].answer(setup, &answer);
			return send_answer(connection, &answer);
		}
	}
	answer_text(&answer, MHD_HTTP_NOT_FOUND,
	    "/ /metrics /healthz /readyz /orgs\n");
	return send_answer(connection, &answer);
}
