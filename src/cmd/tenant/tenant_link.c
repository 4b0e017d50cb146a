/* SPDX-License-Identifier: ISC */
/*
 * A connection to Redis: see tenant_link.h.
 */
#include <cmd/common/tool.h>
#include <cmd/common/wire.h>
#include <cmd/tenant/tenant_link.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <conf/guest.h>
#include <lookup/access.h>

struct xo_tenant_link {
	const struct xo_conf *conf;
	const struct xo_conf_table *table;
	const struct xo_conf_table *server;	/* of the table's */
	struct xo_buf out;
	struct xo_buf in;		/* read, and used up to `at` */
	size_t at;
	struct xo_tls_context *tls;	/* NULL: clear text */
	struct xo_wire wire;
};

bool
xo_tenant_link_complain(const struct xo_tenant_link *link, const char *what,
    const char *why)
{
	xo_tool_complain("tenant: %s: %s: %s", link->table->text, what, why);
	return false;
}

/* --- commands -------------------------------------------------------------- */

/* Into the wire's own buffer, which sends when it is full. What goes wrong is told
 * by the read that follows. */
static void
put(struct xo_tenant_link *link)
{
	(void)xo_tool_require(link->out.err == XO_OK ? link : NULL);
	(void)xo_wire_put(&link->wire, xo_buf_span(&link->out));
	xo_buf_clear(&link->out);
}

void
xo_tenant_link_say(struct xo_tenant_link *link, const char *command, size_t n)
{
	xo_resp_write_head(&link->out, n + 1);
	xo_tenant_link_word(link, xo_span_from_cstr(command));
}

void
xo_tenant_link_word(struct xo_tenant_link *link, struct xo_span word)
{
	xo_resp_write_word(&link->out, word, XO_LIT(""));
	put(link);
}

struct xo_span
xo_tenant_link_prefix(const struct xo_tenant_link *link)
{
	const char *text = link->conf->lookup.redis.prefix;

	return text != NULL ? xo_span_from_cstr(text) : XO_LIT("");
}

void
xo_tenant_link_key(struct xo_tenant_link *link, struct xo_span key)
{
	xo_resp_write_word(&link->out, xo_tenant_link_prefix(link), key);
	put(link);
}

/* --- replies --------------------------------------------------------------- */

static bool
fill(struct xo_tenant_link *link)
{
	struct xo_span got;

	xo_buf_consume(&link->in, link->at);
	link->at = 0;
	if (link->wire.error[0] != '\0' || !xo_wire_fill(&link->wire)) {
		xo_tool_complain("tenant: %s: %s", link->table->text,
		    link->wire.error);
		return false;
	}
	got = xo_wire_input(&link->wire);
	xo_buf_add(&link->in, got);
	xo_wire_consume(&link->wire, got.len);
	(void)xo_tool_require(link->in.err == XO_OK ? link : NULL);
	return true;
}

/* Either of the two, or an error, which is taken for neither. */
static bool
read_any(struct xo_tenant_link *link, char sign, struct xo_resp *reply,
    uint64_t *n)
{
	enum xo_err err;
	size_t used = 0;

	do {
		struct xo_span in = xo_span_from(xo_buf_span(&link->in),
		    link->at);

		if (sign != '\0' && in.len > 0 && in.p[0] != '-')
			err = xo_resp_read_number(in, sign, n, &used);
		else
			err = xo_resp_read(in, XO_GUEST_RECORD_MAX, reply,
			    &used);
		if (err == XO_MORE && !fill(link))
			return false;
	} while (err == XO_MORE);
	link->at += used;
	if (err == XO_ERR_LIMIT)
		return xo_tenant_link_complain(link, "a reply", "too long");
	if (err != XO_OK)
		return xo_tenant_link_complain(link, "a reply",
		    "none of Redis, or of another kind");
	return true;
}

static bool
complain_error(const struct xo_tenant_link *link, struct xo_span text)
{
	char line[160];
	size_t n = 0;

	for (; n < text.len && n < sizeof(line) - 1; n++)
		line[n] = text.p[n] < ' ' || text.p[n] > '~' ? '?' :
		    (char)text.p[n];
	line[n] = '\0';
	return xo_tenant_link_complain(link, "the server says", line);
}

