/* SPDX-License-Identifier: ISC */
/*
 * xoorg setup: command line, and which printer runs.
 */
#include <cmd/setup/setup.h>

#include <cmd/common/tool.h>

#define FIELD(name) offsetof(struct xo_setup_settings, name)

enum target {
	TARGET_ALL,
	TARGET_EXCHANGE_ONLINE,
	TARGET_EXCHANGE,
	TARGET_MTA,
	TARGET_CIPP = TARGET_MTA + XO_SETUP_MTA_COUNT
};
static const char *const target_words[] = {
	"all", "exchange-online", "exchange", "postfix", "exim", "opensmtpd",
	"sendmail", "haraka", "cipp", NULL
};
_Static_assert(sizeof(target_words) / sizeof(target_words[0]) ==
    TARGET_CIPP + 2, "a word for each target");

static const char *const handover_words[] = {
	"auto", "none", "xclient", "proxy", "proxy-v2", NULL
};
static const char *const cloud_words[] = {
	"worldwide", "us-government", "china", NULL
};

static const struct xo_option options[] = {
	{"config", XO_OPTION_TEXT, FIELD(config), "FILE",
	    "print what this configuration requires elsewhere", NULL},
	{"for", XO_OPTION_WORD, FIELD(target), "PEER",
	    "all (default, without cipp), exchange-online,\n"
	    "exchange, postfix, exim, opensmtpd, sendmail,\n"
	    "haraka, or cipp (JSON); with --new the MTA behind\n"
	    "(default: postfix)", target_words},
	{"hybrid", XO_OPTION_FLAG, FIELD(is_hybrid), NULL,
	    "switch CloudServicesMailEnabled on in the cmdlets", NULL},
	{"new", XO_OPTION_FLAG, FIELD(is_new), NULL,
	    "print a configuration in observe mode, from:", NULL},
	{"hostname", XO_OPTION_TEXT, FIELD(hostname), "NAME",
	    "the gateway's name", NULL},
	{"tenant", XO_OPTION_TEXT, FIELD(tenant), "NAME",
	    "a name for the tenant", NULL},
	{"org", XO_OPTION_LIST, FIELD(orgs), "DOMAIN",
	    "accepted domain of the tenant; may be repeated", NULL},
	{"mta", XO_OPTION_TEXT, FIELD(mta), "HOST:PORT",
	    "the MTA behind, for verified mail", NULL},
	{"inbound", XO_OPTION_TEXT, FIELD(inbound), "HOST:PORT",
	    "the same or another MTA, for all other mail", NULL},
	{"certificate", XO_OPTION_TEXT, FIELD(certificate), "FILE",
	    "the gateway's certificate and chain (PEM)", NULL},
	{"key", XO_OPTION_TEXT, FIELD(key), "FILE", "its key (PEM)", NULL},
	{"exchange", XO_OPTION_TEXT, FIELD(exchange), "HOST[:PORT]",
	    "also the way to this Exchange server", NULL},
	{"listen", XO_OPTION_LIST, FIELD(listen), "IP:PORT",
	    "where Exchange Online connects; may be repeated\n"
	    "(default: 0.0.0.0:25 and [::]:25)", NULL},
	{"handover", XO_OPTION_WORD, FIELD(handover), "HOW",
	    "how the MTA learns the client's address: auto\n"
	    "(default), none, xclient, proxy, proxy-v2", handover_words},
	{"cloud", XO_OPTION_WORD, FIELD(cloud), "CLOUD",
	    "worldwide (default), us-government, china", cloud_words},
	{"user", XO_OPTION_TEXT, FIELD(user), "NAME",
	    "the user that the gateway runs as (default: xoorg,\n"
	    "or nobody if there is none)", NULL},
};

static const struct xo_usage usage = {
	.command = "setup",
	.operands = "--config FILE [--for PEER]",
	.purpose = "Prints what has to be done at the other ends for a "
		   "configuration of xoorgd:\ncmdlets for Exchange Online and "
		   "Exchange, stanzas for the MTA behind. With\n--new: prints "
		   "a configuration to begin with. Nothing is changed "
		   "anywhere.\n\nUsage: xoorg setup --new --hostname NAME "
		   "--tenant NAME --org DOMAIN\n       --mta HOST:PORT "
		   "--inbound HOST:PORT --certificate FILE --key FILE",
	.exits = "0 printed, 1 the configuration is wrong, 2 usage",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.n_operands = 0,
};

static void
print_for(const struct xo_setup *setup, int target)
{
	if (target == TARGET_EXCHANGE_ONLINE)
		xo_setup_exchange_online(setup);
	else if (target == TARGET_EXCHANGE)
		xo_setup_exchange(setup);
	else if (target == TARGET_CIPP)
		xo_setup_cipp(setup);
	else
		xo_setup_mta(setup, (enum xo_setup_mta)(target - TARGET_MTA));
}

/* Those of text, and of the MTAs those that take the handover. */
static void
print_all(const struct xo_setup *setup)
{
	for (int i = TARGET_EXCHANGE_ONLINE; i < TARGET_CIPP; i++) {
		if (i >= TARGET_MTA && !xo_setup_mta_fits(
		    (enum xo_setup_mta)(i - TARGET_MTA), setup->conf))
			continue;
		printf("%s# %s\n\n", i > TARGET_EXCHANGE_ONLINE ? "\n" : "",
		    target_words[i]);
		print_for(setup, i);
	}
}

static int
print_for_config(const struct xo_setup_settings *settings)
{
	struct xo_buf error = {.p = NULL};
	struct xo_conf *conf = xo_conf_load(settings->config, &error);
	struct xo_setup setup = {
		.conf = conf,
		.is_hybrid = settings->is_hybrid,
		.out = stdout,
	};
	int result = XO_EXIT_OK;

	if (conf == NULL) {
		fprintf(stderr, "%s\n", xo_tool_cstr(&error));
		result = XO_EXIT_FAILED;
	} else if (settings->target != TARGET_ALL) {
		print_for(&setup, settings->target);
	} else {
		print_all(&setup);
	}
	xo_conf_free(&conf);
	xo_buf_fini(&error);
	return result;
}

static int
print_new(const struct xo_setup_settings *settings)
{
	int mta = settings->target == TARGET_ALL ? XO_SETUP_POSTFIX :
	    settings->target - TARGET_MTA;

	if (mta < 0 || mta >= XO_SETUP_MTA_COUNT) {
		xo_tool_complain("setup: --new: --for: expected an MTA, found "
		    "%s", target_words[settings->target]);
		return XO_EXIT_USAGE;
	}
	return xo_setup_new(settings, (enum xo_setup_mta)mta, stdout);
}

int
xo_cmd_setup(int argc, char **argv)
{
	struct xo_setup_settings settings = {.config = NULL};
	int result;

	if (!xo_options_parse(&usage, argc, argv, &settings, &result))
		goto out;
	if (settings.is_new == (settings.config != NULL)) {
		xo_tool_complain("setup: expected: either --config FILE or "
		    "--new");
		fputs("Try 'xoorg setup --help'.\n", stderr);
		result = XO_EXIT_USAGE;
		goto out;
	}
	result = settings.is_new ? print_new(&settings) :
	    print_for_config(&settings);
	if (fflush(stdout) != 0) {
		xo_tool_complain("setup: cannot write");
		result = XO_EXIT_FAILED;
	}
out:
	xo_option_list_fini(&settings.orgs);
	xo_option_list_fini(&settings.listen);
	return result;
}
