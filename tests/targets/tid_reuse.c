/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads whose ids are used again within microseconds, in a pid namespace of their own.
 *
 *	tid_reuse LOG PARKED
 *
 * PARKED threads named p1, p2, … stay; others named c1, c2, … come and go. Each allocates what
 * tid_reuse.h says of its number. A thread has its name from the start: it is its creator's.
 * /proc/sys/kernel/ns_last_pid is set back again and again, as if there were few ids. Until killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tid_reuse.h"

#define LIVING     8  /* that come and go, at once */
#define IDS        12 /* that they share */
#define STACK_SIZE 65536

static struct reuse_log *reuse_log;
static atomic_int living, parked;

static _Noreturn void die(const char *what)
{
	perror(what);
	_exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void wait_ns(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* /proc/thread-self leads to "PID/task/TID" as that /proc numbers them. */
static int64_t own_tid(void)
{
	char link[64] = "", *tid;

	if (readlink("/proc/thread-self", link, sizeof link - 1) < 0)
		die("/proc/thread-self");
	tid = strrchr(link, '/');
	return tid ? strtoll(tid + 1, NULL, 10) : 0;
}

static void *stay(void *argument)
{
	uint64_t number = (uint64_t)(uintptr_t)argument;
	void *volatile kept;

	for (unsigned int i = 0; i < REUSE_STEPS; i++)
		kept = malloc(reuse_size(number, i));
	(void)kept;
	atomic_fetch_add(&parked, 1);
	for (;;)
		pause();
	return NULL;
}

static void *come_and_go(void *argument)
{
	uint64_t number = (uint64_t)(uintptr_t)argument;
	struct reuse_record *record = &reuse_log->records[number % REUSE_RECORDS];
	void *volatile blocks[REUSE_STEPS];

	atomic_store(&record->start_ns, now_ns());
	atomic_store(&record->tid, own_tid());
	for (unsigned int i = 0; i < REUSE_STEPS; i++)
		blocks[i] = malloc(reuse_size(number, i));
	/* Some end at once, some live for less than a snapshot takes, some for longer. */
	if (number % 4)
		wait_ns((long)(number * UINT64_C(40503) % 400) * (number % 8 == 7 ? 50000 : 1000));
	for (unsigned int i = 0; i < REUSE_STEPS; i++)
		free(blocks[i]);
	atomic_fetch_sub(&living, 1);
	return NULL;
}

static void begin(const pthread_attr_t *attr, char kind, uint64_t number, void *(*run)(void *))
{
	pthread_t thread;
	char name[16];

	snprintf(name, sizeof name, "%c%llu", kind, (unsigned long long)number);
	prctl(PR_SET_NAME, name);
	while (pthread_create(&thread, attr, run, (void *)(uintptr_t)number))
		wait_ns(1000); /* no id is free */
}

static void churn(const pthread_attr_t *attr, int ids, const char *first)
{
	for (uint64_t number = 1;; number++) {
		struct reuse_record *record = &reuse_log->records[number % REUSE_RECORDS];

		while (atomic_load(&living) >= LIVING)
			wait_ns(1000);
		if (number % IDS == 1 && pwrite(ids, first, strlen(first), 0) < 0)
			die("ns_last_pid");
		atomic_fetch_add(&living, 1);
		atomic_store(&record->number, 0);
		atomic_store(&record->tid, 0);
		atomic_store(&record->number, number);
		begin(attr, 'c', number, come_and_go);
	}
}

int main(int argc, char **argv)
{
	int fd, ids, count = argc == 3 ? atoi(argv[2]) : -1;
	pthread_attr_t attr;
	char first[16] = "";

	if (count < 0)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	reuse_log =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof *reuse_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (reuse_log == MAP_FAILED)
		die(argv[1]);
	ids = open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC);
	if (ids < 0)
		die("ns_last_pid");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 1; i <= count; i++)
		begin(&attr, 'p', (uint64_t)i, stay);
	while (atomic_load(&parked) < count)
		wait_ns(1000);
	if (pread(ids, first, sizeof first - 1, 0) <= 0)
		die("ns_last_pid");
	atomic_store(&reuse_log->pid, own_tid());
	churn(&attr, ids, first);
	return 0;
}
