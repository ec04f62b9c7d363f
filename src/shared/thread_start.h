/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts a thread on which no signal handler of the program runs. */
#ifndef KTSTR_SHARED_THREAD_START_H
#define KTSTR_SHARED_THREAD_START_H

#include <pthread.h>

/*
 * pthread_create(3) with every signal blocked in the new thread; the caller's mask is as before
 * afterwards. Returns 0 or a negative errno.
 */
int thread_start_blocked(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			 void *argument);

#endif
