/* SPDX-License-Identifier: ISC */
/* The log: escaping in both formats, bounds, a target that takes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <watch/log.h>
#include <watch/text.h>

struct world {
	int in;
	int out;
	struct xo_log *log;
	char got[262144];
	size_t len;
};

static void
open_world(struct world *w, enum xo_log_format format)
{
	int fds[2];

	memset(w, 0, sizeof(*w));
	assert_int_equal(pipe(fds), 0);
	w->in = fds[0];
	w->out = fds[1];
	assert_int_equal(fcntl(w->in, F_SETFL, O_NONBLOCK), 0);
	w->log = xo_log_open_fd(w->out, format);
	assert_non_null(w->log);
}

static void
close_world(struct world *w)
{
	xo_log_close(&w->log);
	assert_null(w->log);
	(void)close(w->in);
	(void)close(w->out);
}

static const char *
read_all(struct world *w)
{
	ssize_t n;

	while (w->len < sizeof(w->got) - 1 && (n = read(w->in,
	    w->got + w->len, sizeof(w->got) - 1 - w->len)) > 0)
		w->len += (size_t)n;
	w->got[w->len] = '\0';
	return w->got;
}

#define STAMP "2026-11-23T21:44:40.123Z"

static const struct {
	const char *id;
	const char *value;
	size_t len;
	const char *text;
	const char *json;
} values[] = {
#define V(s) s, sizeof(s) - 1
	{"plain", V("a@b.example"), "a@b.example", "\"a@b.example\""},
	{"empty", V(""), "\"\"", "\"\""},
	{"blank", V("a b"), "\"a b\"", "\"a b\""},
	{"equals", V("a=b"), "\"a=b\"", "\"a=b\""},
	{"CR LF", V("a\r\nevent=message"), "\"a\\r\\nevent=message\"",
		"\"a\\r\\nevent=message\""},
	{"tab", V("a\tb"), "\"a\\tb\"", "\"a\\tb\""},
	{"quote", V("a\" x=\"y"), "\"a\\\" x=\\\"y\"", "\"a\\\" x=\\\"y\""},
	{"backslash", V("a\\"), "\"a\\\\\"", "\"a\\\\\""},
	{"ESC", V("\x1b[2J"), "\"\\u001b[2J\"", "\"\\u001b[2J\""},
	{"NUL", V("a\0b"), "\"a\\u0000b\"", "\"a\\u0000b\""},
	{"DEL", V("\x7f"), "\"\\u007f\"", "\"\\u007f\""},
	{"0x80", V("a\x80z"), "\"a?z\"", "\"a?z\""},
	{"0xff", V("\xff\xfe"), "\"\?\?\"", "\"\?\?\""},
	{"overlong", V("\xc0\xaf"), "\"\?\?\"", "\"\?\?\""},
	{"surrogate", V("\xed\xa0\x80"), "\"\?\?\?\"", "\"\?\?\?\""},
	{"half a sequence", V("a\xe2\x82"), "\"a\?\?\"", "\"a\?\?\""},
	{"too large", V("\xf4\x90\x80\x80"), "\"\?\?\?\?\"", "\"\?\?\?\?\""},
	{"UTF-8", V("b\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7"),
		"\"b\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7\"",
		"\"b\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7\""},
	{"C1 control", V("\xc2\x9b" "2J"), "\"\\u009b2J\"",
		"\"\\u009b2J\""},
	{"right to left", V("a\xe2\x80\xae" "b"), "\"a\\u202eb\"",
		"\"a\\u202eb\""},
	{"line separator", V("a\xe2\x80\xa8" "b"), "\"a\\u2028b\"",
		"\"a\\u2028b\""},
#undef V
};

static void
test_values(void **state)
{
	(void)state;
	for (int f = 0; f < XO_LOG_FORMAT_COUNT; f++) {
		bool is_json = f == XO_LOG_JSON;

		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]);
		    i++) {
			static struct world w;
			struct xo_log_line *line;
			char want[512];
			const char *got;

			open_world(&w, (enum xo_log_format)f);
			line = xo_log_begin(w.log, XO_LOG_INFO, "message");
			xo_log_str(line, "from", xo_span(values[i].value,
			    values[i].len));
			xo_log_u64(line, "size", UINT64_MAX);
			xo_log_end(line);
			assert_true(xo_log_flush(w.log));
			got = read_all(&w);
			(void)snprintf(want, sizeof(want), is_json ?
			    "\",\"level\":\"info\",\"event\":\"message\","
			    "\"from\":%s,\"size\":18446744073709551615}\n" :
			    " level=info event=message from=%s "
			    "size=18446744073709551615\n", is_json ?
			    values[i].json : values[i].text);
			got += strlen(is_json ? "{\"time\":\"" STAMP : STAMP);
			if (strcmp(got, want) != 0)
				fail_msg("%s: got %s want %s", values[i].id,
				    got, want);
			close_world(&w);
		}
	}
}

static void
test_stamp(void **state)
{
	static struct world w;
	char stamp[XO_TIME_LEN + 1] = "";
	const char *got;

	(void)state;
	xo_time_write(stamp, 1795470280);
	assert_string_equal(stamp, "2026-11-23T21:44:40");
	xo_time_write(stamp, 951782400);
	assert_string_equal(stamp, "2000-02-29T00:00:00");
	xo_time_write(stamp, INT64_MAX);
	assert_string_equal(stamp, "1970-01-01T00:00:00");

	open_world(&w, XO_LOG_TEXT);
	xo_log_note(w.log, XO_LOG_ERROR, "start", "two words");
	assert_true(xo_log_flush(w.log));
	got = read_all(&w);
	for (size_t i = 0; i < strlen(STAMP); i++) {
		bool is_digit = STAMP[i] >= '0' && STAMP[i] <= '9';

		if (is_digit ? got[i] < '0' || got[i] > '9' :
		    got[i] != STAMP[i])
			fail_msg("stamp: got %s want one like %s", got, STAMP);
	}
	assert_string_equal(got + strlen(STAMP),
	    " level=error event=start text=\"two words\"\n");
	close_world(&w);
}

/* `n` times `unit`, as a value; returns the length of what was written. */
static size_t
written_length(const char *unit, size_t n, char *last_r)
{
	static struct world w;
	static uint8_t value[4096];
	size_t size = strlen(unit);
	struct xo_log_line *line;
	const char *start;
	const char *end;

	for (size_t i = 0; i < n; i++)
		memcpy(value + i * size, unit, size);
	open_world(&w, XO_LOG_JSON);
	line = xo_log_begin(w.log, XO_LOG_INFO, "x");
	xo_log_str(line, "v", xo_span(value, n * size));
	xo_log_end(line);
	assert_true(xo_log_flush(w.log));
	start = strstr(read_all(&w), "\"v\":\"");
	assert_non_null(start);
	start += 5;
	end = strstr(start, "\"}\n");
	assert_non_null(end);
	*last_r = end[-1];
	close_world(&w);
	return (size_t)(end - start);
}

