/* SPDX-License-Identifier: BSD-2-Clause */
/* What counts as a marker, and what the wait says of what does not. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "waited_children.h"

static void body_touch(void)
{
	write_file(marker, "");
}
/* To a file that would count if it stood there itself. */
static void body_symlink(void)
{
	char target[80];

	snprintf(target, sizeof target, "%s.target", marker);
	write_file(target, "ready\n");
	if (symlink(target, marker))
		_exit(99);
}
/* A file with two names may be another's. */
static void body_hard_link(void)
{
	char other[80];

	snprintf(other, sizeof other, "%s.other", marker);
	write_file(other, "ready\n");
	if (link(other, marker))
		_exit(99);
}
static void body_folder(void)
{
	if (mkdir(marker, 0755))
		_exit(99);
}
/* What a worker on a full disk does: create, fail to write, remove. */
static void body_full_disk(void)
{
	write_file(marker, "");
	unlink(marker);
	_exit(4);
}

static void a_stale_marker_does_not_count_until_it_is_written_anew(void **state)
{
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 3600 },
					 { .tv_sec = time(NULL) - 3600 } };
	pid_t pid = child(NULL, 0), writer;

	(void)state;
	write_file(marker, "ready\n");
	assert_int_equal(utimensat(AT_FDCWD, marker, old, 0), 0);
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, "stale"));
	/* It is written anew: no IN_CREATE then, it stands already. */
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		pause_ms(SOON_MS);
		write_file(marker, "ready\n");
		_exit(0);
	}
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	end_child(pid);
}

static void what_is_no_regular_file_does_not_count(void **state)
{
	pid_t pid = child(body_symlink, 0);
	char target[80];

	(void)state;
	while (readlink(marker, target, sizeof target) < 0) {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		pause_ms(1);
	}
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, "symbolic link"));
	end_child(pid);
	strcat(marker, ".target");
	assert_int_equal(unlink(marker), 0);
	pid = child(body_folder, 0);
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	end_child(pid);
}

static void a_marker_with_two_names_does_not_count(void **state)
{
	pid_t pid = child(body_hard_link, 0);

	(void)state;
	while (access(marker, F_OK)) {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		pause_ms(1);
	}
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, "hard links"));
	strcat(marker, ".other");
	assert_int_equal(unlink(marker), 0);
	set_marker_path(pid);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY); /* by now it is its only name */
	end_child(pid);
}

static void another_user_s_marker_does_not_count(void **state)
{
	pid_t pid;

	(void)state;
	pid = child(body_write, 0);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_int_equal(chown(marker, OTHER_UID, (gid_t)-1), 0);
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, "another user, uid 12345"));
	end_child(pid);
}

static void body_become_other(void)
{
	if (setuid(OTHER_UID))
		_exit(99);
	write_file(marker, "ready\n");
}

/* A worker of another user, as under su(1): its own marker counts. */
static void a_worker_of_another_user_has_its_own_marker(void **state)
{
	pid_t pid;

	(void)state;
	pid = child(body_become_other, 30);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	end_child(pid);
}

static void an_empty_marker_counts_when_it_has_stood_for_a_while(void **state)
{
	pid_t pid = child(body_touch, 20);

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	pause_ms(1250);
	wait_for(pid, 0, KTSTR_WORKER_READY); /* it has stood long enough: one look will do */
	end_child(pid);
	for (int round = 0; round < 50; round++) { /* never a false "ready" or "after" */
		pid = child(body_full_disk, round % 5);
		wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY_EXITED_BEFORE);
		end_child(pid);
	}
}

/* Not by skip(): cmocka 1.1 writes a skipped test as "not ok", which is a failure to Automake. */
int main(void)
{
	const struct CMUnitTest anyone[] = {
		cmocka_unit_test(a_stale_marker_does_not_count_until_it_is_written_anew),
		cmocka_unit_test(what_is_no_regular_file_does_not_count),
		cmocka_unit_test(a_marker_with_two_names_does_not_count),
		cmocka_unit_test(an_empty_marker_counts_when_it_has_stood_for_a_while),
	};
	const struct CMUnitTest root[] = {
		anyone[0],
		anyone[1],
		anyone[2],
		cmocka_unit_test(another_user_s_marker_does_not_count),
		cmocka_unit_test(a_worker_of_another_user_has_its_own_marker),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() == 0)
		return cmocka_run_group_tests(root, NULL, NULL);
	puts("# left out, since only root can give files away: "
	     "another_user_s_marker_does_not_count, a_worker_of_another_user_has_its_own_marker");
	fflush(stdout);
	return cmocka_run_group_tests(anyone, NULL, NULL);
}
