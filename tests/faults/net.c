/* SPDX-License-Identifier: ISC */
/*
 * To be preloaded: a network that answers at once. For all processes that map
 * the file NET_ORDERS names, connect() and socket() fail or succeed before they
 * return, and a peer takes nothing more. A loop that is used to wait has its
 * calls come back while it still makes them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define AS_EVER 0
#define SUCCEED (-1)

/* What the file holds. */
struct orders {
	_Atomic int64_t connect;	/* an errno, or one of the two above */
	_Atomic int64_t socket;		/* an errno, or 0; streams alone */
	_Atomic int64_t datagrams;	/* the same of their sockets */
	_Atomic int64_t full;		/* port whose peer takes nothing; 0 */
	_Atomic int64_t n;		/* calls that were answered so */
};

static struct orders *orders;

static struct {
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*socket)(int, int, int);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
} real;

__attribute__((constructor)) static void
set_up(void)
{
	const char *path = getenv("NET_ORDERS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	real.connect = (int (*)(int, const struct sockaddr *, socklen_t))
	    (uintptr_t)dlsym(RTLD_NEXT, "connect");
	real.socket = (int (*)(int, int, int))
	    (uintptr_t)dlsym(RTLD_NEXT, "socket");
	real.sendmsg = (ssize_t (*)(int, const struct msghdr *, int))
	    (uintptr_t)dlsym(RTLD_NEXT, "sendmsg");
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (p != MAP_FAILED)
		orders = p;
}

static int
fail(int64_t error)
{
	atomic_fetch_add(&orders->n, 1);
	errno = (int)error;
	return -1;
}

int
socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int64_t error = 0;

	if (orders != NULL && (domain == AF_INET || domain == AF_INET6))
		error = atomic_load(kind == SOCK_DGRAM ? &orders->datagrams :
		    &orders->socket);
	return error != 0 ? fail(error) : real.socket(domain, type, protocol);
}

/* Waits for it, however short the caller's patience. */
static int
finish(int fd, int result)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (result == 0 || errno != EINPROGRESS || poll(&p, 1, 5000) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return result;
	if (error != 0)
		return fail(error);
	atomic_fetch_add(&orders->n, 1);
	return 0;
}

int
connect(int fd, __CONST_SOCKADDR_ARG where, socklen_t len)
{
	const struct sockaddr *to = where.__sockaddr__;
	int64_t order = AS_EVER;
	int type = 0;
	socklen_t size = sizeof(type);

	if (orders != NULL && to->sa_family != AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	    type == SOCK_STREAM)
		order = atomic_load(&orders->connect);
	if (order == AS_EVER)
		return real.connect(fd, to, len);
	return order == SUCCEED ? finish(fd, real.connect(fd, to, len)) :
	    fail(order);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct sockaddr_in in = {.sin_family = AF_UNSPEC};
	socklen_t len = sizeof(in);
	int64_t port = orders != NULL ? atomic_load(&orders->full) : 0;

	if (port != 0 &&
	    getpeername(fd, (struct sockaddr *)&in, &len) == 0 &&
	    in.sin_family == AF_INET && ntohs(in.sin_port) == port)
		return fail(EAGAIN);
	return real.sendmsg(fd, m, flags);
}
