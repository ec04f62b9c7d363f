/* SPDX-License-Identifier: BSD-2-Clause */
/* A signal reaches a child of ours and nobody who may have its number by now. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "payload_signal.h"
#include "pidfd.h"

#define OTHER_UID 12345

/* A process that lives and is no child: this one's parent. */
static void by_its_number_alone_nobody_but_a_child_is_signalled(void **state)
{
	pid_t pid = fork();

	(void)state;
	assert_int_equal(kill(getppid(), 0), 0);
	assert_int_equal(payload_signal_send(getppid(), -1, 0, false), -ESRCH);
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_int_equal(payload_signal_send(pid, -1, 0, false), 0);
	assert_int_equal(payload_signal_send(pid, -1, SIGKILL, false), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(payload_signal_send(pid, -1, 0, false), -ESRCH);
}

/* As a set-user-ID program that a child went on with. */
static int try_init(void)
{
	int pidfd = process_pidfd_open(1);

	if (pidfd < 0) /* as under valgrind 3.19 */
		return pidfd == -ENOSYS || pidfd == -EPERM ? 0 : 1;
	if (geteuid() == 0 && setuid(OTHER_UID))
		return 2;
	return payload_signal_send(1, pidfd, 0, false) == -EPERM ? 0 : 3;
}

static void a_refusal_through_the_pidfd_is_the_answer(void **state)
{
	pid_t pid = fork();
	int status = -1;

	(void)state;
	if (pid == 0)
		_exit(try_init());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void what_is_no_child_runs_as_its_pidfd_says(void **state)
{
	int pidfd = process_pidfd_open(getppid()), wait_status;

	(void)state;
	if (pidfd < 0) {
		assert_true(pidfd == -ENOSYS || pidfd == -EPERM);
		return;
	}
	assert_int_equal(process_peek(getppid(), pidfd, &wait_status), -EAGAIN);
	close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_its_number_alone_nobody_but_a_child_is_signalled),
		cmocka_unit_test(a_refusal_through_the_pidfd_is_the_answer),
		cmocka_unit_test(what_is_no_child_runs_as_its_pidfd_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
