/* SPDX-License-Identifier: ISC */
/*
 * Between the parts of `xoorg probe`: what was asked for, what was found.
 */
#ifndef XO_PROBE_H
#define XO_PROBE_H

#include <cmd/common/dialogue.h>

struct xo_probe_settings {
	const char *certificate;
	const char *key;
	const char *trust;
	const char *tls_name;		/* NULL: the host's name */
	const char *helo;
	bool is_without_tls;
	bool is_json;
	bool must_announce;
	uint64_t timeout;		/* s */
};

/* How far the dialogue came; what it ended with, if not by our QUIT. */
enum xo_probe_stage {
	XO_PROBE_BANNER,
	XO_PROBE_EHLO_BEFORE,
	XO_PROBE_STARTTLS,
	XO_PROBE_EHLO_AFTER,
	XO_PROBE_DONE,
};

struct xo_probe {
	const struct xo_probe_settings *settings;
	struct xo_target target;
	char address[128];
	enum xo_probe_stage stage;	/* where it ended */
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

const char *xo_probe_tls_name(const struct xo_probe *probe);
/* XOORG came in the EHLO reply that counts: the one after TLS. */
bool xo_probe_is_announced(const struct xo_probe *probe);
/* One plain sentence: why XOORG was or was not announced. */
void xo_probe_explain(const struct xo_probe *probe, struct xo_buf *out);
/* What must hold before XOORG is sent here; empty if it holds. */
void xo_probe_warn(const struct xo_probe *probe, struct xo_buf *out);

void xo_probe_print_text(const struct xo_probe *probe, FILE *out);
void xo_probe_print_json(const struct xo_probe *probe, FILE *out);

#endif
