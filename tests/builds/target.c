/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program with a jemalloc of its own: threads that have allocated, freed, done both or nothing
 * say what mallctl says to them, then park. Prints "tid allocated deallocated" a thread, the first
 * one last, then "ready"; ends with its standard input. PREFIX: before jemalloc's names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define JOIN_(prefix, name) prefix##name
#define JOIN(prefix, name)  JOIN_(prefix, name)
#define JE(name)            JOIN(PREFIX, name)

#ifndef PREFIX
#define PREFIX
#endif

int JE(mallctl)(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
void *JE(malloc)(size_t size);
void JE(free)(void *allocation);

enum { THREADS = 6, BLOCKS = 200 };

static void *blocks[THREADS][BLOCKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all_said;

static uint64_t counter(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;
	int rc = JE(mallctl)(name, &value, &size, NULL, 0);

	if (rc == ENOENT)
		return 0; /* statistics are compiled out */
	if (rc || size != sizeof value)
		_exit(3);
	return value;
}

/* Without streams, which may allocate. */
static void say(void)
{
	char line[80];
	uint64_t allocated = counter("thread.allocated");
	uint64_t deallocated = counter("thread.deallocated");

	int length = snprintf(line, sizeof line, "%d %llu %llu\n", (int)gettid(),
			      (unsigned long long)allocated, (unsigned long long)deallocated);

	pthread_mutex_lock(&lock);
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		_exit(5);
	pthread_mutex_unlock(&lock);
	if (counter("thread.allocated") != allocated ||
	    counter("thread.deallocated") != deallocated)
		_exit(4);
}

static void *run(void *argument)
{
	size_t index = (size_t)(uintptr_t)argument;

	for (size_t i = 0; index && i < BLOCKS; i++)
		blocks[index][i] = JE(malloc)(16 + 1234 * index * i);
	for (size_t i = 0; index > 2 && i < BLOCKS / index; i++) {
		JE(free)(blocks[index][i]);
		blocks[index][i] = NULL;
	}
	say();
	pthread_barrier_wait(&all_said);
	pause();
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char byte;

	pthread_barrier_init(&all_said, NULL, THREADS + 1);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, run, (void *)(uintptr_t)i))
			return 2;
	pthread_barrier_wait(&all_said);
	say();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 5;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