bool
xo_tenant_link_read(struct xo_tenant_link *link, struct xo_resp *reply)
{
	return read_any(link, '\0', reply, NULL) &&
	    (reply->kind != XO_RESP_ERROR ||
	    complain_error(link, reply->text));
}

bool
xo_tenant_link_read_number(struct xo_tenant_link *link, char sign,
    uint64_t max, uint64_t *n_r)
{
	struct xo_resp reply = {.kind = XO_RESP_NIL};

	if (!read_any(link, sign, &reply, n_r))
		return false;
	if (reply.kind == XO_RESP_ERROR)
		return complain_error(link, reply.text);
	return *n_r <= max ||
	    xo_tenant_link_complain(link, "a reply", "too long");
}

/* --- a connection ---------------------------------------------------------- */

static bool
connect_local(struct xo_wire *wire, const char *path, int64_t timeout)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at,
	    sizeof(at)) == 0) {
		xo_wire_accept(wire, fd, timeout);
		return true;
	}
	(void)snprintf(wire->error, sizeof(wire->error), "connect: %s",
	    strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static bool
connect_to(struct xo_tenant_link *link)
{
	const struct xo_conf_table *table = link->server;
	int64_t timeout = link->conf->policy.limits.lookup_timeout;
	struct xo_target target;

	if (table->path != NULL)
		return connect_local(&link->wire, table->path, timeout);
	(void)snprintf(target.host, sizeof(target.host), "%s",
	    table->host.host);
	(void)snprintf(target.port, sizeof(target.port), "%u",
	    (unsigned int)table->host.port);
	return xo_wire_connect(&link->wire, &target, timeout);
}

/* As the gateway does it: verified, or not at all. */
static bool
secure(struct xo_tenant_link *link)
{
	const struct xo_conf_redis *redis = &link->conf->lookup.redis;
	struct xo_buf error = {0};
	struct xo_tls *tls;

	if (!link->table->is_tls)
		return true;
	link->tls = xo_table_access_tls(link->conf, NULL, &error);
	if (link->tls == NULL)
		(void)xo_tenant_link_complain(link, "TLS",
		    xo_tool_cstr(&error));
	xo_buf_fini(&error);
	if (link->tls == NULL)
		return false;
	tls = xo_tool_require(xo_tls_new_client(link->tls, link->wire.fd,
	    redis->tls_name != NULL ? redis->tls_name :
	    link->server->host.host, NULL));
	return xo_wire_start_tls(&link->wire, tls) ||
	    xo_tenant_link_complain(link, "TLS", link->wire.error);
}

static bool
authenticate(struct xo_tenant_link *link)
{
	const struct xo_conf_redis *redis = &link->conf->lookup.redis;
	struct xo_resp reply;

	if (redis->password == NULL)
		return true;
	xo_tenant_link_say(link, "AUTH", redis->user != NULL ? 2 : 1);
	if (redis->user != NULL)
		xo_tenant_link_word(link, xo_span_from_cstr(redis->user));
	xo_tenant_link_word(link, xo_span_from_cstr(redis->password));
	return xo_tenant_link_read(link, &reply);
}

static void
disconnect(struct xo_tenant_link *link)
{
	xo_wire_close(&link->wire);
	xo_tls_context_free(&link->tls);
	xo_buf_fini(&link->in);
	xo_buf_fini(&link->out);
	link->at = 0;
}

static bool
open_server(struct xo_tenant_link *link, const struct xo_conf_table *server)
{
	link->server = server;
	if (connect_to(link))
		return secure(link) && authenticate(link);
	xo_tool_complain("tenant: %s: %s", link->table->text,
	    link->wire.error);
	return false;
}

struct xo_tenant_link *
xo_tenant_link_open(const struct xo_conf *conf,
    const struct xo_conf_table *table)
{
	struct xo_tenant_link *link = xo_tool_require(calloc(1,
	    sizeof(*link)));

	link->conf = conf;
	link->table = table;
	link->wire.fd = -1;
	for (const struct xo_conf_table *t = table; t != NULL; t = t->next) {
		if (open_server(link, t))
			return link;
		disconnect(link);
	}
	xo_tenant_link_close(&link);
	return NULL;
}

void
xo_tenant_link_close(struct xo_tenant_link **link)
{
	if (*link == NULL)
		return;
	disconnect(*link);
	free(*link);
	*link = NULL;
}
