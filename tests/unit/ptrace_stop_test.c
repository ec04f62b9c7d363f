/* SPDX-License-Identifier: BSD-2-Clause */
/* The short stop of each thread, played by made-up answers of ptrace(2) and waitid(2). */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_target.h"
#include "tls/ptrace_stop.h"

#define PID     1000
#define THREADS 3
#define TP(tid) (UINT64_C(0x10000) * (uint64_t)(tid))
#define LONG_MS 60000 /* never reached: a test that hangs is ended by whoever runs it */

/* What the kernel would know of each thread. */
struct traced {
	int seize, interrupt, regset; /* what those requests give */
	size_t regset_size;           /* 0: a whole one */
	int signal_under_way;         /* stops with it, and not by the interrupt */
	bool dies;                    /* in place of stopping */
	bool is_seized, is_waiting, is_let_go;
	int delivered; /* the signal that was handed on when it was let go */
};

struct process {
	struct fake_target fake;
	struct traced threads[THREADS];
};

static struct traced *traced(struct target *target, pid_t tid)
{
	struct process *process = (struct process *)target;

	assert_in_range(tid, PID, PID + THREADS - 1);
	return &process->threads[tid - PID];
}

static int give_registers(const struct traced *thread, pid_t tid, struct iovec *range)
{
	uint64_t word = TP(tid);

	if (thread->regset)
		return thread->regset;
	if (thread->regset_size)
		range->iov_len = thread->regset_size;
	/* Whichever word of it the architecture looks at. */
	for (size_t at = 0; at + sizeof word <= range->iov_len; at += sizeof word)
		memcpy((char *)range->iov_base + at, &word, sizeof word);
	return 0;
}

static int fake_trace(struct target *target, int request, pid_t tid, void *address, void *data)
{
	struct traced *thread = traced(target, tid);

	(void)address;
	switch (request) {
	case PTRACE_SEIZE:
		thread->is_seized = thread->seize == 0;
		return thread->seize;
	case PTRACE_INTERRUPT:
		thread->is_waiting = thread->interrupt == 0;
		return thread->interrupt;
	case PTRACE_GETREGSET:
		return give_registers(thread, tid, data);
	case PTRACE_DETACH:
		thread->is_let_go = true;
		thread->delivered = (int)(intptr_t)data;
		return 0;
	default:
		return -EINVAL;
	}
}

static int fake_wait(struct target *target, idtype_t type, id_t id, siginfo_t *info, int options)
{
	for (pid_t tid = PID + THREADS - 1; tid >= PID; tid--) {
		struct traced *thread = traced(target, tid);

		if (!thread->is_waiting || (type == P_PID && (pid_t)id != tid))
			continue;
		info->si_pid = tid;
		info->si_code = thread->dies ? CLD_KILLED : CLD_TRAPPED;
		info->si_status = thread->dies               ? SIGKILL
				  : thread->signal_under_way ? thread->signal_under_way
							     : SIGTRAP | PTRACE_EVENT_STOP << 8;
		thread->is_waiting = options & WNOWAIT;
		return 0;
	}
	if (options & WNOHANG)
		return 0;
	/* Nobody stops: as the system call, a place where a thread can be cancelled. */
	for (;;)
		pause();
}

static int begin(void **state)
{
	static struct process process;

	memset(&process, 0, sizeof process);
	fake_target_begin(&process.fake, PID);
	process.fake.ops.trace = fake_trace;
	process.fake.ops.wait = fake_wait;
	*state = &process;
	return 0;
}

static int end(void **state)
{
	struct process *process = *state;

	fake_target_end(&process->fake);
	return 0;
}

