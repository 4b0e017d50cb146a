/* SPDX-License-Identifier: ISC */
/*
 * Log records: stamps, keys, values and their escaping. See log.h.
 */
#include <time.h>

#include "log_line.h"

/* Room that pairs leave for `,"cut":true}` and the line's end. */
#define TAIL 16

static const struct {
	const char *name;
	const char *priority;		/* facility mail (RFC 3164 4.1.1) */
} levels[] = {
	[XO_LOG_ERROR] = {"error", "<19>"},
	[XO_LOG_WARNING] = {"warning", "<20>"},
	[XO_LOG_INFO] = {"info", "<22>"},
	[XO_LOG_DEBUG] = {"debug", "<23>"},
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == XO_LOG_LEVEL_COUNT,
    "a name for each level");

static bool
is_syslog(const struct xo_log *log)
{
	return log->sink.kind == XO_LOG_SINK_SYSLOG;
}

static void
put(struct xo_log_line *line, const char *p, size_t n)
{
	if (line->is_cut || n > sizeof(line->text) - TAIL - line->len) {
		line->is_cut = true;
		return;
	}
	/* analyser: no text has no octets */
	memcpy(line->text + line->len, p, n);
	line->len += n;
}

static void
put_cstr(struct xo_log_line *line, const char *s)
{
	put(line, s, strlen(s));
}

static void
put_u64(struct xo_log_line *line, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(line, digits + at, sizeof(digits) - at);
}

/* Local time, as syslog daemons expect it. */
static void
write_legacy(char out[15], int64_t second)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	time_t t = (time_t)second;
	int fields[4];

	(void)localtime_r(&t, &tm);
	memcpy(out, "Jan  1 00:00:00", 15);
	memcpy(out, months + 3 * (tm.tm_mon % 12), 3);
	fields[0] = tm.tm_mday;
	fields[1] = tm.tm_hour;
	fields[2] = tm.tm_min;
	fields[3] = tm.tm_sec;
	for (int i = 0; i < 4; i++) {
		out[4 + 3 * i] = (char)('0' + fields[i] / 10 % 10);
		out[5 + 3 * i] = (char)('0' + fields[i] % 10);
	}
	if (out[4] == '0')
		out[4] = ' ';
}

/* Returns the milliseconds. */
static unsigned int
update_stamps(struct xo_log *log)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (log->second != (int64_t)now.tv_sec) {
		log->second = (int64_t)now.tv_sec;
		xo_time_write(log->stamp, log->second);
		if (is_syslog(log))
			write_legacy(log->legacy, log->second);
	}
	return (unsigned int)(now.tv_nsec / 1000000);
}

