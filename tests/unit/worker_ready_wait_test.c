/* SPDX-License-Identifier: BSD-2-Clause */
/* The wait for readiness: its outcomes, by pid, by handle and by path, and what it leaves behind.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../open_files.h"
#include "waited_children.h"
#include "worker_identity.h"

static void body_write_and_exit(void)
{
	write_file(marker, "ready\n");
	_exit(0);
}
static void body_exit_4(void)
{
	_exit(4);
}
static void body_rename(void)
{
	char temporary[80];

	snprintf(temporary, sizeof temporary, "%s.new", marker);
	write_file(temporary, "ready\n");
	if (rename(temporary, marker))
		_exit(99);
}

static void a_marker_makes_the_worker_ready(void **state)
{
	pid_t pid = child(body_write, 30);

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_int_equal(result.wait_status_known, 0);
	assert_true(result.elapsed_ns > 0);
	/* Standing already when the wait begins, in the same clock tick or not. */
	wait_for(pid, 0, KTSTR_WORKER_READY);
	end_child(pid);

	pid = child(body_rename, 10);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	end_child(pid);
}

static void a_worker_that_ends_without_a_marker_has_exited_before(void **state)
{
	pid_t pid = child(body_exit_4, 10);
	int status;

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY_EXITED_BEFORE);
	assert_int_equal(result.wait_status_known, 1);
	assert_int_equal(WEXITSTATUS(result.wait_status), 4);
	assert_non_null(strstr(result.text, "the marker could not be written"));
	assert_int_equal(waitpid(pid, &status, 0), pid); /* the wait did not reap it */

	pid = child(NULL, 0);
	kill(pid, SIGTERM);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY_EXITED_BEFORE);
	assert_true(WIFSIGNALED(result.wait_status) && WTERMSIG(result.wait_status) == SIGTERM);
	assert_non_null(strstr(result.text, "signal 15"));
	end_child(pid);
}

static void a_worker_that_ends_behind_its_marker_is_ready_or_exited_after(void **state)
{
	(void)state;
	for (int delay = 0; delay < 20; delay++) { /* exits at once, between marker and return */
		pid_t pid = child(body_write_and_exit, delay);

		if (ktstr_worker_ready_wait_pid(pid, "test-worker", PATIENCE_MS, &result, &error))
			fail_msg("%s", error.text);
		/* Which of the two is a race by nature; "before" or a timeout would be a lie. */
		if (result.outcome != KTSTR_WORKER_READY &&
		    result.outcome != KTSTR_WORKER_READY_EXITED_AFTER)
			fail_msg("%s", result.text);
		end_child(pid);
	}
	pid_t pid = child(body_write_and_exit, 0);
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT),
			 0); /* a zombie by now */
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY_EXITED_AFTER);
	assert_int_equal(result.wait_status_known, 1);
	assert_int_equal(result.wait_status, 0);
	end_child(pid);
}

static void a_worker_without_a_marker_times_out(void **state)
{
	pid_t pid = child(NULL, 0);

	(void)state;
	wait_for(pid, SOON_MS, KTSTR_WORKER_READY_TIMED_OUT);
	assert_true(result.elapsed_ns >= SOON_MS * UINT64_C(1000000));
	wait_for(pid, 0, KTSTR_WORKER_READY_TIMED_OUT);
	end_child(pid);
}

/* Markers that appear while the watch is being set up: none may be missed. */
static void a_marker_made_while_the_watch_is_set_up_is_not_missed(void **state)
{
	const char *rounds = getenv("KTSTR_TEST_ROUNDS");
	int count = rounds ? atoi(rounds) : 500;

	(void)state;
	for (int round = 0; round < count; round++) {
		pid_t pid = child(body_write, 0);

		wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
		end_child(pid);
	}
}

static void *wait_in_thread(void *argument)
{
	struct ktstr_worker_ready_result ready;
	struct ktstr_error why;
	intptr_t pid = (intptr_t)argument;
	int rc = ktstr_worker_ready_wait_pid((pid_t)pid, "one of many", PATIENCE_MS, &ready, &why);

	return (void *)(intptr_t)(rc || ready.outcome != KTSTR_WORKER_READY);
}

