/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocates and frees from 64 threads that come and go, and tells in the file TRUTH where each
 * thread's counters lie at every moment. Runs until it is killed.
 *
 *	server TRUTH
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <jemalloc/jemalloc.h>

#include "shared/clock.h"
#include "truth.h"

#define HELD        32
#define SHORTEST_US 20000
#define LONGEST_US  600000
#define PAUSE_US \
	2000 /* between two bursts: 64 threads have to share a processor with the prober \
	      */
#define THREAD_COST \
	(1 << 20) /* more than starting and joining one costs the main thread's counters */

static struct truth *truth;
static void *exchange[256]; /* what one thread leaves here another frees */

struct self {
	struct truth_slot *slot;
	uint64_t *allocated, *deallocated; /* jemalloc's own counters of this thread */
	uint64_t random;
};

static _Noreturn void die(const char *what)
{
	perror(what);
	_exit(1);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* mallctl(3): a pointer to the counter, without a call for each look. */
static uint64_t *counter(const char *name)
{
	uint64_t *pointer = NULL;
	size_t size = sizeof pointer;

	if (mallctl(name, &pointer, &size, NULL, 0))
		die(name);
	return pointer;
}

/* proc(5), field 22 of stat: the probe's other half of a thread's identity. Without the heap. */
static uint64_t own_start_time(void)
{
	char path[64], text[1024], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%ld/stat", syscall(SYS_gettid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		die(path);
	close(fd);
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void expect(const struct self *self, uint64_t allocated, uint64_t deallocated)
{
	struct truth_bounds *bounds = &self->slot->bounds;

	atomic_store(&bounds->allocated_high, *self->allocated + allocated);
	atomic_store(&bounds->deallocated_high, *self->deallocated + deallocated);
}

static void settle(const struct self *self)
{
	struct truth_bounds *bounds = &self->slot->bounds;

	atomic_store(&bounds->allocated_low, *self->allocated);
	atomic_store(&bounds->deallocated_low, *self->deallocated);
}

static void enter(struct self *self)
{
	self->allocated = counter("thread.allocatedp");
	self->deallocated = counter("thread.deallocatedp");
	settle(self);
	expect(self, 0, 0);
	atomic_store(&self->slot->tid, syscall(SYS_gettid));
	atomic_store(&self->slot->start_time, own_start_time());
	atomic_fetch_add(&self->slot->generation, 1); /* odd: it stands */
}

static void leave(const struct self *self)
{
	struct truth_ended *ended =
		&truth->ended[atomic_fetch_add(&truth->ended_count, 1) % TRUTH_ENDED];

	atomic_store(&ended->tid, 0);
	ended->start_time = atomic_load(&self->slot->start_time);
	ended->allocated = *self->allocated;
	ended->deallocated = *self->deallocated;
	atomic_store(&ended->tid, atomic_load(&self->slot->tid));
	atomic_fetch_add(&self->slot->generation, 1);
}

static void *allocate(const struct self *self, uint64_t *random)
{
	size_t size = 1 + next(random) % (UINT64_C(2) << next(random) % 16);
	void *block;

	expect(self, nallocx(size, 0), 0);
	block = malloc(size);
	if (!block)
		die("malloc");
	settle(self);
	return block;
}

static void release(const struct self *self, void *block)
{
	if (!block)
		return;
	expect(self, 0, sallocx(block, 0));
	free(block);
	settle(self);
}

static void burst(struct self *self, void *held[HELD])
{
	for (int i = 0; i < 40; i++) {
		void **slot = &held[next(&self->random) % HELD];

		if (*slot) {
			release(self, *slot);
			*slot = NULL;
		} else {
			*slot = allocate(self, &self->random);
		}
		if (next(&self->random) % 8 == 0)
			*slot = __atomic_exchange_n(&exchange[next(&self->random) % 256], *slot,
						    __ATOMIC_ACQ_REL);
	}
}

static int64_t now_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

static void *work(void *argument)
{
	struct self self = { .slot = argument };
	void *held[HELD] = { NULL };
	int64_t end;

	enter(&self);
	self.random =
		(uint64_t)syscall(SYS_gettid) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)now_us();
	end = now_us() + SHORTEST_US + (int64_t)(next(&self.random) % (LONGEST_US - SHORTEST_US));
	while (now_us() < end) {
		burst(&self, held);
		usleep(PAUSE_US);
	}
	for (int i = 0; i < HELD; i++)
		release(&self, held[i]);
	leave(&self);
	return NULL;
}

/* The main thread's own counters move when it starts and joins threads. */
static void start_one(const struct self *self, pthread_t *thread, struct truth_slot *slot)
{
	expect(self, THREAD_COST, THREAD_COST);
	if (pthread_create(thread, NULL, work, slot))
		die("pthread_create");
	settle(self);
}

static void supervise(struct self *self)
{
	pthread_t threads[TRUTH_SLOTS];

	for (int i = 1; i < TRUTH_SLOTS; i++)
		start_one(self, &threads[i], &truth->slots[i]);
	atomic_store(&truth->ready, 1);
	for (int i = 1;; i = i == TRUTH_SLOTS - 1 ? 1 : i + 1) {
		int rc;

		expect(self, THREAD_COST, THREAD_COST);
		rc = pthread_tryjoin_np(threads[i], NULL);
		settle(self);
		if (rc == 0)
			start_one(self, &threads[i], &truth->slots[i]);
		else
			usleep(500);
	}
}

int main(int argc, char **argv)
{
	struct self self = { .random = 1 };
	int fd;

	if (argc != 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	truth = fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (truth == MAP_FAILED)
		die(argv[1]);
	self.slot = &truth->slots[0];
	enter(&self);
	supervise(&self);
	return 0;
}
