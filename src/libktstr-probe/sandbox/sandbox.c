/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs what reads a hostile file in a short-lived child.
 *
 * The child is a fork: it allocates (elfutils does), and fork(3) alone leaves it a heap that no
 * other thread holds locked, as the C library's own malloc and any other takes its locks around it.
 * A bare clone(2) would not, and a program to execute would have to be found, match this library
 * and be carried into every initramfs. But what fork makes is a child that the caller's wait(-1)
 * would find, and whose end would send it SIGCHLD. So between the two stands the keeper: a process
 * that shares our memory as posix_spawn(3)'s does, while the thread that made it waits in the
 * kernel. fork(3) therefore finds this process's locks, with that thread as their owner; the child
 * is the keeper's; and the keeper itself is made with no signal at its end, which only a wait with
 * __WALL or __WCLONE sees (clone(2), wait(2)). The keeper has a table of descriptors of its own:
 * what it opens cannot be left behind here.
 */
#include "config.h"

#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox_child.h"
#include "shared/clock.h"
#include "shared/thread_start.h"

/* The child reads on this stack too. */
#define STACK_SIZE ((size_t)1 << 20)
#define GUARD_SIZE ((size_t)65536) /* a multiple of any page */

/* What the keeper says by its exit code. Below: the signal that ended the child, 0 for none. */
enum {
	OUTCOME_NOT_STARTED = 100,
	OUTCOME_TIME,
	OUTCOME_CANCELLED,
	OUTCOME_LOST,
	OUTCOME_CHILD = 128, /* and its exit code */
};

struct keeper {
	const struct sandbox *isolation;
	const struct sandbox_work *work;
	size_t size;
	pid_t caller;
	int answer_fd, outcome;
};

const char *sandbox_missing(void)
{
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
	__has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
	__has_feature(thread_sanitizer)
	/* Their shadow memory is terabytes of addresses, and their reports take calls that the
	 * filter refuses. */
	return "built with a sanitizer";
#else
	return NULL;
#endif
}

/* ---- in the keeper, which shares memory with the caller: nothing is allocated, all is undone by
 * its end ---- */

/* Until the child has closed its end of the pipe, by its own end or not. Returns 0 or an outcome.
 */
static int watch(const struct sandbox *isolation, int life_fd)
{
	struct pollfd fds[2] = { { .fd = life_fd },
				 { .fd = isolation->cancel_fd, .events = POLLIN } };
	int64_t deadline = clock_ns(CLOCK_MONOTONIC) + isolation->wall_ms * NS_PER_MS;
	int left;

	while ((left = deadline_left_ms(deadline)) > 0) {
		if (poll(fds, 2, left) <= 0)
			continue;
		if (fds[0].revents)
			return 0;
		if (fds[1].revents & POLLIN)
			return OUTCOME_CANCELLED;
		fds[1].fd = -1; /* it is of no use */
	}
	return OUTCOME_TIME;
}

static int keep(void *argument)
{
	const struct keeper *keeper = argument;
	struct sigaction action = { .sa_handler = SIG_DFL };
	pid_t self = getpid(), parent, child;
	int life[2], outcome, status;

	/* Its parent is the thread that waits for it, which can end no other way than with its
	 * process. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    ((parent = getppid()) != keeper->caller && parent != 0))
		_exit(OUTCOME_LOST);
	sigaction(SIGCHLD, &action,
		  NULL); /* a copy: where the caller ignores it the child would be reaped unseen */
	if (pipe2(life, O_CLOEXEC | O_NONBLOCK))
		_exit(OUTCOME_NOT_STARTED);
	child = fork();
	if (child == 0)
		sandbox_child_run(keeper->isolation, keeper->work, keeper->size, self,
				  keeper->answer_fd, life[1]);
	if (child < 0)
		_exit(OUTCOME_NOT_STARTED);
	close(life[1]);
	outcome = watch(keeper->isolation, life[0]);
	kill(child, SIGKILL); /* changes nothing for one that has begun to end */
	if (waitpid(child, &status, 0) != child)
		_exit(OUTCOME_LOST);
	if (outcome)
		_exit(outcome);
	_exit(WIFSIGNALED(status)   ? WTERMSIG(status)
	      : WEXITSTATUS(status) ? OUTCOME_CHILD + WEXITSTATUS(status)
				    : 0);
}

/* ---- in the caller ---- */

/* A thread of its own waits in the kernel for the keeper, so that the caller's goes on to take its
 * signals. */
