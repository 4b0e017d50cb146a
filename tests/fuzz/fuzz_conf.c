/* SPDX-License-Identifier: ISC */
/*
 * Configurations: what is refused has one line that says where; what is taken
 * is printed, and the printout is a configuration that prints the same. And of
 * what is taken, whoever comes with whatever: mail that is accepted has a next
 * hop, and mail that is demoted never the place of mail that is trusted.
 *
 * The file is nowhere on a disk, and @include and tables are left out: the
 * fuzzer shall open no files of others.
 */
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <conf/warning.h>
#include <xoorg/domain.h>
#include <xoorg/rights.h>
#include <xoorg/treatment.h>

#include "fuzz.h"

/* Of each kind; more of them bring nothing new. */
#define SOME 12

/* What came to each upstream, over all sessions. */
struct traffic {
	const struct xo_conf *conf;
	const struct xo_listener *listener;
	struct xo_rights rights;
	bool has_trusted[SOME];
	bool has_demoted[SOME];
};

static int
make_file(struct xo_span text)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	MUST(fd >= 0);
	MUST(text.len == 0 || write(fd, text.p, text.len) ==
	    (ssize_t)text.len);
	return fd;
}

static struct xo_conf *
load(struct xo_span text, struct xo_buf *error)
{
	char name[32];
	int fd = make_file(text);
	struct xo_conf *conf;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	conf = xo_conf_load(name, error);
	close(fd);
	return conf;
}

static void
print(const struct xo_conf *conf, struct xo_buf *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	MUST(f != NULL);
	MUST(xo_conf_print(conf, false, f) == 0);
	MUST(fclose(f) == 0);
	xo_buf_add(out, xo_span((const uint8_t *)text, len));
	MUST(out->err == XO_OK);
	free(text);
}

static void
check_error(const struct xo_buf *error)
{
	struct xo_span text = xo_buf_span(error);

	MUST(text.len > 0);
	MUST(xo_span_find(text, '\n') == text.len);
	MUST(xo_span_find(text, ':') < text.len);
}

static size_t
some(size_t n)
{
	return n < SOME ? n : SOME;
}

/* What the relay is told of it. Our own mail may be of no tenant where each has
 * an upstream; all else that is accepted goes somewhere. */
static void
send_mail(struct traffic *t, const struct xo_question *question)
{
	const struct xo_policy *policy = &t->conf->policy;
	struct xo_treatment treatment;
	enum xo_refusal why = xo_treatment_mail(policy, t->listener, question,
	    &treatment);
	int upstream = treatment.upstream;

	if (treatment.is_trusted && upstream == XO_NOBODY)
		MUST(why == XO_REFUSAL_NO_TENANT && policy->n_tenants > 0 &&
		    treatment.tenant == XO_NOBODY &&
		    treatment.origin == XO_ORIGIN_OURS);
	if (upstream == XO_NOBODY || upstream >= SOME)
		return;
	if (!treatment.is_trusted)
		t->has_demoted[upstream] = true;
	else if (treatment.origin != XO_ORIGIN_OTHER)
		t->has_trusted[upstream] = true;
}

static void
send_from(struct traffic *t, struct xo_span xoorg, struct xo_span domain)
{
	struct xo_buf sender = {0};
	struct xo_question question = {
		.rights = t->rights.rights,
		.is_attributed = t->rights.is_attributed,
		.tenant = t->rights.tenant,
		.has_xoorg = xoorg.len > 0,
		.xoorg = xoorg,
	};

	send_mail(t, &question);
	xo_buf_add_cstr(&sender, "a@");
	MUST(sender.err == XO_OK);
	xo_buf_add(&sender, domain);
	MUST(sender.err == XO_OK);
	question.sender = xo_buf_span(&sender);
	send_mail(t, &question);
	xo_buf_fini(&sender);
}

/* All kinds of mail in a session with these rights. */
static void
come_with(struct traffic *t, struct xo_rights rights)
{
	const struct xo_policy *policy = &t->conf->policy;

	t->rights = rights;
	send_from(t, xo_span(NULL, 0), XO_LIT("stranger.invalid"));
	send_from(t, XO_LIT("stranger.invalid"), XO_LIT("stranger.invalid"));
	for (size_t i = 0; i < some(policy->n_tenants); i++) {
		const struct xo_tenant *tenant = &policy->tenants[i];
		struct xo_span org = tenant->originator_orgs[0];

		send_from(t, org, XO_LIT("stranger.invalid"));
		send_from(t, org, tenant->n_sender_domains > 0 ?
		    tenant->sender_domains[0] : org);
		send_from(t, xo_span(NULL, 0), tenant->n_sender_domains > 0 ?
		    tenant->sender_domains[0] : org);
	}
}

