/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process that says what its own mallctl says of its heap: N threads with seeded random
 * histories, some of which have ended, and what they left.
 *
 *	heap_truth THREADS ENDED SEED
 *
 * With EXPLICIT_CACHE in the environment it frees some objects into a cache of tcache.create. Once
 * all living threads are parked it prints "NAME VALUE" for stats.*, for every arena and size class,
 * "thread TID ALLOCATED DEALLOCATED", "left BYTES" (what the ended threads allocated less what they
 * freed, by their own counters), then "parked". Each line on stdin is a command: "run" (all threads
 * go through another history), "churn" (they go on until the next line), "again" (only the report);
 * EOF ends it. Nothing allocates between the epoch and "parked".
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEPS 600
#define HELD  96

/* Weak: found where jemalloc is linked or preloaded. */
/* MALLOCX_TCACHE: jemalloc_macros.h. */
#define MALLOCX_TCACHE(cache) ((int)(((cache) + 2) << 8))
extern void *mallocx(size_t, int) __attribute__((weak));
extern void dallocx(void *, int) __attribute__((weak));
extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

struct worker {
	pthread_t thread;
	pid_t tid;
	uint64_t allocated, deallocated, random;
	void *held[HELD];
};

static unsigned int threads;
static pthread_barrier_t barrier;
static atomic_bool churning;
static atomic_llong left;
static struct worker *workers;

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* Formatted on the stack: stdio would allocate. */
static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Up to 256 KiB: slabs, large classes that are cached, and some that are not. */
static void history(struct worker *worker)
{
	for (int i = 0; i < STEPS; i++) {
		void **slot = &worker->held[next(&worker->random) % HELD];
		size_t size =
			1 + next(&worker->random) % (UINT64_C(2) << next(&worker->random) % 18);

		if (*slot && next(&worker->random) % 3) {
			free(*slot);
			*slot = NULL;
			continue;
		}
		free(*slot);
		*slot = malloc(size);
		if (!*slot)
			die("malloc");
		memset(*slot, 0x5a, size < 64 ? size : 64);
	}
}