static void *run_keeper(void *argument)
{
	struct keeper *keeper = argument;
	char *stack = mmap(NULL, STACK_SIZE + GUARD_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	pid_t pid, reaped;
	int status;

	if (stack == MAP_FAILED)
		return NULL;
	keeper->caller = getpid();
	pid = mprotect(stack, GUARD_SIZE, PROT_NONE) ? -1
						     : clone(keep, stack + STACK_SIZE + GUARD_SIZE,
							     CLONE_VM | CLONE_VFORK, keeper);
	if (pid > 0) {
		do {
			reaped = waitpid(pid, &status, (int)__WCLONE);
		} while (reaped < 0 && errno == EINTR);
		keeper->outcome = reaped == pid && WIFEXITED(status) ? WEXITSTATUS(status)
								     : OUTCOME_LOST;
	}
	munmap(stack, STACK_SIZE + GUARD_SIZE);
	return NULL;
}

static void wait_for_keeper(struct keeper *keeper)
{
	pthread_t thread;

	/* With all signals blocked, which is inherited: no handler runs in the keeper either. */
	if (thread_start_blocked(&thread, NULL, run_keeper, keeper) == 0)
		pthread_join(thread, NULL);
}

/* The limits are named where they are the likely cause. */
static const char *signal_meaning(int number)
{
	switch (number) {
	case SIGSEGV:
		return "a bad address";
	case SIGBUS:
		return "memory that is not there";
	case SIGABRT:
		return "it gave up, perhaps for its limit of memory";
	case SIGXCPU:
		return "its limit of processor time";
	case SIGSYS:
		return "a forbidden system call";
	case SIGKILL:
		return "its limit of processor time, or the system was short of memory";
	default:
		return "a fault";
	}
}

static int explain_outcome(int outcome, const struct sandbox *isolation, char *reason)
{
	if (outcome == OUTCOME_TIME) {
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that read it had not ended after %u ms and was killed",
			 isolation->wall_ms);
		return -ETIMEDOUT;
	}
	if (outcome == OUTCOME_CANCELLED) {
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that read it was killed: cancelled");
		return -ECANCELED;
	}
	if (outcome == OUTCOME_NOT_STARTED) {
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "no child could be made to read it: check the limits on processes, memory "
			 "and open files");
		return -EAGAIN;
	}
	if (outcome <= SIGRTMAX)
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that read it was killed by signal %d: %s", outcome,
			 signal_meaning(outcome));
	else if (outcome == OUTCOME_CHILD + SANDBOX_CHILD_LIMITS)
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that was to read it could not limit itself: is /proc there?");
	else if (outcome == OUTCOME_CHILD + SANDBOX_CHILD_PRIVILEGES)
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that was to read it could not give up its privileges");
	else
		snprintf(reason, SANDBOX_REASON_SIZE, "the child that read it was lost");
	return -EIO;
}

static int take_answer(int fd, void *answer, size_t size, char *reason)
{
	unsigned char bytes[sizeof(struct sandbox_begin) + SANDBOX_ANSWER_LIMIT + 1];
	struct sandbox_begin begin;
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n != (ssize_t)(sizeof begin + size)) {
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that read it gave an answer of %zd bytes instead of %zu", n,
			 sizeof begin + size);
		return -EBADMSG;
	}
	memcpy(&begin, bytes, sizeof begin);
	memcpy(answer, bytes + sizeof begin, size);
	if (begin.filter)
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "read by a child with limits, without privileges, but without a filter of "
			 "system calls: %s",
			 strerror(begin.filter < 0 && begin.filter > -4096 ? -begin.filter
									   : EINVAL));
	else
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "read by a child with limits, without privileges, with a filter of system "
			 "calls");
	return 0;
}

static int run_here(const struct sandbox *isolation, const struct sandbox_work *work, void *answer,
		    char *reason)
{
	snprintf(reason, SANDBOX_REASON_SIZE, "read by this process itself: %s",
		 isolation->is_off ? "isolation is switched off" : sandbox_missing());
	work->open(work->context);
	work->read(work->context, answer);
	work->close(work->context);
	return 0;
}

int sandbox_run(const struct sandbox *isolation, const struct sandbox_work *work, void *answer,
		size_t size, char reason[SANDBOX_REASON_SIZE])
{
	struct keeper keeper = {
		.isolation = isolation, .work = work, .size = size, .outcome = OUTCOME_NOT_STARTED
	};
	int ends[2], cancel_state, rc;

	memset(answer, 0, size);
	if (size > SANDBOX_ANSWER_LIMIT)
		return -EINVAL;
	if (isolation->is_off || sandbox_missing())
		return run_here(isolation, work, answer, reason);
	/* A cancellation of this thread is not for the keeper to act on, which has its thread's
	   memory; nor may it leave descriptors behind here. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	/* Without blocking: the child is not to hang on it, nor this process. What is sent fits in
	 * one page. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		rc = explain_outcome(OUTCOME_NOT_STARTED, isolation, reason);
	} else {
		keeper.answer_fd = ends[1];
		wait_for_keeper(&keeper);
		rc = keeper.outcome ? explain_outcome(keeper.outcome, isolation, reason)
				    : take_answer(ends[0], answer, size, reason);
		close(ends[0]);
		close(ends[1]);
	}
	pthread_setcancelstate(cancel_state, NULL);
	return rc;
}
