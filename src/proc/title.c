/* SPDX-License-Identifier: ISC */
/* The name of a process: see title.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "title.h"

static struct {
	char *p;
	size_t size;
} room;

/* The end of what follows `end` without a gap; the kernel lays arguments and
 * environment out as one piece. */
static char *
behind(char *end, char *const *list)
{
	for (; *list != NULL && *list == end; list++)
		end += strlen(end) + 1;
	return end;
}

/* The environment elsewhere; NULL: no memory. */
static char **
copy_environment(void)
{
	size_t n = 0;
	char **copy;

	while (environ[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	/* analyser: what was copied is in the list, which is freed or kept */
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(environ[i]);
		if (copy[i] != NULL)
			continue;
		while (i > 0)
			free(copy[--i]);
		free(copy);
		return NULL;
	}
	return copy;
}

void
xo_title_init(int argc, char **argv)
{
	char **copy;
	char *end;

	if (argc < 1)
		return;
	end = behind(behind(argv[0], argv), environ);
	copy = copy_environment();
	if (copy == NULL)
		return;
	environ = copy;
	room.p = argv[0];
	room.size = (size_t)(end - argv[0]);
}

void
xo_title_set(const char *what, size_t number)
{
	if (room.size == 0)
		return;
	memset(room.p, 0, room.size);
	if (number > 0)
		(void)snprintf(room.p, room.size, "xoorgd: %s %zu", what,
		    number);
	else
		(void)snprintf(room.p, room.size, "xoorgd: %s", what);
}
