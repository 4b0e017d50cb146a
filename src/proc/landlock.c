/* SPDX-License-Identifier: ISC */
/*
 * See landlock.h. What newer versions brought is asked for by number, since the
 * headers of an older system do not name it.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"

/* All that version 1 can forbid; then REFER (2), TRUNCATE (3), IOCTL_DEV (5). */
#define FILES_1 (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |	\
	LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |	\
	LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |	\
	LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |	\
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |	\
	LANDLOCK_ACCESS_FS_MAKE_SYM)
#define REFER (1ULL << 13)
#define TRUNCATE (1ULL << 14)
#define IOCTL_DEV (1ULL << 15)
#define BIND_TCP (1ULL << 0)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

/* struct landlock_ruleset_attr as of version 6; older kernels get its head. */
struct ruleset {
	uint64_t files;
	uint64_t net;			/* 4 */
	uint64_t scoped;		/* 6 */
};

int
xo_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static int
create(int abi)
{
	struct ruleset r = {.files = FILES_1};
	size_t size = offsetof(struct ruleset, net);

	if (abi >= 2)
		r.files |= REFER;
	if (abi >= 3)
		r.files |= TRUNCATE;
	if (abi >= 5)
		r.files |= IOCTL_DEV;
	if (abi >= 4) {
		r.net = BIND_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= 6) {
		r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(r);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

static bool
allow_reading(int ruleset, const char *file)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = open(file, O_PATH | O_CLOEXEC),
	};
	bool is_ok;

	if (rule.parent_fd < 0)
		return true;
	is_ok = syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return is_ok;
}

bool
xo_landlock_enter(const char *const *readable)
{
	int abi = xo_landlock_abi();
	int ruleset = abi > 0 ? create(abi) : -1;
	bool is_ok = ruleset >= 0;

	for (size_t i = 0; is_ok && readable != NULL && readable[i] != NULL;
	    i++)
		is_ok = allow_reading(ruleset, readable[i]);
	is_ok = is_ok && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (ruleset >= 0)
		close(ruleset);
	return is_ok;
}