static void
test_cut(void **state)
{
	static const struct {
		const char *unit;
		size_t n;
		size_t want;
		char last;
	} rows[] = {
		{"a", 254, 254, 'a'},
		{"a", 255, 255, 'a'},
		{"a", 256, 255, 'a'},
		{"a", 4000, 255, 'a'},
		/* never in the middle of an escape or a character */
		{"\n", 300, 254, 'n'},
		{"\x1b", 300, 252, 'b'},
		{"\xc3\xbc", 300, 254, '\xbc'},
		{"\xf0\x9f\x93\xa7", 300, 252, '\xa7'},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char last = 0;
		size_t got = written_length(rows[i].unit, rows[i].n, &last);

		if (got != rows[i].want || last != rows[i].last)
			fail_msg("row %zu: got %zu octets, want %zu", i, got,
			    rows[i].want);
	}
}

/* Pairs without room are left out whole, and the line says so. */
static void
test_full_line(void **state)
{
	static const char *const ends[] = {
		[XO_LOG_TEXT] = " n=7 cut=true\n",
		[XO_LOG_JSON] = ",\"n\":7,\"cut\":true}\n",
	};
	static uint8_t value[255];

	(void)state;
	memset(value, 'v', sizeof(value));
	for (int f = 0; f < XO_LOG_FORMAT_COUNT; f++) {
		static struct world w;
		struct xo_log_line *line;
		const char *got;
		size_t len;

		open_world(&w, (enum xo_log_format)f);
		line = xo_log_begin(w.log, XO_LOG_INFO, "x");
		for (int i = 0; i < 20; i++)
			xo_log_str(line, "key", xo_span(value, sizeof(value)));
		xo_log_u64(line, "n", 7);
		xo_log_end(line);
		assert_true(xo_log_flush(w.log));
		got = read_all(&w);
		len = strlen(got);
		assert_true(len <= XO_LOG_LINE_MAX && len > 3500);
		assert_ptr_equal(strchr(got, '\n'), got + len - 1);
		assert_string_equal(got + len - strlen(ends[f]), ends[f]);
		close_world(&w);
	}
}

