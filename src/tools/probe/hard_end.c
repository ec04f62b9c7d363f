/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the program that nothing can hold up. */
#include "config.h"

#include "src/tools/probe/hard_end.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/thread_start.h"
#include "src/tools/probe/report.h"

#define GRACE_MS  1000 /* from the deadline to the hard end */
#define TEXT_SIZE 512

static atomic_flag deadline_reported = ATOMIC_FLAG_INIT;

/* Past stdio, whose lock the main thread may hold; left out where it would block. */
static void print(const char *text)
{
	struct pollfd pollfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pollfd, 1, 0) > 0 && write(STDERR_FILENO, text, strlen(text)) < 0) {
		/* Nobody is left to be told. */
	}
}

void hard_end_report_deadline(const struct run *run)
{
	char text[TEXT_SIZE] = "";
	FILE *memory;

	if (atomic_flag_test_and_set(&deadline_reported))
		return;
	memory = fmemopen(text, sizeof text, "w");
	if (!memory)
		return;
	report_deadline(memory, run);
	fclose(memory);
	print(text);
}

static void report_reason(const struct run *run, int where)
{
	static const char held_up[] = "the target holds up the reading of its memory";
	char text[TEXT_SIZE] = "";
	FILE *memory = fmemopen(text, sizeof text, "w");

	if (!memory)
		return;
	if (where == RUN_AT_WORK)
		report_unwritten(memory, -ETIMEDOUT);
	else if (where == RUN_IN_LIBRARY && run->taken)
		report_last_snapshot(memory, run, held_up);
	else if (where == RUN_IN_LIBRARY)
		report_fatal(memory, KTSTR_PROBE_TAG_OTHER, held_up);
	fclose(memory);
	print(text);
}

static void *end_hard(void *context)
{
	struct run *run = context;
	struct timespec until =
		timespec_from_ns(deadline_after_ms((int)run->options.abort_after_ms + GRACE_MS));
	bool complete;
	int where, failed;

	do {
		failed = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	} while (failed == EINTR);
	if (failed)
		return NULL; /* the signal alone is left; too early would be a lie */
	where = atomic_load(&run->place);
	complete = where == RUN_CLOSED;
	if (where == RUN_IN_LIBRARY) { /* and so not in the midst of its output */
		run->interrupted = true;
		complete = run_finish_output(run) == 0;
	}
	hard_end_report_deadline(run);
	report_reason(run, where);
	_exit(report_exit_code(run, complete));
}

void hard_end_watch(struct run *run)
{
	pthread_t thread;

	if (!run->options.abort_after_ms)
		return;
	if (thread_start_blocked(&thread, NULL, end_hard, run) == 0)
		pthread_detach(thread);
}
