/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Libraries with TLS that come and go under threads that are older than they are.
 *
 *	late_library THREADS
 *
 * Each line on stdin is carried out and answered with a report, as heap_histories writes it;
 * threads are numbered from 0, which is the main thread:
 *
 *	open SLOT PATH PREFIX
 *		dlopen into one of two slots; its functions have that prefix ("-" for none),
 *		or with "+TEXT" that text behind their names, or with
 *		"@MALLOCX,SDALLOCX,MALLCTL" these values, in hexadecimal, of symbols that it
 *		does not export; PATH "-": the functions that this program was linked with
 *	close SLOT
 *	use SLOT THREAD SIZE
 *		THREAD allocates SIZE, and then frees half as much, through that library
 *	add
 *		one more thread
 *
 * The report is of slot 1: its own mallctl figures for a thread that used it, 0 for any other.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_LIMIT 64

struct library {
	void *handle;
	void *(*mallocx)(size_t, int);
	void (*sdallocx)(void *, size_t, int);
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
};

struct thread {
	pthread_t thread;
	sem_t go, done;
	pid_t tid;
	struct library *library; /* the task: NULL for none */
	size_t size;
	uint64_t allocated, deallocated;
};

/* Weak: found where they are linked. */
extern void *mallocx(size_t, int) __attribute__((weak));
extern void sdallocx(void *, size_t, int) __attribute__((weak));
extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

static struct library libraries[2];
static struct thread threads[THREADS_LIMIT];
static unsigned int thread_count;

static void die(const char *what)
{
	fprintf(stderr, "late_library: %s: %s\n", what, dlerror());
	_exit(1);
}

static void use(struct thread *thread)
{
	struct library *library = thread->library;
	size_t length = sizeof thread->allocated;
	void *kept = library->mallocx(thread->size, 0),
	     *freed = library->mallocx(thread->size / 2, 0);

	if (!kept || !freed)
		die("mallocx");
	library->sdallocx(freed, thread->size / 2, 0);
	if (library == &libraries[1] &&
	    (library->mallctl("thread.allocated", &thread->allocated, &length, NULL, 0) ||
	     library->mallctl("thread.deallocated", &thread->deallocated, &length, NULL, 0)))
		die("mallctl");
}

static void *run(void *argument)
{
	struct thread *thread = argument;

	thread->tid = (pid_t)syscall(SYS_gettid);
	sem_post(&thread->done);
	for (;;) {
		if (sem_wait(&thread->go) == 0)
			use(thread);
		sem_post(&thread->done);
	}
	return NULL;
}

static void add_thread(void)
{
	struct thread *thread = &threads[thread_count];

	if (thread_count == THREADS_LIMIT)
		die("too many threads");
	sem_init(&thread->go, 0, 0);
	sem_init(&thread->done, 0, 0);
	if (thread_count++ == 0) {
		thread->tid = getpid();
		return;
	}
	if (pthread_create(&thread->thread, NULL, run, thread))
		die("pthread_create");
	sem_wait(&thread->done);
}

static void *symbol(void *handle, const char *prefix, const char *name)
{
	char whole[128];
	void *found;

	bool is_suffix = *prefix == '+';

	snprintf(whole, sizeof whole, "%s%s%s", is_suffix || strcmp(prefix, "-") == 0 ? "" : prefix,
		 name, is_suffix ? prefix + 1 : "");
	found = dlsym(handle, whole);
	if (!found)
		die(whole);
	return found;
}

/* What the library keeps to itself: the values are from its symbol table. */
static bool local_symbols(struct library *library, const char *prefix)
{
	uintptr_t values[3];
	struct link_map *map;

	if (sscanf(prefix, "@%" SCNxPTR ",%" SCNxPTR ",%" SCNxPTR, &values[0], &values[1],
		   &values[2]) != 3)
		return false;
	if (dlinfo(library->handle, RTLD_DI_LINKMAP, &map))
		die("dlinfo");
	*(uintptr_t *)&library->mallocx = map->l_addr + values[0];
	*(uintptr_t *)&library->sdallocx = map->l_addr + values[1];
	*(uintptr_t *)&library->mallctl = map->l_addr + values[2];
	return true;
}

static void open_library(struct library *library, const char *path, const char *prefix)
{
	if (strcmp(path, "-") == 0) {
		*library = (struct library){ NULL, mallocx, sdallocx, mallctl };
		return;
	}
	library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		die("dlopen");
	if (local_symbols(library, prefix))
		return;
	*(void **)&library->mallocx = symbol(library->handle, prefix, "mallocx");
	*(void **)&library->sdallocx = symbol(library->handle, prefix, "sdallocx");
	if (library == &libraries[1])
		*(void **)&library->mallctl = symbol(library->handle, prefix, "mallctl");
}

static void carry_out(const char *line)
{
	char path[4096], prefix[64];
	unsigned int slot, number;
	size_t size;

	if (strncmp(line, "add", 3) == 0) {
		add_thread();
	} else if (sscanf(line, "open %u %4095s %63s", &slot, path, prefix) == 3 && slot < 2) {
		open_library(&libraries[slot], path, prefix);
	} else if (sscanf(line, "close %u", &slot) == 1 && slot < 2) {
		if (dlclose(libraries[slot].handle))
			die("dlclose");
	} else if (sscanf(line, "use %u %u %zu", &slot, &number, &size) == 3 && slot < 2 &&
		   number < thread_count) {
		threads[number].library = &libraries[slot];
		threads[number].size = size;
		if (number == 0) {
			use(&threads[0]);
		} else {
			sem_post(&threads[number].go);
			sem_wait(&threads[number].done);
		}
	} else {
		die(line);
	}
}

int main(int argc, char **argv)
{
	char line[5000];

	for (unsigned int i = 0; argc == 2 && i <= strtoul(argv[1], NULL, 10); i++)
		add_thread();
	do {
		for (unsigned int i = 0; i < thread_count; i++)
			printf("thread %d %" PRIu64 " %" PRIu64 "\n", (int)threads[i].tid,
			       threads[i].allocated, threads[i].deallocated);
		printf("parked\n");
		fflush(stdout);
		if (!fgets(line, sizeof line, stdin))
			return 0;
		carry_out(line);
	} while (1);
}
