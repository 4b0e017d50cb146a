/* SPDX-License-Identifier: ISC */
/*
 * The header wall: nothing that a stranger could forge gets behind it
 * (protocol.md 5.4, 5.5, 6; threat-model.md 2.5).
 *
 * It sees the whole header section of the root part at once, unstuffed, and
 * writes the section that goes on. Canonical or refused: a field is a name of
 * 33..126 without colon, blanks that are not passed on, a colon, a value with
 * its folding, CRLF. The next reader could read anything else differently, so
 * the message is refused; or, with `repairs`, changed into something that all
 * readers read alike, where that is possible:
 *
 *   a byte order mark in front	goes
 *   "From ", ">From " in front	becomes the field X-Mailbox-Line
 *   blanks before the first field	go; so does a line of blanks there
 *   a line that is no field		the section ends before it (finder), an empty
 *				line is written there, the rest is body
 *   a line break before the colon	goes
 *   a control in a value		becomes a blank
 *
 * Refused in any case: NUL, CR or LF outside CRLF, a line of more than 990 octets
 * that hides a protected name where a reader might cut it.
 */
#ifndef XOORG_WALL_H
#define XOORG_WALL_H

#include <xoorg/fault.h>
#include <xoorg/refusal.h>

XO_API_BEGIN

/* Families of protected fields, compared without case. */
enum xo_wall_family {
	XO_WALL_ORIGINATOR_ORG = 1 << 0,	/* X-OriginatorOrg[anization] */
	XO_WALL_ORGANIZATION = 1 << 1,	/* X-MS-Exchange-Organization-* */
	XO_WALL_FOREST = 1 << 2,	/* X-MS-Exchange-Forest-* */
	XO_WALL_CROSS_PREMISES = 1 << 3, /* X-MS-Exchange-CrossPremises-* */
	XO_WALL_CROSS_TENANT = 1 << 4,	/* X-MS-Exchange-CrossTenant-*,
					   ...-Transport-CrossTenantHeaders* */
	XO_WALL_AUTH_RESULTS = 1 << 5,	/* Authentication-Results with our
					   authserv-id (RFC 8601 5) */
	XO_WALL_TRACE = 1 << 6,		/* what we stamp ourselves:
					   X-CrossPremisesHeadersPromoted,
					   X-CrossPremisesHeadersFiltered */
	XO_WALL_SENDER_TRACE = 1 << 7,	/* what the sender's Exchange says of
					   such fields: ...Preserved,
					   ...Blocked, ...BySendConnector */
};

#define XO_WALL_ALWAYS (XO_WALL_ORIGINATOR_ORG | XO_WALL_ORGANIZATION | \
	XO_WALL_FOREST | XO_WALL_AUTH_RESULTS | XO_WALL_TRACE)

/* By the number of its bit, for the log. */
#define XO_WALL_FAMILIES 8
const char *xo_wall_family_name(size_t i);

struct xo_wall {
	uint32_t remove;		/* families; XO_WALL_ALWAYS goes anyhow */
	bool promote;			/* CrossPremises -> Organization (5.5) */
	struct xo_span hostname;	/* our authserv-id, and what is stamped */
	size_t max_fields;		/* logical; 0: no bound */
	size_t max_hops;		/* Received fields; 0: no bound */
	size_t max_line;		/* octets before a CRLF; 0: no bound */
	bool repairs;
	enum xo_fault_kind ends_early;	/* the finder's: an empty line is due */
};

struct xo_wall_report {
	uint32_t removed;		/* families of which something went */
	size_t n_removed;		/* fields, without the promoted */
	uint32_t n_of[XO_WALL_FAMILIES]; /* the same by family */
	size_t n_promoted;
	size_t n_stamped;		/* by the wall itself */
	uint32_t n_repaired[XO_FAULT_COUNT];
	struct xo_fault fault;		/* of a refusal */
	size_t n_fields;
	size_t n_hops;			/* Received fields */
	/* The value of the last X-OriginatorOrg that was removed, if it is a
	 * domain; points into the section. For `xoorg = "message"`. */
	struct xo_span originator_org;
};

/*
 * Writes the canonical section to `out` (appended), its closing empty line
 * included if `section` has one. XO_REFUSAL_NONE, or why the message must not
 * go on: XO_REFUSAL_HEADER_SYNTAX, _HEADER_BARE_NEWLINE (CR or LF outside
 * CRLF), _CONTENT_NUL, _HEADER_LIMIT, _HEADER_LOOP (RFC 5321 6.3), _MEMORY.
 * After a refusal `out` holds nothing of use, and the report its `fault` alone.
 *
 * Removing or promoting CrossPremises fields stamps
 * X-CrossPremisesHeadersFiltered, promoting X-CrossPremisesHeadersPromoted and
 * its Organization counterpart; with `promote` the Organization mark
 * ...-Cross-Premises-Headers-Processed always stands at the end. Never
 * promoted: those marks, OriginatorOrganization, an empty Antispam-ScanContext.
 *
 * An Authentication-Results is removed if any careless reading of its authserv-id
 * is `hostname`, encoded words decoded, and if it cannot be decoded. One without
 * an authserv-id, as Exchange Online writes ("spf=pass ..."), stays. A line of
 * more than 990 octets is refused if any field that is to be removed would begin a
 * line of its own where a reader might cut it.
 */
XO_MUST_CHECK enum xo_refusal xo_wall_apply(const struct xo_wall *wall,
    struct xo_span section, struct xo_buf *out, struct xo_wall_report *report_r);

/*
 * The same for a whole message, unstuffed: its header section is found (header.h),
 * `ends_early` is set by what was found, and the body follows as it came. A
 * caller that gets content in pieces uses the finder and xo_wall_apply().
 */
XO_MUST_CHECK enum xo_refusal xo_wall_message(const struct xo_wall *wall,
    struct xo_span message, struct xo_buf *out,
    struct xo_wall_report *report_r);

XO_API_END

#endif
