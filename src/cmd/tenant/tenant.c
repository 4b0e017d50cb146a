/* SPDX-License-Identifier: ISC */
/*
 * xoorg tenant: tenants of a configuration and of its tables.
 */
#include <cmd/common/options.h>
#include <cmd/common/tool.h>
#include <cmd/tenant/tenant.h>

#include <stdio.h>
#include <unistd.h>

#include <xoorg/tenants.h>

#define FIELD(name) offsetof(struct xo_tenant_settings, name)

static const struct xo_option options[] = {
	{"config", XO_OPTION_TEXT, FIELD(config), "FILE",
	    "the gateway's configuration\n"
	    "(default: /etc/xoorg/xoorgd.conf)", NULL},
	{"days", XO_OPTION_NUMBER, FIELD(days), "N",
	    "check: a certificate that ends within so\n"
	    "many days ends soon (default: 30)", NULL},
	{"json", XO_OPTION_FLAG, FIELD(is_json), NULL,
	    "export: as JSON, an object a line", NULL},
};

static const struct xo_usage usage = {
	.command = "tenant",
	.operands = "[OPTION]... list|get|export|import|diff|check ...",
	.purpose =
	    "Tenants of the configuration and of its tables.\n\n"
	    "  list [SOURCE]          name, place and organisations of each\n"
	    "  get NAME|ORG [SOURCE]  the settings of one, by name or organisation\n"
	    "  export [SOURCE]        print them as a table (CSV)\n"
	    "  import TARGET          write a table, read from standard input\n"
	    "                         (CSV or JSON lines), to csv:FILE or\n"
	    "                         jsonl:FILE, as records to cdb:FILE or\n"
	    "                         redis:SERVER, or as a group to conf:FILE\n"
	    "  diff SOURCE [SOURCE]   what the second has, lacks or has changed\n"
	    "  check [SOURCE]         records that the gateway would not take, and\n"
	    "                         certificates of another organisation, of two\n"
	    "                         tenants, or that end soon\n\n"
	    "SOURCE is conf, the group tenants of the configuration; csv:FILE, "
	    "jsonl:FILE,\ncdb:FILE or redis:SERVER; and for get any server. Without "
	    "it: all of the\nconfiguration and of the files that it reads.",
	.exits = "0 fine, 1 not found, different, or something is wrong, 2 usage",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = XO_OPERANDS_ANY,
};

static int
list(const struct xo_tenant_source *source)
{
	for (size_t i = 0; i < source->n; i++) {
		const struct xo_tenant *tenant =
		    &source->conf->policy.tenants[i];
		const struct xo_conf_where *where =
		    &source->conf->tenants[i].where;

		printf("%-20.*s %s:%d ", (int)tenant->name.len,
		    (const char *)tenant->name.p, where->file, where->line);
		for (size_t k = 0; k < tenant->n_originator_orgs; k++)
			printf(" %.*s", (int)tenant->originator_orgs[k].len,
			    (const char *)tenant->originator_orgs[k].p);
		putchar('\n');
	}
	return XO_EXIT_OK;
}

static int
get(const struct xo_tenant_source *source, const char *name)
{
	struct xo_span wanted = xo_span_from_cstr(name);
	size_t i = xo_tenant_source_find(source, wanted);
	struct xo_buf text = {0};
	int by_org;

	if (i == SIZE_MAX) {
		by_org = xo_tenants_by_org(&source->conf->policy, wanted);
		if (by_org == XO_NOBODY || (size_t)by_org >= source->n) {
			xo_tool_complain("tenant: expected a tenant or one's "
			    "organisation, found none: '%s'", name);
			return XO_EXIT_FAILED;
		}
		i = (size_t)by_org;
	}
	xo_conf_print_tenant(source->conf, i, &text);
	printf("# %s:%d\n%s", source->conf->tenants[i].where.file,
	    source->conf->tenants[i].where.line, xo_tool_cstr(&text));
	xo_buf_fini(&text);
	return XO_EXIT_OK;
}

struct verb {
	const char *name;
	int n_min, n_max;		/* operands behind it */
	int source;			/* which of them is the first source */
};

static const struct verb verbs[] = {
	{"list", 0, 1, 0},
	{"get", 1, 2, 1},
	{"export", 0, 1, 0},
	{"import", 1, 1, 1},
	{"diff", 1, 2, 0},
	{"check", 0, 1, 0},
};

static int
run_on(const struct xo_tenant_settings *settings, const struct verb *verb,
    char **operands, const struct xo_tenant_source *source)
{
	struct xo_tenant_source other;
	int result;

	switch (verb->name[0]) {
	case 'l':
		return list(source);
	case 'g':
		return get(source, operands[0]);
	case 'e':
		return xo_tenant_export(source, settings->is_json);
	case 'c':
		return xo_tenant_check(settings, source);
	default:
		break;
	}
	/* diff; operands end with NULL: all that is in force. */
	if (!xo_tenant_source_open(settings, operands[1], NULL, &other))
		return XO_EXIT_FAILED;
	result = xo_tenant_diff(source, &other);
	xo_tenant_source_close(&other);
	return result;
}

static int
run(const struct xo_tenant_settings *settings, const struct verb *verb,
    char **operands, int n)
{
	struct xo_tenant_source source;
	int result;

	if (strcmp(verb->name, "import") == 0)
		return xo_tenant_import(settings, operands[0]);
	if (!xo_tenant_source_open(settings, n > verb->source ?
	    operands[verb->source] : NULL, verb->name[0] == 'g' ?
	    operands[0] : NULL, &source))
		return XO_EXIT_FAILED;
	result = run_on(settings, verb, operands, &source);
	if (fflush(stdout) != 0) {
		xo_tool_complain("tenant: cannot write");
		result = XO_EXIT_FAILED;
	}
	xo_tenant_source_close(&source);
	return result;
}

int
xo_cmd_tenant(int argc, char **argv)
{
	struct xo_tenant_settings settings = {
		.config = "/etc/xoorg/xoorgd.conf", .days = 30,
	};
	int result, n;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		return result;
	n = argc - optind - 1;
	for (size_t i = 0; n >= 0 && i < sizeof(verbs) / sizeof(verbs[0]);
	    i++) {
		if (strcmp(argv[optind], verbs[i].name) == 0 &&
		    n >= verbs[i].n_min && n <= verbs[i].n_max)
			return run(&settings, &verbs[i], argv + optind + 1, n);
	}
	xo_tool_complain("tenant: expected: %s", usage.operands);
	fputs("Try 'xoorg tenant --help'.\n", stderr);
	return XO_EXIT_USAGE;
}
