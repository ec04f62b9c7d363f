/* SPDX-License-Identifier: BSD-2-Clause */
/* What events of the marker's directory mean. They come through a pipe, as inotify(7) would write
 * them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "made_directory.h"
#include "marker_watch.h"

#define WATCH 3

static int pipe_ends[2];
static struct marker_watch watch;

static int set_up(void **state)
{
	(void)state;
	watch = (struct marker_watch){ .name = "marker", .fd = -1, .wd = WATCH };
	if (pipe(pipe_ends))
		return -1;
	watch.inotify = pipe_ends[0];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

/* One event; returns whether it is a reason to look. */
static bool event(int wd, uint32_t mask, const char *name)
{
	const struct inotify_event head = { .wd = wd, .mask = mask, .len = name ? 16 : 0 };
	char bytes[sizeof head + 16] = "";
	size_t size = sizeof head + head.len;

	memcpy(bytes, &head, sizeof head);
	if (name)
		strcpy(bytes + sizeof head, name);
	assert_int_equal(write(pipe_ends[1], bytes, size), (ssize_t)size);
	return marker_watch_read_events(&watch);
}

static void what_is_written_under_the_name_is_witnessed(void **state)
{
	(void)state;
	assert_true(event(WATCH, IN_CREATE, "marker")); /* link(2) makes that, too */
	assert_false(watch.witnessed);
	assert_true(watch.new_content);
	assert_true(event(WATCH, IN_MODIFY, "marker"));
	assert_true(watch.witnessed);
	assert_true(event(WATCH, IN_MOVED_TO, "marker"));
	assert_false(watch.witnessed);
	assert_false(watch.new_content);
}

static void other_files_and_directories_that_were_left_are_no_reason(void **state)
{
	(void)state;
	watch.witnessed = true;
	assert_false(event(WATCH, IN_CREATE, "other"));
	assert_false(event(WATCH, IN_CREATE, NULL));
	assert_false(event(WATCH + 1, IN_MOVED_TO, "marker"));
	assert_true(watch.witnessed);
}

/* Who knows what was among the events that are lost? */
static void when_events_are_lost_nothing_was_witnessed(void **state)
{
	(void)state;
	assert_true(event(WATCH, IN_MODIFY, "marker"));
	assert_true(watch.witnessed);
	assert_true(event(-1, IN_Q_OVERFLOW, NULL));
	assert_false(watch.witnessed);
}

static void in_another_directory_nothing_was_witnessed(void **state)
{
	struct ktstr_error failure;
	char path[sizeof directory + 16];

	(void)state;
	snprintf(path, sizeof path, "%s/marker", directory);
	marker_watch_begin(&watch, -1);
	watch.pid = getpid();
	watch.role = "worker";
	watch.failure = &failure;
	watch.path = path;
	watch.namespaces.place = WORKER_PLACE_OURS;
	assert_int_equal(marker_watch_enter(&watch), 1);
	watch.witnessed = watch.new_content = true;
	assert_int_equal(marker_watch_enter(&watch), 0); /* the same */
	assert_true(watch.witnessed && watch.new_content);
	assert_int_equal(mkdirat(directory_fd, "deeper", 0700), 0);
	snprintf(path, sizeof path, "%s/deeper/marker", directory);
	assert_int_equal(marker_watch_enter(&watch), 1);
	assert_false(watch.witnessed || watch.new_content);
	marker_watch_leave(&watch);
	if (watch.inotify >= 0)
		close(watch.inotify);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_written_under_the_name_is_witnessed),
		TEST(other_files_and_directories_that_were_left_are_no_reason),
		TEST(when_events_are_lost_nothing_was_witnessed),
		TEST(in_another_directory_nothing_was_witnessed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
