/* SPDX-License-Identifier: BSD-2-Clause */
/* The evidence for a marker, each piece alone: its times against a worker's start, and its writer.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "made_directory.h"
#include "marker_check.h"
#include "marker_writer.h"
#include "shared/clock.h"

#define TICK_NS   INT64_C(10000000)
#define OTHER_UID 12345

static struct marker_check_file file;

static void write_marker(void)
{
	int fd = openat(directory_fd, "marker", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ready\n", 6), 6);
	assert_int_equal(close(fd), 0);
	file = (struct marker_check_file){ .owner = 0 };
}

static void set_times(int64_t content_ns)
{
	const struct timespec times[2] = { timespec_from_ns(content_ns),
					   timespec_from_ns(content_ns) };

	assert_int_equal(utimensat(directory_fd, "marker", times, 0), 0);
}

/* The marker, judged for a worker that began so many nanoseconds after what the file's times say.
 */
static enum marker_check_verdict judge_begun_after(int64_t after_ns)
{
	struct stat st;
	struct worker_identity worker = { .tick_ns = (uint64_t)TICK_NS,
					  .effective_uid = geteuid(),
					  .file_system_uid = geteuid() };

	assert_int_equal(fstatat(directory_fd, "marker", &st, 0), 0);
	worker.start_ns = (uint64_t)(timespec_to_ns(&st.st_ctim) - clock_ns(CLOCK_REALTIME) +
				     clock_ns(CLOCK_BOOTTIME) + after_ns);
	return marker_check_examine(directory_fd, "marker", &worker, false, &file);
}

static int64_t coarse_ns(void)
{
	struct timespec resolution;

	assert_int_equal(clock_getres(CLOCK_REALTIME_COARSE, &resolution), 0);
	return timespec_to_ns(&resolution);
}

/* A file's time lags by one timer interrupt at most: what is older was made before the worker. */
static void a_marker_is_stale_by_one_timer_interrupt(void **state)
{
	(void)state;
	write_marker();
	assert_int_equal(judge_begun_after(-NS_PER_SEC), MARKER_CHECK_FRESH);
	assert_int_equal(judge_begun_after(0), MARKER_CHECK_FRESH);
	assert_int_equal(judge_begun_after(coarse_ns() / 2), MARKER_CHECK_FRESH);
	assert_int_equal(judge_begun_after(coarse_ns() + 3 * NS_PER_MS), MARKER_CHECK_STALE);
	assert_int_equal(judge_begun_after(2 * TICK_NS), MARKER_CHECK_STALE);
}

static void both_times_of_a_file_count(void **state)
{
	int64_t now = clock_ns(CLOCK_REALTIME);

	(void)state;
	write_marker();
	set_times(now - 3600 * NS_PER_SEC);
	assert_int_equal(judge_begun_after(-NS_PER_SEC), MARKER_CHECK_STALE);
	set_times(now + 3600 * NS_PER_SEC);
	assert_int_equal(judge_begun_after(-NS_PER_SEC), MARKER_CHECK_FUTURE);
	assert_int_equal(judge_begun_after(NS_PER_SEC), MARKER_CHECK_FUTURE);
	/* A time of its content that suits does not help a file that was made before the worker. */
	now = clock_ns(CLOCK_REALTIME);
	set_times(now + 100 * NS_PER_MS);
	nanosleep(&(struct timespec){ .tv_nsec = 120 * NS_PER_MS }, NULL);
	file = (struct marker_check_file){ .owner = 0 };
	assert_int_equal(judge_begun_after(50 * NS_PER_MS), MARKER_CHECK_STALE);
}

/* A new file has the name now: what was seen of the one before does not count. */
static void another_file_is_judged_anew(void **state)
{
	struct marker_check_file before;

	(void)state;
	write_marker();
	set_times(clock_ns(CLOCK_REALTIME) + 3600 * NS_PER_SEC);
	assert_int_equal(judge_begun_after(-NS_PER_SEC), MARKER_CHECK_FUTURE);
	before = file;
	assert_int_equal(renameat(directory_fd, "marker", directory_fd, "before"), 0);
	write_marker();
	file = before;
	assert_int_equal(judge_begun_after(-NS_PER_SEC), MARKER_CHECK_FRESH);
	assert_int_equal(unlinkat(directory_fd, "before", 0), 0);
}

