/* SPDX-License-Identifier: ISC */
/*
 * Giving privileges up, and looking afterwards whether they are gone.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "privileges.h"

/* More groups than any user of a mail gateway has. */
#define GROUPS_MAX 256

/* "cannot DOING USER: why"; always false. */
static bool
fail(struct xo_buf *error, const char *doing, const char *user, int number)
{
	xo_buf_add_all(error, "cannot ", doing, (char *)NULL);
	if (user != NULL)
		xo_buf_add_all(error, " \"", user, "\"", (char *)NULL);
	if (number != 0)
		xo_buf_add_all(error, ": ", strerror(number), (char *)NULL);
	return false;
}

bool
xo_user_exists(const char *user)
{
	return getpwnam(user) != NULL;
}

static bool
is_user_now(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	return getresuid(&real, &effective, &saved) == 0 &&
	    getresgid(&real_group, &effective_group, &saved_group) == 0 &&
	    real == uid && effective == uid && saved == uid &&
	    real_group == gid && effective_group == gid && saved_group == gid;
}

/* No group beyond those of the user database. */
static bool
has_only_own_groups(const char *user, gid_t gid)
{
	gid_t own[GROUPS_MAX], got[GROUPS_MAX];
	int n_own = GROUPS_MAX;
	int n_got = getgroups(GROUPS_MAX, got);

	if (n_got < 0 || getgrouplist(user, gid, own, &n_own) < 0)
		return false;
	for (int i = 0; i < n_got; i++) {
		bool is_own = false;

		for (int k = 0; k < n_own; k++)
			is_own = is_own || own[k] == got[i];
		if (!is_own)
			return false;
	}
	return true;
}

/* As root. Groups first: without root they cannot be given up. */
static bool
become(const char *user, uid_t uid, gid_t gid, struct xo_buf *error)
{
	if (initgroups(user, gid) != 0)
		return fail(error, "set the groups of user", user, errno);
	if (setresgid(gid, gid, gid) != 0)
		return fail(error, "take the group of user", user, errno);
	if (setresuid(uid, uid, uid) != 0)
		return fail(error, "become user", user, errno);
	if (!is_user_now(uid, gid) || !has_only_own_groups(user, gid))
		return fail(error, "become user", user, 0);
	/* The one test that counts: there is no way back. */
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return fail(error, "stay user", user, 0);
	return true;
}

static bool
change_user(const char *user, struct xo_buf *error)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL)
		return fail(error, "find user", user, errno);
	if (geteuid() == 0)
		return become(user, entry->pw_uid, entry->pw_gid, error);
	if (entry->pw_uid == geteuid() && entry->pw_uid == getuid())
		return true;
	return fail(error, "become user", user, EPERM);
}

/* A service manager may have lent some to a user that is not root. */
static bool
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{0, 0, 0},
	};

	return syscall(SYS_capset, &head, none) == 0;
}

/* After the change of user, which resets some of it. */
static bool
renounce(struct xo_buf *error)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(error, "renounce new privileges", NULL, errno);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(error, "forbid tracing", NULL, errno);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail(error, "forbid core files", NULL, errno);
	return true;
}

bool
xo_privileges_drop(const char *user, struct xo_buf *error)
{
	if (user != NULL && !change_user(user, error))
		return false;
	if (geteuid() != 0 && !drop_capabilities())
		return fail(error, "drop capabilities", NULL, errno);
	return renounce(error);
}

static bool
keep_few_capabilities(struct xo_buf *error)
{
	static const unsigned int few[] = {CAP_NET_BIND_SERVICE, CAP_SETUID,
		CAP_SETGID, CAP_KILL, CAP_DAC_OVERRIDE};
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) != 0)
		return fail(error, "read capabilities", NULL, errno);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = 0;

		for (size_t k = 0; k < sizeof(few) / sizeof(few[0]); k++)
			if (few[k] / 32 == i)
				kept |= 1U << few[k] % 32;
		data[i].permitted &= kept;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) == 0 ||
	    fail(error, "drop capabilities", NULL, errno);
}

bool
xo_privileges_keep_few(struct xo_buf *error)
{
	return renounce(error) &&
	    (geteuid() != 0 || keep_few_capabilities(error));
}

uint64_t
xo_privileges_raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		/* What cannot be raised stays as it is. */
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return 0;
	}
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX :
	    (uint64_t)limit.rlim_cur;
}
