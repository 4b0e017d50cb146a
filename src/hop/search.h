/* SPDX-License-Identifier: ISC */
/*
 * Which place is tried next: the upstream's hosts in order, or those of its MX,
 * each with all its addresses; what is known from an earlier answer is not
 * asked again, and what failed a moment ago waits until all else has failed.
 *
 * An iterator: it says what it needs, is told, and calls nobody.
 */
#ifndef XO_SEARCH_H
#define XO_SEARCH_H

#include <conf/conf.h>

#include "places.h"

#define XO_CANDIDATES_MAX 32

/* A place that may be connected to, and its host. */
struct xo_candidate {
	struct xo_place place;
	bool is_skipped;
	char name[XO_MX_NAME_SIZE];	/* for TLS */
};

struct xo_search {
	const struct xo_conf_upstream *conf;
	struct xo_places *places;	/* what is remembered */
	/* hosts, then their addresses */
	struct xo_mx *names;		/* of an MX; else they are conf's */
	size_t n_names, next_name;
	bool is_named;			/* n_names stands */
	struct xo_candidate *candidates;	/* none before the first */
	size_t n_candidates, next_candidate;
	struct xo_candidate *candidate;	/* the one that is tried */
	size_t n_attempts;
	bool is_last_resort;		/* the turn of those left out */
};

/* `conf` and `places` are kept. */
void xo_search_init(struct xo_search *search,
    const struct xo_conf_upstream *conf, struct xo_places *places);
void xo_search_fini(struct xo_search *search);

enum xo_search_step {
	XO_SEARCH_TRY,		/* search->candidate */
	XO_SEARCH_ASK_HOST,	/* for the addresses of xo_search_name() */
	XO_SEARCH_ASK_MX,	/* for the exchangers of conf->mx */
	XO_SEARCH_END,		/* there is no other place */
};

/* Who cannot ask, or has no answer, asks for the next step all the same. */
enum xo_search_step xo_search_next(struct xo_search *search);
const char *xo_search_name(const struct xo_search *search, uint16_t *port_r);
/* The answers; NULL is none of an MX: the domain itself is the host. */
void xo_search_found_host(struct xo_search *search,
    const struct xo_resolved *list, size_t n);
void xo_search_found_mx(struct xo_search *search, const struct xo_mx *list,
    size_t n);
/* Are there others than the one that is tried? */
bool xo_search_has_others(const struct xo_search *search);

#endif
