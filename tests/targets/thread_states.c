/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process in a difficult state, whose truth is known.
 *
 *	thread_states park THREADS
 *		"thread TID ALLOCATED DEALLOCATED" each, then "parked"; EOF ends it
 *	thread_states leaderless THREADS
 *		the same, and the main thread has ended
 *	thread_states churn LOG THREADS
 *		threads come and go until EOF; LOG gets a struct record for each step of each,
 *		written before and after it
 *	thread_states steps COUNT NEXT...
 *		allocates in known steps, then runs NEXT as often as COUNT says: "report" as COUNT
 *		prints the pair of counters after each step
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RECORDS    400000u
#define STACK_SIZE 65536
#define IDLE_SIZE  1024 /* a size class: also what the counter shows */

extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

struct record {
	int64_t tid;
	uint64_t allocated, deallocated;
};

struct log {
	_Atomic uint64_t used;
	struct record records[RECORDS];
};

static struct log *steps_log;
static atomic_uint running;
static int parked_pipe[2];

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static struct record own_figures(void)
{
	struct record own = { .tid = (pid_t)syscall(SYS_gettid) };
	size_t size = sizeof own.allocated;

	if (mallctl && (mallctl("thread.allocated", &own.allocated, &size, NULL, 0) ||
			mallctl("thread.deallocated", &own.deallocated, &size, NULL, 0)))
		die("mallctl");
	return own;
}

static void *touch(void *p)
{
	if (!p)
		die("malloc");
	*(volatile char *)p = 1;
	return p;
}

/* ---- park and leaderless ---- */

static void report_own(void)
{
	struct record own = own_figures();
	char line[96];
	int length = snprintf(line, sizeof line, "thread %d %" PRIu64 " %" PRIu64 "\n",
			      (int)own.tid, own.allocated, own.deallocated);

	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
}

static void *park(void *argument)
{
	uintptr_t index = (uintptr_t)argument;

	free(touch(malloc(64 + index * 48)));
	touch(malloc(1 + index % 4096));
	report_own();
	if (write(parked_pipe[1], "", 1) != 1)
		die("write");
	for (;;)
		pause();
	return NULL;
}

/* Says "parked" when all are, and ends the process at EOF. */
static void *watch(void *argument)
{
	uintptr_t count = (uintptr_t)argument;
	char byte;

	while (count-- > 0)
		if (read(parked_pipe[0], &byte, 1) != 1)
			die("read");
	report_own();
	if (write(STDOUT_FILENO, "parked\n", 7) != 7)
		die("write");
	while (read(STDIN_FILENO, &byte, 1) == 1)
		;
	_exit(0);
}

static void start(void *(*routine)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK_SIZE) ||
	    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED))
		die("attributes");
	errno = pthread_create(&thread, &attributes, routine, argument);
	if (errno)
		die("pthread_create");
	pthread_attr_destroy(&attributes);
}

static void park_all(uintptr_t count, int leaderless)
{
	if (pipe(parked_pipe))
		die("pipe");
	for (uintptr_t i = 0; i < count; i++)
		start(park, (void *)i);
	if (leaderless) {
		start(watch, (void *)count);
		pthread_exit(NULL);
	}
	watch((void *)count);
}

/* ---- churn ---- */

static void note(struct record record)
{
	uint64_t at = atomic_fetch_add(&steps_log->used, 1);

	if (at < RECORDS)
		steps_log->records[at] = record;
}

/* Each size is one of 2^17 page-sized ones: two threads hardly ever have the same figures. */
static void *live_briefly(void *argument)
{
	uint64_t random = (uintptr_t)argument * UINT64_C(0x9e3779b97f4a7c15);
	size_t size = 16384 + 4096 * (size_t)(random >> 47 & 63),
	       small = 16 + (size_t)(random >> 32 & 0x3fff);
	struct timespec pause = { .tv_nsec = (long)(random >> 20 & 0x3ffff) };
	void *first, *second;

	note(own_figures());
	first = touch(malloc(size));
	note(own_figures());
	second = touch(malloc(small));
	note(own_figures());
	nanosleep(&pause, NULL);
	free(first);
	note(own_figures());
	free(second);
	note(own_figures());
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void churn(const char *path, unsigned int threads)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct timespec pause = { .tv_nsec = 50000 };

	if (fd < 0 || ftruncate(fd, sizeof *steps_log) || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK))
		die(path);
	steps_log = mmap(NULL, sizeof *steps_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (steps_log == MAP_FAILED)
		die("mmap");
	if (write(STDOUT_FILENO, "parked\n", 7) != 7)
		die("write");
	for (uintptr_t number = 1;; number++) {
		char byte;

		while (atomic_load(&running) >= threads)
			nanosleep(&pause, NULL);
		if (read(STDIN_FILENO, &byte, 1) == 0)
			_exit(0);
		if (atomic_load(&steps_log->used) + 8 * threads > RECORDS)
			continue; /* no step goes unrecorded */
		atomic_fetch_add(&running, 1);
		start(live_briefly, (void *)number);
	}
}

/* ---- steps ---- */

static void step(int report, size_t size)
{
	struct record own;
	char line[64]; /* no stdio: it would allocate */
	int length;

	if (size)
		touch(malloc(size));
	own = own_figures();
	length = snprintf(line, sizeof line, "step %" PRIu64 " %" PRIu64 "\n", own.allocated,
			  own.deallocated);
	if (report && write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
}

static void *idle(void *argument)
{
	touch(malloc(IDLE_SIZE));
	pause();
	return argument;
}

/* The first number in the program's file name is the size: each copy has truths of its own. */
static void steps(const char *name, char **argv)
{
	int report = strcmp(argv[2], "report") == 0;
	long left = strtol(argv[2], NULL, 10);
	const char *digits = strpbrk(strrchr(name, '/') ? strrchr(name, '/') : name, "0123456789");
	size_t size = digits ? strtoul(digits, NULL, 10) : 64;
	struct timespec pause = { .tv_nsec = (left * 7919 % 64) * 20000 };
	char count[24];
	pthread_t threads[3];
	int i;

	step(report, 0);
	for (i = 0; i < 4; i++)
		step(report, size << i);
	for (i = 0; i < 3; i++) {
		if (pthread_create(&threads[i], NULL, idle, NULL))
			die("pthread_create");
		step(report, 0);
	}
	if (report)
		exit(0);
	nanosleep(&pause, NULL);
	if (left <= 0)
		_exit(0);
	if (left <= 0 || !argv[3])
		_exit(0);
	/* The next program takes the place of this one; this one's name goes to the end of the
	 * list. */
	snprintf(count, sizeof count, "%ld", left - 1);
	argv[0] = argv[3];
	argv[2] = count;
	for (i = 3; argv[i + 1]; i++)
		argv[i] = argv[i + 1];
	argv[i] = argv[0];
	execv(argv[0], argv);
	die(argv[0]);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "park") == 0)
		park_all(strtoul(argv[2], NULL, 10), 0);
	else if (argc == 3 && strcmp(argv[1], "leaderless") == 0)
		park_all(strtoul(argv[2], NULL, 10), 1);
	else if (argc == 4 && strcmp(argv[1], "churn") == 0)
		churn(argv[2], (unsigned int)strtoul(argv[3], NULL, 10));
	else if (argc >= 3 && strcmp(argv[1], "steps") == 0)
		steps(argv[0], argv);
	return 2;
}
