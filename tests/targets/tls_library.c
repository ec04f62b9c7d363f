/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands for a libjemalloc.so.2 built with --disable-initial-exec-tls, which no Debian package is:
 * the same TLS image as jemalloc 5.3.0's, reached through each thread's DTV, behind a few of
 * jemalloc's functions. Only the counters are real. With -DOTHER it is a library that is no
 * jemalloc, whose TLS is full of numbers. With -DOLD the image is jemalloc 5.2.1's. With -DMALLOC
 * it is behind malloc, and has a message of jemalloc's. Opened by late_library, or linked with it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef OTHER
struct tsd_s {
	uint64_t words[1024];
};
#define FIRST     \
	{         \
		7 \
	}
#elif defined OLD
/* 5.2.1's: without debug information only a symbol leads to it, so a file with a symbol table is
 * needed. */
struct tsd_s {
	uint64_t state;
	uint64_t offset_state, thread_allocated, thread_deallocated;
	unsigned char behind[6216 - 32];
};
#define FIRST                                              \
	{                                                  \
		.state = 6, .behind = { [456 - 32] = 255 } \
	}
#ifdef DECOY
/* Its symbol has another value: who takes this file for one without it is led elsewhere. */
__thread uint64_t in_front[512] __attribute__((aligned(4096))) = { 1 };
#endif
#else
/* jemalloc 5.3.0's struct tsd_s by its offsets: the rows of
 * src/libktstr-probe/jemalloc/tsd_layout_table.c. */
#ifdef __aarch64__
#define BEFORE_RUN 496
#define WHOLE      2696
#else
#define BEFORE_RUN 432
#define WHOLE      2632
#endif
struct tsd_s {
	uint64_t first, allocated_last_event, allocated_next_event, deallocated_last_event;
	uint64_t deallocated_next_event;
	unsigned char before[BEFORE_RUN - 40];
	struct {
		uint64_t leafkey, leaf;
	} rtree_ctx[24];
	uint64_t state;
	uint64_t thread_allocated, next_event_fast, thread_deallocated;
	unsigned char behind[WHOLE - BEFORE_RUN - 24 * 16 - 32];
};
#define ENTRY        \
	{            \
		1, 0 \
	}
#define ENTRIES ENTRY, ENTRY, ENTRY, ENTRY, ENTRY, ENTRY, ENTRY, ENTRY
/* The bytes of the row that are not 0. */
#define BEFORE                                                                            \
	{                                                                                 \
		[112] = 232, [113] = 3, [116] = 232, [117] = 3, [120] = 255, [121] = 255, \
	}
#define FIRST                                                                            \
	{                                                                                \
		.before = BEFORE, .rtree_ctx = { ENTRIES, ENTRIES, ENTRIES }, .state = 6 \
	}
#endif

#ifdef OTHER
#define tsd_tls numbers
#endif
__attribute__((visibility("hidden"))) __thread struct tsd_s tsd_tls = FIRST;

__attribute__((noinline)) static struct tsd_s *own(void)
{
	__asm__ volatile("" ::: "memory");
	return &tsd_tls;
}

#ifdef MALLOC
extern void *__libc_malloc(size_t size);
const char malloc_message[] = "<jemalloc>: Malformed conf string\n";

void *malloc(size_t size)
{
	return __libc_malloc(size);
}
#endif

void *mallocx(size_t size, int flags)
{
	void *p = calloc(1, size + (size_t)flags);

#ifdef OTHER
	memset(own(), 1 + (int)(size & 1),
	       sizeof tsd_tls); /* state 1 or 2 is one that jemalloc has too */
#else
	own()->state = 0;
#ifndef OLD
	own()->allocated_next_event = own()->deallocated_next_event = UINT64_MAX;
#endif
	own()->thread_allocated += size;
#endif
	return p;
}

void sdallocx(void *p, size_t size, int flags)
{
	(void)size;
	(void)flags;
	free(p);
#ifndef OTHER
	own()->thread_deallocated += size;
#endif
}

#ifndef OTHER
int mallctl(const char *name, void *value, size_t *length, const void *new_value, size_t new_length)
{
	if (*length != sizeof(uint64_t) || new_value || new_length)
		return 1;
	memcpy(value,
	       strcmp(name, "thread.allocated") == 0 ? &own()->thread_allocated
						     : &own()->thread_deallocated,
	       *length);
	return 0;
}
#endif
