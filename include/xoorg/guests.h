/* SPDX-License-Identifier: ISC */
/*
 * Guest tenants: those that stand in no configuration, but in a source that is
 * asked when their mail comes. This is what is remembered of the answers: a
 * bounded cache, without I/O and without a clock of its own.
 *
 * A source is asked by a key: whose originator org, whose sender domain, or whose
 * name of a client's certificate is this? It answers with a guest, with "nobody's",
 * or not at all; the last is XO_KNOWN_NOT_NOW, from which nothing follows but 451
 * (protocol.md 9.12).
 *
 * A guest is believed only for a key that its own record lists, so that a source
 * that answers for another key gives nobody anything. Whoever works with a guest
 * pins it: its slot, and so its number, stays its own until the last pin is gone,
 * even if another answer takes its place in the meantime.
 *
 * In a policy a guest's number is xo_policy.n_tenants + slot; xo_tenant_at()
 * reads both. Every function here is total: NULL, a slot out of range and a slot
 * that holds nobody are answered as "not known now", or do nothing.
 */
#ifndef XOORG_GUESTS_H
#define XOORG_GUESTS_H

#include <xoorg/policy.h>

XO_API_BEGIN

/* What is known of a key. All-zero is what refuses. */
enum xo_knowledge {
	XO_KNOWN_NOT_NOW,
	XO_KNOWN_NOBODY,
	XO_KNOWN_TENANT,
	XO_KNOWLEDGE_COUNT
};

enum xo_key_kind {
	XO_KEY_ORG,			/* whose XOORG is this? */
	XO_KEY_SENDER,			/* whose address, on the way out? */
	XO_KEY_CERTIFICATE,		/* whose system has this name? */
	XO_KEY_KIND_COUNT
};

/* What is asked for. Domains are compared without case. */
struct xo_key {
	enum xo_key_kind kind;
	struct xo_span domain;
};

/* One record of a source. Its maker owns what its spans point to, and takes all
 * of it back by `free`, once, after the last pin. */
struct xo_guest {
	struct xo_tenant tenant;
	void (*free)(struct xo_guest *guest);
};

/* NULL is fine; leaves NULL. */
void xo_guest_free(struct xo_guest **guest);

/*
 * May a source's answer to `key` be believed? The tenant must list the domain,
 * exactly or by a wildcard: among its originator_orgs, or for XO_KEY_SENDER among
 * its sender_domains or originator_orgs; and for XO_KEY_CERTIFICATE among its
 * certificate_names, where no wildcard counts. One that wants a client certificate
 * of its own is nobody's guest, because it would go without.
 */
bool xo_guest_answers(const struct xo_tenant *tenant, const struct xo_key *key);

struct xo_guests;

/* Room for `n_slots` answers, pinned ones included. NULL: no memory, or none
 * asked for. */
struct xo_guests *xo_guests_new(size_t n_slots);
void xo_guests_free(struct xo_guests **guests);

/* Milliseconds of a clock that only goes forward; for all that follows. */
void xo_guests_set_time(struct xo_guests *guests, uint64_t now);

/*
 * What is known of it now: from an answer that is fresh, or that is being told
 * (see xo_guests_put). *slot_r: of XO_KNOWN_TENANT, else XO_NOBODY.
 * XO_KNOWN_NOT_NOW: ask.
 */
enum xo_knowledge xo_guests_find(struct xo_guests *guests,
    const struct xo_key *key, int *slot_r);

/*
 * The answer of the sources. `fresh`: ms for which it is used again; 0: only for
 * those who wait for it. `stale`: ms, counted from now as well, for which it is
 * used where the sources cannot be asked; only of a tenant, and no longer than
 * that. `guest`: of XO_KNOWN_TENANT; taken, and NULL afterwards.
 *
 * Returns what may be told. XO_KNOWN_NOT_NOW also for a guest that does not
 * answer the key and if there is no room: every slot is pinned, or no memory. For
 * an answer of XO_KNOWN_NOT_NOW it may be XO_KNOWN_TENANT, of an earlier answer
 * that is stale, but not beyond its limit.
 *
 * If it is not XO_KNOWN_NOT_NOW the answer is being told from now on: it is found
 * until xo_guests_told(), once for each such call.
 */
enum xo_knowledge xo_guests_put(struct xo_guests *guests,
    const struct xo_key *key, enum xo_knowledge known,
    struct xo_guest **guest, uint32_t fresh, uint32_t stale);
void xo_guests_told(struct xo_guests *guests, const struct xo_key *key);
/* What is found now is told by one more, and found until its xo_guests_told();
 * false: nothing is. */
bool xo_guests_hold(struct xo_guests *guests, const struct xo_key *key);

/* NULL: none in this slot. Valid while it is pinned, or until the next put. */
const struct xo_tenant *xo_guests_tenant(const struct xo_guests *guests,
    int slot);
void xo_guests_pin(struct xo_guests *guests, int slot);
void xo_guests_unpin(struct xo_guests *guests, int slot);

/* Answers kept, and how many of them are pinned: for metrics. */
size_t xo_guests_count(const struct xo_guests *guests, size_t *pinned_r);

XO_API_END

#endif
