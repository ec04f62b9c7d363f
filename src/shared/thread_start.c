/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts a thread on which no signal handler of the program runs. */
#include "shared/thread_start.h"

#include <signal.h>

int thread_start_blocked(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			 void *argument)
{
	sigset_t all, before;
	int rc;

	/* The mask is inherited; to block them within the new thread would be too late. */
	sigfillset(&all);
	rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc)
		return -rc;
	rc = pthread_create(thread, attr, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}
