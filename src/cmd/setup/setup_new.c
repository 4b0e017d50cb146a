/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup --new: a configuration in observe mode. It is read by the
 * loader of xoorgd before anybody sees it, so that what is printed is what
 * xoorgd takes.
 */
#include <cmd/setup/setup.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmd/setup/recipe.h>
#include <cmd/common/tool.h>

#define TENANT_MAX 64

/* By --handover: what goes into both upstreams. */
static const struct {
	const char *file;
	enum xo_handover handover;
} handovers[] = {
	{NULL, XO_HANDOVER_NONE},	/* auto */
	{"gateway/handover-none.conf", XO_HANDOVER_NONE},
	{"gateway/handover-xclient.conf", XO_HANDOVER_XCLIENT},
	{"gateway/handover-proxy.conf", XO_HANDOVER_PROXY},
	{"gateway/handover-proxy-v2.conf", XO_HANDOVER_PROXY_V2},
};
/* By MTA, the best that it takes: an index into those. */
static const int handover_of[XO_SETUP_MTA_COUNT] = {
	[XO_SETUP_POSTFIX] = 2,
	[XO_SETUP_EXIM] = 3,
	[XO_SETUP_OPENSMTPD] = 4,
	[XO_SETUP_SENDMAIL] = 1,
	[XO_SETUP_HARAKA] = 2,
};

/* By --cloud: the name in Microsoft's client certificate. */
static const char *const clouds[] = {
	"mail.protection.outlook.com",
	"mail.protection.office365.us",
	"*.mail.protection.partner.outlook.cn",
};

static const char *
find_missing(const struct xo_setup_settings *s)
{
	const struct {
		const char *name;
		const char *value;
	} needed[] = {
		{"--hostname", s->hostname},
		{"--tenant", s->tenant},
		{"--org", s->orgs.n > 0 ? s->orgs.v[0] : NULL},
		{"--mta", s->mta},
		{"--inbound", s->inbound},
		{"--certificate", s->certificate},
		{"--key", s->key},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (needed[i].value == NULL)
			return needed[i].name;
	}
	return NULL;
}

