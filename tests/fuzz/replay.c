/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target over the files of a folder, without libFuzzer: what once
 * broke something never does again.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define FILE_MAX (1 << 20)

static bool
run(const char *folder, const char *name)
{
	static uint8_t data[FILE_MAX];
	struct xo_buf path = {0};
	uint8_t *copy;
	size_t n;
	FILE *f;

	xo_buf_add_all(&path, folder, "/", name, (char *)NULL);
	xo_buf_add_byte(&path, '\0');
	f = fopen((const char *)path.p, "rb");
	if (f == NULL) {
		perror((const char *)path.p);
		return false;
	}
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	xo_buf_fini(&path);
	/* Of its own size, so that a sanitizer sees its end. */
	copy = malloc(n > 0 ? n : 1);
	if (copy == NULL)
		return false;
	memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return true;
}

int
main(int argc, char **argv)
{
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

	if (dir == NULL) {
		fprintf(stderr, "usage: replay FOLDER (of files to run)\n");
		return 2;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			if (!run(argv[1], entry->d_name))
				return 1;
			n++;
		}
	closedir(dir);
	printf("%zu inputs\n", n);
	return n > 0 ? 0 : 1;
}
