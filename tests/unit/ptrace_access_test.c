/* SPDX-License-Identifier: BSD-2-Clause */
/* Which gate is named for which state of the machine. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/ptrace_access.h"
#include "made_directory.h"

static const struct ptrace_access open_gate = {
	.own_uid = 1000,
	.own_gid = 100,
	.target_uid = { 1000, 1000, 1000 },
	.target_gid = { 100, 100, 100 },
	.capability = 0,
	.yama = 0,
	.dumpable = 1,
	.own_seccomp = 0,
	.tracer = 0,
	.same_user_space = 1,
	.more_capable = 0,
};

static void expect(struct ptrace_access gate, const char *part)
{
	char text[1024];

	ptrace_access_text(&gate, text, sizeof text);
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
	assert_null(strchr(text, '\n'));
}

/* What a user has to open is known from the first message on. */
static void all_gates_that_are_shut_are_named_at_once(void **state)
{
	struct ptrace_access gate = open_gate;

	(void)state;
	gate.target_uid[0] = 7;
	expect(gate,
	       "it runs as another user: run this as root (CAP_SYS_PTRACE), or as that user [");
	gate.yama = 1;
	expect(gate,
	       "it runs as another user, and Yama lets only an ancestor read it (ptrace_scope "
	       "1): run this as root (CAP_SYS_PTRACE) [");
	gate.target_gid[1] = 7;
	gate.dumpable = 0;
	gate.more_capable = 1;
	gate.own_seccomp = 2;
	expect(gate,
	       "it runs as another user, and it runs with another group, and it is not "
	       "dumpable (set-id program, file capabilities or PR_SET_DUMPABLE), and it holds "
	       "capabilities that we lack, and Yama lets only an ancestor read it "
	       "(ptrace_scope 1); the seccomp filter of our own process may refuse as well: "
	       "run this as root (CAP_SYS_PTRACE) [");
	gate.yama = 3;
	expect(gate, "boot with a lower kernel.yama.ptrace_scope first, then run this as root");
	gate.capability = 1;
	gate.same_user_space = 0;
	expect(gate,
	       "Yama forbids every attach (ptrace_scope 3, until the next boot), and it lives "
	       "in a user namespace");
}

/* As in a container: to run it as root is what the user did. */
static void uid_0_without_the_capability_is_told_of_the_capability(void **state)
{
	struct ptrace_access gate = open_gate;

	(void)state;
	gate.own_uid = 0;
	expect(gate, "this is uid 0 without CAP_SYS_PTRACE: give it that capability (a container: "
		     "--cap-add SYS_PTRACE)");
	gate = open_gate;
	gate.own_uid = 0;
	memset(gate.target_uid, 0, sizeof gate.target_uid);
	gate.yama = 1;
	expect(gate, "(ptrace_scope 1): this is uid 0 without CAP_SYS_PTRACE: give it that");
}

static void the_longest_text_fits(void **state)
{
	struct ptrace_access gate = { .own_uid = UINT32_MAX,
				      .own_gid = UINT32_MAX,
				      .target_uid = { INT32_MAX, INT32_MAX, INT32_MAX },
				      .target_gid = { INT32_MAX, INT32_MAX, INT32_MAX },
				      .yama = 3,
				      .own_seccomp = 2,
				      .tracer = INT32_MAX,
				      .same_user_space = -1,
				      .more_capable = 1 };
	char text[PTRACE_ACCESS_TEXT_SIZE];

	(void)state;
	ptrace_access_text(&gate, text, sizeof text);
	assert_int_equal(text[strlen(text) - 1], ']');
}

