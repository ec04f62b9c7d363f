/* SPDX-License-Identifier: BSD-2-Clause */
/* What counts as a marker, and what the wait says of what does not. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "shared/clock.h"
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
static void body_directory(void)
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

static void set_time(const char *path, int64_t from_now_ms)
{
	const int64_t when = clock_ns(CLOCK_REALTIME) + from_now_ms * NS_PER_MS;
	const struct timespec times[2] = { timespec_from_ns(when), timespec_from_ns(when) };

	if (utimensat(AT_FDCWD, path, times, 0))
		_exit(99);
}

/* Does every wait time out, and say why once there is something to be refused? */
static void is_refused(pid_t pid, const char *why)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += 2 * SOON_MS) {
		wait_for(pid, 2 * SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
		if (strstr(result.text, why))
			return;
	}
	fail_msg("'%s' is missing: %s", why, result.text);
}

static void body_write_after_stop(void)
{
	raise(SIGSTOP);
	pause_ms(SOON_MS);
	write_file(marker, "ready\n");
}

static void a_stale_marker_counts_when_it_is_written_anew(void **state)
{
	pid_t pid = child(body_write_after_stop, 0);

	(void)state;
	write_file(marker, "ready\n");
	set_time(marker, -3600000);
	is_refused(pid, "stale");
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	kill(pid, SIGCONT);
	/* No IN_CREATE then, it stands already. */
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	end_child(pid);
}

static void body_write_future(void)
{
	char temporary[80];

	snprintf(temporary, sizeof temporary, "%s.new", marker);
	write_file(temporary, "ready\n");
	set_time(temporary, 2000);
	if (rename(temporary, marker))
		_exit(99);
}

/* Nor when its time has come. */
static void a_marker_from_the_future_does_not_count(void **state)
{
	pid_t pid = child(body_write_future, 0);

	(void)state;
	while (access(marker, F_OK))
		pause_ms(1);
	wait_for(pid, 2500, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, "dated in the future"));
	end_child(pid);
}

static void body_link_old(void)
{
	char other[80];

	snprintf(other, sizeof other, "%s.other", marker);
	pause_ms(SOON_MS); /* so that it is counted as written during the wait */
	write_file(other, "ready\n");
	set_time(other, -3600000);
	if (link(other, marker) || unlink(other))
		_exit(99);
}

static void an_old_file_that_is_given_the_name_before_our_eyes_is_stale(void **state)
{
	pid_t pid = child(body_link_old, 0);

	(void)state;
	is_refused(pid, "stale");
	end_child(pid);
}

/* A new file of another user's, seen being written, and an old one of the worker's moved over it.
 */
static void body_exchange(void)
{
	char other[80];

	snprintf(other, sizeof other, "%s.other", marker);
	pause_ms(SOON_MS); /* so that it is counted as written during the wait */
	write_file(other, "ready\n");
	set_time(other, -3600000);
	write_file(marker, "");
	if (chown(marker, OTHER_UID, (gid_t)-1))
		_exit(99);
	write_file(marker, "ready\n");
	if (rename(other, marker))
		_exit(99);
}

static void an_old_file_that_is_moved_over_a_new_one_is_stale(void **state)
{
	pid_t pid = child(body_exchange, 0);

	(void)state;
	is_refused(pid, "stale");
	end_child(pid);
}

static void a_marker_that_another_process_writes_does_not_count(void **state)
{
	pid_t pid = child(NULL, 0), writer;

	(void)state;
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		pause_ms(SOON_MS);
		write_file(marker, "ready\n");
		_exit(0);
	}
	is_refused(pid, "has not written that much"); /* seen being made */
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	is_refused(pid, "has not written that much"); /* standing already */
	kill(pid, SIGKILL);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY_EXITED_BEFORE);
	end_child(pid);
}

/* What was written before the wait began is not the marker that is made before our eyes. */
static void body_write_otherwise(void)
{
	char temporary[80], other[80];

	snprintf(temporary, sizeof temporary, "%s.new", marker);
	snprintf(other, sizeof other, "%s.other", marker);
	write_file(temporary, "much more than a marker\n");
	if (rename(temporary, other)) /* by which it is known to have been counted */
		_exit(99);
}

/* In one wait: between two of them a marker would be seen standing already, and told to be ready.
 */
