/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A made-up process behind struct target: its memory, mappings and tasks are what a test put there.
 * Nothing of the machine is looked at.
 *
 *	struct fake_target fake;
 *
 *	fake_target_begin(&fake, 1000);
 *	fake_target_add_task(&fake, 1000, 5);
 *	fake_target_add_memory(&fake, 0x7000, 4096);
 *	fake_target_put_word(&fake, 0x7010, 42);
 *	... target_read_one(&fake.target, ...)
 *	fake_target_end(&fake);
 */
#ifndef KTSTR_FAKE_TARGET_H
#define KTSTR_FAKE_TARGET_H

#include "base/target.h"

#define FAKE_LIMIT 32

struct fake_memory {
	uint64_t address;
	size_t size;
	unsigned char *bytes;
};

struct fake_task {
	pid_t tid;
	pid_t ns_tid; /* the same number unless a test changes it */
	struct task_stat stat;
	uint64_t robust_list;  /* the head's address, 0 for none */
	int robust_list_error; /* 0, or what get_robust_list fails with */
	int stat_error;
	int number; /* of its stat file: no other task ever has the same */
};

struct fake_target {
	struct target target;  /* the first member: its ops find the rest by it */
	struct target_ops ops; /* target.ops points here: a test may replace some */
	struct fake_memory memory[FAKE_LIMIT];
	size_t memory_count;
	struct fake_task tasks[FAKE_LIMIT]; /* in ascending order of tid */
	size_t task_count;
	int last_number;
	struct target_map maps[FAKE_LIMIT]; /* in ascending order; their paths are the test's */
	size_t map_count;
	uint64_t auxv[FAKE_LIMIT][2];
	size_t auxv_count;
	int read_error;   /* 0, or what every read of memory fails with */
	bool pin_is_gone; /* the address space that was pinned has ended */

	int open_files;     /* of stat */
	pid_t memory_owner; /* another process with the same memory */

	/* Before the call-th read of memory, from 1 on: what happens meanwhile. May be NULL. */
	void (*before_read)(struct fake_target *fake, unsigned int call);
	unsigned int reads;
};

/* The process has no task yet; reader is pid. */
void fake_target_begin(struct fake_target *fake, pid_t pid);
void fake_target_end(struct fake_target *fake);

/* Zeros. Returns the bytes. Regions neither overlap nor touch. */
unsigned char *fake_target_add_memory(struct fake_target *fake, uint64_t address, size_t size);

/* What is written to has been added before. */
void fake_target_put(struct fake_target *fake, uint64_t address, const void *bytes, size_t size);
void fake_target_put_word(struct fake_target *fake, uint64_t address, uint64_t word);

/* A sleeping thread. Valid until the next one is added. */
struct fake_task *fake_target_add_task(struct fake_target *fake, pid_t tid, uint64_t start_time);

/* NULL when there is none. */
struct fake_task *fake_target_task(struct fake_target *fake, pid_t tid);

/* As if it had ended: no such task any more. */
void fake_target_remove_task(struct fake_target *fake, pid_t tid);

void fake_target_add_auxv(struct fake_target *fake, uint64_t type, uint64_t value);

#endif
