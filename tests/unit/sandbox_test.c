/* SPDX-License-Identifier: BSD-2-Clause */
/* The child that reads hostile files: what becomes of it. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "sandbox_runs.h"

static void loop(void *context, void *answer)
{
	(void)context;
	(void)answer;
	for (volatile unsigned int i = 0;; i++)
		;
}

static void give_up(void *context, void *answer)
{
	(void)context;
	(void)answer;
	abort();
}

static void leave_quietly(void *context, void *answer)
{
	(void)context;
	(void)answer;
	_exit(0);
}

/* Into whichever descriptor is the pipe. */
static void babble(void *context, void *answer)
{
	char byte = 'x';

	(void)context;
	(void)answer;
	for (int fd = 0; fd < 1024; fd++)
		if (write(fd, &byte, 1) < 0)
			continue;
}

static void flood(void *context, void *answer)
{
	static char bytes[65536];

	(void)context;
	(void)answer;
	for (int fd = 0; fd < 1024; fd++)
		while (write(fd, bytes, sizeof bytes) > 0)
			;
}

static void each_end_of_the_child_is_told(void **state)
{
	(void)state;
	assert_end(crash, -EIO, "killed by signal 11: a bad address");
	assert_end(give_up, -EIO, "killed by signal 6: ");
	assert_end(loop, -EIO, "killed by signal 24: its limit of processor time");
	assert_end(leave_quietly, -EBADMSG, "an answer of 4 bytes");
	assert_end(babble, -EBADMSG, "an answer of ");
	assert_end(flood, -EIO, "lost"); /* there is no room for the answer itself */
	assert_int_equal(atomic_load(&shared->ran_handler), 0);
	assert_int_equal(atomic_load(&shared->ran_atexit), 0);
}

static void a_child_that_hangs_is_killed_when_its_time_is_up(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	(void)state;
	isolation.wall_ms = 1000;
	assert_int_equal(run_with(&isolation, hang, &answer, reason), -ETIMEDOUT);
	assert_how(reason, "had not ended after 1000 ms and was killed");
	if (atomic_load(&shared->child)) /* it had come that far */
		assert_int_equal(kill(atomic_load(&shared->child), 0), -1);
}

static void *stop_it(void *argument)
{
	uint64_t one = 1;

	for (int i = 0; i < 20000 && atomic_load(&shared->child) == 0; i++)
		usleep(1000);
	if (*(const int *)argument < 0)
		kill(atomic_load(&shared->child), SIGKILL);
	else
		assert_int_equal(write(*(const int *)argument, &one, sizeof one), sizeof one);
	return NULL;
}

static void a_child_is_killed_by_others_and_by_cancelling(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;
	pthread_t thread;

	(void)state;
	atomic_store(&shared->child, 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_it, &isolation.cancel_fd), 0);
	assert_int_equal(run_with(&isolation, hang, &answer, reason), -EIO);
	assert_how(reason, "killed by signal 9");
	pthread_join(thread, NULL);

	isolation.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&shared->child, 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_it, &isolation.cancel_fd), 0);
	assert_int_equal(run_with(&isolation, hang, &answer, reason), -ECANCELED);
	pthread_join(thread, NULL);
	assert_int_equal(run_with(&isolation, hang, &answer, reason),
			 -ECANCELED); /* and from then on */
	close(isolation.cancel_fd);
}

static void without_descriptors_no_child_is_made(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct rlimit before, none;
	struct answer answer;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = run_with(&isolation, answer_pid, &answer, reason);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EAGAIN);
	assert_how(reason, "no child could be made");
}

static int closed;

static void count_close(void *context)
{
	(void)context;
	closed++;
}

static void switched_off_it_runs_in_this_process(void **state)
{
	struct sandbox isolation = SANDBOX_INIT(!sandbox_missing(), -1);
	struct sandbox_work work = {
		.open_fd = -1, .open = open_nothing, .read = answer_pid, .close = count_close
	};
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(sandbox_run(&isolation, &work, &answer, sizeof answer, reason), 0);
	assert_int_equal(answer.number, getpid());
	assert_int_equal(closed, 1);
	assert_true(touched);
	assert_how(reason,
		   sandbox_missing() ? "built with a sanitizer" : "isolation is switched off");
	touched = false;
}

static void at_exit(void)
{
	atomic_store(&shared->ran_atexit, 1);
}

static void on_crash(int number)
{
	(void)number;
	atomic_store(&shared->ran_handler, 1);
	_exit(1);
}

/* The caller's own: none of them may run in a child. */
static int set_handlers(void **state)
{
	(void)state;
	signal(SIGSEGV, on_crash);
	signal(SIGABRT, on_crash);
	signal(SIGXCPU, on_crash);
	return 0;
}

static int unset_handlers(void **state)
{
	(void)state;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	signal(SIGXCPU, SIG_DFL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(switched_off_it_runs_in_this_process),
		cmocka_unit_test_setup_teardown(each_end_of_the_child_is_told, set_handlers,
						unset_handlers),
		cmocka_unit_test(a_child_that_hangs_is_killed_when_its_time_is_up),
		cmocka_unit_test(a_child_is_killed_by_others_and_by_cancelling),
		cmocka_unit_test(without_descriptors_no_child_is_made),
	}, without_filter[] = {
		cmocka_unit_test(switched_off_it_runs_in_this_process),
		cmocka_unit_test_setup_teardown(each_end_of_the_child_is_told, set_handlers,
						unset_handlers),
		cmocka_unit_test(a_child_that_hangs_is_killed_when_its_time_is_up),
	}, without_child[] = {
		cmocka_unit_test(switched_off_it_runs_in_this_process),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (prepare())
		return 1;
	atexit(at_exit);
	if (sandbox_missing())
		return cmocka_run_group_tests(without_child, NULL, NULL);
	/* valgrind: see sandbox_rights_test. */
	if (!has_filter)
		return cmocka_run_group_tests(without_filter, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
