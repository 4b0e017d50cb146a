/* SPDX-License-Identifier: ISC */
/*
 * sd_notify by hand: one datagram to the socket that $NOTIFY_SOCKET names.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"
#include "notify.h"

static void
say(const char *text, size_t len, int fd)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s;

	if (name == NULL || (name[0] != '/' && name[0] != '@') ||
	    strlen(name) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	if (connect(s, (const struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name))) == 0)
		(void)xo_descriptor_send_with(s, text, len, fd);
	close(s);
}

void
xo_notify_fd(const char *state, int fd)
{
	say(state, strlen(state), fd);
}

void
xo_notify(const char *state)
{
	struct timespec ts;
	char text[128];
	int n;

	/* A reload is told with its time (Type=notify-reload). */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	n = snprintf(text, sizeof(text), "%s\nMONOTONIC_USEC=%lld\n", state,
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	say(text, (size_t)n, -1);
}
