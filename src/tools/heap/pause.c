/* SPDX-License-Identifier: BSD-2-Clause */
/* Being asked to stop, and the time between two readings. */
#include "config.h"

#include "src/tools/heap/pause.h"

#include <signal.h>
#include <stddef.h>
#include <sys/select.h>

#include "shared/clock.h"

static volatile sig_atomic_t stopped;
static void (*call_on_stop)(void *context);
static void *call_context;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
	if (call_on_stop)
		call_on_stop(call_context);
}

void pause_install(void (*on_stop)(void *context), void *context)
{
	struct sigaction action = { .sa_handler = on_signal };

	call_on_stop = on_stop;
	call_context = context;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool pause_is_stopped(void)
{
	return stopped;
}

void pause_until(int64_t due_ns)
{
	sigset_t block, before;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &before);
	while (!stopped) {
		int64_t left = due_ns - clock_ns(CLOCK_MONOTONIC);
		struct timespec timeout;

		if (left <= 0)
			break;
		timeout = timespec_from_ns(left);
		pselect(0, NULL, NULL, NULL, &timeout, &before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}