static void two_hundred_threads_wait_at_once(void **state)
{
	enum { COUNT = 200 };
	pid_t pids[COUNT];
	pthread_t threads[COUNT];
	void *failed;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		pids[i] = child(body_write, 100 + i % 50);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_in_thread,
						(void *)(intptr_t)pids[i]),
				 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
		end_child(pids[i]);
	}
}

/* ---- by handle, and by path ---- */

static struct ktstr_payload *shell(const char *script, const char *path)
{
	const char *const argv[] = { "/bin/sh", "-c", script, "sh", path, NULL };
	const struct ktstr_payload_options options = {
		.size = sizeof(struct ktstr_payload_options),
		.flags = KTSTR_PAYLOAD_DIE_WITH_PARENT,
		.out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
		.capture_limit = 4096
	};
	struct ktstr_payload *payload;

	if (ktstr_payload_spawn(argv, &options, &payload, &error))
		fail_msg("%s", error.text);
	return payload;
}

static void a_wait_by_handle_drains_the_output(void **state)
{
	/* More output than the pipe holds, before the marker: the wait has to drain it. */
	struct ktstr_payload *payload = shell(
		"head -c 300000 /dev/zero; echo ready >/tmp/ktstr-worker-ready-$$; exec sleep 60",
		NULL);
	pid_t pid;

	(void)state;
	assert_int_equal(ktstr_payload_pid(payload, &pid, NULL), 0);
	set_marker_path(pid);
	if (ktstr_worker_ready_wait(payload, "talker", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	assert_int_equal(ktstr_payload_kill(payload, NULL, NULL), 0);
	assert_int_equal(ktstr_worker_ready_wait(payload, "talker", 0, &result, &error), -ESRCH);
	ktstr_payload_close(payload);
	unlink(marker);
}

static void a_wait_by_path_takes_any_absolute_path(void **state)
{
	char directory[] = "/tmp/ktstr-wait-XXXXXX", path[64];
	struct ktstr_payload *payload;
	int status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/marker", directory);
	payload = shell("sleep 0.05; echo ready >$1; exec sleep 60", path);
	if (ktstr_worker_ready_wait_path(payload, path, "pathed", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	assert_int_equal(result.polls, 0);
	assert_non_null(strstr(result.text, path));
	assert_int_equal(ktstr_worker_ready_wait_path(payload, "relative", "p", 0, &result, &error),
			 -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait_path(payload, "/tmp/", "p", 0, &result, &error),
			 -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait_path(payload, "/no/such/directory", "p", 0,
						      &result, &error),
			 -ENOENT);
	ktstr_payload_close(payload);
	unlink(path);

	payload = shell("exit 7", path);
	if (ktstr_worker_ready_wait_path(payload, path, "pathed", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY_EXITED_BEFORE);
	assert_int_equal(ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL),
			 0); /* not consumed by the wait */
	assert_int_equal(WEXITSTATUS(status), 7);
	ktstr_payload_close(payload);
	rmdir(directory);
}

/* Directories that may be searched but not read, or not even searched: as an ordinary user. */
static int unreadable_directory(void *argument)
{
	char directory[] = "/tmp/ktstr-wait-XXXXXX", path[64];
	struct ktstr_payload *payload;
	int failed = 0;

	(void)argument;
	if (geteuid() == 0 && setuid(OTHER_UID))
		return 90;
	if (!mkdtemp(directory) || chmod(directory, 0300))
		return 91;
	snprintf(path, sizeof path, "%s/marker", directory);
	payload = shell("sleep 0.05; echo ready >$1; exec sleep 60", path);
	if (ktstr_worker_ready_wait_path(payload, path, "blind", PATIENCE_MS, &result, &error) ||
	    result.outcome != KTSTR_WORKER_READY || result.polls == 0)
		failed |= 1;
	chmod(directory, 0);
	if (ktstr_worker_ready_wait_path(payload, path, "blind", 0, &result, &error) != -EACCES)
		failed |= 2;
	ktstr_payload_close(payload);
	chmod(directory, 0700);
	unlink(path);
	rmdir(directory);
	return failed;
}

static void a_directory_that_cannot_be_read_is_no_hindrance(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(unreadable_directory(NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- arguments, signals, leaks ---- */

static void bad_arguments_are_refused(void **state)
{
	pid_t pid = child(body_exit_4, 0);

	(void)state;
	assert_int_equal(ktstr_worker_ready_wait_pid(getpid(), NULL, 0, &result, &error), -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait_pid(0, "w", 0, &result, &error), -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait_pid(-1, "w", 0, &result, NULL), -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait_pid(getpid(), "w", 0, NULL, &error), -EINVAL);
	assert_int_equal(ktstr_worker_ready_wait(NULL, "w", 0, &result, &error), -EINVAL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ktstr_worker_ready_wait_pid(pid, "w", 0, &result, &error), -ESRCH);
	assert_int_equal(error.code, -ESRCH);
	assert_non_null(strstr(error.text, "no such process"));
}

static void each_outcome_and_exit_code_has_its_words(void **state)
{
	(void)state;
	assert_string_equal(ktstr_worker_ready_outcome_name(KTSTR_WORKER_READY), "ready");
	assert_string_equal(ktstr_worker_ready_outcome_name(KTSTR_WORKER_READY_EXITED_BEFORE),
			    "exited-before");
	assert_string_equal(ktstr_worker_ready_outcome_name(KTSTR_WORKER_READY_EXITED_AFTER),
			    "exited-after");
	assert_string_equal(ktstr_worker_ready_outcome_name(KTSTR_WORKER_READY_TIMED_OUT),
			    "timed-out");
	assert_null(ktstr_worker_ready_outcome_name((enum ktstr_worker_ready_outcome)4));
	for (int code = -1; code < 256; code++)
		assert_int_equal(ktstr_worker_exit_meaning(code) != NULL,
				 code == 0 || (code >= 2 && code <= 7));
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void signals_do_not_end_a_wait(void **state)
{
	const struct sigaction handle = { .sa_handler = on_alarm };
	struct sigaction before;
	struct timespec every = { .tv_nsec = 5000000 };
	struct itimerspec ticking = { .it_interval = every, .it_value = every };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t timer;
	pid_t pid = child(body_write, 100);

	(void)state;
	sigaction(SIGALRM, &handle, &before);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &ticking, NULL), 0);
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	timer_delete(timer);
	sigaction(SIGALRM, &before, NULL);
	end_child(pid);
}

static void a_wait_by_pid_leaves_no_descriptor(void **state)
{
	int before = open_files();

	(void)state;
	a_marker_makes_the_worker_ready(NULL);
	a_worker_that_ends_without_a_marker_has_exited_before(NULL);
	a_worker_without_a_marker_times_out(NULL);
	bad_arguments_are_refused(NULL);
	assert_int_equal(open_files(), before);
}

static void *read_own_identity(void *unused)
{
	struct worker_identity identity;

	(void)unused;
	return (void *)(intptr_t)worker_identity_read(gettid(), &identity);
}

/* /proc answers for it as for a process. */
static void a_thread_is_no_worker(void **state)
{
	struct worker_identity identity;
	pthread_t thread;
	void *rc;

	(void)state;
	assert_int_equal(worker_identity_read(getpid(), &identity), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_own_identity, NULL), 0);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((intptr_t)rc, -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_marker_makes_the_worker_ready),
		cmocka_unit_test(a_worker_that_ends_without_a_marker_has_exited_before),
		cmocka_unit_test(a_worker_that_ends_behind_its_marker_is_ready_or_exited_after),
		cmocka_unit_test(a_worker_without_a_marker_times_out),
		cmocka_unit_test(a_marker_made_while_the_watch_is_set_up_is_not_missed),
		cmocka_unit_test(two_hundred_threads_wait_at_once),
		cmocka_unit_test(a_wait_by_handle_drains_the_output),
		cmocka_unit_test(a_wait_by_path_takes_any_absolute_path),
		cmocka_unit_test(a_directory_that_cannot_be_read_is_no_hindrance),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(each_outcome_and_exit_code_has_its_words),
		cmocka_unit_test(signals_do_not_end_a_wait),
		cmocka_unit_test(a_wait_by_pid_leaves_no_descriptor),
		cmocka_unit_test(a_thread_is_no_worker),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
