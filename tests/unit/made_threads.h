/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of a made-up process with what glibc and jemalloc keep of each, for tests of the session.
 */
#ifndef KTSTR_MADE_THREADS_H
#define KTSTR_MADE_THREADS_H

#include "base/arch.h"
#include "fake_target.h"
#include "session/thread_table.h"
#include "session/tsd_locator.h"

/* As measured on Debian 12: x86_64's struct pthread begins at the thread pointer, aarch64's ends
 * there; jemalloc 5.3.0's tsd_s. */
#define MADE_HEAD        (arch_self_pointer ? INT64_C(736) : INT64_C(-1632))
#define MADE_STATE       880
#define MADE_ALLOCATED   888
#define MADE_DEALLOCATED 904

/* From one made-up thread's thread pointer to the next one's; its memory is around it. */
#define MADE_DISTANCE 0x100000

static inline uint64_t made_thread_pointer(unsigned int number)
{
	return UINT64_C(0x7f0000000000) + (uint64_t)number * MADE_DISTANCE;
}

static inline struct tsd_locator made_locator(int64_t tp_offset)
{
	return (struct tsd_locator){
		.tls = { .tp_offset = tp_offset },
		.offsets = { .state = MADE_STATE,
			     .allocated = MADE_ALLOCATED,
			     .deallocated = MADE_DEALLOCATED,
			     .uninitialized = 6 },
	};
}

static inline void made_put_tid(struct fake_target *fake, uint64_t thread_pointer, pid_t tid)
{
	fake_target_put(fake, thread_pointer + (uint64_t)MADE_HEAD - 16, &tid, sizeof(int32_t));
}

/* The counters of what is at that thread pointer. */
static inline void made_put_counters(struct fake_target *fake, uint64_t thread_pointer,
				     int64_t tp_offset, uint64_t allocated, uint64_t deallocated)
{
	uint64_t block = thread_pointer + (uint64_t)tp_offset;

	fake_target_put_word(fake, block + MADE_ALLOCATED, allocated);
	fake_target_put_word(fake, block + MADE_DEALLOCATED, deallocated);
}

/* Memory around that thread pointer, which need be no multiple of anything, as thread tid has it.
 */
static inline void made_memory(struct fake_target *fake, pid_t tid, uint64_t thread_pointer,
			       int64_t tp_offset, uint64_t allocated, uint64_t deallocated)
{
	fake_target_add_memory(fake, (thread_pointer & ~UINT64_C(0xfff)) - 0x10000, 0x20000);
	if (arch_self_pointer) {
		fake_target_put_word(fake, thread_pointer, thread_pointer);
		fake_target_put_word(fake, thread_pointer + 16, thread_pointer);
	}
	made_put_tid(fake, thread_pointer, tid);
	made_put_counters(fake, thread_pointer, tp_offset, allocated, deallocated);
}

/* A thread with all of it, its robust list registered. */
static inline struct fake_task *made_thread(struct fake_target *fake, pid_t tid,
					    uint64_t thread_pointer, int64_t tp_offset,
					    uint64_t allocated, uint64_t deallocated)
{
	struct fake_task *task = fake_target_add_task(fake, tid, 5);

	made_memory(fake, tid, thread_pointer, tp_offset, allocated, deallocated);
	task->robust_list = thread_pointer + (uint64_t)MADE_HEAD;
	return task;
}

#endif
