/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts by standing in for malloc(3) and its kin, in front of glibc's own, "Replacing malloc" in
   its manual. */
#define _GNU_SOURCE
#include "heap_count.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define AT_ONCE 4 /* threads: a glibc keeps 40 MiB of stacks */

static atomic_long blocks;

long heap_blocks(void)
{
	return atomic_load(&blocks);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

void heap_settle(void)
{
	pthread_t threads[AT_ONCE];
	int count = 0;

	while (count < AT_ONCE && pthread_create(&threads[count], NULL, sleep_on, NULL) == 0)
		count++;
	while (count-- > 0) {
		pthread_cancel(threads[count]);
		pthread_join(threads[count], NULL);
	}
}

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
/* Exported by glibc for exactly this. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/* Built with hidden visibility they would stand in for nobody else's. */
#pragma GCC visibility push(default)

static void *counted(void *block)
{
	if (block)
		atomic_fetch_add(&blocks, 1);
	return block;
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	void *block = __libc_realloc(old, size);

	if (!old)
		return counted(block);
	if (!block && size == 0)
		atomic_fetch_sub(&blocks, 1);
	return block;
}

/* glibc's own would call its own realloc. */
void *reallocarray(void *old, size_t count, size_t size)
{
	size_t whole;

	if (__builtin_mul_overflow(count, size, &whole)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, whole);
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = counted(__libc_memalign(alignment, size));
	return *block ? 0 : ENOMEM;
}

void free(void *block)
{
	int saved = errno;

	if (block)
		atomic_fetch_sub(&blocks, 1);
	__libc_free(block);
	errno = saved;
}

#pragma GCC visibility pop
#endif
