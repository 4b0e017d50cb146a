/* SPDX-License-Identifier: ISC */
/*
 * xoorg orgs: what gateways have seen; and one of it authorised.
 */
#include <cmd/common/options.h>
#include <cmd/orgs/orgs.h>
#include <cmd/common/tool.h>

#include <stdlib.h>
#include <unistd.h>

#include <conf/edit.h>
#include <xoorg/domain.h>
#include <xoorg/tenants.h>

struct settings {
	struct xo_option_list status;
	const char *authorize;
	const char *tenant;
	const char *config;
	bool is_write;
	bool is_unknown;
	bool is_json;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct xo_option options[] = {
	{"status", XO_OPTION_LIST, FIELD(status), "URL",
	    "a gateway's status page; may be repeated\n"
	    "(default: http://127.0.0.1:9025)", NULL},
	{"unknown", XO_OPTION_FLAG, FIELD(is_unknown), NULL,
	    "only those that belong to no tenant here", NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "print a JSON array", NULL},
	{"authorize", XO_OPTION_TEXT, FIELD(authorize), "ORG",
	    "print the change that makes ORG one of the tenant's", NULL},
	{"tenant", XO_OPTION_TEXT, FIELD(tenant), "NAME",
	    "the tenant that gets it: a group of tenants", NULL},
	{"config", XO_OPTION_TEXT, FIELD(config), "FILE",
	    "the gateway's configuration\n"
	    "(default: /etc/xoorg/xoorgd.conf)", NULL},
	{"write", XO_OPTION_FLAG, FIELD(is_write), NULL,
	    "make the change in the file", NULL},
};

static const struct xo_usage usage = {
	.command = "orgs",
	.operands = "[OPTION]...",
	.purpose = "Lists the originator organisations that gateways have seen, "
		   "merged, with their\ntenant, the last verdict, and what "
		   "enforcing does with them. With --authorize: adds\none to "
		   "a tenant's originator_orgs.",
	.exits = "0 printed or done, 1 a gateway did not answer or the change "
		 "cannot be made,\n2 usage",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 0,
};

static bool
gather(const struct settings *settings, json_t *all)
{
	static const char *const here[] = {"http://127.0.0.1:9025"};
	const char *const *urls = settings->status.n > 0 ?
	    settings->status.v : here;
	size_t n = settings->status.n > 0 ? settings->status.n : 1;
	bool is_fine = true;

	for (size_t i = 0; i < n; i++) {
		struct xo_buf why = {0};
		json_t *said = xo_orgs_fetch(urls[i], &why);

		if (said == NULL) {
			xo_tool_complain("orgs: %s: %s", urls[i],
			    xo_tool_cstr(&why));
			is_fine = false;
		} else if (!xo_orgs_merge(all, said)) {
			xo_tool_complain("orgs: %s: expected the /orgs of "
			    "xoorgd, found other JSON", urls[i]);
			is_fine = false;
		}
		json_decref(said);
		xo_buf_fini(&why);
	}
	return is_fine;
}

/* What did answer is printed even if another did not. */
static int
list(const struct settings *settings)
{
	json_t *all = xo_tool_require(json_object());
	bool is_fine = gather(settings, all);
	json_t *sorted = xo_orgs_sorted(all, settings->is_unknown);

	if (settings->is_json) {
		json_dumpf(sorted, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (is_fine || json_array_size(sorted) > 0) {
		xo_orgs_print(sorted, stdout);
	}
	json_decref(sorted);
	json_decref(all);
	return is_fine ? XO_EXIT_OK : XO_EXIT_FAILED;
}

/* Only the configuration is written to. */
static const char *
place_in_table(const struct xo_conf *conf, const char *tenant,
    struct xo_buf *error)
{
	for (size_t i = conf->n_own_tenants; i < conf->policy.n_tenants; i++) {
		const struct xo_conf_where *where = &conf->tenants[i].where;

		if (!xo_span_is_equal(conf->policy.tenants[i].name,
		    xo_span_from_cstr(tenant)))
			continue;
		xo_buf_add_all(error, where->file, ":", (char *)NULL);
		xo_buf_add_u64(error, (uint64_t)where->line);
		xo_buf_add_all(error, ": expected a tenant of the "
		    "configuration, found `", tenant, "` in this table; add "
		    "the value to its row", (char *)NULL);
		return xo_tool_cstr(error);
	}
	return NULL;
}

/* NULL: it may become this tenant's. */
static const char *
obstacle(const char *path, const char *name, struct xo_span org,
    struct xo_buf *error)
{
	struct xo_conf *conf = xo_conf_load(path, error);
	const char *why = NULL;
	int tenant;

	if (conf == NULL)
		return xo_tool_cstr(error);
	tenant = xo_tenants_by_org(&conf->policy, org);
	if (tenant != XO_NOBODY) {
		xo_buf_add_cstr(error, "it is already ");
		xo_buf_add(error, conf->policy.tenants[tenant].name);
		xo_buf_add_cstr(error, "'s");
		why = xo_tool_cstr(error);
	} else {
		why = place_in_table(conf, name, error);
	}
	xo_conf_free(&conf);
	return why;
}

static int
make_change(const struct settings *settings, struct xo_span org,
    struct xo_buf *error)
{
	struct xo_conf_edit edit;
	int result = XO_EXIT_FAILED;

	if (!xo_conf_edit_add(settings->config, "tenants", settings->tenant,
	    "originator_orgs", org, &edit, error))
		xo_tool_complain("orgs: %s", xo_tool_cstr(error));
	else if (settings->is_write && !xo_conf_edit_write(&edit, error))
		xo_tool_complain("orgs: %s", xo_tool_cstr(error));
	else
		result = XO_EXIT_OK;
	if (result == XO_EXIT_OK)
		printf("%s:%d: %s \"%.*s\" to tenants.%s.originator_orgs\n"
		    "%s    xoorgd -t -c %s && systemctl reload xoorgd\n",
		    edit.file, edit.line, settings->is_write ? "added" : "add",
		    (int)org.len, (const char *)org.p, settings->tenant,
		    settings->is_write ? "" : "(--write does it.) Then:\n",
		    settings->config);
	xo_conf_edit_fini(&edit);
	return result;
}

static int
authorize(const struct settings *settings)
{
	struct xo_span org = xo_span_from_cstr(settings->authorize);
	struct xo_buf error = {0};
	const char *why;
	int result;

	if (settings->tenant == NULL) {
		xo_tool_complain("orgs: --authorize: expected --tenant NAME "
		    "beside it");
		return XO_EXIT_USAGE;
	}
	if (!xo_domain_is_valid(org)) {
		xo_tool_complain("orgs: --authorize: expected a domain: '%s'",
		    settings->authorize);
		return XO_EXIT_USAGE;
	}
	why = obstacle(settings->config, settings->tenant, org, &error);
	if (why != NULL) {
		xo_tool_complain("orgs: %s", why);
		result = XO_EXIT_FAILED;
	} else {
		result = make_change(settings, org, &error);
	}
	xo_buf_fini(&error);
	return result;
}

int
xo_cmd_orgs(int argc, char **argv)
{
	struct settings settings = {.config = "/etc/xoorg/xoorgd.conf"};
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	result = settings.authorize != NULL ? authorize(&settings) :
	    list(&settings);
	xo_option_list_fini(&settings.status);
	return result;
}
