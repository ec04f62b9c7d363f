/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many rounds of spawn and kill leave no file descriptor, zombie or process behind. A file of its
 * own so that it runs beside the other tests. KTSTR_TEST_ROUNDS sets another number of rounds.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../open_files.h"
#include <ktstr/payload.h>

#define ROUNDS 10000

static void many_rounds_leave_nothing(void **state)
{
	const char *text = getenv("KTSTR_TEST_ROUNDS");
	int rounds = text && atoi(text) > 0 ? atoi(text) : ROUNDS;
	const char *argv[] = { "/bin/sleep", "1000", NULL };
	const struct ktstr_payload_options options = {
		.size = sizeof(struct ktstr_payload_options),
		.out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
		.err = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
	};
	struct ktstr_payload *payload;
	struct pollfd end;
	int leash[2];
	int before, i, status;

	(void)state;
	before = open_files();
	/* Every child inherits the write end: its end of file says that none of them lives. */
	assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
	assert_int_equal(fcntl(leash[1], F_SETFD, 0), 0);
	for (i = 0; i < rounds; i++) {
		status = 0;
		assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
		if (i % 2) {
			assert_int_equal(ktstr_payload_kill(payload, &status, NULL), 0);
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		ktstr_payload_close(payload);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	close(leash[1]);
	end = (struct pollfd){ .fd = leash[0] };
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_true(end.revents & POLLHUP);
	close(leash[0]);
	assert_int_equal(open_files(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(many_rounds_leave_nothing) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	signal(SIGCHLD, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
