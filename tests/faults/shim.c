/* SPDX-License-Identifier: ISC */
/*
 * To be preloaded: memory that runs out, and a wall clock that jumps, for all
 * processes that map the file SHIM_ORDERS names. Who writes to it reaches them at
 * once, whatever they may still open.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the file holds. */
struct orders {
	_Atomic int64_t fail_at;	/* this allocation fails; 0: none */
	_Atomic int64_t fails_on;	/* and all behind it */
	_Atomic int64_t n;		/* counted, in all processes */
	_Atomic int64_t clock_offset;
};

static struct orders *orders;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((constructor)) static void
set_up(void)
{
	const char *path = getenv("SHIM_ORDERS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (p != MAP_FAILED)
		orders = p;
}

static bool
is_out_of_memory(void)
{
	int64_t n, fail_at;

	if (orders == NULL || (fail_at = atomic_load(&orders->fail_at)) == 0)
		return false;
	n = atomic_fetch_add(&orders->n, 1) + 1;
	if (n != fail_at && !(atomic_load(&orders->fails_on) && n > fail_at))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return is_out_of_memory() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return is_out_of_memory() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return size > 0 && is_out_of_memory() ? NULL : __libc_realloc(p, size);
}

static void
shift(clockid_t which, struct timespec *ts)
{
	if (orders != NULL &&
	    (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		ts->tv_sec += (time_t)atomic_load(&orders->clock_offset);
}

int
clock_gettime(clockid_t which, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	int result;

	if (real == NULL)
		real = (int (*)(clockid_t, struct timespec *))(uintptr_t)
		    dlsym(RTLD_NEXT, "clock_gettime");
	result = real(which, ts);
	shift(which, ts);
	return result;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
	return 0;
}
