/* SPDX-License-Identifier: BSD-2-Clause */
/* A running child in the caller's hands: its pidfd, signals to it, the cgroup that it begins in. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "payload_children.h"
#include "payload_private.h"

static void the_pidfd_wakes_an_event_loop(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload = spawn_sh("echo up; exec sleep 1000", &options);
	int loop = epoll_create1(EPOLL_CLOEXEC), pidfd = -1, status = -1;
	struct epoll_event event = { .events = EPOLLIN };
	struct ktstr_error failure;

	(void)state;
	await_output(payload, "up");
	if (payload_pidfd(payload) < 0) { /* as under valgrind, which does not know pidfd_open(2) */
		assert_int_equal(ktstr_payload_pidfd(payload, &pidfd, &failure), -ENOSYS);
		assert_string_equal(failure.step, "pidfd");
		close(loop);
		ktstr_payload_close(payload);
		return;
	}
	assert_int_equal(ktstr_payload_pidfd(payload, &pidfd, NULL), 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(epoll_ctl(loop, EPOLL_CTL_ADD, pidfd, &event), 0);
	assert_int_equal(epoll_wait(loop, &event, 1, 0), 0);
	assert_int_equal(ktstr_payload_signal(payload, SIGTERM, NULL), 0);
	assert_int_equal(epoll_wait(loop, &event, 1, PATIENCE_MS), 1);
	assert_int_equal(ktstr_payload_try_wait(payload, &status, NULL), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(fcntl(pidfd, F_GETFD), -1); /* closed with the child's end */
	assert_int_equal(ktstr_payload_pidfd(payload, &pidfd, &failure), -ESRCH);
	assert_int_equal(failure.code, -ESRCH);
	close(loop);
	ktstr_payload_close(payload);
}

/* The leader ends by the signal; a member of its group, which catches it, would tell of it. */
static void a_signal_is_for_the_child_alone(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload;
	struct ktstr_error failure;
	int status;

	(void)state;
	payload = spawn_sh(
		"trap 'echo leader; exit 4' USR1;"
		" sh -c 'trap \"echo member\" USR1; echo up; while :; do sleep 0.01; done' &"
		" while :; do sleep 0.01; done",
		&options);
	await_output(payload, "up");
	assert_int_equal(ktstr_payload_signal(payload, 0, NULL), 0);
	assert_int_equal(ktstr_payload_signal(payload, SIGUSR1, NULL), 0);
	status = wait_for_it(payload);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 4);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "up\nleader\n");
	assert_int_equal(ktstr_payload_signal(payload, SIGUSR1, &failure), -ESRCH);
	assert_string_equal(failure.step, "handle");
	ktstr_payload_close(payload);
}

static void signals_that_do_not_exist_are_refused(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exec sleep 1000", NULL);
	struct ktstr_error failure;

	(void)state;
	assert_int_equal(ktstr_payload_signal(payload, -1, &failure), -EINVAL);
	assert_string_equal(failure.step, "arguments");
	assert_int_equal(ktstr_payload_signal(payload, SIGRTMAX + 1, NULL), -EINVAL);
	assert_int_equal(ktstr_payload_try_wait(payload, NULL, NULL), -EAGAIN);
	/* SIGKILL is a signal like another: the handle is not consumed by it. */
	assert_int_equal(ktstr_payload_signal(payload, SIGKILL, NULL), 0);
	assert_int_equal(WTERMSIG(wait_for_it(payload)), SIGKILL);
	ktstr_payload_close(payload);
}

/* ---- cgroups ---- */

/* What the child prints in a cgroup of its own below mount; the caller stays where it is. */
static void enters_a_cgroup_below(const char *mount)
{
	struct ktstr_payload_options options = { SIZED, .flags = KTSTR_PAYLOAD_CGROUP,
						 .out = CAPTURE };
	struct ktstr_payload_captured output;
	struct ktstr_payload *payload;
	char path[400], name[64];

	snprintf(name, sizeof name, "/ktstr-payload-test-%d", (int)getpid());
	snprintf(path, sizeof path, "%s%s", mount, name);
	if (mkdir(path, 0755)) {
		print_message("# no cgroup can be made below %s: %s\n", mount, strerror(errno));
		return;
	}
	options.cgroup_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	payload = spawn_sh("cat /proc/self/cgroup", &options);
	wait_for_it(payload);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	if (!strstr(output.data, name))
		fail_msg("not in %s: %s", path, output.data);
	ktstr_payload_close(payload);
	close(options.cgroup_fd);
	assert_int_equal(rmdir(path), 0);
}

static void the_child_begins_in_its_cgroup(void **state)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[1024], mount[256], type[64];
	int versions = 0;

	(void)state;
	assert_non_null(mounts);
	while (fgets(line, sizeof line, mounts)) {
		int version;

		if (sscanf(line, "%*s %255s %63s", mount, type) != 2)
			continue;
		/* One hierarchy of each version. cpuset's groups are born unable to hold a task. */
		version = strcmp(type, "cgroup2") == 0                            ? 2
			  : strcmp(type, "cgroup") == 0 && strstr(mount, "/pids") ? 1
										  : 0;
		if (!version || (versions & version))
			continue;
		versions |= version;
		enters_a_cgroup_below(mount);
	}
	fclose(mounts);
}

/* Any directory will do to see what is written, and when: before the streams and the exec. */
static void the_child_writes_itself_into_cgroup_procs(void **state)
{
	struct ktstr_payload_options options = { SIZED, .flags = KTSTR_PAYLOAD_CGROUP,
						 .out = CAPTURE };
	char directory[] = "/tmp/ktstr-payload-cgroup-XXXXXX", path[64], script[128];
	struct ktstr_payload *payload;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/cgroup.procs", directory);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	options.cgroup_fd = fd;
	snprintf(script, sizeof script, "cat %s", path);
	payload = spawn_sh(script, &options);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "0");
	ktstr_payload_close(payload);

	unlink(path);
	assert_spawn_fails("true", &options, -ENOENT, "cgroup of descriptor");
	options.cgroup_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_spawn_fails("true", &options, -ENOTDIR, "directory of a cgroup");
	close(options.cgroup_fd);
	options.cgroup_fd = 1000;
	assert_spawn_fails("true", &options, -EBADF, "(errno 9)");
	rmdir(directory);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_pidfd_wakes_an_event_loop),
		TEST(a_signal_is_for_the_child_alone),
		TEST(signals_that_do_not_exist_are_refused),
		TEST(the_child_begins_in_its_cgroup),
		TEST(the_child_writes_itself_into_cgroup_procs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
