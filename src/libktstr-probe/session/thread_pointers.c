/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in which a process's thread pointers are found. */
#include "config.h"

#include "session/thread_pointers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "elf/libc_kind.h"
#include "elf/module_scan.h"
#include "tls/ptrace_stop.h"
#include "tls/robust_list.h"

#define TASKS_LIMIT 256 /* that are tried until one shows the offset */
/* How long a program may go without a robust list before it counts as one that never has any. */
#define BEGIN_TRIES 20
#define BEGIN_MS    5

bool thread_pointers_name_threads(const struct thread_pointers *pointers)
{
	return !pointers->by_ptrace || pointers->has_tid_word;
}

int64_t thread_pointers_tid_offset(const struct thread_pointers *pointers)
{
	return (int64_t)pointers->robust_list_offset - ROBUST_LIST_TID_BEFORE_HEAD;
}

/* What libc says for debuggers of one file's struct pthread. Returns 0 or -ENOENT. */
static int read_description(const struct module *module, uint32_t *size, uint32_t field[3])
{
	const struct elf_image *image = &module->image;
	uint64_t size_at = 0, field_at = 0;
	struct elf_dynamic dynamic;

	if (elf_image_dynamic(image, &dynamic))
		return -ENOENT;
	for (size_t s = 1; s < dynamic.symbol_count; s++) {
		const char *name = elf_dynamic_name(&dynamic, s);

		if (strcmp(name, "_thread_db_sizeof_pthread") == 0)
			size_at = dynamic.symbols[s].st_value + image->bias;
		if (strcmp(name, "_thread_db_pthread_tid") == 0)
			field_at = dynamic.symbols[s].st_value + image->bias;
	}
	elf_dynamic_free(&dynamic);
	return size_at && field_at &&
			       target_read_one(image->target, size_at, size, sizeof *size) == 0 &&
			       target_read_one(image->target, field_at, field, 3 * sizeof *field) ==
				       0
		       ? 0
		       : -ENOENT;
}

/* glibc describes itself, also when stripped. */
static int find_described_offset(struct target *target, uint64_t *offset)
{
	struct module_list list;
	uint32_t size, field[3];
	bool maps_failed;
	int rc = module_scan(target, &list, &maps_failed);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < list.count; i++)
		if (libc_kind_is_libc(&list.modules[i]) &&
		    read_description(&list.modules[i], &size, field) == 0)
			rc = robust_list_offset_from_libc(size, field, arch_self_pointer, offset);
	module_list_free(&list);
	return rc;
}

/* One thread shows the offset for all: any, or another where that one never registered a list. */
static int find_offset(struct target *target, uint64_t *offset)
{
	size_t count;
	pid_t *tids;
	int rc;

	/* aarch64: the word at the thread pointer does not hold it. */
	if (!arch_self_pointer)
		return find_described_offset(target, offset);
	rc = robust_list_find_offset(target, target_living_task(target), offset);
	if (rc == 0 || rc == -EPERM || target_list_tasks(target, &tids, &count))
		return rc;
	for (size_t i = 0; i < count && i < TASKS_LIMIT && rc && rc != -EPERM; i++) {
		int one = robust_list_find_offset(target, tids[i], offset);

		if (one != -ESRCH)
			rc = one;
	}
	free(tids);
	return rc;
}

/* Whatever libc, and whoever's memory: an empty list near the register of one thread. */
static int find_offset_near_register(struct target *target, unsigned int stop_timeout_ms,
				     int cancel_fd, uint64_t *offset)
{
	uint64_t words[ROBUST_LIST_SEARCH / sizeof(uint64_t)], head, start;
	struct ptrace_stop stop = { .tid = target_living_task(target) };
	int rc = ptrace_stop_read(target, &stop, 1, stop_timeout_ms, cancel_fd);

	if (rc || stop.error != KTSTR_PROBE_THREAD_OK)
		return rc ? rc : -ENOENT;
	/* struct pthread begins at the thread pointer (x86_64), or ends there (aarch64). */
	start = arch_self_pointer ? stop.thread_pointer : stop.thread_pointer - sizeof words;
	rc = target_read_one(target, start, words, sizeof words);
	if (rc == 0)
		rc = robust_list_search_head(words, sizeof words / sizeof *words, start, &head);
	if (rc == 0)
		*offset = head - stop.thread_pointer;
	return rc;
}

/* A task without a list of its own, as a vfork(2) child is, may yet run on memory that has the
 * word. */
void thread_pointers_find_tid_word(struct thread_pointers *pointers, struct target *target,
				   unsigned int stop_timeout_ms,
				   const struct cancellation *cancellation)
{
	uint64_t *offset = &pointers->robust_list_offset;

	pointers->has_tid_word =
		target->libc != LIBC_MUSL &&
		(find_offset(target, offset) == 0 || find_described_offset(target, offset) == 0 ||
		 find_offset_near_register(target, stop_timeout_ms, cancellation->fd, offset) == 0);
}

/*
 * A program of glibc without a list has just begun, also by an exec, or has cleared it, as only
 * tests do. Do not fall back to ptrace yet: ptrace and a program about to exec can wait for each
 * other.
 */
int thread_pointers_find_offset(struct thread_pointers *pointers, struct target *target,
				const struct identity *identity,
				const struct cancellation *cancellation)
{
	struct pollfd cancelled = { .fd = cancellation->fd, .events = POLLIN };
	int rc = find_offset(target, &pointers->robust_list_offset);

	for (int i = 0; i < BEGIN_TRIES && rc == -ENODATA && target->libc == LIBC_GLIBC; i++) {
		if (poll(&cancelled, 1, BEGIN_MS) > 0 || !identity_holds(identity, target))
			break;
		rc = find_offset(target, &pointers->robust_list_offset);
	}
	return rc;
}
