/* SPDX-License-Identifier: ISC */
/*
 * What a table of tenants is asked: the texts under which the tenant may stand,
 * the likeliest first. Whose XOORG is eu.contoso.com: `org:eu.contoso.com`,
 * `org:*.contoso.com`, `org:*.com`. Whose sender domain: the same with `sender:`
 * in front, then these. So an exact entry wins over a wildcard, and a near wildcard
 * over a far one, as in the index of tenants (xoorg/tenants.h). Whose system has
 * the name app.contoso.com: `certificate:app.contoso.com` alone.
 */
#ifndef XO_TABLE_QUESTION_H
#define XO_TABLE_QUESTION_H

#include <xoorg/guests.h>

/* Wildcards of so many parents are asked for, the nearest. */
#define XO_QUESTION_PARENTS 8
#define XO_QUESTION_TEXTS (2 * (1 + XO_QUESTION_PARENTS))
#define XO_QUESTION_DOMAIN 255

/*
 * Under this key a table says that it is one, and whole: XO_QUESTION_MARK_VALUE.
 * Without it an empty table, as a flushed engine has or a file that is being
 * made, would say of every tenant that it is nobody.
 */
#define XO_QUESTION_MARK "xoorg:tenants"
#define XO_QUESTION_MARK_VALUE "1"

struct xo_question {
	struct xo_span texts[XO_QUESTION_TEXTS];
	size_t n;
	uint8_t octets[XO_QUESTION_TEXTS * (XO_QUESTION_DOMAIN + 9)];
};

/* `question` points into itself. False: the domain is none, nobody has it. */
bool xo_question_make(struct xo_question *question, const struct xo_key *key);

/* Appends the one text under which this entry of a list stands. */
void xo_question_write(struct xo_buf *out, enum xo_key_kind kind,
    struct xo_span entry);

#endif
