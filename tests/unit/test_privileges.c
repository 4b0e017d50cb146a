/* SPDX-License-Identifier: ISC */
/*
 * Privileges, each case in a child: what is given up does not come back.
 */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <proc/privileges.h>

#define OTHER "nobody"

/* 0, or the number of what went wrong first. */
static int
in_child(int (*part)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(part());
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
has_renounced(void)
{
	struct rlimit limit;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 20;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 21;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
		return 22;
	return 0;
}

static int
stay(void)
{
	struct xo_buf error = {0};
	uid_t before = geteuid();

	if (!xo_privileges_drop(NULL, &error) || error.len != 0)
		return 1;
	if (geteuid() != before)
		return 2;
	return has_renounced();
}

static int
become_other(void)
{
	const gid_t foreign = 54321;
	struct xo_buf error = {0};
	const struct passwd *entry = getpwnam(OTHER);
	gid_t groups[64];
	uid_t uid;
	int n;

	if (entry == NULL)
		return 1;
	uid = entry->pw_uid;
	/* A group of the caller's must not stay. */
	if (setgroups(1, &foreign) != 0)
		return 2;
	if (!xo_privileges_drop(OTHER, &error))
		return 3;
	if (getuid() != uid || geteuid() != uid)
		return 4;
	if (setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return 5;
	n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == foreign)
			return 6;
	/* A second time, for who already is: fine. For others: not. */
	if (!xo_privileges_drop(OTHER, &error))
		return 7;
	if (xo_privileges_drop("root", &error) || error.len == 0)
		return 8;
	return has_renounced();
}

static int
become_root(void)
{
	struct xo_buf error = {0};

	return !xo_privileges_drop("root", &error) && error.len > 0 ? 0 : 1;
}

static int
become_nobody_known(void)
{
	struct xo_buf error = {0};

	if (xo_privileges_drop("no-such-user-here", &error))
		return 1;
	return error.len > 0 ? 0 : 2;
}

static int
raise_files(void)
{
	struct rlimit limit;
	rlim_t hard;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	hard = limit.rlim_max;
	limit.rlim_cur = 64;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 2;
	if (xo_privileges_raise_nofile() !=
	    (hard == RLIM_INFINITY ? UINT64_MAX : (uint64_t)hard))
		return 3;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur == hard ? 0 : 4;
}

static void
test_stay(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(stay));
}

static void
test_become_other(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(geteuid() == 0 ? become_other :
	    become_root));
}

static void
test_unknown_user(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(become_nobody_known));
	assert_true(xo_user_exists("root"));
	assert_false(xo_user_exists("no-such-user-here"));
}

static void
test_raise_nofile(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(raise_files));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stay),
		cmocka_unit_test(test_become_other),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_raise_nofile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
