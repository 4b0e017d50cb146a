/* SPDX-License-Identifier: ISC */
/*
 * What can be wrong with a header section, and where: the words for the log, the
 * reply and the metrics.
 */
#ifndef XOORG_FAULT_H
#define XOORG_FAULT_H

#include <xoorg/bytes.h>

XO_API_BEGIN

enum xo_fault_kind {
	XO_FAULT_NONE,
	/* Can be repaired; see wall.h for how. */
	XO_FAULT_BYTE_ORDER_MARK,	/* UTF-8, in front of all */
	XO_FAULT_MBOX_FROM,		/* "From " or ">From " in front */
	XO_FAULT_LEADING_BLANK,		/* before the first field */
	XO_FAULT_NO_COLON,
	XO_FAULT_EMPTY_NAME,		/* a colon first */
	XO_FAULT_NAME,			/* an octet that no name may have */
	XO_FAULT_LEADING_DOT,
	XO_FAULT_FOLDED_NAME,		/* the colon on a line of its own */
	XO_FAULT_CONTROL,		/* in a value */
	XO_FAULT_REPAIRABLE,
	/* Have two readings, and are refused. */
	XO_FAULT_HIDDEN_NAME = XO_FAULT_REPAIRABLE, /* where a long line may be cut */
	XO_FAULT_AFTER_END,		/* octets after the empty line */
	XO_FAULT_BARE_NEWLINE,
	XO_FAULT_NUL,
	/* Bounds. */
	XO_FAULT_OCTETS,
	XO_FAULT_FIELDS,
	XO_FAULT_LINE,
	XO_FAULT_HOPS,
	XO_FAULT_COUNT
};

struct xo_fault {
	enum xo_fault_kind kind;
	size_t line;			/* from 1; 0: not known */
	struct xo_span at;		/* what stands there, as it came */
	uint64_t bound;			/* of the bounds: how many are allowed */
};

/* A stable word: log, metrics, documentation. Never NULL. */
const char *xo_fault_name(enum xo_fault_kind kind);

/* "line 3: no colon", "more than 1000 fields": for a reply. */
void xo_fault_write(struct xo_buf *out, const struct xo_fault *fault);
/* What stands there, cleaned and cut: its name, or its first octets. For the
 * log. */
void xo_fault_write_place(struct xo_buf *out,
    const struct xo_fault *fault);

/* Of `kind`, at `at`, which lies in `section`. */
struct xo_fault xo_fault_in(struct xo_span section, enum xo_fault_kind kind,
    struct xo_span at);

XO_API_END

#endif
