/* SPDX-License-Identifier: ISC */
/*
 * Between the parts of `xoorg sink`, an SMTP server for tests and demos:
 *
 *   sink.c          command line, listening, threads, the end
 *   sink_session.c  one connection: commands, EHLO, STARTTLS, XCLIENT
 *   sink_mail.c     MAIL, RCPT, DATA, BDAT, RSET
 *   sink_store.c    the content on its way to the file, the envelope
 *   sink_refuse.c   --refuse
 *
 * One thread a connection; what they share is immutable or under `lock`.
 */
#ifndef XO_SINK_H
#define XO_SINK_H

#include <pthread.h>

#include <cmd/common/json.h>
#include <cmd/common/options.h>
#include <cmd/common/wire.h>
#include <xoorg/caps.h>
#include <xoorg/command.h>
#include <xoorg/content.h>
#include <xoorg/param.h>

#define XO_SINK_SESSIONS 64

enum xo_sink_xoorg {
	XO_SINK_XOORG_NAMED,	/* to --announce-xoorg-to, or to nobody */
	XO_SINK_XOORG_ALWAYS,
	XO_SINK_XOORG_NEVER,
	XO_SINK_XOORG_BEFORE_TLS,
};

struct xo_sink_settings {
	const char *listen;
	const char *port_file;
	const char *directory;		/* NULL: keep nothing */
	const char *certificate;
	const char *key;
	const char *trust;
	struct xo_option_list names;	/* --announce-xoorg-to */
	int xoorg;			/* enum xo_sink_xoorg */
	bool has_xclient;
	const char *extensions;
	struct xo_option_list refuse;
	uint64_t delay;			/* ms */
	const char *hostname;
	uint64_t count;			/* 0: for ever */
	uint64_t timeout;		/* s */
	bool is_quiet;
};

enum xo_sink_stage {
	XO_SINK_AT_BANNER,
	XO_SINK_AT_EHLO,
	XO_SINK_AT_STARTTLS,
	XO_SINK_AT_MAIL,
	XO_SINK_AT_RCPT,
	XO_SINK_AT_DATA,	/* DATA, or the first BDAT */
	XO_SINK_AT_FINAL,
	XO_SINK_STAGE_COUNT
};

/* One --refuse: STAGE[:ADDRESS]=REPLY, or =close. */
struct xo_sink_refusal {
	enum xo_sink_stage stage;
	struct xo_span address;		/* empty: any */
	uint16_t code;			/* 0: close without a word */
	struct xo_span text;
};

struct xo_sink {
	struct xo_sink_settings settings;
	struct xo_sink_refusal *refusals;
	size_t n_refusals;
	struct xo_buf extensions;	/* EHLO lines, LF behind each */
	struct xo_caps caps;		/* the same, read */
	struct xo_tls_context *tls;	/* NULL: no STARTTLS */
	int listener;
	int wake[2];			/* a pipe: something changed */
	pthread_mutex_t lock;
	/* under the lock */
	uint64_t last_number;		/* of a stored message */
	uint64_t n_accepted;
	uint64_t n_sessions;
	struct {
		bool is_used;
		bool is_done;		/* its thread may be joined */
		int fd;			/* -1: closed */
		pthread_t thread;
	} slots[XO_SINK_SESSIONS];
};

/* The content of a message on its way to the file. */
struct xo_sink_content {
	bool is_open;
	struct xo_scanner scanner;
	FILE *file;			/* NULL: nothing is kept */
	char name[32];			/* of the file, while it is incomplete */
	struct xo_tls_tool_digest *digest;
	uint64_t size;
	struct xo_buf header;		/* as much as is looked at */
	bool has_failed;		/* the disk */
	enum xo_refusal refusal;
};

struct xo_sink_mail {
	bool is_open;
	struct xo_buf from;
	struct xo_buf params;
	struct xo_buf xoorg;		/* empty: none */
	enum xo_body body;
	bool is_utf8;
	json_t *rcpts;
	size_t n_rcpts;
	uint64_t n_chunks;		/* BDAT */
	struct xo_sink_content content;
};

struct xo_sink_session {
	struct xo_sink *sink;
	uint64_t id;
	int fd;
	size_t slot;
	char client[128];
	struct xo_wire wire;
	struct xo_buf hello;		/* empty: none yet */
	bool is_ehlo;
	bool is_over;
	uint32_t announced;		/* of XO_CAP_BIT() */
	bool has_right;			/* to XOORG, by its certificate */
	bool is_refused;		/* name matched, chain did not */
	struct xo_tls_tool_chain peer;
	const char *peer_flaw;
	json_t *xclient;		/* attributes seen, or NULL */
	struct xo_sink_mail mail;
};

/* A thread's main; frees the session. */
void *xo_sink_session_run(void *session);
/* All end in this one: waits as --delay-ms says, then queues the reply. */
void xo_sink_reply(struct xo_sink_session *session, uint16_t code,
    const char *enhanced, const char *text);
void xo_sink_reply_refusal(struct xo_sink_session *session,
    enum xo_refusal refusal);

void xo_sink_on_mail(struct xo_sink_session *session, struct xo_span args);
void xo_sink_on_rcpt(struct xo_sink_session *session, struct xo_span args);
void xo_sink_on_data(struct xo_sink_session *session, struct xo_span args);
void xo_sink_on_bdat(struct xo_sink_session *session, struct xo_span args);
void xo_sink_on_rset(struct xo_sink_session *session, struct xo_span args);
/* Forgets the transaction, and what came of its content. */
void xo_sink_mail_reset(struct xo_sink_session *session);

/* Where the numbers of the directory stand; false: it cannot be used. */
bool xo_sink_store_open(struct xo_sink *sink);
void xo_sink_content_open(struct xo_sink_session *session, bool is_stuffed);
/* All flaws are kept for the end; content is never held back for them. */
void xo_sink_content_add(struct xo_sink_session *session, struct xo_span span);
/* Puts message and envelope in place; *number_r is the message's. */
bool xo_sink_content_commit(struct xo_sink_session *session,
    uint64_t *number_r);
void xo_sink_content_drop(struct xo_sink_session *session);

/* The value of the last header field of that name, unfolded and trimmed. */
bool xo_sink_header_find(const struct xo_buf *header, const char *name,
    struct xo_buf *value_r);

/* False: one line has been complained about. */
bool xo_sink_refuse_parse(struct xo_sink *sink);
/* Gives the reply that --refuse has for this, if any. */
bool xo_sink_refuse(struct xo_sink_session *session, enum xo_sink_stage stage,
    struct xo_span address);
void xo_sink_refuse_fini(struct xo_sink *sink);

#endif