static void
test_levels(void **state)
{
	static struct world w;

	(void)state;
	open_world(&w, XO_LOG_TEXT);
	assert_null(xo_log_begin(w.log, XO_LOG_DEBUG, "wire"));
	assert_null(xo_log_begin(NULL, XO_LOG_ERROR, "none"));
	xo_log_str(NULL, "a", XO_LIT("b"));
	xo_log_cstr(NULL, "a", "b");
	xo_log_u64(NULL, "a", 1);
	xo_log_end(NULL);
	assert_true(xo_log_flush(NULL));
	xo_log_set_level(w.log, XO_LOG_DEBUG);
	/* A line begun before the last one ended does not mix with it. */
	xo_log_cstr(xo_log_begin(w.log, XO_LOG_DEBUG, "first"), "k", NULL);
	xo_log_end(xo_log_begin(w.log, XO_LOG_WARNING, "second"));
	assert_true(xo_log_flush(w.log));
	assert_non_null(strstr(read_all(&w),
	    "level=debug event=first k=\"\"\n"));
	assert_non_null(strstr(w.got, "level=warning event=second\n"));
	close_world(&w);
}

/* Every line whole, numbered in order; returns how many. */
static uint64_t
check_lines(char *got, uint64_t *dropped_r)
{
	uint64_t n = 0;
	uint64_t next = 0;

	*dropped_r = 0;
	for (char *line = got, *end; (end = strchr(line, '\n')) != NULL;
	    line = end + 1) {
		const char *count;
		const char *number;

		*end = '\0';
		count = strstr(line, "event=log_dropped count=");
		number = strstr(line, " number=");
		if (count != NULL) {
			*dropped_r += strtoull(count + 24, NULL, 10);
			next += strtoull(count + 24, NULL, 10);
			continue;
		}
		assert_non_null(number);
		assert_true(strtoull(number + 8, NULL, 10) == next);
		assert_non_null(strstr(line, " end=1"));
		next++;
		n++;
	}
	return n;
}

static void
write_numbered(struct xo_log *log, uint64_t number)
{
	static uint8_t value[200];
	struct xo_log_line *line = xo_log_begin(log, XO_LOG_INFO, "x");

	memset(value, 'v', sizeof(value));
	xo_log_u64(line, "number", number);
	xo_log_str(line, "v", xo_span(value, sizeof(value)));
	xo_log_u64(line, "end", 1);
	xo_log_end(line);
	(void)xo_log_flush(log);
}

/* Nobody reads: nothing blocks, what is lost is counted and told. */
static void
full_target(struct world *w)
{
	uint64_t dropped = 0;
	uint64_t n;
	uint64_t drops;

	for (uint64_t i = 0; i < 2000; i++)
		write_numbered(w->log, i);
	drops = xo_log_drops(w->log);
	assert_true(drops > 0);
	(void)read_all(w);
	while (!xo_log_flush(w->log))
		(void)read_all(w);
	write_numbered(w->log, 2000);
	assert_true(xo_log_flush(w->log));
	(void)read_all(w);
	n = check_lines(w->got, &dropped);
	assert_true(dropped == drops);
	assert_true(xo_log_drops(w->log) == drops);
	assert_true(n + drops == 2001);
}