/* The only value that is not quoted: a name of a group. */
static bool
is_group_name(const char *name)
{
	struct xo_span s = xo_span_from_cstr(name);

	if (s.len == 0 || s.len > TENANT_MAX || !xo_ascii_is_alpha(s.p[0]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!xo_ascii_is_alpha(s.p[i]) && !xo_ascii_is_digit(s.p[i]) &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	}
	return true;
}

static void
set_quoted(struct xo_recipe_values *values, const char *name, const char *s)
{
	xo_setup_quote_conf(
	    xo_recipe_value(values, name), xo_span_from_cstr(s));
}

static void
set_list(struct xo_recipe_values *values, const char *name,
    const struct xo_option_list *list)
{
	struct xo_buf *out = xo_recipe_value(values, name);

	for (size_t i = 0; i < list->n; i++) {
		xo_buf_add_cstr(out, i > 0 ? ", " : "");
		xo_setup_quote_conf(out, xo_span_from_cstr(list->v[i]));
	}
}

/* The file will lie in another folder than we work in. */
static bool
set_file(struct xo_recipe_values *values, const char *name, const char *file)
{
	char path[PATH_MAX];

	if (realpath(file, path) == NULL) {
		xo_tool_complain("setup: %s: %s", file, strerror(errno));
		return false;
	}
	set_quoted(values, name, path);
	return true;
}

static void
set_user(struct xo_recipe_values *values, const char *user)
{
	struct xo_buf *out = xo_recipe_value(values, "USER");
	const char *name = user != NULL ? user : "xoorg";

	if (user == NULL && getpwnam("xoorg") == NULL) {
		xo_buf_add_cstr(out, "# Better a user of its own (\"xoorg\"); "
		                     "there was none when this was written.\n");
		name = "nobody";
	}
	xo_buf_add_cstr(out, "user = ");
	xo_setup_quote_conf(out, xo_span_from_cstr(name));
	xo_buf_add_byte(out, '\n');
}

/* HOST[:PORT]: the name that its certificate must have, if it is a name. */
static void
set_exchange_name(struct xo_recipe_values *values, const char *exchange)
{
	struct xo_span s = xo_span_from_cstr(exchange);
	struct xo_span host = xo_span_first(s, xo_span_find(s, ':'));
	struct xo_buf *out = xo_recipe_value(values, "EXCHANGE_NAME");
	struct xo_buf text = {.p = NULL};
	struct in_addr address;

	xo_buf_add(&text, host);
	if (exchange[0] != '[' &&
	    inet_pton(AF_INET, xo_tool_cstr(&text), &address) != 1) {
		xo_buf_add_cstr(out, "\t\ttls_name = ");
		xo_setup_quote_conf(out, host);
		xo_buf_add_byte(out, '\n');
	}
	xo_buf_fini(&text);
}

/* With --exchange, the parts of the way back. */
static void
set_way_back(struct xo_recipe_values *values, const char *exchange)
{
	if (exchange != NULL) {
		set_quoted(values, "EXCHANGE_HOST", exchange);
		set_exchange_name(values, exchange);
		xo_recipe_set(values, "BACK_LISTEN", "\"127.0.0.1:10027\"");
	}
	xo_recipe_set_part(values, "BACK_PEER",
	    exchange == NULL ? NULL : "gateway/back-peer.conf");
	xo_recipe_set_part(values, "BACK_LISTENER",
	    exchange == NULL ? NULL : "gateway/back-listener.conf");
	xo_recipe_set_part(values, "BACK_UPSTREAM",
	    exchange == NULL ? NULL : "gateway/back-upstream.conf");
}

static bool
set_values(struct xo_recipe_values *values, const struct xo_setup_settings *s,
    const char *handover)
{
	set_user(values, s->user);
	set_quoted(values, "HOSTNAME", s->hostname);
	xo_recipe_set(values, "STATUS", "\"127.0.0.1:9025\"");
	xo_recipe_set(values, "TRUST", "\"system\"");
	xo_recipe_set(values, "MODE", "\"observe\"");
	set_quoted(values, "CLOUD", clouds[s->cloud]);
	xo_recipe_set(values, "TENANT", s->tenant);
	set_list(values, "ORGS", &s->orgs);
	set_list(values, "RECIPIENT_DOMAINS", &s->orgs);
	if (s->listen.n > 0)
		set_list(values, "LISTEN", &s->listen);
	else
		xo_recipe_set(values, "LISTEN", "\"0.0.0.0:25\", \"[::]:25\"");
	set_quoted(values, "VERIFIED_HOST", s->mta);
	set_quoted(values, "ORDINARY_HOST", s->inbound);
	xo_recipe_set_part(values, "HANDOVER_CONF", handover);
	if (!set_file(values, "CERTIFICATE", s->certificate) ||
	    !set_file(values, "KEY", s->key))
		return false;
	set_way_back(values, s->exchange);
	return true;
}

/* Why the loader does not take `text`, in `error`; its file has no name. */
static bool
is_accepted(struct xo_buf *text, struct xo_buf *error)
{
	int fd = memfd_create("xoorgd.conf", MFD_CLOEXEC);
	struct xo_conf *conf = NULL;
	char path[64];

	(void)xo_tool_cstr(text);
	if (fd < 0 || write(fd, text->p, text->len) != (ssize_t)text->len) {
		xo_buf_add_cstr(error, strerror(errno));
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		conf = xo_conf_load(path, error);
		if (conf == NULL)
			xo_buf_consume(error, strlen(path) + 1);
	}
	if (fd >= 0)
		close(fd);
	xo_conf_free(&conf);
	return error->len == 0;
}

static bool
is_usable(const struct xo_setup_settings *s, enum xo_setup_mta mta)
{
	const char *missing = find_missing(s);

	if (missing != NULL) {
		xo_tool_complain("setup: --new: %s is missing", missing);
		return false;
	}
	if (!is_group_name(s->tenant)) {
		xo_tool_complain("setup: --tenant: expected a name of letters, "
		                 "digits, - and _, that begins with a letter");
		return false;
	}
	if (s->handover > 0 &&
	    !xo_setup_mta_takes(mta, handovers[s->handover].handover)) {
		xo_tool_complain("setup: --handover: this MTA does not take "
		                 "it; leave it out");
		return false;
	}
	return true;
}

int
xo_setup_new(
    const struct xo_setup_settings *settings, enum xo_setup_mta mta, FILE *out)
{
	int handover =
	    settings->handover > 0 ? settings->handover : handover_of[mta];
	struct xo_recipe_values values = {.n = 0};
	struct xo_buf text = {.p = NULL}, error = {.p = NULL};
	int result = XO_EXIT_USAGE;

	if (!is_usable(settings, mta))
		return XO_EXIT_USAGE;
	if (!set_values(&values, settings, handovers[handover].file))
		goto out;
	xo_recipe_print(&text, "gateway/xoorgd.conf", &values);
	if (!is_accepted(&text, &error)) {
		xo_tool_complain("setup: not a good value: line %s",
		    xo_tool_cstr(&error));
		goto out;
	}
	fputs(xo_tool_cstr(&text), out);
	result = XO_EXIT_OK;
out:
	xo_recipe_values_fini(&values);
	xo_buf_fini(&text);
	xo_buf_fini(&error);
	return result;
}
