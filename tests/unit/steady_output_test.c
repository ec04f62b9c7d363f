/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream whose writes no signal cuts short. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "output/steady_output.h"

#define BYTES 1000000

static volatile sig_atomic_t stopped, handled;
static sigset_t signals;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
	handled = handled + 1;
}

struct pipe_case {
	int ends[2];
	struct steady_output output;
	FILE *out;
};

static void begin(struct pipe_case *c, int stall_ms)
{
	struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART */

	stopped = handled = 0;
	sigemptyset(&action.sa_mask);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	assert_int_equal(pipe(c->ends), 0);
	c->output = (struct steady_output){ .fd = c->ends[1],
					    .stop_signals = &signals,
					    .stopped = &stopped,
					    .stall_ms = stall_ms };
	c->out = steady_output_open(&c->output);
	assert_non_null(c->out);
}

static void *write_all(void *argument)
{
	struct pipe_case *c = argument;

	for (uint32_t i = 0; i < BYTES / sizeof i; i++)
		fwrite(&i, sizeof i, 1, c->out);
	fclose(c->out);
	close(c->ends[1]);
	return NULL;
}

static void nothing_is_lost_to_signals_in_the_middle_of_a_write(void **state)
{
	unsigned char *bytes = malloc(BYTES);
	struct pipe_case c;
	size_t done = 0;
	pthread_t writer;
	ssize_t n;

	(void)state;
	begin(&c, 600000);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &c), 0);
	while ((n = read(c.ends[0], bytes + done, BYTES - done < 3000 ? BYTES - done : 3000)) > 0) {
		done += (size_t)n;
		if (done < BYTES / 2) /* it has not ended: there is more than a pipe holds */
			pthread_kill(writer, SIGUSR1);
	}
	pthread_join(writer, NULL);
	assert_int_equal(c.output.error, 0);
	assert_true(handled > 0);
	assert_int_equal(done, BYTES);
	for (uint32_t i = 0; i < BYTES / sizeof i; i++)
		assert_memory_equal(bytes + i * sizeof i, &i, sizeof i);
	close(c.ends[0]);
	free(bytes);
}

static void a_reader_that_takes_nothing_is_given_up_after_a_stop_and_once(void **state)
{
	static char bytes[BYTES];
	struct pipe_case c;

	(void)state;
	begin(&c, 20);
	stopped = 1;
	assert_true(fwrite(bytes, 1, BYTES, c.out) < BYTES);
	assert_int_equal(c.output.error, -ETIMEDOUT);
	assert_true(ferror(c.out));
	c.output.stall_ms = INT32_MAX; /* a second wait would not end */
	fputs("more", c.out);
	fflush(c.out);
	fclose(c.out);
	close(c.ends[0]);
	close(c.ends[1]);
}

static void a_failed_write_is_known_by_its_errno(void **state)
{
	struct pipe_case c;

	(void)state;
	begin(&c, 20);
	close(c.ends[1]);
	c.ends[1] = c.output.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	fputs("x", c.out);
	assert_int_equal(fflush(c.out), EOF);
	assert_int_equal(c.output.error, -ENOSPC);
	fclose(c.out);
	close(c.ends[0]);
	close(c.ends[1]);
}

static void a_descriptor_that_does_not_block_is_waited_for(void **state)
{
	struct pipe_case c;
	unsigned char bytes[4096];
	pthread_t writer;
	size_t done = 0;
	ssize_t n;

	(void)state;
	begin(&c, 600000);
	fcntl(c.ends[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &c), 0);
	while ((n = read(c.ends[0], bytes, sizeof bytes)) > 0)
		done += (size_t)n;
	pthread_join(writer, NULL);
	assert_int_equal(done, BYTES);
	close(c.ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_to_signals_in_the_middle_of_a_write),
		cmocka_unit_test(a_reader_that_takes_nothing_is_given_up_after_a_stop_and_once),
		cmocka_unit_test(a_failed_write_is_known_by_its_errno),
		cmocka_unit_test(a_descriptor_that_does_not_block_is_waited_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
