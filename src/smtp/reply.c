/* SPDX-License-Identifier: ISC */
/*
 * Replies. The reader goes by its state and one octet, so that no border between
 * two inputs can matter, and keeps only what may be shown to anybody.
 */
#include <xoorg/reply.h>

#define REPLY_LINE_MAX 512	/* RFC 5321 4.5.3.1.5, line end included */
#define CODE_MIN 200
#define CODE_MAX 599

enum read_state {
	READ_CODE,
	READ_SEPARATOR,
	READ_TEXT,
	READ_CR,	/* LF would end the line */
	READ_DONE,	/* or broken: nothing more until cleared */
};

static uint8_t
clean(uint8_t c)
{
	return (c >= 32 && c < 127) || c == '\t' ? c : '?';
}

static enum xo_err
keep(struct xo_reply *reply, uint8_t c)
{
	if (reply->text.len >= XO_REPLY_TEXT_MAX)
		return XO_MORE;
	xo_buf_add_byte(&reply->text, c);
	return reply->text.err == XO_OK ? XO_MORE : XO_ERR_MEMORY;
}

static enum xo_err
take_code(struct xo_reply *reply, uint8_t c)
{
	if (!xo_ascii_is_digit(c))
		return XO_ERR_SYNTAX;
	reply->line_code = (uint16_t)(reply->line_code * 10 + (c - '0'));
	if (++reply->digits < 3)
		return XO_MORE;
	if (reply->line_code < CODE_MIN || reply->line_code > CODE_MAX ||
	    (reply->is_open && reply->line_code != reply->code))
		return XO_ERR_SYNTAX;
	reply->code = reply->line_code;
	reply->state = READ_SEPARATOR;
	return reply->is_open ? keep(reply, '\n') : XO_MORE;
}

static enum xo_err
end_line(struct xo_reply *reply)
{
	if (reply->is_last)
		return XO_OK;
	reply->is_open = true;
	reply->line_code = 0;
	reply->digits = 0;
	reply->state = READ_CODE;
	return XO_MORE;
}

static enum xo_err
take_separator(struct xo_reply *reply, uint8_t c)
{
	reply->is_last = c != '-';
	reply->state = c == '\r' ? READ_CR : READ_TEXT;
	if (c == '\n')
		return end_line(reply);
	return c == ' ' || c == '-' || c == '\r' ? XO_MORE : XO_ERR_SYNTAX;
}

static enum xo_err
take_text(struct xo_reply *reply, uint8_t c)
{
	if (c == '\n')
		return end_line(reply);
	/* What the CR before was for is known only now. */
	if (reply->state == READ_CR && keep(reply, '?') != XO_MORE)
		return XO_ERR_MEMORY;
	reply->state = c == '\r' ? READ_CR : READ_TEXT;
	return c == '\r' ? XO_MORE : keep(reply, clean(c));
}

