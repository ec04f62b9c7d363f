/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process whose truth is known: N threads with seeded random heap histories, each of
 * which reports its own mallctl figures and then parks.
 *
 *	heap_histories THREADS SEED [dlopen PATH]
 *
 * On stdout, once all are parked: "thread TID ALLOCATED DEALLOCATED" each, then "parked". Each line
 * on stdin ("run") makes all threads go through another history and report again; EOF ends it.
 * With NO_ROBUST_LIST in the environment no thread has a robust list, as with musl.
 * With "dlopen PATH" the heap functions come from that library, opened at run time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEPS 400
#define HELD  64

/* Weak: found where jemalloc is linked or preloaded. */
extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

struct heap {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void (*free)(void *);
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
};

struct worker {
	pthread_t thread;
	unsigned int index;
	pid_t tid;
	uint64_t allocated, deallocated, random;
};

static struct heap heap;
static unsigned int threads;
static pthread_barrier_t barrier;
static void *exchange[HELD]; /* what one thread leaves here another frees */
static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* xorshift64: the seed is the whole history. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t random_size(uint64_t *state)
{
	uint64_t magnitude =
		next(state) % 17; /* up to 128 KiB: small, large and page-sized classes */

	return 1 + next(state) % (UINT64_C(2) << magnitude);
}

static void *allocate(uint64_t *random)
{
	size_t size = random_size(random);
	void *p = NULL;

	switch (next(random) % 3) {
	case 0:
		p = heap.malloc(size);
		break;
	case 1:
		p = heap.calloc(1 + next(random) % 8, size / 8 + 1);
		break;
	default:
		if (heap.posix_memalign(&p, (size_t)16 << next(random) % 9, size))
			p = NULL;
	}
	if (!p)
		die("allocate");
	memset(p, 0x5a, 1);
	return p;
}

static void history(uint64_t *random)
{
	void *held[HELD] = { NULL };

	for (int i = 0; i < STEPS; i++) {
		void **slot = &held[next(random) % HELD];

		if (!*slot) {
			*slot = allocate(random);
		} else if (next(random) % 4 == 0) {
			void *p = heap.realloc(*slot, random_size(random));

			if (!p)
				die("realloc");
			*slot = p;
		} else if (next(random) % 4 == 0) {
			void **place = &exchange[next(random) % HELD], *other;

			pthread_mutex_lock(&exchange_lock);
			other = *place;
			*place = *slot;
			pthread_mutex_unlock(&exchange_lock);
			*slot = other;
		} else {
			heap.free(*slot);
			*slot = NULL;
		}
	}
	for (int i = 0; i < HELD; i += 2) /* half stays: allocated and freed differ */
		heap.free(held[i]);
}

static uint64_t own_figure(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;

	if (heap.mallctl(name, &value, &size, NULL, 0))
		die(name);
	return value;
}

/* 24: sizeof(struct robust_list_head); the kernel takes no other. */
static void drop_robust_list(void)
{
	if (getenv("NO_ROBUST_LIST") && syscall(SYS_set_robust_list, NULL, (size_t)24))
		die("set_robust_list");
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->tid = (pid_t)syscall(SYS_gettid);
	drop_robust_list();
	for (;;) {
		history(&worker->random);
		worker->allocated = own_figure("thread.allocated");
		worker->deallocated = own_figure("thread.deallocated");
		pthread_barrier_wait(&barrier); /* all have reported */
		pthread_barrier_wait(&barrier); /* parked here until told to run */
	}
	return NULL;
}

static void find_heap(const char *library)
{
	void *handle;

	if (!library) {
		heap = (struct heap){ malloc, calloc, realloc, posix_memalign, free, mallctl };
		if (!mallctl)
			die("mallctl: no jemalloc here");
		return;
	}
	handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		_exit(1);
	}
	*(void **)&heap.malloc = dlsym(handle, "malloc");
	*(void **)&heap.calloc = dlsym(handle, "calloc");
	*(void **)&heap.realloc = dlsym(handle, "realloc");
	*(void **)&heap.posix_memalign = dlsym(handle, "posix_memalign");
	*(void **)&heap.free = dlsym(handle, "free");
	*(void **)&heap.mallctl = dlsym(handle, "mallctl");
	if (!heap.mallctl)
		die("dlsym mallctl");
}

/* Everything of the main thread that may touch the heap comes before its own figures are taken. */
static void report(const struct worker *workers)
{
	uint64_t allocated, deallocated;
	char line[96];
	int length;

	for (unsigned int i = 0; i < threads; i++) {
		length = snprintf(line, sizeof line, "thread %d %" PRIu64 " %" PRIu64 "\n",
				  (int)workers[i].tid, workers[i].allocated,
				  workers[i].deallocated);
		if (write(STDOUT_FILENO, line, (size_t)length) != length)
			die("write");
	}
	allocated = own_figure("thread.allocated");
	deallocated = own_figure("thread.deallocated");
	length = snprintf(line, sizeof line, "thread %d %" PRIu64 " %" PRIu64 "\nparked\n",
			  (int)getpid(), allocated, deallocated);
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
}

int main(int argc, char **argv)
{
	struct worker *workers;
	char command;

	if (argc != 3 && !(argc == 5 && strcmp(argv[3], "dlopen") == 0)) {
		fprintf(stderr, "usage: %s THREADS SEED [dlopen PATH]\n", argv[0]);
		return 2;
	}
	drop_robust_list();
	find_heap(argc == 5 ? argv[4] : NULL);
	threads = (unsigned int)strtoul(argv[1], NULL, 10);
	workers = calloc(threads ? threads : 1, sizeof *workers);
	if (!workers || pthread_barrier_init(&barrier, NULL, threads + 1))
		die("start");
	for (unsigned int i = 0; i < threads; i++) {
		workers[i].index = i;
		workers[i].random =
			(strtoull(argv[2], NULL, 10) + 1) * UINT64_C(0x9e3779b97f4a7c15) + i + 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("pthread_create");
	}
	for (;;) {
		pthread_barrier_wait(&barrier);
		report(workers);
		do {
			if (read(STDIN_FILENO, &command, 1) != 1)
				_exit(0);
		} while (command != '\n');
		pthread_barrier_wait(&barrier);
	}
}
