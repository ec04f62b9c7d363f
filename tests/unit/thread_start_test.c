/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread on which no signal handler runs. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/thread_start.h"

static void *take_mask(void *mask)
{
	pthread_sigmask(SIG_SETMASK, NULL, mask);
	return mask;
}

static void every_signal_is_blocked_there_and_the_caller_s_mask_is_as_before(void **state)
{
	sigset_t own, there, after;
	pthread_t thread;

	(void)state;
	sigemptyset(&own);
	sigaddset(&own, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &own, NULL);
	assert_int_equal(thread_start_blocked(&thread, NULL, take_mask, &there), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	pthread_join(thread, NULL);
	for (int number = 1; number <= SIGRTMAX; number++) {
		/* Those between belong to the C library: sigfillset(3) leaves them out. */
		if (number != SIGKILL && number != SIGSTOP && (number < 32 || number >= SIGRTMIN))
			assert_int_equal(sigismember(&there, number), 1);
		if (number < 32 || number >= SIGRTMIN)
			assert_int_equal(sigismember(&after, number), number == SIGUSR2);
	}
}

static void the_caller_s_mask_is_as_before_when_no_thread_can_be_started(void **state)
{
	sigset_t none, after;
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, SIZE_MAX / 4 & ~(size_t)65535), 0);
	assert_true(thread_start_blocked(&thread, &attr, take_mask, &after) < 0);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&after, SIGUSR1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_signal_is_blocked_there_and_the_caller_s_mask_is_as_before),
		cmocka_unit_test(the_caller_s_mask_is_as_before_when_no_thread_can_be_started),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
