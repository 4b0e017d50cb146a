/* SPDX-License-Identifier: ISC */
/*
 * See shared.h. The memory is a file of no name, sealed so that it can be mapped
 * to be written no more; the master's mapping is older than the seal.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared.h"

size_t
xo_shared_page(void)
{
	long n = sysconf(_SC_PAGESIZE);

	return n > 0 ? (size_t)n : 65536;
}

static void *
map_file(struct xo_shared *s)
{
	void *p = MAP_FAILED;

	s->fd = memfd_create("xoorg", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd >= 0 && ftruncate(s->fd, (off_t)s->size) == 0)
		p = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, s->fd, 0);
	if (p != MAP_FAILED && fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_FUTURE_WRITE) == 0)
		return p;
	if (p != MAP_FAILED)
		(void)munmap(p, s->size);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return MAP_FAILED;
}

bool
xo_shared_map(struct xo_shared *s, size_t size)
{
	void *p;

	s->size = size;
	p = map_file(s);
	if (p == MAP_FAILED)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	s->p = p != MAP_FAILED ? p : NULL;
	return s->p != NULL;
}

void
xo_shared_unmap(struct xo_shared *s)
{
	if (s->p == NULL)
		return;
	(void)munmap(s->p, s->size);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct xo_shared){.fd = -1};
}

/* What cannot be mapped anew is not believed: it goes. */
static void
forbid(struct xo_shared *s, size_t from, size_t len)
{
	if (len == 0)
		return;
	if (s->fd < 0)
		(void)mprotect(s->p + from, len, PROT_READ);
	else if (mmap(s->p + from, len, PROT_READ, MAP_SHARED | MAP_FIXED |
	    MAP_NORESERVE, s->fd, (off_t)from) == MAP_FAILED)
		_exit(1);
}

void
xo_shared_keep(struct xo_shared *s, size_t from, size_t len)
{
	forbid(s, 0, from);
	forbid(s, from + len, s->size - from - len);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