static void
test_full_pipe(void **state)
{
	static struct world w;

	(void)state;
	open_world(&w, XO_LOG_TEXT);
	full_target(&w);
	/* The descriptor that was given has not been made non-blocking. */
	assert_int_equal(fcntl(w.out, F_GETFL) & O_NONBLOCK, 0);
	close_world(&w);
}

static void
test_full_socket(void **state)
{
	static struct world w;
	int fds[2];

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	w.in = fds[0];
	w.out = fds[1];
	assert_int_equal(fcntl(w.in, F_SETFL, O_NONBLOCK), 0);
	w.log = xo_log_open_fd(w.out, XO_LOG_TEXT);
	assert_non_null(w.log);
	full_target(&w);
	close_world(&w);
}

static void
test_child(void **state)
{
	static struct world w;

	(void)state;
	open_world(&w, XO_LOG_TEXT);
	xo_log_note(w.log, XO_LOG_INFO, "parent", "x");
	xo_log_after_fork(w.log);
	xo_log_note(w.log, XO_LOG_INFO, "child", "x");
	assert_true(xo_log_flush(w.log));
	assert_null(strstr(read_all(&w), "event=parent"));
	assert_non_null(strstr(w.got, "event=child"));
	close_world(&w);
}

static size_t
file_size(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f == NULL)
		return 0;
	while (fgetc(f) != EOF)
		n++;
	(void)fclose(f);
	return n;
}

