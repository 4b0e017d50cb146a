/* SPDX-License-Identifier: ISC */
/*
 * See descriptors.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "descriptors.h"

bool
xo_pairs_open(struct xo_pairs *p, size_t n_workers)
{
	*p = (struct xo_pairs){
		.workers = calloc(n_workers + 1, sizeof(int)),
		.others = calloc(n_workers + 1, sizeof(int)),
	};
	if (p->workers == NULL || p->others == NULL)
		return false;
	for (; p->n < n_workers; p->n++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		    pair) != 0)
			return false;
		p->workers[p->n] = pair[0];
		p->others[p->n] = pair[1];
	}
	return true;
}

void
xo_pairs_close(struct xo_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->workers[i] >= 0)
			close(p->workers[i]);
		close(p->others[i]);
	}
	free(p->workers);
	free(p->others);
	*p = (struct xo_pairs){.n = 0};
}

int
xo_pairs_take(struct xo_pairs *p, size_t slot)
{
	int fd = -1;

	if (slot < p->n) {
		fd = p->workers[slot];
		p->workers[slot] = -1;
	}
	xo_pairs_close(p);
	return fd;
}

static void
close_between(unsigned int first, unsigned int last)
{
	long n;

	if (first > last || syscall(SYS_close_range, first, last, 0u) == 0)
		return;
	n = sysconf(_SC_OPEN_MAX);
	if (n < 0 || n > 65536)
		n = 65536;
	for (unsigned int fd = first; fd <= last && fd < (unsigned int)n; fd++)
		(void)close((int)fd);
}

static int
compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void
xo_descriptors_close_but(int *kept, size_t n)
{
	unsigned int first = 3;

	qsort(kept, n, sizeof(*kept), compare);
	for (size_t i = 0; i < n; i++) {
		if (kept[i] < (int)first)
			continue;
		close_between(first, (unsigned int)kept[i] - 1);
		first = (unsigned int)kept[i] + 1;
	}
	close_between(first, ~0u);
}

/* Room for one descriptor, aligned as cmsg(3) wants it. */
union control {
	struct cmsghdr head;
	uint8_t room[CMSG_SPACE(sizeof(int))];
};

bool
xo_descriptor_send(int socket, int fd)
{
	return xo_descriptor_send_with(socket, "", 1, fd);
}

bool
xo_descriptor_send_with(int socket, const char *text, size_t len, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)text, len};
	union control control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd < 0)
		return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		    (ssize_t)len;
	memset(&control, 0, sizeof(control));
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)len;
}

int
xo_descriptor_receive(int socket)
{
	uint8_t mark;
	struct iovec iov = {&mark, 1};
	union control control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control)};
	const struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
