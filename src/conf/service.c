/* SPDX-License-Identifier: ISC */
/*
 * Listeners at which Postfix asks: where they may be, which settings count there,
 * and whom they can know. What would count for nothing is an error, so that
 * nobody relies on it.
 */
#include <conf/address.h>
#include <conf/load.h>
#include <conf/place.h>

#define SMTP (1U << XO_SERVICE_SMTP)
#define POLICY (1U << XO_SERVICE_POLICY)
#define SOCKETMAP (1U << XO_SERVICE_SOCKETMAP)

/* Those that do not count everywhere. */
static const struct {
	const char *setting;
	unsigned int services;
	const char *expected;
} settings[] = {
	{"tls", SMTP, "\"smtp\""},
	{"require_tls", SMTP, "\"smtp\""},
	{"peers", SMTP | POLICY, "\"smtp\" or \"policy\""},
	{"no_org", SMTP | POLICY, "\"smtp\" or \"policy\""},
	{"sender_mismatch", SMTP | POLICY, "\"smtp\" or \"policy\""},
	{"unauthenticated", SMTP | POLICY, "\"smtp\" or \"policy\""},
	{"upstream", SMTP, "\"smtp\""},
	{"demote_to", SMTP, "\"smtp\""},
	{"size_limit", SMTP, "\"smtp\""},
	{"bare_newline", SMTP, "\"smtp\""},
	{"malformed_header", SMTP, "\"smtp\""},
	{"lenient_envelope", SMTP, "\"smtp\""},
	{"safe", SMTP, "\"smtp\""},
	{"socket_mode", POLICY | SOCKETMAP, "\"policy\" or \"socketmap\""},
};

/* Values and not what was written, so that a printed configuration is good. */
static bool
is_default(const struct xo_setting *row, const void *record)
{
	const char *field = (const char *)record + row->offset;
	struct xo_span text = xo_span_from_cstr(row->default_text);
	unsigned int word;
	uint64_t n;

	if (row->type == XO_SETTING_BOOL)
		return *(const bool *)field ==
		    xo_span_is_equal(text, XO_LIT("true"));
	if (row->type == XO_SETTING_SIZE)
		return xo_span_to_u64(text, &n) == XO_OK &&
		    *(const uint64_t *)(const void *)field == n;
	if (row->type == XO_SETTING_REFERENCE)
		return *(const int *)(const void *)field == XO_NOBODY;
	if (row->type == XO_SETTING_REFERENCES)
		return *(const size_t *)(const void *)((const char *)record +
		    row->other) == 0;
	/* A word: an enum. */
	memcpy(&word, field, sizeof(word));
	return xo_span_is_equal(text, xo_span_from_cstr(row->words[word]));
}

static bool
fail(const struct xo_loader *loader, const struct xo_conf_entry *entry,
    const char *setting, const char *expected, const char *found)
{
	struct xo_conf_where where = xo_conf_entry_where(entry, setting);

	return xo_conf_fail(loader->error, &where, "%s: expected %s, found %s",
	    xo_conf_full_name(XO_SECTION_LISTENERS, entry, setting).text,
	    expected, found);
}

static bool
check_settings(const struct xo_loader *loader,
    const struct xo_conf_entry *entry, enum xo_service service)
{
	const char *word = xo_setting_find(XO_SECTION_LISTENERS,
	    XO_LIT("protocol"))->words[service];
	char expected[80], found[16];

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if ((settings[i].services >> service & 1) != 0 ||
		    is_default(xo_setting_find(XO_SECTION_LISTENERS,
		    xo_span_from_cstr(settings[i].setting)), entry->record))
			continue;
		(void)snprintf(expected, sizeof(expected),
		    "protocol = %s beside it", settings[i].expected);
		(void)snprintf(found, sizeof(found), "\"%s\"", word);
		return fail(loader, entry, settings[i].setting, expected,
		    found);
	}
	return true;
}

/* What is asked there is believed, and what is answered, too. */
static bool
check_places(const struct xo_loader *loader,
    const struct xo_conf_entry *entry, bool is_asked)
{
	const struct xo_listener_record *listener = entry->record;

	for (size_t i = 0; i < listener->conf.n_listen; i++) {
		const struct xo_conf_host *host = &listener->conf.listen[i];
		bool is_unix = xo_conf_host_is_unix(host);

		if (is_unix && !is_asked)
			return fail(loader, entry, "listen", "IP:PORT (unix: "
			    "is for protocol = \"policy\" and \"socketmap\")",
			    "a unix socket");
		if (is_asked && (!xo_host_is_loopback(host) ||
		    xo_host_is_any(host)))
			return fail(loader, entry, "listen", "unix:/PATH or a "
			    "loopback address, since anybody who reaches it is "
			    "believed", host->host);
	}
	return true;
}

/* Postfix says neither what a certificate is for, nor whether it is revoked. */
static bool
check_known(const struct xo_loader *loader, const struct xo_conf_entry *entry)
{
	const struct xo_listener_record *listener = entry->record;

	for (size_t i = 0; i < listener->policy.n_peers; i++) {
		const struct xo_conf_entry *at = &loader->sections[
		    XO_SECTION_PEERS].entries[listener->policy.peers[i]];
		const struct xo_peer_record *peer = at->record;

		if (peer->policy.eku == XO_EKU_EITHER &&
		    peer->policy.crl != XO_CRL_HARD)
			continue;
		return fail(loader, entry, "peers", "peers without eku and "
		    "without crl = \"hard\", of which Postfix says nothing",
		    at->name);
	}
	return true;
}

bool
xo_loader_check_service(const struct xo_loader *loader,
    const struct xo_conf_entry *entry)
{
	const struct xo_listener_record *listener = entry->record;
	bool is_asked = xo_listener_is_asked(&listener->policy);

	return check_settings(loader, entry, listener->policy.service) &&
	    check_places(loader, entry, is_asked) &&
	    (!is_asked || check_known(loader, entry));
}
