/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the child-process handle share: each begins and ends with a look for children
 * and file descriptors that were left. For payload_test, payload_output_test and payload_end_test,
 * behind cmocka.h.
 */
#ifndef KTSTR_TESTS_PAYLOAD_CHILDREN_H
#define KTSTR_TESTS_PAYLOAD_CHILDREN_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../open_files.h"
#include <ktstr/payload.h>

#define PATIENCE_MS 60000 /* for what must happen; a busy machine under valgrind is slow */
#define TEST(name)  cmocka_unit_test_setup_teardown(name, test_begin, test_end)

static const struct ktstr_payload_stream CAPTURE = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE };
#define SIZED .size = sizeof(struct ktstr_payload_options) /* what each options begin with */
static int fds_before;

static inline int test_begin(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_DFL);
	fds_before = open_files();
	return 0;
}

static inline int test_end(void **state)
{
	(void)state;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_files(), fds_before);
	return 0;
}

static inline struct ktstr_payload *spawn_sh(const char *script,
					     const struct ktstr_payload_options *options)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct ktstr_error error = { .text = "" };
	struct ktstr_payload *payload = NULL;

	if (ktstr_payload_spawn(argv, options, &payload, &error))
		fail_msg("%s", error.text);
	return payload;
}

static inline int wait_for_it(struct ktstr_payload *payload)
{
	int status = -1;

	assert_int_equal(ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL), 0);
	return status;
}

static inline void assert_output(struct ktstr_payload *payload,
				 enum ktstr_payload_output_stream stream, const char *text)
{
	struct ktstr_payload_captured output;

	assert_int_equal(ktstr_payload_output(payload, stream, &output, NULL), 0);
	assert_string_equal(output.data, text);
	assert_int_equal(output.size, strlen(text));
	assert_true(output.dropped == 0);
}

/* Waits until the child has printed `text` on its captured stdout. */
static inline void await_output(struct ktstr_payload *payload, const char *text)
{
	struct ktstr_payload_captured output;
	int i;

	for (i = 0; i < PATIENCE_MS; i++) {
		assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL),
				 0);
		if (strstr(output.data, text))
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the child did not print '%s'", text);
}

/* A pipe whose write end the children inherit: its end of file says that all of them are gone. */
static inline void leash_make(int leash[2], char *variable, size_t size)
{
	assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
	assert_int_equal(fcntl(leash[1], F_SETFD, 0), 0);
	snprintf(variable, size, "LEASH=%d", leash[1]);
}

static inline void leash_assert_all_gone(int leash[2])
{
	struct pollfd end = { .fd = leash[0] };

	close(leash[1]);
	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
	assert_true(end.revents & POLLHUP);
	close(leash[0]);
}

static inline void assert_spawn_fails(const char *program,
				      const struct ktstr_payload_options *options, int code,
				      const char *word)
{
	const char *argv[] = { program, NULL };
	struct ktstr_payload *payload = (struct ktstr_payload *)&argv;
	struct ktstr_error error = { .text = "" };

	assert_int_equal(ktstr_payload_spawn(argv, options, &payload, &error), code);
	assert_null(payload);
	assert_int_equal(error.code, code);
	if (!strstr(error.text, word))
		fail_msg("'%s' does not say '%s'", error.text, word);
	assert_null(strchr(error.text, '\n'));
	assert_int_equal(ktstr_payload_spawn(argv, options, &payload, NULL), code);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Runs body in a forked copy of this process, which may do without streams or die. */
static inline int in_a_copy(int (*body)(int), int argument)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(body(argument));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