static void
put_stamp(struct xo_log_line *line, unsigned int ms)
{
	char fraction[5] = {'.', (char)('0' + ms / 100 % 10),
		(char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z'};

	put(line, line->log->stamp, sizeof(line->log->stamp));
	put(line, fraction, sizeof(fraction));
}

struct xo_log_line *
xo_log_begin(struct xo_log *log, enum xo_log_level level, const char *event)
{
	struct xo_log_line *line;
	unsigned int ms;

	if (log == NULL || level > log->level)
		return NULL;
	line = &log->line;
	if (line->is_open)
		xo_log_end(line);
	line->log = log;
	line->is_open = true;
	line->is_cut = false;
	line->len = 0;
	ms = update_stamps(log);
	if (is_syslog(log)) {
		put_cstr(line, levels[level].priority);
		put(line, log->legacy, sizeof(log->legacy));
		put_cstr(line, " xoorgd[");
		put_u64(line, (uint64_t)log->pid);
		put_cstr(line, "]: ");
	}
	if (log->format == XO_LOG_JSON) {
		put_cstr(line, "{\"time\":\"");
		put_stamp(line, ms);
		put_cstr(line, "\",\"level\":\"");
		put_cstr(line, levels[level].name);
		put_cstr(line, "\"");
	} else {
		/* The syslog has a stamp of its own. */
		if (!is_syslog(log)) {
			put_stamp(line, ms);
			put_cstr(line, " ");
		}
		put_cstr(line, "level=");
		put_cstr(line, levels[level].name);
	}
	xo_log_cstr(line, "event", event);
	return line;
}

static void
put_key(struct xo_log_line *line, const char *key)
{
	if (line->log->format == XO_LOG_JSON) {
		put_cstr(line, ",\"");
		put_cstr(line, key);
		put_cstr(line, "\":");
	} else {
		put_cstr(line, " ");
		put_cstr(line, key);
		put_cstr(line, "=");
	}
}

/* What did not fit whole is taken back; later, shorter pairs may yet fit. */
static void
close_pair(struct xo_log_line *line, size_t start, bool was_cut)
{
	if (line->is_cut)
		line->len = start;
	else
		line->is_cut = was_cut;
}

/* The first character of `s` as it may be shown; *used_r octets of `s`. */
static size_t
escape(struct xo_span s, char out[6], size_t *used_r)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t code = 0;
	size_t n = xo_utf8_first(s, &code);

	*used_r = n > 0 ? n : 1;
	out[0] = '\\';
	switch (n > 0 ? code : 0x110000u) {
	case 0x110000u:
		out[0] = '?';
		return 1;
	case '"':
	case '\\':
		out[1] = (char)code;
		return 2;
	case '\n':
		out[1] = 'n';
		return 2;
	case '\r':
		out[1] = 'r';
		return 2;
	case '\t':
		out[1] = 't';
		return 2;
	default:
		break;
	}
	if (!xo_code_is_deceptive(code)) {
		memcpy(out, s.p, n);
		return n;
	}
	out[1] = 'u';
	for (int i = 0; i < 4; i++)
		out[2 + i] = hex[code >> (12 - 4 * i) & 15];
	return 6;
}

static bool
needs_quotes(struct xo_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= 32 || s.p[i] >= 127 || s.p[i] == '"' ||
		    s.p[i] == '\\' || s.p[i] == '=')
			return true;
	}
	return s.len == 0;
}

/* Octets of `s` that stand for themselves inside quotes. */
static size_t
plain_run(struct xo_span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] >= 32 && s.p[n] < 127 && s.p[n] != '"' &&
	    s.p[n] != '\\')
		n++;
	return n;
}

static void
put_quoted(struct xo_log_line *line, struct xo_span s, size_t max)
{
	char out[6];

	put(line, "\"", 1);
	for (size_t used = 0, n; s.len > 0; s = xo_span_from(s, used)) {
		used = plain_run(xo_span_first(s, max));
		if (used > 0) {
			put(line, (const char *)s.p, used);
			max -= used;
			continue;
		}
		n = escape(s, out, &used);
		if (n > max)
			break;
		put(line, out, n);
		max -= n;
	}
	put(line, "\"", 1);
}

static void
put_value(struct xo_log_line *line, const char *key, struct xo_span s,
    size_t max)
{
	bool was_cut = line->is_cut;
	size_t start = line->len;

	line->is_cut = false;
	put_key(line, key);
	if (line->log->format == XO_LOG_TEXT && !needs_quotes(s)) {
		s = xo_span_first(s, max);
		put(line, (const char *)s.p, s.len);
	} else {
		put_quoted(line, s, max);
	}
	close_pair(line, start, was_cut);
}

void
xo_log_str(struct xo_log_line *line, const char *key, struct xo_span value)
{
	if (line != NULL)
		put_value(line, key, value, XO_LOG_VALUE_MAX);
}

void
xo_log_cstr(struct xo_log_line *line, const char *key, const char *value)
{
	if (line != NULL)
		put_value(line, key, xo_span_from_cstr(value),
		    XO_LOG_LINE_MAX);
}

void
xo_log_u64(struct xo_log_line *line, const char *key, uint64_t value)
{
	bool was_cut;
	size_t start;

	if (line == NULL)
		return;
	was_cut = line->is_cut;
	start = line->len;
	line->is_cut = false;
	put_key(line, key);
	put_u64(line, value);
	close_pair(line, start, was_cut);
}

/* In TAIL, which nothing else uses. */
void
xo_log_line_finish(struct xo_log_line *line)
{
	bool is_json = line->log->format == XO_LOG_JSON;
	const char *end = is_json ? "}\n" : "\n";
	size_t n;

	if (line->is_cut)
		end = is_json ? ",\"cut\":true}\n" : " cut=true\n";
	n = strlen(end);
	memcpy(line->text + line->len, end, n);
	line->len += n;
	line->is_open = false;
}