/* As take_text() would take them, all octets in front of a line's end at once. */
static size_t
take_run(struct xo_reply *reply, struct xo_span in)
{
	size_t most = XO_REPLY_TEXT_MAX > reply->text.len ?
	    XO_REPLY_TEXT_MAX - reply->text.len : 0;
	size_t n = 0;
	uint8_t *to;

	in = xo_span_first(in, most);
	if (reply->state != READ_TEXT)
		return 0;
	while (n < in.len && in.p[n] != '\r' && in.p[n] != '\n')
		n++;
	to = xo_buf_reserve(&reply->text, n);
	if (to == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		to[i] = clean(in.p[i]);
	reply->text.len += n;
	reply->seen += n;
	return n;
}

static enum xo_err
take(struct xo_reply *reply, uint8_t c)
{
	switch ((enum read_state)reply->state) {
	case READ_CODE:
		return take_code(reply, c);
	case READ_SEPARATOR:
		return take_separator(reply, c);
	case READ_TEXT:
	case READ_CR:
		return take_text(reply, c);
	case READ_DONE:
	default:
		return XO_ERR_STATE;
	}
}

enum xo_err
xo_reply_read(struct xo_reply *reply, struct xo_span in, size_t max,
    size_t *used_r)
{
	enum xo_err err = XO_MORE;
	size_t i = 0;

	*used_r = 0;
	if (reply->state == READ_DONE)
		return XO_ERR_STATE;
	while (err == XO_MORE && i < in.len) {
		if (reply->seen >= max) {
			err = XO_ERR_LIMIT;
			break;
		}
		reply->seen++;
		err = take(reply, in.p[i++]);
		if (err == XO_MORE && reply->seen < max)
			i += take_run(reply, xo_span_first(
			    xo_span_from(in, i), max - reply->seen));
	}
	if (err != XO_MORE)
		reply->state = READ_DONE;
	*used_r = i;
	return err;
}

void
xo_reply_clear(struct xo_reply *reply)
{
	struct xo_buf text = reply->text;

	xo_buf_clear(&text);
	*reply = (struct xo_reply){.text = text};
}

void
xo_reply_fini(struct xo_reply *reply)
{
	xo_buf_fini(&reply->text);
	xo_reply_clear(reply);
}

/* Three digits at most, and `end` behind them, or the end of the line. */
static bool
take_number(struct xo_span *text, uint8_t end, uint16_t *number_r)
{
	size_t n = 0;

	for (*number_r = 0; n < 3 && n < text->len &&
	    xo_ascii_is_digit(text->p[n]); n++)
		*number_r = (uint16_t)(*number_r * 10 + (text->p[n] - '0'));
	if (n == 0 || (n < text->len && text->p[n] != end) ||
	    (n == text->len && end == '.'))
		return false;
	*text = xo_span_from(*text, n + 1);
	return true;
}

static bool
is_class(uint16_t class)
{
	return class == 2 || class == 4 || class == 5;
}

/* Takes the code off the front of a line, whatever its class. */
static bool
take_enhanced(struct xo_span *line, struct xo_enhanced *enhanced_r)
{
	struct xo_span rest = *line;

	if (!take_number(&rest, '.', &enhanced_r->class) ||
	    !take_number(&rest, '.', &enhanced_r->subject) ||
	    !take_number(&rest, ' ', &enhanced_r->detail) ||
	    !is_class(enhanced_r->class))
		return false;
	*line = rest;
	return true;
}

bool
xo_reply_enhanced(const struct xo_reply *reply, struct xo_enhanced *enhanced_r)
{
	struct xo_span text = xo_buf_span(&reply->text);

	text = xo_span_first(text, xo_span_find(text, '\n'));
	return take_enhanced(&text, enhanced_r) &&
	    enhanced_r->class == reply->code / 100;
}

/* What a line gets that has none: the first one that another has. */
static struct xo_enhanced
usual_status(uint16_t class, struct xo_span text)
{
	struct xo_enhanced e;
	struct xo_span line;

	while (xo_reply_line(&text, &line))
		if (take_enhanced(&line, &e))
			return e;
	return (struct xo_enhanced){.class = class};
}

void
xo_reply_add_status(struct xo_buf *out, uint16_t code, struct xo_span text)
{
	uint16_t class = code / 100;
	struct xo_enhanced usual = usual_status(class, text), e;
	struct xo_span line = {NULL, 0};
	size_t start = out->len;

	if (!is_class(class)) {
		xo_buf_add(out, text);
		return;
	}
	do {
		/* An empty text is one empty line. */
		if (!xo_reply_line(&text, &line))
			line = xo_span(NULL, 0);
		if (!take_enhanced(&line, &e))
			e = usual;
		xo_buf_add_u64(out, class);
		xo_buf_add_byte(out, '.');
		xo_buf_add_u64(out, e.subject);
		xo_buf_add_byte(out, '.');
		xo_buf_add_u64(out, e.detail);
		if (line.len > 0)
			xo_buf_add_byte(out, ' ');
		xo_buf_add(out, line);
		if (out->len - start > XO_REPLY_TEXT_MAX)
			break;
		if (text.len > 0)
			xo_buf_add_byte(out, '\n');
	} while (text.len > 0);
	if (out->err != XO_OK)
		out->len = start;
}

static uint64_t
mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Two texts of one sum cost a question more, and nothing else. */
static uint64_t
sum(const struct xo_reply *reply)
{
	struct xo_span text = xo_buf_span(&reply->text);
	uint64_t h = mix(reply->code, text.len);

	while (text.len > 0) {
		struct xo_span part = xo_span_first(text, sizeof(h));
		uint64_t word = 0;

		memcpy(&word, part.p, part.len);
		h = mix(h, word);
		text = xo_span_from(text, part.len);
	}
	return h;
}

bool
xo_heard_before(const struct xo_heard *heard, const struct xo_reply *reply)
{
	uint64_t h = sum(reply);

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < XO_HEARD_MAX && i < heard->n[k]; i++)
			if (heard->texts[k][i] == h)
				return true;
	return false;
}

void
xo_heard_note(struct xo_heard *heard, const struct xo_reply *reply,
    bool is_envelopes)
{
	if (xo_heard_before(heard, reply))
		return;
	heard->texts[is_envelopes][heard->n[is_envelopes] % XO_HEARD_MAX] =
	    sum(reply);
	heard->n[is_envelopes]++;
}

bool
xo_reply_line(struct xo_span *text, struct xo_span *line_r)
{
	size_t end = xo_span_find(*text, '\n');

	if (text->len == 0)
		return false;
	*line_r = xo_span_first(*text, end);
	*text = xo_span_from(*text, end + 1);
	return true;
}

static void
write_line(struct xo_buf *out, uint16_t code, const char *enhanced,
    struct xo_span line, bool is_last)
{
	size_t start = out->len, room;
	uint8_t *to;

	xo_buf_add_u64(out, code);
	xo_buf_add_byte(out, is_last ? ' ' : '-');
	if (enhanced != NULL)
		xo_buf_add_all(out, enhanced, " ", (char *)NULL);
	room = REPLY_LINE_MAX - 2 > out->len - start ?
	    REPLY_LINE_MAX - 2 - (out->len - start) : 0;
	line = xo_span_first(line, room);
	to = xo_buf_reserve(out, line.len);
	for (size_t i = 0; to != NULL && i < line.len; i++)
		/* analyser: a span with octets has a place */
		to[i] = clean(line.p[i]);
	out->len += to != NULL ? line.len : 0;
	xo_buf_add(out, XO_LIT("\r\n"));
}

void
xo_reply_write(struct xo_buf *out, uint16_t code, const char *enhanced,
    struct xo_span text)
{
	struct xo_span line = {NULL, 0};
	size_t start = out->len;

	if (code < CODE_MIN || code > CODE_MAX)
		code = 451;
	do {
		/* An empty text is one empty line. */
		if (!xo_reply_line(&text, &line))
			line = xo_span(NULL, 0);
		write_line(out, code, enhanced, line, text.len == 0);
	} while (text.len > 0);
	if (out->err != XO_OK)
		out->len = start;
}

void
xo_refusal_write(struct xo_buf *out, enum xo_refusal refusal)
{
	const struct xo_refusal_info *info = xo_refusal_info(refusal);

	xo_reply_write(out, info->code, info->enhanced,
	    xo_span_from_cstr(info->text));
}
