/* SPDX-License-Identifier: BSD-2-Clause */
/* Running something in the sandbox's child, and judging its end. */
#ifndef SANDBOX_RUNS_H
#define SANDBOX_RUNS_H

#include <errno.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox/sandbox.h"

struct answer {
	int number;
	int codes[16];
	char text[1500];
};

/* Seen by all processes that come of this one. */
static struct {
	atomic_int child, keeper, ran_atexit, ran_handler;
} * shared;

static bool touched; /* by a child: its own copy */
static bool has_filter;

static inline struct sandbox quick(void)
{
	return (struct sandbox)SANDBOX_INIT(0, -1);
}

static void open_nothing(void *context)
{
	(void)context;
	atomic_store(&shared->keeper, getppid());
	atomic_store(&shared->child, getpid());
}

static void close_nothing(void *context)
{
	(void)context;
}

typedef void step_open(void *);
typedef void step_read(void *, void *);

static int run_opening(const struct sandbox *isolation, step_open *open_step, step_read *read_step,
		       struct answer *answer, char *reason)
{
	struct sandbox_work work = {
		.open_fd = -1, .open = open_step, .read = read_step, .close = close_nothing
	};

	atomic_store(&shared->child, 0);
	return sandbox_run(isolation, &work, answer, sizeof *answer, reason);
}

static inline int run_with(const struct sandbox *isolation, step_read *step, struct answer *answer,
			   char *reason)
{
	return run_opening(isolation, open_nothing, step, answer, reason);
}

static void assert_how(const char *reason, const char *part)
{
	if (!strstr(reason, part))
		fail_msg("\"%s\" is not in \"%s\"", part, reason);
}

/* Does it end so, and how does it say so? */
static inline void assert_end(step_read *step, int code, const char *part)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;
	int rc;

	isolation.cpu_seconds = 1;
	rc = run_with(&isolation, step, &answer, reason);
	assert_how(reason, part);
	assert_int_equal(rc, code);
	assert_int_equal(kill(atomic_load(&shared->child), 0), -1); /* reaped */
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void answer_pid(void *context, void *result)
{
	struct answer *answer = result;

	(void)context;
	touched = true;
	answer->number = (int)getpid();
	strcpy(answer->text, "text");
}

static inline void crash(void *context, void *answer)
{
	volatile int *volatile nowhere = NULL;

	(void)context;
	((struct answer *)answer)->number = *nowhere;
}

static inline void hang(void *context, void *answer)
{
	(void)context;
	(void)answer;
	for (uint32_t word = 0;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static inline int prepare(void)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	has_filter = !sandbox_missing() && run_with(&isolation, answer_pid, &answer, reason) == 0 &&
		     strstr(reason, "with a filter");
	return 0;
}

#endif
