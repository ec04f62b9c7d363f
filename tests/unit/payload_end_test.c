/* SPDX-License-Identifier: BSD-2-Clause */
/* How a child ends: waited for, killed, with its group and with its parent, and what others may do
 * to it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

#include "payload_children.h"
#include "payload_private.h"
#include "shared/clock.h"

static void a_handle_is_consumed_once(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload = spawn_sh("echo word; exec sleep 1000", &options);
	int status = -1;
	pid_t pid = 0;

	(void)state;
	await_output(payload, "word");
	assert_int_equal(ktstr_payload_try_wait(payload, &status, NULL), -EAGAIN);
	assert_int_equal(ktstr_payload_wait(payload, 0, &status, NULL), -ETIMEDOUT);
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), 0);
	assert_int_equal(getpgid(pid), pid);
	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wait_for_it(payload);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

	assert_int_equal(ktstr_payload_try_wait(payload, &status, NULL), -ESRCH);
	assert_int_equal(ktstr_payload_wait(payload, -1, &status, NULL), -ESRCH);
	assert_int_equal(ktstr_payload_kill(payload, &status, NULL), -ESRCH);
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), -ESRCH);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "word\n");
	errno = 4242;
	ktstr_payload_close(payload);
	ktstr_payload_close(NULL);
	assert_int_equal(errno, 4242);
}

static void try_wait_sees_the_end_without_blocking(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exit 3", NULL);
	int status = -1, rc, i;

	(void)state;
	for (i = 0;
	     i < PATIENCE_MS && (rc = ktstr_payload_try_wait(payload, &status, NULL)) == -EAGAIN;
	     i++)
		poll(NULL, 0, 1);
	assert_int_equal(rc, 0);
	assert_int_equal(WEXITSTATUS(status), 3);
	ktstr_payload_close(payload);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void wait_times_out_in_spite_of_signals(void **state)
{
	const struct itimerval every_10ms = { .it_interval = { .tv_usec = 10000 },
					      .it_value = { .tv_usec = 10000 } };
	/* It stays: under valgrind the last signal may come after the timer was stopped. */
	const struct sigaction action = { .sa_handler = on_alarm };
	struct ktstr_payload *payload = spawn_sh("exec sleep 1000", NULL);
	int64_t deadline;
	int status;

	(void)state;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every_10ms, NULL);
	deadline = deadline_after_ms(200);
	assert_int_equal(ktstr_payload_wait(payload, 200, &status, NULL), -ETIMEDOUT);
	assert_int_equal(deadline_left_ms(deadline), 0); /* not before its time */
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	assert_true(alarms > 0);
	ktstr_payload_close(payload);
}

static void kill_takes_the_group_and_keeps_output(void **state)
{
	char variable[32];
	const char *set[] = { variable, NULL };
	struct ktstr_payload_options options = { SIZED, .env_set = set, .out = CAPTURE };
	struct ktstr_payload *payload;
	int leash[2], status = 0;

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & sh -c 'sleep 1000 & wait' & echo up; wait", &options);
	await_output(payload, "up");
	assert_int_equal(ktstr_payload_kill(payload, &status, NULL), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	leash_assert_all_gone(leash);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "up\n");
	ktstr_payload_close(payload);

	payload = spawn_sh("exit 9", NULL); /* ended before the kill: its own status */
	poll(&(struct pollfd){ .fd = payload_pidfd(payload), .events = POLLIN }, 1, 1000);
	assert_int_equal(ktstr_payload_kill(payload, NULL, NULL), 0);
	ktstr_payload_close(payload);
}

/* The leader ends and leaves its group behind, with the captured pipe open. */
static void what_is_left_of_the_group_is_killed(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload;
	int leash[2];

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & sleep 1000 & echo left; exit 5", &options);
	assert_int_equal(WEXITSTATUS(wait_for_it(payload)), 5);
	leash_assert_all_gone(leash);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "left\n");
	ktstr_payload_close(payload);
}

/* A descendant in another session is out of reach; it must not hold the caller up either. */
static void a_daemon_does_not_hold_up_the_wait(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload =
		spawn_sh("setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000", &options);
	struct ktstr_payload_captured output;
	long daemon;

	(void)state;
	await_output(payload, "\n");
	assert_int_equal(ktstr_payload_kill(payload, NULL, NULL), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	daemon = strtol(output.data, NULL, 10);
	assert_true(daemon > 1);
	assert_int_equal(kill((pid_t)daemon, SIGKILL), 0);
	ktstr_payload_close(payload);
}

static void close_leaves_nothing(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE, .err = CAPTURE };
	struct ktstr_payload *payload;
	int leash[2];

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo up; trap '' TERM; wait", &options);
	await_output(payload, "up");
	ktstr_payload_close(payload);
	leash_assert_all_gone(leash);
}

/* Does this kernel keep the exit status for the holder of a pidfd (Linux 6.15)? */
static bool kernel_keeps_status(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 15));
}

