/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fallback for thread pointers: stop each thread for a moment and read its register.
 *
 * The tracer is a thread of its own: waiting with __WNOTHREAD it sees only its own tracees and no
 * child of the caller, and when it ends, however it ends, the kernel detaches all of them.
 */
#include "config.h"

#include "tls/ptrace_stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arch.h"
#include "shared/clock.h"
#include "shared/thread_start.h"
#include "tls/musl_threads.h"

struct tracer {
	struct target *target;
	struct ptrace_stop *stops; /* sorted by tid */
	size_t count;
	size_t outstanding;
	int done_fd;
};

static int by_tid(const void *a, const void *b)
{
	pid_t left = ((const struct ptrace_stop *)a)->tid,
	      right = ((const struct ptrace_stop *)b)->tid;

	return (left > right) - (left < right);
}

static void fail(struct ptrace_stop *stop, enum ktstr_probe_thread_error error, int code)
{
	stop->error = code == -ESRCH ? KTSTR_PROBE_THREAD_THREAD_EXITED : error;
	stop->code = code;
}

static int trace(const struct tracer *tracer, int request, pid_t tid, void *address, void *data)
{
	return tracer->target->ops->trace(tracer->target, request, tid, address, data);
}

static int wait_for(const struct tracer *tracer, idtype_t type, pid_t tid, siginfo_t *info,
		    int options)
{
	return tracer->target->ops->wait(tracer->target, type, (id_t)tid, info,
					 options | __WALL | __WNOTHREAD);
}

/*
 * ptrace(2): a seized thread is not stopped by it; no options: none may outlive this tracer. When
 * another of the target's threads is in execve(2), PTRACE_SEIZE waits for that exec, and the exec
 * for the threads that are ours already: so this alone may be cancelled at any point, which lets
 * them all go.
 */
static void seize_all(struct tracer *tracer)
{
	int state;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &state);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	for (size_t i = 0; i < tracer->count; i++) {
		int rc = trace(tracer, PTRACE_SEIZE, tracer->stops[i].tid, NULL, NULL);

		if (rc)
			fail(&tracer->stops[i], KTSTR_PROBE_THREAD_PTRACE_SEIZE, rc);
		else
			tracer->outstanding++;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &state);
}

static void interrupt_all(struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->count; i++) {
		struct ptrace_stop *stop = &tracer->stops[i];

		int rc = stop->error == KTSTR_PROBE_THREAD_WAITPID
				 ? trace(tracer, PTRACE_INTERRUPT, stop->tid, NULL, NULL)
				 : 0;

		if (rc && rc != -ESRCH)
			fail(stop, KTSTR_PROBE_THREAD_PTRACE_INTERRUPT, rc);
	}
}

static void read_register(const struct tracer *tracer, struct ptrace_stop *stop)
{
	union arch_regset set;
	struct iovec range = { .iov_base = &set, .iov_len = sizeof set };
	int rc = trace(tracer, PTRACE_GETREGSET, stop->tid, (void *)(uintptr_t)arch_regset_type,
		       &range);

	if (rc)
		fail(stop, KTSTR_PROBE_THREAD_GET_REGSET, rc);
	else if (arch_regset_thread_pointer(&set, range.iov_len, &stop->thread_pointer))
		fail(stop, KTSTR_PROBE_THREAD_GET_REGSET, -ENOEXEC);
	else
		stop->error = KTSTR_PROBE_THREAD_OK;
}

/*
 * ptrace(2), "Stopped states": with PTRACE_SEIZE, an interrupt and a group stop both carry
 * PTRACE_EVENT_STOP; anything else is a signal on its way, which is handed on when letting go.
 * A thread in a group stop (SIGSTOP) stays in it.
 */
static void handle_stop(const struct tracer *tracer, struct ptrace_stop *stop, int status)
{
	int signo = status >> 8 == 0 ? status : 0;

	if (stop->error == KTSTR_PROBE_THREAD_WAITPID)
		read_register(tracer, stop);
	trace(tracer, PTRACE_DETACH, stop->tid, NULL, (void *)(intptr_t)signo);
}

/*
 * Waits for one thread. An end of the whole process is left for its parent to reap: that may be a
 * thread of this very process. Returns whether there is more to wait for.
 */
static bool reap_one(struct tracer *tracer)
{
	siginfo_t info = { .si_pid = 0 };
	struct ptrace_stop key = { .tid = 0 }, *stop;
	int state, rc;

	/* Looks first, without reaping. Cancelled here, a stop is still whole, and so is the signal
	 * in it. */
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	rc = wait_for(tracer, P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (rc)
		return rc == -EINTR;
	key.tid = info.si_pid;
	stop = bsearch(&key, tracer->stops, tracer->count, sizeof key, by_tid);
	if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
		siginfo_t consumed = { .si_pid = 0 };

		if (wait_for(tracer, P_PID, info.si_pid, &consumed, WSTOPPED | WNOHANG) ||
		    !consumed.si_pid || !stop)
			return true;
		handle_stop(tracer, stop, consumed.si_status);
	} else {
		if (info.si_pid == tracer->target->pid)
			return false; /* the leader is shown as ended only after all others */
		wait_for(tracer, P_PID, info.si_pid, &info, WEXITED | WNOHANG);
		if (stop && stop->error == KTSTR_PROBE_THREAD_WAITPID)
			fail(stop, KTSTR_PROBE_THREAD_THREAD_EXITED, -ESRCH);
	}
	tracer->outstanding--;
	return tracer->outstanding > 0;
}

static void *run_tracer(void *argument)
{
	struct tracer *tracer = argument;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	seize_all(tracer);
	interrupt_all(tracer);
	while (tracer->outstanding && reap_one(tracer))
		;
	eventfd_write(tracer->done_fd, 1);
	return NULL;
}

static void wait_for_end(struct tracer *tracer, unsigned int timeout_ms, int cancel_fd)
{
	struct pollfd fds[] = { { .fd = tracer->done_fd, .events = POLLIN },
				{ .fd = cancel_fd, .events = POLLIN } };
	int64_t deadline = clock_ns(CLOCK_MONOTONIC) + timeout_ms * NS_PER_MS;
	int left;

	while ((left = deadline_left_ms(deadline)) > 0 && poll(fds, 2, left) < 0 && errno == EINTR)
		;
}

int ptrace_stop_read(struct target *target, struct ptrace_stop *stops, size_t count,
		     unsigned int timeout_ms, int cancel_fd)
{
	struct tracer tracer = { .target = target, .stops = stops, .count = count };
	pthread_t thread;
	int rc;

	/* Until something else is known of a thread, it has not stopped. */
	for (size_t i = 0; i < count; i++) {
		stops[i].thread_pointer = 0;
		stops[i].error = KTSTR_PROBE_THREAD_WAITPID;
		stops[i].code = -ETIMEDOUT;
	}
	qsort(stops, count, sizeof *stops, by_tid);
	tracer.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tracer.done_fd < 0)
		return -errno;
	rc = thread_start_blocked(&thread, NULL, run_tracer, &tracer);
	if (rc == 0) {
		wait_for_end(&tracer, timeout_ms, cancel_fd);
		pthread_cancel(thread); /* no effect on one that has ended */
		pthread_join(thread, NULL);
	}
	close(tracer.done_fd);
	if (rc == 0)
		musl_threads_find(target, stops, count);
	return rc;
}
