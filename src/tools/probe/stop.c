/* SPDX-License-Identifier: BSD-2-Clause */
/* What ends the program early: SIGINT, SIGTERM, and the deadline, which is SIGALRM. */
#include "config.h"

#include "src/tools/probe/stop.h"

#include <poll.h>
#include <stddef.h>
#include <sys/time.h>

#include "shared/clock.h"

volatile sig_atomic_t stop_requested;
volatile sig_atomic_t stop_deadline_passed;
sigset_t stop_signals;

static struct ktstr_probe *cancelled_session;

static void on_stop(int signo)
{
	stop_requested = 1;
	if (signo == SIGALRM)
		stop_deadline_passed = 1;
	ktstr_probe_cancel(cancelled_session);
}

void stop_install(struct ktstr_probe *session, unsigned int abort_after_ms)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGALRM };
	struct sigaction action = { .sa_handler = on_stop };
	struct itimerval timer = {
		.it_value = { .tv_sec = abort_after_ms / 1000,
			      .tv_usec = (suseconds_t)(abort_after_ms % 1000) * 1000 },
	};

	cancelled_session = session;
	sigemptyset(&action.sa_mask);
	sigemptyset(&stop_signals);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&stop_signals, signals[i]);
	}
	/* A harness that reads them from a signalfd may leave them blocked. */
	sigprocmask(SIG_UNBLOCK, &stop_signals, NULL);
	if (abort_after_ms)
		setitimer(ITIMER_REAL, &timer, NULL);
}

/* No signal can slip in between the look at stop_requested and the wait. */
void stop_wait_until(int64_t deadline)
{
	sigset_t before;

	sigprocmask(SIG_BLOCK, &stop_signals, &before);
	while (!stop_requested && clock_ns(CLOCK_MONOTONIC) < deadline) {
		struct timespec left;

		ppoll(NULL, 0, deadline_left(deadline, &left), &before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}