/* One that was seen being made may be in the midst of it, whatever its time says. */
static void an_empty_marker_counts_when_it_has_stood_and_was_not_seen(void **state)
{
	const struct worker_identity worker = { .tick_ns = (uint64_t)TICK_NS,
						.effective_uid = geteuid(),
						.file_system_uid = geteuid() };

	(void)state;
	write_marker();
	close(openat(directory_fd, "marker", O_WRONLY | O_TRUNC | O_CLOEXEC));
	set_times(clock_ns(CLOCK_REALTIME) - 60 * NS_PER_SEC);
	assert_int_equal(marker_check_examine(directory_fd, "marker", &worker, true, &file),
			 MARKER_CHECK_EMPTY);
	assert_int_equal(marker_check_examine(directory_fd, "marker", &worker, false, &file),
			 MARKER_CHECK_FRESH);
	set_times(clock_ns(CLOCK_REALTIME));
	assert_int_equal(marker_check_examine(directory_fd, "marker", &worker, false, &file),
			 MARKER_CHECK_EMPTY);
}

static enum marker_check_verdict judge_sized(pid_t pid, pid_t inner_pid, uint64_t before,
					     uint64_t size)
{
	const struct worker_identity worker = { .inner_pid = (uint32_t)inner_pid };

	char path[sizeof directory + 8];

	snprintf(path, sizeof path, "%s/marker", directory);
	file.size = size;
	return marker_writer_examine(pid, &worker, directory_fd, path, before, &file);
}

static enum marker_check_verdict judge_writer(pid_t pid, pid_t inner_pid, uint64_t before)
{
	return judge_sized(pid, inner_pid, before, 6);
}

static void who_has_written_less_is_not_its_writer(void **state)
{
	pid_t pid = fork();
	uint64_t count;

	(void)state;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_int_equal(judge_writer(pid, pid, 0), MARKER_CHECK_OF_OTHER);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);

	write_marker();
	count = marker_writer_count(getpid());
	assert_true(count >= 6 && count != MARKER_WRITER_UNKNOWN);
	assert_int_equal(judge_writer(getpid(), getpid(), 0), MARKER_CHECK_FRESH);
	assert_int_equal(judge_writer(getpid(), getpid(), count - 6), MARKER_CHECK_FRESH);
	assert_int_equal(judge_writer(getpid(), getpid(), count - 5), MARKER_CHECK_OF_OTHER);
}

/* An ordinary user may not read what root's process has written: others are looked for. */
static int without_count(pid_t roots)
{
	struct stat st;
	bool first = stat("/proc/self/ns/pid", &st) || st.st_ino == 0xEFFFFFFCu;

	if (setuid(OTHER_UID) || marker_writer_count(roots) != MARKER_WRITER_UNKNOWN)
		return 90;
	file.size = 6;
	/* Somewhere else, as in a container, it does no harm. */
	if (marker_writer_examine(roots,
				  &(struct worker_identity){ .inner_pid = (uint32_t)getpid() },
				  directory_fd, "/elsewhere", 0, &file) == MARKER_CHECK_OF_RIVAL)
		return 3;
	/* An empty one tells nothing, and no worker leaves it standing. */
	if (judge_sized(roots, getpid(), 0, 0) != MARKER_CHECK_FRESH)
		return 4;
	/* As if the worker were this process's pid in another pid namespace. */
	if (judge_writer(roots, getpid(), 0) != MARKER_CHECK_OF_RIVAL || file.rival != getpid())
		return 1;
	return judge_writer(roots, roots, 0) == (first ? MARKER_CHECK_FRESH : MARKER_CHECK_UNPROVEN)
		       ? 0
		       : 2;
}

static void where_the_count_is_hidden_a_process_of_the_same_number_is_a_doubt(void **state)
{
	pid_t roots = getpid(), pid = fork();
	int status = -1;

	(void)state;
	if (pid == 0)
		_exit(without_count(roots));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_marker_is_stale_by_one_timer_interrupt),
		cmocka_unit_test(both_times_of_a_file_count),
		cmocka_unit_test(another_file_is_judged_anew),
		cmocka_unit_test(an_empty_marker_counts_when_it_has_stood_and_was_not_seen),
		cmocka_unit_test(who_has_written_less_is_not_its_writer),
		cmocka_unit_test(where_the_count_is_hidden_a_process_of_the_same_number_is_a_doubt),
	};
	size_t left_out = geteuid() == 0 ? 0 : 1;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (left_out)
		puts("# left out, since only root can change its user: the last");
	fflush(stdout);
	return _cmocka_run_group_tests("tests", tests, sizeof tests / sizeof *tests - left_out,
				       make_directory, remove_directory);
}
