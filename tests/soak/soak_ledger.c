/* SPDX-License-Identifier: ISC */
/*
 * The books of the soak. Each try of each message has a bit in each column.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

struct entry {
	uint32_t committed, acknowledged, heard, explained, cut;
	uint8_t n_tries;
};

static struct entry *entries;
static uint32_t *again;			/* messages that need another try */
static uint32_t n_again, n_begun, n_heard;
static uint64_t n_tries, n_commits, n_events, n_violations;
static bool is_stopped;
uint64_t n_client_faults, n_sink_faults;

bool
ledger_init(void)
{
	entries = calloc(options.n_messages, sizeof(*entries));
	again = calloc(options.n_messages, sizeof(*again));
	return entries != NULL && again != NULL;
}

static uint32_t
bit(struct key key)
{
	return (uint32_t)1 << key.try;
}

void
ledger_violation(const char *rule, struct key key, const char *why)
{
	if (++n_violations <= 50)
		fprintf(stderr, "VIOLATION %s: message %" PRIu32 ", try %"
		    PRIu32 ": %.200s\n", rule, key.id, key.try, why);
}

bool
ledger_take(struct key *key)
{
	struct entry *e;

	if (n_again > 0)
		key->id = again[--n_again];
	else if (!is_stopped && n_begun < options.n_messages)
		key->id = n_begun++;
	else
		return false;
	e = &entries[key->id];
	key->try = e->n_tries++;
	n_tries++;
	return true;
}

void
ledger_stop_new(void)
{
	is_stopped = true;
}

bool
ledger_is_closed(void)
{
	return n_heard == n_begun &&
	    (is_stopped || n_begun == options.n_messages);
}

static void
try_again(struct key key)
{
	if (entries[key.id].n_tries == TRIES_MAX) {
		ledger_violation("B", key, "never delivered");
		n_heard++;
		return;
	}
	again[n_again++] = key.id;
}

void
ledger_heard(struct key key, int code, const char *text)
{
	struct entry *e = &entries[key.id];
	char want[40];

	if (code / 100 != 2) {
		if (code / 100 == 5)
			ledger_violation("C", key, text);
		/* Heard the hop's yes and says no: only a lost gateway may. */
		if ((e->acknowledged & ~e->explained & bit(key)) != 0) {
			if (options.has_kills)
				ledger_explain(key);
			else
				ledger_violation("D", key, text);
		}
		try_again(key);
		return;
	}
	e->heard |= bit(key);
	n_heard++;
	if ((e->committed & bit(key)) == 0)
		ledger_violation("A", key, "2xx and not committed");
	if ((e->acknowledged & bit(key)) == 0)
		ledger_violation("A", key, "2xx that the next hop did not say");
	(void)snprintf(want, sizeof(want), "id=%" PRIu32 ".%" PRIu32 ";",
	    key.id, key.try);
	if (strstr(text, want) == NULL)
		ledger_violation("H", key, text);
}

void
ledger_gone(struct key key)
{
	try_again(key);
}

void
ledger_cut(struct key key)
{
	entries[key.id].cut |= bit(key);
}

void
ledger_explain(struct key key)
{
	entries[key.id].explained |= bit(key);
}

void
ledger_acknowledged(struct key key)
{
	entries[key.id].acknowledged |= bit(key);
}

/* Lines of a message's body, some of which begin with dots. */
static size_t
add_lines(struct key key, bool is_stuffed, uint8_t *out, size_t size)
{
	uint32_t n = 1 + key.id % 29;
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		static const char *const dots[] = {"", "", ".", ".."};
		const char *dot = dots[(key.id + i) % 4];

		len += (size_t)snprintf((char *)out + len, size - len,
		    "%s%s%" PRIu32 ".%" PRIu32 " line %" PRIu32 " of %" PRIu32
		    " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
		    is_stuffed && *dot != '\0' ? "." : "", dot, key.id,
		    key.try, i, n);
	}
	return len;
}

size_t
ledger_write(struct key key, bool is_stuffed, uint8_t *out, size_t size)
{
	size_t len = (size_t)snprintf((char *)out, size,
	    "From: s@contoso.com\r\nTo: r@contoso.com\r\n"
	    "Subject: soak %" PRIu32 ".%" PRIu32 "\r\n\r\n", key.id, key.try);

	return len + add_lines(key, is_stuffed, out + len, size - len);
}

static bool
is_whole(struct key key, const uint8_t *content, size_t len)
{
	static uint8_t body[MESSAGE_MAX];
	size_t n = add_lines(key, false, body, sizeof(body));
	const uint8_t *end = memmem(content, len, "\r\n\r\n", 4);
	char subject[60];

	(void)snprintf(subject, sizeof(subject), "Subject: soak %" PRIu32 ".%"
	    PRIu32 "\r\n", key.id, key.try);
	return end != NULL && (size_t)(content + len - end) - 4 == n &&
	    memcmp(end + 4, body, n) == 0 &&
	    memmem(content, (size_t)(end - content) + 2, subject,
	    strlen(subject)) != NULL;
}

void
ledger_committed(struct key key, const uint8_t *content, size_t len)
{
	struct entry *e = &entries[key.id];

	if (key.id >= n_begun || key.try >= e->n_tries) {
		ledger_violation("invented", key, "nobody sent it");
		return;
	}
	n_commits++;
	if ((e->committed & bit(key)) != 0)
		ledger_violation("F", key, "two commits of one try");
	if ((e->cut & bit(key)) != 0)
		ledger_violation("G", key, "a cut content was committed");
	if (!is_whole(key, content, len))
		ledger_violation("G", key, "not what was sent");
	e->committed |= bit(key);
}

static uint64_t
count_bits(uint32_t bits)
{
	return (uint64_t)__builtin_popcount(bits);
}

bool
ledger_close(uint64_t ms)
{
	uint64_t n_lost = 0, n_copies = 0;

	for (uint32_t i = 0; i < n_begun; i++) {
		const struct entry *e = &entries[i];
		uint32_t unheard = e->committed & ~e->heard;

		if (e->committed == 0)
			n_lost++;
		n_copies += count_bits(e->committed) - (e->committed != 0);
		n_events += count_bits(unheard);
		if ((unheard & ~e->explained) != 0 && !options.has_kills)
			ledger_violation("F", (struct key){i, 0},
			    "a copy that nothing explains");
	}
	printf("messages %" PRIu32 ", tries %" PRIu64 ", committed %" PRIu64
	    ", faults of clients %" PRIu64 ", of the next hop %" PRIu64 "\n",
	    n_begun, n_tries, n_commits, n_client_faults, n_sink_faults);
	printf("lost %" PRIu64 ", copies %" PRIu64 ", events E %" PRIu64
	    ", violations %" PRIu64 "\n", n_lost, n_copies, n_events,
	    n_violations);
	printf("%.1f s, %.0f messages a second, seed %" PRIu64 "\n",
	    (double)ms / 1000, n_begun * 1000.0 / (double)(ms + 1),
	    options.seed);
	return n_lost == 0 && n_copies == n_events && n_violations == 0 &&
	    ledger_is_closed();
}