static uint64_t own_figure(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;

	if (mallctl(name, &value, &size, NULL, 0))
		die(name);
	return value;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->tid = (pid_t)syscall(SYS_gettid);
	for (;;) {
		do {
			history(worker);
		} while (atomic_load(&churning));
		worker->allocated = own_figure("thread.allocated");
		worker->deallocated = own_figure("thread.deallocated");
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* Keeps half of what it has, and ends. */
static void *leave(void *argument)
{
	struct worker *worker = argument;

	history(worker);
	for (int i = 0; i < HELD; i += 2)
		free(worker->held[i]);
	atomic_fetch_add(&left, (long long)(own_figure("thread.allocated") -
					    own_figure("thread.deallocated")));
	return NULL;
}

/* One value of mallctl, as wide as it is; what a build does not have is left out. */
static void say_figure(const char *format, ...)
{
	char name[128];
	uint64_t value = 0;
	size_t size = sizeof value;
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof name, format, args);
	va_end(args);
	if (mallctl(name, &value, &size, NULL, 0) == 0)
		say("%s %" PRId64 "\n", name, (int64_t)value);
	else if ((size = sizeof(uint32_t)) && mallctl(name, &value, &size, NULL, 0) == 0)
		say("%s %" PRIu32 "\n", name, (uint32_t)value);
}

static const char *const totals[] = { "allocated", "active", "metadata",
				      "resident",  "mapped", "retained" };
static const char *const of_arena[] = {
	"nthreads",      "dirty_decay_ms", "muzzy_decay_ms",
	"pactive",       "pdirty",         "pmuzzy",
	"mapped",        "retained",       "base",
	"internal",      "resident",       "tcache_bytes",
	"dirty_npurge",  "dirty_nmadvise", "dirty_purged",
	"muzzy_npurge",  "muzzy_nmadvise", "muzzy_purged",
	"abandoned_vm",  "extent_avail",   "small.allocated",
	"small.nmalloc", "small.ndalloc",  "small.nrequests",
	"small.nfills",  "small.nflushes", "large.allocated",
	"large.nmalloc", "large.ndalloc",  "large.nrequests",
	"large.nfills",  "large.nflushes",
};
static const char *const of_bin[] = { "nmalloc",  "ndalloc",      "nrequests", "curregs",
				      "nfills",   "nflushes",     "nslabs",    "nreslabs",
				      "curslabs", "nonfull_slabs" };
static const char *const of_large[] = { "nmalloc", "ndalloc", "nrequests", "curlextents" };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void say_arena(unsigned int arena, unsigned int bins, unsigned int large)
{
	bool initialized = false;
	size_t size = sizeof initialized;
	char name[64];

	snprintf(name, sizeof name, "arena.%u.initialized", arena);
	if (mallctl(name, &initialized, &size, NULL, 0) || !initialized)
		return;
	for (size_t i = 0; i < COUNT(of_arena); i++)
		say_figure("stats.arenas.%u.%s", arena, of_arena[i]);
	for (unsigned int b = 0; b < bins; b++)
		for (size_t i = 0; i < COUNT(of_bin); i++)
			say_figure("stats.arenas.%u.bins.%u.%s", arena, b, of_bin[i]);
	for (unsigned int b = 0; b < large; b++)
		for (size_t i = 0; i < COUNT(of_large); i++)
			say_figure("stats.arenas.%u.lextents.%u.%s", arena, b, of_large[i]);
}

static uint64_t allocated_now(void)
{
	uint64_t epoch = 1, allocated = 0;
	size_t size = sizeof allocated;

	if (mallctl("epoch", NULL, NULL, &epoch, sizeof epoch))
		die("epoch");
	mallctl("stats.allocated", &allocated, &size, NULL, 0);
	return allocated;
}

/* jemalloc's background threads allocate, too, while they are started one by the other. */
static void settle(void)
{
	uint64_t before = allocated_now();

	for (int still = 0, tries = 0; still < 5 && tries < 1000; tries++) {
		uint64_t now;

		usleep(10000);
		now = allocated_now();
		still = now == before ? still + 1 : 0;
		before = now;
	}
}

static void report(void)
{
	uint64_t epoch = 1;
	unsigned int arenas = 0, bins = 0, large = 0;
	size_t size = sizeof arenas;

	for (unsigned int i = 0; i < threads; i++)
		say("thread %d %" PRIu64 " %" PRIu64 "\n", (int)workers[i].tid,
		    workers[i].allocated, workers[i].deallocated);
	say("thread %d %" PRIu64 " %" PRIu64 "\n", (int)getpid(), own_figure("thread.allocated"),
	    own_figure("thread.deallocated"));
	settle();
	if (mallctl("epoch", NULL, NULL, &epoch, sizeof epoch))
		die("epoch");
	for (size_t i = 0; i < COUNT(totals); i++)
		say_figure("stats.%s", totals[i]);
	mallctl("arenas.narenas", &arenas, &size, NULL, 0);
	mallctl("arenas.nbins", &bins, &size, NULL, 0);
	mallctl("arenas.nlextents", &large, &size, NULL, 0);
	for (unsigned int i = 0; i < arenas; i++)
		say_arena(i, bins, large);
	say("left %lld\nparked\n", (long long)atomic_load(&left));
}

/* "" at the end. */
static bool read_line(char *line, size_t size)
{
	size_t length = 0;

	while (length + 1 < size && read(STDIN_FILENO, line + length, 1) == 1) {
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

/* Ten objects of 1 KiB, into a cache that is no thread's. */
static void fill_explicit_cache(void)
{
	unsigned int cache;
	size_t size = sizeof cache;
	void *held[10];

	if (!getenv("EXPLICIT_CACHE"))
		return;
	if (mallctl("tcache.create", &cache, &size, NULL, 0))
		die("tcache.create");
	for (size_t i = 0; i < COUNT(held); i++)
		held[i] = mallocx(1024, MALLOCX_TCACHE(cache));
	for (size_t i = 0; i < COUNT(held); i++)
		dallocx(held[i], MALLOCX_TCACHE(cache));
}

static void end_some(unsigned int ended, uint64_t seed)
{
	for (unsigned int i = 0; i < ended; i++) {
		/* Not on the heap: whoever frees it would have to be counted. */
		static struct worker worker;

		memset(&worker, 0, sizeof worker);
		worker.random = (seed + 7 + i) * UINT64_C(0x9e3779b97f4a7c15);
		if (pthread_create(&worker.thread, NULL, leave, &worker) ||
		    pthread_join(worker.thread, NULL))
			die("pthread_create");
	}
}

int main(int argc, char **argv)
{
	char line[32] = "";
	uint64_t seed;

	if (argc != 4) {
		fprintf(stderr, "usage: %s THREADS ENDED SEED\n", argv[0]);
		return 2;
	}
	threads = (unsigned int)strtoul(argv[1], NULL, 10);
	seed = strtoull(argv[3], NULL, 10);
	workers = calloc(threads + 1, sizeof *workers);
	if (!workers || pthread_barrier_init(&barrier, NULL, threads + 1))
		die("start");
	fill_explicit_cache();
	end_some((unsigned int)strtoul(argv[2], NULL, 10), seed);
	for (unsigned int i = 0; i < threads; i++) {
		workers[i].random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + i + 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("pthread_create");
	}
	pthread_barrier_wait(&barrier);
	for (;;) {
		report();
		do {
			if (!read_line(line, sizeof line))
				_exit(0);
			if (strcmp(line, "again") == 0)
				report();
		} while (strcmp(line, "again") == 0);
		if (strcmp(line, "churn") == 0) {
			atomic_store(&churning, true);
			pthread_barrier_wait(&barrier);
			say("churning\n");
			if (!read_line(line, sizeof line))
				_exit(0);
			atomic_store(&churning, false);
		} else {
			pthread_barrier_wait(&barrier);
		}
		pthread_barrier_wait(&barrier);
	}
}