static void refused_while_another_writes(bool again_and_again, int timeout_ms, const char *why)
{
	pid_t pid = child(body_write_otherwise, 0), writer;
	char other[80];

	snprintf(other, sizeof other, "%s.other", marker);
	while (access(other, F_OK))
		pause_ms(1);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause_ms(4 * SOON_MS);
		for (;;) {
			write_file(marker, "ready\n");
			pause_ms(again_and_again ? 0 : PATIENCE_MS);
			unlink(marker);
			pause_ms(2);
		}
	}
	wait_for(pid, timeout_ms, KTSTR_WORKER_READY_TIMED_OUT);
	assert_non_null(strstr(result.text, why));
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_int_equal(unlink(other), 0);
	end_child(pid);
}

static void what_the_worker_wrote_earlier_does_not_count(void **state)
{
	(void)state;
	refused_while_another_writes(false, 1500, "has not written that much");
}

/* Also where one look comes when what was removed is there again. */
static void however_often_it_is_made_what_another_writes_does_not_count(void **state)
{
	(void)state;
	refused_while_another_writes(true, 1000, "still running");
}

static void body_let_a_child_write(void)
{
	pid_t writer = fork();

	if (writer == 0) {
		write_file(marker, "ready\n");
		pause_ms(SOON_MS);
		_exit(0);
	}
	waitpid(writer, NULL, 0);
}

static void a_marker_that_its_child_writes_counts_when_that_ends(void **state)
{
	pid_t pid = child(body_let_a_child_write, 20);

	(void)state;
	wait_for(pid, -1, KTSTR_WORKER_READY); /* there is no last look at a deadline */
	end_child(pid);
}

static void body_rename_after_stop(void)
{
	char temporary[80];

	snprintf(temporary, sizeof temporary, "%s.new", marker);
	write_file(temporary, "ready\n");
	raise(SIGSTOP);
	pause_ms(SOON_MS);
	if (rename(temporary, marker))
		_exit(99);
}

static void a_marker_that_was_written_before_the_wait_may_be_moved_there(void **state)
{
	pid_t pid = child(body_rename_after_stop, 0);

	(void)state;
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	kill(pid, SIGCONT);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	end_child(pid);
}

static void body_shell(void)
{
	execl("/bin/sh", "sh", "-c", "kill -STOP $$\t; worker \033[31m", (char *)NULL);
}

static void body_named_as_worker(void)
{
	execl("/bin/sh", "/usr/libexec/ktstr-jemalloc-alloc-worker", "-c", "kill -STOP $$",
	      (char *)NULL);
}

static void a_timeout_says_what_runs_in_place_of_the_worker(void **state)
{
	pid_t pid = child(body_shell, 0);

	(void)state;
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	is_refused(pid, "not the worker, it runs 'sh -c kill -STOP $$?; worker ?[31m'");
	end_child(pid);
	pid = child(body_named_as_worker, 0);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	wait_for(pid, 0, KTSTR_WORKER_READY_TIMED_OUT);
	assert_null(strstr(result.text, "it runs"));
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
	pid = child(body_directory, 0);
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
	assert_non_null(strstr(result.text, "owned by uid 12345"));
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
	const struct CMUnitTest root[] = {
		cmocka_unit_test(a_stale_marker_counts_when_it_is_written_anew),
		cmocka_unit_test(a_marker_from_the_future_does_not_count),
		cmocka_unit_test(an_old_file_that_is_given_the_name_before_our_eyes_is_stale),
		cmocka_unit_test(a_marker_that_another_process_writes_does_not_count),
		cmocka_unit_test(what_the_worker_wrote_earlier_does_not_count),
		cmocka_unit_test(however_often_it_is_made_what_another_writes_does_not_count),
		cmocka_unit_test(a_marker_that_its_child_writes_counts_when_that_ends),
		cmocka_unit_test(a_marker_that_was_written_before_the_wait_may_be_moved_there),
		cmocka_unit_test(a_timeout_says_what_runs_in_place_of_the_worker),
		cmocka_unit_test(what_is_no_regular_file_does_not_count),
		cmocka_unit_test(a_marker_with_two_names_does_not_count),
		cmocka_unit_test(an_empty_marker_counts_when_it_has_stood_for_a_while),
		cmocka_unit_test(another_user_s_marker_does_not_count),
		cmocka_unit_test(a_worker_of_another_user_has_its_own_marker),
		cmocka_unit_test(an_old_file_that_is_moved_over_a_new_one_is_stale),
	};
	size_t left_out = geteuid() == 0 ? 0 : 3;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (left_out)
		puts("# left out, since only root can give files away: the last 3");
	fflush(stdout);
	return _cmocka_run_group_tests("root", root, sizeof root / sizeof *root - left_out, NULL,
				       NULL);
}