static void the_gate_that_refuses_is_named(void **state)
{
	struct ptrace_access gate = open_gate;

	(void)state;
	expect(gate, "a security module");
	gate.more_capable = 1;
	expect(gate, "capabilities that we lack");
	gate.yama = 1;
	expect(gate, "ptrace_scope 1)");
	gate.yama = 2;
	expect(gate, "ptrace_scope 2)");
	gate.yama = 3;
	expect(gate, "ptrace_scope 3,");
	gate.dumpable = 0;
	expect(gate, "not dumpable");
	gate.target_gid[0] = 7;
	expect(gate, "another group");
	gate.target_uid[2] = 0; /* a saved uid alone is enough to refuse */
	expect(gate, "another user");
	gate.capability = 1;
	expect(gate, "ptrace_scope 3,");
	gate.yama = -1;
	expect(gate, "Yama ptrace_scope absent");
	expect(gate, "a security module");
	gate.same_user_space = -1;
	expect(gate, "or a security module");
	gate.same_user_space = 0;
	expect(gate, "user namespace over which our");
}

static void ids_that_are_not_known_are_not_anothers(void **state)
{
	struct ptrace_access gate = open_gate;

	(void)state;
	for (int i = 0; i < 3; i++)
		gate.target_uid[i] = gate.target_gid[i] = -1;
	expect(gate, "a security module");
}

static void a_short_buffer_is_filled_and_not_overrun(void **state)
{
	char text[10];

	(void)state;
	ptrace_access_text(&open_gate, text, sizeof text);
	assert_int_equal(strlen(text), 9);
}

static void this_process_is_what_libc_says_that_it_is(void **state)
{
	struct ptrace_access gate;
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	ptrace_access_read(proc_fd, getpid(), &gate);
	assert_int_equal(gate.own_uid, geteuid());
	assert_int_equal(gate.target_uid[1], geteuid());
	assert_int_equal(gate.target_gid[1], getegid());
	assert_int_equal(gate.same_user_space, 1);
	assert_true(gate.capability == 0 || gate.capability == 1);
	assert_true(gate.own_seccomp >= 0);
	ptrace_access_read(proc_fd, 0, &gate); /* no such process: unknown, no crash */
	assert_int_equal(gate.target_uid[0], -1);
	assert_int_equal(gate.tracer, -1);
	close(proc_fd);
}

static void put_status(const char *name, const char *permitted, const char *effective)
{
	char path[64];
	FILE *file;
	int fd;

	snprintf(path, sizeof path, "%s/status", name);
	assert_true(mkdirat(directory_fd, name, 0700) == 0 || errno == EEXIST);
	fd = openat(directory_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	fprintf(file,
		"Tgid:\t7\nPid:\t7\nTracerPid:\t0\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\n"
		"CapPrm:\t%s\nCapEff:\t%s\n",
		permitted, effective);
	fclose(file);
}

/* __ptrace_may_access(): what it may use counts against what we use. */
static void capabilities_that_it_holds_and_we_lack_are_seen(void **state)
{
	struct ptrace_access gate;

	(void)state;
	assert_int_equal(make_directory(state), 0);
	put_status("self", "0000000000000003", "0000000000000001");
	put_status("7", "0000000000000001", "0000000000000000");
	ptrace_access_read(directory_fd, 7, &gate);
	assert_int_equal(gate.more_capable, 0);
	assert_int_equal(gate.capability, 0);
	put_status("7", "0000000000000002", "0000000000000000");
	ptrace_access_read(directory_fd, 7, &gate);
	assert_int_equal(gate.more_capable, 1);
	put_status("self", "0000000000080000", "0000000000080000");
	ptrace_access_read(directory_fd, 7, &gate);
	assert_int_equal(gate.capability, 1); /* CAP_SYS_PTRACE is 19 */
	assert_int_equal(remove_directory(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gate_that_refuses_is_named),
		cmocka_unit_test(all_gates_that_are_shut_are_named_at_once),
		cmocka_unit_test(uid_0_without_the_capability_is_told_of_the_capability),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(ids_that_are_not_known_are_not_anothers),
		cmocka_unit_test(a_short_buffer_is_filled_and_not_overrun),
		cmocka_unit_test(capabilities_that_it_holds_and_we_lack_are_seen),
		cmocka_unit_test(this_process_is_what_libc_says_that_it_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