static void
test_file(void **state)
{
	char folder[] = "/tmp/xo_log_XXXXXX";
	struct xo_buf error = {0};
	struct xo_log *log;
	char path[64];
	char old[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/log", folder);
	(void)snprintf(old, sizeof(old), "%s/log.1", folder);
	assert_null(xo_log_open(folder, XO_LOG_TEXT, &error));
	assert_true(error.len > 0);
	xo_buf_fini(&error);

	log = xo_log_open(path, XO_LOG_TEXT, &error);
	assert_non_null(log);
	xo_log_note(log, XO_LOG_INFO, "one", "x");
	assert_int_equal(file_size(path), 0);
	assert_true(xo_log_flush(log));
	assert_int_not_equal(file_size(path), 0);
	assert_int_equal(rename(path, old), 0);
	assert_true(xo_log_reopen(log));
	assert_int_equal(file_size(path), 0);
	xo_log_note(log, XO_LOG_INFO, "two", "x");
	xo_log_close(&log);
	assert_int_equal(file_size(path), file_size(old));
	(void)unlink(path);
	(void)unlink(old);
	(void)rmdir(folder);
}

/* A disk that is full. */
static void
test_full_disk(void **state)
{
	struct xo_buf error = {0};
	struct xo_log *log;

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	log = xo_log_open("/dev/full", XO_LOG_TEXT, &error);
	assert_non_null(log);
	for (uint64_t i = 0; i < 1000; i++)
		write_numbered(log, i);
	assert_true(xo_log_drops(log) > 0 && xo_log_drops(log) < 1000);
	xo_log_close(&log);
}

/* What is written of `value`, between "v=" and the line's end, unquoted. */
static void
write_person(struct world *w, bool is_address, const char *value, char *got_r,
    size_t size)
{
	struct xo_log_line *line = xo_log_begin(w->log, XO_LOG_INFO, "x");
	const char *got;
	size_t len;

	w->len = 0;
	(is_address ? xo_log_address : xo_log_words)(line, "v",
	    xo_span_from_cstr(value));
	xo_log_end(line);
	assert_true(xo_log_flush(w->log));
	got = strstr(read_all(w), " v=");
	assert_non_null(got);
	got += 3;
	len = strcspn(got, "\n");
	if (len > 1 && got[0] == '"') {
		got++;
		len -= 2;
	}
	assert_true(len < size);
	memcpy(got_r, got, len);
	got_r[len] = '\0';
}

/* In `want` each # stands for a hash. */
static bool
is_like(const char *got, const char *want)
{
	for (; *want != '\0'; want++) {
		if (*got != *want)
			return false;
		got++;
		if (*want != '#')
			continue;
		if (strspn(got, "0123456789abcdef") < 16)
			return false;
		got += 16;
	}
	return *got == '\0';
}

static void
test_persons(void **state)
{
	static const struct {
		bool is_address;
		const char *value, *want;
	} rows[] = {
		{true, "", ""},
		{true, "anna@contoso.com", "#@contoso.com"},
		{true, "root", "#"},
		{true, "a@b@contoso.com", "#@contoso.com"},
		{true, "anna.smith+x=y@contoso.com", "#@contoso.com"},
		{true, "anna@", "#@"},
		{true, "@contoso.com", "@contoso.com"},
		{false, "", ""},
		{false, "250 2.0.0 queued as 4ABC", "250 2.0.0 queued as 4ABC"},
		{false, "550 5.1.1 <anna@contoso.com>: no such user",
		    "550 5.1.1 <#@contoso.com>: no such user"},
		{false, "anna@contoso.com, bob@x.test; c@y",
		    "#@contoso.com, #@x.test; #@y"},
		{false, "to anna+a=b@contoso.com", "to #@contoso.com"},
		{false, "SRS0=abc=de=x.test=anna@contoso.com",
		    "#@contoso.com"},
		{false, "mailto:anna@contoso.com", "mailto:#@contoso.com"},
		{false, "cost @ 5", "cost @ 5"},
		{false, "a@b@c", "#@#@c"},
		{false, "'anna'@x.test", "'anna'@x.test"},
	};
	static struct world w;
	static const uint8_t key[XO_LOG_KEY_SIZE] = {7};
	char got[300];

	(void)state;
	open_world(&w, XO_LOG_TEXT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(xo_log_hide_persons(w.log, true, key));
		write_person(&w, rows[i].is_address, rows[i].value, got,
		    sizeof(got));
		if (!is_like(got, rows[i].want))
			fail_msg("%s: got %s, want %s", rows[i].value, got,
			    rows[i].want);
		assert_true(xo_log_hide_persons(w.log, false, NULL));
		write_person(&w, rows[i].is_address, rows[i].value, got,
		    sizeof(got));
		assert_string_equal(got, rows[i].value);
	}
	close_world(&w);
}

static void
test_person_keys(void **state)
{
	static const uint8_t keys[2][XO_LOG_KEY_SIZE] = {{1}, {2}};
	static struct world w;
	char first[64], got[64];

	(void)state;
	open_world(&w, XO_LOG_TEXT);
	assert_true(xo_log_hide_persons(w.log, true, keys[0]));
	write_person(&w, true, "anna@x.test", first, sizeof(first));
	write_person(&w, true, "Anna@x.test", got, sizeof(got));
	assert_string_equal(got, first);
	write_person(&w, false, "anna@x.test", got, sizeof(got));
	assert_string_equal(got, first);
	write_person(&w, true, "anne@x.test", got, sizeof(got));
	assert_string_not_equal(got, first);
	assert_true(xo_log_hide_persons(w.log, true, keys[1]));
	write_person(&w, true, "anna@x.test", got, sizeof(got));
	assert_string_not_equal(got, first);
	/* One that is drawn stays, over reloads. */
	assert_true(xo_log_hide_persons(w.log, true, NULL));
	write_person(&w, true, "anna@x.test", got, sizeof(got));
	assert_string_not_equal(got, first);
	memcpy(first, got, sizeof(first));
	assert_true(xo_log_hide_persons(w.log, true, NULL));
	write_person(&w, true, "anna@x.test", got, sizeof(got));
	assert_string_equal(got, first);
	close_world(&w);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_full_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_persons),
		cmocka_unit_test(test_person_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
