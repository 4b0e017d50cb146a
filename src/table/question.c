/* SPDX-License-Identifier: ISC */
/*
 * The texts of a question: see question.h.
 */
#include <table/question.h>

#include <xoorg/domain.h>

static const char *
prefix(enum xo_key_kind kind)
{
	static const char *const prefixes[] = {
		[XO_KEY_ORG] = "org:",
		[XO_KEY_SENDER] = "sender:",
		[XO_KEY_CERTIFICATE] = "certificate:",
	};
	_Static_assert(sizeof(prefixes) / sizeof(prefixes[0]) ==
	    XO_KEY_KIND_COUNT, "a prefix for each kind");

	return prefixes[kind];
}

static void
add_octets(struct xo_span *text, uint8_t **at, struct xo_span octets)
{
	for (size_t i = 0; i < octets.len; i++)
		*(*at)++ = xo_ascii_lower(octets.p[i]);
	text->len += octets.len;
}

static void
add(struct xo_question *q, uint8_t **at, enum xo_key_kind kind,
    struct xo_span mark, struct xo_span domain)
{
	struct xo_span *text = &q->texts[q->n++];

	*text = xo_span(*at, 0);
	add_octets(text, at, xo_span_from_cstr(prefix(kind)));
	add_octets(text, at, mark);
	add_octets(text, at, domain);
}

static void
add_all(struct xo_question *q, uint8_t **at, enum xo_key_kind kind,
    struct xo_span domain)
{
	size_t dot = xo_span_find(domain, '.');

	add(q, at, kind, XO_LIT(""), domain);
	for (int i = 0; i < XO_QUESTION_PARENTS && dot < domain.len; i++) {
		domain = xo_span_from(domain, dot + 1);
		add(q, at, kind, XO_LIT("*."), domain);
		dot = xo_span_find(domain, '.');
	}
}

bool
xo_question_make(struct xo_question *q, const struct xo_key *key)
{
	uint8_t *at = q->octets;

	q->n = 0;
	if (key->domain.len > XO_QUESTION_DOMAIN ||
	    !xo_domain_is_valid(key->domain))
		return false;
	if (key->kind == XO_KEY_CERTIFICATE) {
		add(q, &at, XO_KEY_CERTIFICATE, XO_LIT(""), key->domain);
		return true;
	}
	if (key->kind == XO_KEY_SENDER)
		add_all(q, &at, XO_KEY_SENDER, key->domain);
	add_all(q, &at, XO_KEY_ORG, key->domain);
	return true;
}

void
xo_question_write(struct xo_buf *out, enum xo_key_kind kind,
    struct xo_span entry)
{
	xo_buf_add_cstr(out, prefix(kind));
	for (size_t i = 0; i < entry.len; i++)
		xo_buf_add_byte(out, xo_ascii_lower(entry.p[i]));
}