static void read_all(struct process *process, struct ptrace_stop stops[THREADS],
		     unsigned int timeout_ms, int cancel_fd)
{
	/* The order in which they are asked for does not matter. */
	for (int i = 0; i < THREADS; i++)
		stops[i].tid = PID + THREADS - 1 - i;
	assert_int_equal(
		ptrace_stop_read(&process->fake.target, stops, THREADS, timeout_ms, cancel_fd), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(stops[i].tid, PID + i);
}

static void each_thread_s_pointer_is_read_and_each_is_let_go(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	read_all(process, stops, LONG_MS, -1);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(stops[i].error, KTSTR_PROBE_THREAD_OK);
		assert_int_equal(stops[i].thread_pointer, TP(PID + i));
		assert_true(process->threads[i].is_let_go);
		assert_int_equal(process->threads[i].delivered, 0);
	}
}

static void a_signal_under_way_is_handed_on(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[1].signal_under_way = SIGUSR1;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[1].error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(process->threads[1].delivered, SIGUSR1);
	assert_int_equal(process->threads[0].delivered, 0);
}

static void a_thread_that_cannot_be_seized_says_so_and_the_others_are_read(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[1].seize = -EPERM;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[1].error, KTSTR_PROBE_THREAD_PTRACE_SEIZE);
	assert_int_equal(stops[1].code, -EPERM);
	assert_int_equal(stops[0].error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(stops[2].error, KTSTR_PROBE_THREAD_OK);
}

static void a_thread_that_is_gone_before_it_is_seized_has_exited(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[2].seize = -ESRCH;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[2].error, KTSTR_PROBE_THREAD_THREAD_EXITED);
}

static void a_thread_that_dies_while_it_is_traced_has_exited(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[1].dies = true;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[1].error, KTSTR_PROBE_THREAD_THREAD_EXITED);
	assert_int_equal(stops[2].error, KTSTR_PROBE_THREAD_OK);
}

static void registers_that_cannot_be_read_are_an_error_and_the_thread_is_let_go(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[0].regset = -EIO;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[0].error, KTSTR_PROBE_THREAD_GET_REGSET);
	assert_int_equal(stops[0].code, -EIO);
	assert_true(process->threads[0].is_let_go);
}

static void registers_of_a_32_bit_thread_are_refused(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[0].regset_size = 4;
	read_all(process, stops, LONG_MS, -1);
	assert_int_equal(stops[0].error, KTSTR_PROBE_THREAD_GET_REGSET);
	assert_int_equal(stops[0].code, -ENOEXEC);
}

static void a_thread_that_cannot_be_interrupted_does_not_keep_the_others_from_being_read(
	void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];

	process->threads[1].interrupt = -EIO;
	read_all(process, stops, 50, -1);
	assert_int_equal(stops[1].error, KTSTR_PROBE_THREAD_PTRACE_INTERRUPT);
	assert_int_equal(stops[0].error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(stops[2].error, KTSTR_PROBE_THREAD_OK);
}

static void a_cancellation_ends_the_wait_for_a_thread_that_does_not_stop(void **state)
{
	struct process *process = *state;
	struct ptrace_stop stops[THREADS];
	int fd = eventfd(1, EFD_CLOEXEC);

	process->threads[1].interrupt = -ESRCH; /* never becomes a stop */
	read_all(process, stops, LONG_MS, fd);
	assert_int_equal(stops[1].error, KTSTR_PROBE_THREAD_WAITPID);
	assert_int_equal(stops[1].code, -ETIMEDOUT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(each_thread_s_pointer_is_read_and_each_is_let_go),
		TEST(a_signal_under_way_is_handed_on),
		TEST(a_thread_that_cannot_be_seized_says_so_and_the_others_are_read),
		TEST(a_thread_that_is_gone_before_it_is_seized_has_exited),
		TEST(a_thread_that_dies_while_it_is_traced_has_exited),
		TEST(registers_that_cannot_be_read_are_an_error_and_the_thread_is_let_go),
		TEST(registers_of_a_32_bit_thread_are_refused),
		TEST(a_thread_that_cannot_be_interrupted_does_not_keep_the_others_from_being_read),
		TEST(a_cancellation_ends_the_wait_for_a_thread_that_does_not_stop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
