/* SPDX-License-Identifier: ISC */
/*
 * Configurations: what is refused has one line that says where; what is taken
 * is printed, and the printout is a configuration that prints the same.
 *
 * The file is nowhere on a disk, and @include is left out: the fuzzer shall
 * open no files of others.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <conf/conf.h>

#include "fuzz.h"

static int
make_file(struct xo_span text)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	MUST(fd >= 0);
	MUST(text.len == 0 || write(fd, text.p, text.len) ==
	    (ssize_t)text.len);
	return fd;
}

static struct xo_conf *
load(struct xo_span text, struct xo_buf *error)
{
	char name[32];
	int fd = make_file(text);
	struct xo_conf *conf;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	conf = xo_conf_load(name, error);
	close(fd);
	return conf;
}

static void
print(const struct xo_conf *conf, struct xo_buf *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	MUST(f != NULL);
	MUST(xo_conf_print(conf, f) == 0);
	MUST(fclose(f) == 0);
	MUST(xo_buf_add(out, xo_span((const uint8_t *)text, len)) == XO_OK);
	free(text);
}

static void
check_error(const struct xo_buf *error)
{
	struct xo_span text = xo_buf_span(error);

	MUST(text.len > 0);
	MUST(xo_span_find(text, '\n') == text.len);
	MUST(xo_span_find(text, ':') < text.len);
}

static void
check_again(const struct xo_conf *conf)
{
	struct xo_buf one = {0}, two = {0}, error = {0};
	struct xo_conf *again;

	print(conf, &one);
	again = load(xo_buf_span(&one), &error);
	if (again == NULL) {
		fprintf(stderr, "%.*s\n%.*s\n", (int)one.len,
		    (const char *)one.p, (int)error.len,
		    (const char *)error.p);
		abort();
	}
	print(again, &two);
	MUST(xo_span_is_equal(xo_buf_span(&one), xo_buf_span(&two)));
	xo_conf_free(&again);
	xo_buf_fini(&one);
	xo_buf_fini(&two);
	xo_buf_fini(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xo_span in = xo_span(data, size);
	struct xo_buf error = {0};
	struct xo_conf *conf;

	if (size > 8192 || memmem(data, size, "@include", 8) != NULL)
		return 0;
	conf = load(in, &error);
	if (conf == NULL) {
		check_error(&error);
	} else {
		check_again(conf);
		xo_conf_free(&conf);
	}
	xo_buf_fini(&error);
	return 0;
}
