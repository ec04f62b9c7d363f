/* SPDX-License-Identifier: BSD-2-Clause */
/* The file /proc/PID/status. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/proc_status.h"

#define BEGIN \
	"Name:\tx\nState:\tS (sleeping)\nTgid:\t7\nNgid:\t0\nPid:\t9\nPPid:\t1\nTracerPid:\t3\n"
#define IDS  "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967295\n"
#define CAPS "CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000080000\n"

static void each_line_is_read_into_its_member(void **state)
{
	static const char text[] = BEGIN IDS "Groups:\t0 \nNSpid:\t9\t5\t2\n" CAPS
					     "Seccomp:\t2\nX:\t1\n";
	struct proc_status status;

	(void)state;
	assert_int_equal(proc_status_parse(text, &status), 0);
	assert_int_equal(status.tgid, 7);
	assert_int_equal(status.pid, 9);
	assert_int_equal(status.tracer, 3);
	assert_int_equal(status.ns_tid, 2);
	assert_int_equal(status.levels, 3);
	for (uint32_t i = 0; i < PROC_STATUS_IDS; i++)
		assert_int_equal(status.uids[i], i + 1);
	assert_int_equal(status.gids[PROC_STATUS_REAL], 5);
	assert_int_equal(status.gids[PROC_STATUS_FILE_SYSTEM], UINT32_MAX);
	assert_true(status.cap_permitted == UINT64_C(0x1ffffffffff));
	assert_true(status.cap_effective == UINT64_C(0x80000));
	assert_int_equal(status.seccomp, 2);
}

static void a_kernel_without_namespaces_and_seccomp_is_understood(void **state)
{
	struct proc_status status;

	(void)state;
	assert_int_equal(proc_status_parse(BEGIN IDS CAPS, &status), 0);
	assert_int_equal(status.ns_tid, 9);
	assert_int_equal(status.levels, 1);
	assert_int_equal(status.seccomp, -1);
}

static void a_text_with_a_line_missing_is_refused(void **state)
{
	static const char whole[] = BEGIN IDS CAPS;
	static const char *const keys[] = {
		"\nTgid:", "\nPid:", "\nTracerPid:", "\nUid:", "\nGid:", "\nCapPrm:", "\nCapEff:",
	};
	struct proc_status status;

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char text[sizeof whole];

		memcpy(text, whole, sizeof whole);
		strstr(text, keys[i])[1] = '?';
		assert_int_equal(proc_status_parse(text, &status), -EBADMSG);
	}
}

static void a_line_that_is_not_understood_is_refused(void **state)
{
	static const char *const lines[] = {
		"NSpid:\n",
		"NSpid:\tx\n",
		"NSpid:\t9\t99999999999\n",
		"Tgid:\t-7\n",
		"Tgid:\t7x\n",
		"Uid:\t1\t2\t3\n",
		"Uid:\t1\t2\t3\t4\t5\n",
		"Gid:\t1\t2\t3\t4294967296\n",
		"CapPrm:\t1ff\n",
		"CapEff:\t000000000000000g\n",
		"CapEff:\t00000000000000000\n",
		"Seccomp:\t\n",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct proc_status status;

		snprintf(text, sizeof text, "%s%s", BEGIN IDS CAPS, lines[i]);
		if (proc_status_parse(text, &status) != -EBADMSG)
			fail_msg("accepted: %s", lines[i]);
	}
}

/* A file with this text, read by its path. */
static int read_back(const char *text, size_t length, struct proc_status *status)
{
	int fd = memfd_create("status", MFD_CLOEXEC), rc;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	rc = proc_status_read(AT_FDCWD, path, status);
	close(fd);
	return rc;
}

/* The line with all groups stands before NSpid. Lines end at, before and after the end of a piece.
 */
static void a_line_of_any_length_before_those_that_matter_is_skipped(void **state)
{
	static char text[800000];
	struct proc_status status;

	(void)state;
	for (int groups = 0; groups <= 65536; groups += groups < 2000 ? 1 : 63536) {
		int length = snprintf(text, sizeof text, "%s", BEGIN IDS "Groups:\t");

		for (int i = 0; i < groups; i++)
			length += groups < 2000
					  ? snprintf(text + length, 8, "1234 ")
					  : snprintf(text + length, 16, "%d ", 2000000000 + i);
		length += snprintf(text + length, 256, "\nNSpid:\t9\t4\n" CAPS);
		assert_int_equal(read_back(text, (size_t)length, &status), 0);
		assert_int_equal(status.ns_tid, 4);
		assert_int_equal(status.levels, 2);
		assert_true(status.cap_effective == UINT64_C(0x80000));
		assert_int_equal(proc_status_parse(text, &status), 0);
		assert_int_equal(status.ns_tid, 4);
	}
}

static void a_task_that_ended_with_its_file_open_is_gone(void **state)
{
	struct proc_status status;

	(void)state;
	assert_int_equal(read_back("", 0, &status), -ESRCH);
	assert_int_equal(proc_status_read(AT_FDCWD, "/proc/0/status", &status), -ENOENT);
}

static void this_process_is_what_libc_says_that_it_is(void **state)
{
	struct proc_status status;

	(void)state;
	assert_int_equal(proc_status_read(AT_FDCWD, "/proc/self/status", &status), 0);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.pid, getpid());
	assert_int_equal(status.uids[PROC_STATUS_REAL], getuid());
	assert_int_equal(status.uids[PROC_STATUS_EFFECTIVE], geteuid());
	assert_int_equal(status.gids[PROC_STATUS_EFFECTIVE], getegid());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_read_into_its_member),
		cmocka_unit_test(a_kernel_without_namespaces_and_seccomp_is_understood),
		cmocka_unit_test(a_text_with_a_line_missing_is_refused),
		cmocka_unit_test(a_line_that_is_not_understood_is_refused),
		cmocka_unit_test(a_line_of_any_length_before_those_that_matter_is_skipped),
		cmocka_unit_test(a_task_that_ended_with_its_file_open_is_gone),
		cmocka_unit_test(this_process_is_what_libc_says_that_it_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