static void a_caller_that_ignores_sigchld_is_told_that_the_status_is_lost(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload;
	char variable[32];
	int leash[2], status = -1, rc, i;
	bool known;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 200; i++) {
		payload = spawn_sh("echo word; exit 11", &options);
		known = kernel_keeps_status() && payload_pidfd(payload) >= 0;
		rc = ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL);
		/* Elsewhere the status is lost, and that is what it says. */
		assert_int_equal(rc, known ? 0 : -ECHILD);
		assert_true(rc || (WIFEXITED(status) && WEXITSTATUS(status) == 11));
		assert_int_equal(ktstr_payload_wait(payload, 0, &status, NULL), -ESRCH);
		assert_output(payload, KTSTR_PAYLOAD_STDOUT, "word\n");
		ktstr_payload_close(payload);
	}
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT, "PATH");
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo up; wait", &options);
	await_output(payload, "up");
	rc = ktstr_payload_kill(payload, &status, NULL);
	assert_true((rc == 0 && WIFSIGNALED(status)) || rc == -ECHILD);
	leash_assert_all_gone(leash);
	ktstr_payload_close(payload);
	signal(SIGCHLD, SIG_DFL);
}

static void a_child_that_somebody_else_reaped_is_told(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exit 12", NULL);
	bool has_pidfd = payload_pidfd(payload) >= 0;
	int status = -1, rc;
	pid_t pid;

	(void)state;
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	rc = ktstr_payload_try_wait(payload, &status, NULL);
	assert_true((has_pidfd && rc == 0 && WEXITSTATUS(status) == 12) || rc == -ECHILD);
	assert_int_equal(ktstr_payload_kill(payload, &status, NULL), -ESRCH);
	ktstr_payload_close(payload);

	payload = spawn_sh("exit 0", NULL);
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ktstr_payload_close(payload); /* must not hang */
}

static int pid_pipe[2]; /* through it the copy tells the pid of its child */

static int spawn_then_end(int flags)
{
	const char *argv[] = { "/bin/sleep", "1000", NULL };
	struct ktstr_payload_options options = { SIZED, .flags = (uint32_t)flags };
	static struct ktstr_payload
		*payload; /* static: left on purpose, so not a leak to valgrind */
	pid_t pid;

	if (ktstr_payload_spawn(argv, &options, &payload, NULL) ||
	    ktstr_payload_pid(payload, &pid, NULL))
		return 1;
	return write(pid_pipe[1], &pid, sizeof pid) != sizeof pid;
}

static void the_child_dies_with_its_parent(void **state)
{
	char variable[32];
	struct pollfd held;
	int leash[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(pid_pipe, O_CLOEXEC), 0);
	leash_make(leash, variable, sizeof variable);
	assert_int_equal(in_a_copy(spawn_then_end, KTSTR_PAYLOAD_DIE_WITH_PARENT), 0);
	leash_assert_all_gone(leash);
	assert_int_equal(read(pid_pipe[0], &pid, sizeof pid), sizeof pid);

	/* Without the flag it lives on; as its new parent we can end it. */
	leash_make(leash, variable, sizeof variable);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(in_a_copy(spawn_then_end, 0), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	assert_int_equal(read(pid_pipe[0], &pid, sizeof pid), sizeof pid);
	close(leash[1]);
	held = (struct pollfd){ .fd = leash[0] };
	assert_int_equal(poll(&held, 1, 100), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(leash[0]);
	close(pid_pipe[0]);
	close(pid_pipe[1]);
}

static void a_shared_group_is_never_signalled(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = { SIZED, .flags = KTSTR_PAYLOAD_SHARE_GROUP,
						 .out = CAPTURE };
	struct ktstr_payload *payload;
	struct pollfd held;
	char *number;
	int leash[2];
	long sleeper;
	pid_t pid;
	struct ktstr_payload_captured output;

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo sleeper $!; exec sleep 1000", &options);
	await_output(payload, "\n");
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), 0);
	assert_int_equal(getpgid(pid), getpgrp());
	assert_int_equal(ktstr_payload_kill(payload, NULL, NULL), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	number = strchr(output.data, ' ');
	assert_non_null(number);
	sleeper = strtol(number, NULL, 10);
	ktstr_payload_close(payload);
	close(leash[1]);
	held = (struct pollfd){ .fd = leash[0] };
	assert_int_equal(poll(&held, 1, 100), 0); /* the sleeper lives */
	assert_true(sleeper > 1);
	assert_int_equal(kill((pid_t)sleeper, SIGKILL), 0);
	assert_int_equal(poll(&held, 1, PATIENCE_MS), 1);
	close(leash[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handle_is_consumed_once),
		TEST(try_wait_sees_the_end_without_blocking),
		TEST(wait_times_out_in_spite_of_signals),
		TEST(kill_takes_the_group_and_keeps_output),
		TEST(what_is_left_of_the_group_is_killed),
		TEST(a_daemon_does_not_hold_up_the_wait),
		TEST(close_leaves_nothing),
		TEST(a_caller_that_ignores_sigchld_is_told_that_the_status_is_lost),
		TEST(a_child_that_somebody_else_reaped_is_told),
		TEST(the_child_dies_with_its_parent),
		TEST(a_shared_group_is_never_signalled),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	setenv("PATH", "/usr/bin:/bin",
	       1); /* one without directories that this user may not enter: EACCES */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