/* By each of its names, by each of its networks, and by both. */
static void
come_as(struct traffic *t, const struct xo_peer *peer)
{
	struct xo_rights rights;

	for (size_t n = 0; n <= some(peer->n_names); n++) {
		const struct xo_certificate certificate = {
			.is_present = true,
			.dns_names = &peer->names[n],
			.n_dns_names = 1,
			.is_chain_valid = true,
			.is_for_servers = true,
			.is_for_clients = true,
			.crl = XO_CRL_GOOD,
		};

		for (size_t k = 0; k <= some(peer->n_networks); k++) {
			xo_rights_decide(&t->conf->policy, t->listener,
			    n < peer->n_names ? &certificate : NULL,
			    k < peer->n_networks ?
			    &peer->networks[k].address : NULL, &rights);
			come_with(t, rights);
		}
	}
}

static bool
have_one_host(const struct xo_conf_upstream *a,
    const struct xo_conf_upstream *b)
{
	for (size_t i = 0; i < a->n_hosts; i++)
		for (size_t k = 0; k < b->n_hosts; k++)
			if (a->hosts[i].port == b->hosts[k].port &&
			    strcasecmp(a->hosts[i].host, b->hosts[k].host) == 0)
				return true;
	return a->mx != NULL && b->mx != NULL && strcasecmp(a->mx, b->mx) == 0;
}

static bool
shows_certificate(const struct xo_conf *conf, size_t i)
{
	return conf->upstreams[i].client_certificate.path != NULL ||
	    conf->policy.upstreams[i].has_tenant_certificate;
}

static void
check_traffic(const struct xo_conf *conf)
{
	const struct xo_policy *policy = &conf->policy;
	struct traffic t = {.conf = conf};

	for (size_t i = 0; i < some(policy->n_listeners); i++) {
		t.listener = &policy->listeners[i];
		come_with(&t, (struct xo_rights){.rights = 0});
		for (size_t k = 0; k < some(t.listener->n_peers); k++)
			come_as(&t, &policy->peers[t.listener->peers[k]]);
	}
	for (size_t i = 0; i < some(policy->n_upstreams); i++)
		for (size_t k = 0; k < some(policy->n_upstreams); k++)
			MUST(!t.has_trusted[i] || !t.has_demoted[k] ||
			    (i != k && (!have_one_host(&conf->upstreams[i],
			    &conf->upstreams[k]) ||
			    (shows_certificate(conf, i) &&
			    !shows_certificate(conf, k)))));
}

static void
check_warnings(const struct xo_conf *conf)
{
	for (size_t i = 0; i < conf->warnings.n; i++) {
		const char *text = conf->warnings.list[i].text;

		MUST(strstr(text, ": warning: ") != NULL);
		MUST(strchr(text, '\n') == NULL);
		MUST(text[strlen(text) - 1] == ']');
	}
}

static void
check_again(const struct xo_conf *conf)
{
	struct xo_buf one = {0}, two = {0}, error = {0};
	struct xo_conf *again;

	print(conf, &one);
	again = load(xo_buf_span(&one), &error);
	if (again == NULL) {
		fprintf(stderr, "%.*s\n%.*s\n", (int)one.len,
		    (const char *)one.p, (int)error.len,
		    (const char *)error.p);
		abort();
	}
	print(again, &two);
	MUST(xo_span_is_equal(xo_buf_span(&one), xo_buf_span(&two)));
	xo_conf_free(&again);
	xo_buf_fini(&one);
	xo_buf_fini(&two);
	xo_buf_fini(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);
	struct xo_buf error = {0};
	struct xo_conf *conf;

	if (size > 8192 || memmem(data, size, "@include", 8) != NULL ||
	    memmem(data, size, "csv:", 4) != NULL)
		return 0;
	conf = load(in, &error);
	if (conf == NULL) {
		check_error(&error);
	} else {
		check_again(conf);
		check_traffic(conf);
		check_warnings(conf);
		xo_conf_free(&conf);
	}
	xo_buf_fini(&error);
	return 0;
}
