/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that a session looks at, and the one way to examine it. Nobody else knows through
 * which of its tasks it is read: when that task ends, what is below goes on through another.
 *
 * A test makes a process up: a structure of its own with a struct target as its first member, whose
 * `ops` point to functions that answer from that structure. It sets pid, reader (one of its
 * tasks) and the three descriptors, to -1: whatever opens files then finds none. read, list_tasks
 * and read_stat are needed for anything; of the others those that are called by what is tested.
 */
#ifndef KTSTR_TARGET_H
#define KTSTR_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/diagnostics.h"
#include "shared/proc_stat.h"
#include "shared/proc_status.h"

struct target;

/* A part of its memory. */
struct target_range {
	uint64_t address;
	void *buffer;
	size_t size;
	int error; /* result: 0, or a negative errno for this range alone */
};

struct target_read_count {
	uint64_t calls, bytes;
};

/* A mapping of a file: one line of maps. */
struct target_map {
	uint64_t start, end, offset, inode;
	unsigned int dev_major, dev_minor;
	char perms[5];
	char *path; /* "" for none; "\012" is turned back; without " (deleted)" */
	bool deleted;
};

/* Returns 0, or another number that ends the walk. The map, its path too, is gone after the call.
 */
typedef int (*target_map_visit)(void *context, const struct target_map *map);

enum libc_kind {
	LIBC_UNKNOWN,
	LIBC_GLIBC,
	LIBC_MUSL,
};

/*
 * How it is examined: system calls and /proc (linux/live_target.c), or what a test makes up. Each
 * returns 0 or a negative errno; where it goes through target->reader, -ESRCH for a reader whose
 * memory is gone.
 */
struct target_ops {
	/* Memory through the reader, in order; a range that cannot be read whole gets -EFAULT, and
	 * the others are read all the same. An errno that is returned concerns all ranges, and is
	 * in each that was not read. Counts in target->read_count. */
	int (*read)(struct target *target, struct target_range *ranges, size_t count);
	/* Visits the mappings of files through the reader, in ascending order. Returns also what
	 * visit returned. *unread: it was the memory map itself that could not be read. */
	int (*walk_maps)(struct target *target, target_map_visit visit, void *context,
			 bool *unread);
	/* The value of an AT_… (elf.h) by which the kernel started the program, through the reader;
	 * 0 when it is not there. */
	int (*read_auxv)(struct target *target, uint64_t type, uint64_t *value);
	/* Pins the address space of the reader; and memory of what was pinned, also when the
	 * process has gone on to another by an exec. */
	int (*pin)(struct target *target);
	int (*read_pinned)(struct target *target, uint64_t address, void *buffer, size_t size);

	/* Its tasks in ascending order, *tids to be freed; how many there are; one of them. */
	int (*list_tasks)(struct target *target, pid_t **tids, size_t *count);
	int (*count_tasks)(struct target *target, size_t *count);
	int (*read_stat)(struct target *target, pid_t tid, struct task_stat *stat);
	int (*read_status)(struct target *target, pid_t tid, struct proc_status *status);
	/* A file to read one task's stat from again and again, not negative. When that task is
	 * gone, reading fails with -ESRCH, also if another has its id. */
	int (*open_stat)(struct target *target, pid_t tid);
	int (*reread_stat)(struct target *target, int file, struct task_stat *stat);
	void (*close_stat)(struct target *target, int file);
	/* As get_robust_list(2); *head is 0 for a task that registered none. */
	int (*robust_list)(struct target *target, pid_t tid, uint64_t *head);
	/* Has another process the same address space? False also where that cannot be seen. */
	bool (*shares_memory)(struct target *target, pid_t other);
	/* As ptrace(2) and waitid(2). */
	int (*trace)(struct target *target, int request, pid_t tid, void *address, void *data);
	int (*wait)(struct target *target, idtype_t type, id_t id, siginfo_t *info, int options);
};

struct target {
	const struct target_ops *ops;
	pid_t pid;
	pid_t reader; /* private to this file and to ops: the leader unless that has ended */
	int proc_fd;  /* /proc */
	int task_fd;  /* /proc/PID/task: stays with this process when its pid is used again */
	int mem_fd;   /* pins the address space: reads nothing once nobody lives in it any more */
	bool nested;  /* it lives in a pid namespace below ours */
	enum libc_kind libc; /* once its modules were listed */
	struct target_read_count read_count;
	struct diagnostics diagnostics;
};

/*
 * Reads count ranges, in their order. A range that cannot be read whole gets -EFAULT, and the
 * others are read all the same. Returns 0, or a negative errno that concerns all (-EPERM, -ESRCH,
 * -ENOSYS), which the ranges not read so far then carry too.
 */
int target_read(struct target *target, struct target_range *ranges, size_t count);

/* One range. Returns 0 or a negative errno. */
int target_read_one(struct target *target, uint64_t address, void *buffer, size_t size);

/* As the ops of the same names. */
int target_walk_maps(struct target *target, target_map_visit visit, void *context, bool *unread);
int target_read_auxv(struct target *target, uint64_t type, uint64_t *value);
int target_pin(struct target *target);
int target_read_pinned(struct target *target, uint64_t address, void *buffer, size_t size);
int target_list_tasks(struct target *target, pid_t **tids, size_t *count);
int target_count_tasks(struct target *target, size_t *count);
int target_read_stat(struct target *target, pid_t tid, struct task_stat *stat);
int target_read_status(struct target *target, pid_t tid, struct proc_status *status);
int target_open_stat(struct target *target, pid_t tid);
int target_reread_stat(struct target *target, int file, struct task_stat *stat);
void target_close_stat(struct target *target, int file);

/* The process that made this one and shares its address space with it, as vfork(2) does; 0: none,
 * or it cannot be seen. */
pid_t target_memory_owner(struct target *target);

/* The id of a task in its own pid namespace, 0 when that cannot be read. */
pid_t target_ns_tid(struct target *target, pid_t tid);

/* A state of a task that has no memory any more, or soon has none. */
bool task_has_ended(const struct task_stat *stat);

/* Does the errno of a look at a task say that there is none? Being out of descriptors, as an
 * example, says nothing of it. */
bool task_is_gone(int code);

/* Makes a living task the reader. Returns 0, -ESRCH when there is none, or why the tasks could not
 * be looked at. */
int target_choose_reader(struct target *target);

/* After a failure: has the reader ended, and is another task the reader now? Then try again. */
bool target_change_reader(struct target *target);

/* One of its tasks, which lived when it was last read through. */
pid_t target_living_task(const struct target *target);

#endif
