/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup --new: a configuration in observe mode. It is read by the
 * loader of xoorgd before anybody sees it, so that what is printed is what
 * xoorgd takes.
 */
#include <cmd/setup.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmd/tool.h>

#define TENANT_MAX 64

static const char *const handovers[] = {
	"none", "xclient", "proxy", "proxy-v2",
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
add_quoted(struct xo_buf *out, const char *before, const char *s,
    const char *after)
{
	xo_buf_add_cstr(out, before);
	xo_setup_quote_conf(out, xo_span_from_cstr(s));
	xo_buf_add_cstr(out, after);
}

static void
add_list(struct xo_buf *out, const char *before,
    const struct xo_option_list *list)
{
	xo_buf_add_all(out, before, "[", (char *)NULL);
	for (size_t i = 0; i < list->n; i++)
		add_quoted(out, i > 0 ? ", " : "", list->v[i], "");
	xo_buf_add_cstr(out, "]\n");
}

/* The file will lie in another folder than we work in. */
static bool
add_file(struct xo_buf *out, const char *before, const char *name)
{
	char path[PATH_MAX];

	if (realpath(name, path) == NULL) {
		xo_tool_complain("setup: %s: %s", name, strerror(errno));
		return false;
	}
	add_quoted(out, before, path, "\n");
	return true;
}

static void
add_top(struct xo_buf *out, const struct xo_setup_settings *s)
{
	xo_buf_add_cstr(out,
	    "# xoorgd.conf, to begin with. Every setting: xoorgd.conf(5).\n"
	    "# Check it with: xoorgd -t -c xoorgd.conf\n\n");
	add_quoted(out, "hostname = ", s->hostname, "\n");
	if (s->user == NULL && getpwnam("xoorg") == NULL)
		xo_buf_add_cstr(out, "# Better a user of its own (\"xoorg\"); "
		    "there was none when this was written.\n"
		    "user = \"nobody\"\n");
	else
		add_quoted(out, "user = ", s->user != NULL ? s->user : "xoorg",
		    "\n");
	xo_buf_add_cstr(out, "# Metrics, and the originator orgs that were "
	    "seen.\nstatus = \"127.0.0.1:9025\"\n\n");
}

static bool
add_identities(struct xo_buf *out, const struct xo_setup_settings *s)
{
	xo_buf_add_cstr(out, "tls = {\n\tdefault = {\n");
	if (!add_file(out, "\t\tcertificate = ", s->certificate) ||
	    !add_file(out, "\t\tkey = ", s->key))
		return false;
	xo_buf_add_cstr(out, "\t}\n}\n\npeers = {\n"
	    "\t# Whoever shows a verified certificate of this name.\n"
	    "\texchange-online = {\n");
	add_quoted(out, "\t\tnames = [", clouds[s->cloud], "]\n"
	    "\t\trights = [\"xoorg\"]\n\t}\n");
	if (s->exchange != NULL)
		xo_buf_add_cstr(out, "\tlocal-mta = {\n"
		    "\t\tnetworks = [\"127.0.0.0/8\", \"::1/128\"]\n"
		    "\t\trights = [\"relay\"]\n\t}\n");
	xo_buf_add_all(out, "}\n\ntenants = {\n\t", s->tenant, " = {\n"
	    "\t\t# Every accepted domain of the tenant, with its\n"
	    "\t\t# onmicrosoft.com ones.\n", (char *)NULL);
	add_list(out, "\t\toriginator_orgs = ", &s->orgs);
	xo_buf_add_cstr(out, "\t\t# Where its verified mail may go.\n");
	add_list(out, "\t\trecipient_domains = ", &s->orgs);
	xo_buf_add_cstr(out, "\t}\n}\n\n");
	return true;
}

static void
add_listeners(struct xo_buf *out, const struct xo_setup_settings *s)
{
	xo_buf_add_cstr(out, "listeners = {\n\tfrom-exchange-online = {\n");
	if (s->listen.n > 0)
		add_list(out, "\t\tlisten = ", &s->listen);
	else
		xo_buf_add_cstr(out,
		    "\t\tlisten = [\"0.0.0.0:25\", \"[::]:25\"]\n");
	xo_buf_add_cstr(out, "\t\ttls = \"default\"\n"
	    "\t\tpeers = [\"exchange-online\"]\n"
	    "\t\t# What would be refused goes to demote_to, and the log says\n"
	    "\t\t# so. Once it shows only what you expect: \"enforce\".\n"
	    "\t\tmode = \"observe\"\n"
	    "\t\tupstream = \"mta\"\n"
	    "\t\tdemote_to = \"mta-inbound\"\n\t}\n");
	if (s->exchange != NULL)
		xo_buf_add_cstr(out, "\tto-exchange = {\n"
		    "\t\tlisten = [\"127.0.0.1:10027\"]\n"
		    "\t\tpeers = [\"local-mta\"]\n"
		    "\t\tupstream = \"exchange\"\n\t}\n");
	xo_buf_add_cstr(out, "}\n\n");
}

static bool
add_upstreams(struct xo_buf *out, const struct xo_setup_settings *s)
{
	const char *handover = handovers[s->handover];
	bool is_fine = true;

	xo_buf_add_cstr(out, "upstreams = {\n"
	    "\t# Verified mail; nobody but the gateway may reach this port.\n"
	    "\tmta = {\n");
	add_quoted(out, "\t\thosts = [", s->mta, "]\n");
	add_quoted(out, "\t\thandover = ", handover, "\n\t}\n");
	xo_buf_add_cstr(out, "\t# All other mail.\n\tmta-inbound = {\n");
	add_quoted(out, "\t\thosts = [", s->inbound, "]\n");
	add_quoted(out, "\t\thandover = ", handover, "\n");
	/* For the MTA's rules; behind PROXY it asks DNS itself. */
	if (strcmp(handover, "xclient") == 0)
		xo_buf_add_cstr(out, "\t\tclient_names = true\n");
	xo_buf_add_cstr(out, "\t}\n");
	if (s->exchange != NULL) {
		xo_buf_add_cstr(out, "\texchange = {\n");
		add_quoted(out, "\t\thosts = [", s->exchange, "]\n"
		    "\t\ttls = \"verify\"\n");
		is_fine = add_file(out, "\t\tclient_certificate = ",
		    s->certificate) &&
		    add_file(out, "\t\tclient_key = ", s->key);
		add_quoted(out, "\t\txoorg = ", s->orgs.v[0], "\n"
		    "\t\trequire_xoorg = true\n\t}\n");
	}
	xo_buf_add_cstr(out, "}\n");
	return is_fine;
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

int
xo_setup_new(const struct xo_setup_settings *settings, FILE *out)
{
	const char *missing = find_missing(settings);
	struct xo_buf text = {.p = NULL}, error = {.p = NULL};
	int result = XO_EXIT_USAGE;

	if (missing != NULL) {
		xo_tool_complain("setup: --new: %s is missing", missing);
		return XO_EXIT_USAGE;
	}
	if (!is_group_name(settings->tenant)) {
		xo_tool_complain("setup: --tenant: expected a name of letters, "
		    "digits, - and _, that begins with a letter");
		return XO_EXIT_USAGE;
	}
	add_top(&text, settings);
	if (!add_identities(&text, settings))
		goto out;
	add_listeners(&text, settings);
	if (!add_upstreams(&text, settings))
		goto out;
	if (!is_accepted(&text, &error)) {
		xo_tool_complain("setup: not a good value: line %s",
		    xo_tool_cstr(&error));
		goto out;
	}
	fputs(xo_tool_cstr(&text), out);
	result = XO_EXIT_OK;
out:
	xo_buf_fini(&text);
	xo_buf_fini(&error);
	return result;
}
