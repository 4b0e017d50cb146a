/* SPDX-License-Identifier: ISC */
/*
 * One visit to a server: banner, EHLO, STARTTLS, EHLO, QUIT, and what was seen
 * on the way. No mail is sent, and no certificate ends it: what is wrong with
 * one is noted.
 */
#ifndef XO_VISIT_H
#define XO_VISIT_H

#include <cmd/common/dialogue.h>

struct xo_visit_settings {
	const char *tls_name;		/* NULL: the host's name */
	const char *helo;
	bool is_without_tls;
	bool is_lmtp;			/* LHLO, not EHLO */
	int proxy;			/* PROXY of this version first; 0: none */
	uint64_t timeout;		/* s */
};

/* How far the dialogue came; what it ended with, if not by our QUIT. */
enum xo_visit_stage {
	XO_VISIT_BANNER,
	XO_VISIT_EHLO_BEFORE,
	XO_VISIT_STARTTLS,
	XO_VISIT_EHLO_AFTER,
	XO_VISIT_DONE,
};

struct xo_visit {
	const struct xo_visit_settings *settings;
	struct xo_target target;
	char address[128];
	enum xo_visit_stage stage;	/* where it ended */
	enum xo_step step;		/* and how */
	char last[512];			/* the reply or error it ended with */
	struct xo_buf banner;
	struct xo_buf before;		/* the EHLO reply's lines */
	struct xo_buf after;
	struct xo_caps caps_before;
	struct xo_caps caps_after;
	bool is_tls;
	bool was_asked;
	size_t n_authorities;
	char version[32];
	char cipher[64];
	int bits;
	struct xo_tls_tool_chain own;	/* what we had to show; maybe none */
	struct xo_tls_tool_chain chain;	/* what the server showed */
	char flaw[128];			/* of its chain; "": none */
	bool has_name;
};

/* `visit` has settings and target, and else nothing. Both are kept. */
void xo_visit_make(struct xo_visit *visit, struct xo_tls_context *context);
void xo_visit_fini(struct xo_visit *visit);

const char *xo_visit_tls_name(const struct xo_visit *visit);
/* "EHLO after TLS". */
const char *xo_visit_stage_name(const struct xo_visit *visit);
/* XOORG came in the EHLO reply that counts: the one after TLS. */
bool xo_visit_is_announced(const struct xo_visit *visit);
/* What counts: announced after TLS, or where there is none, before. */
const struct xo_caps *xo_visit_caps(const struct xo_visit *visit);

#endif
