/* SPDX-License-Identifier: BSD-2-Clause */
/* A made-up process behind struct target. */
#include "config.h"

#include "fake_target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_target *fake_of(struct target *target)
{
	return (struct fake_target *)target;
}

/* NULL where the bytes are not all there. */
static unsigned char *find(struct fake_target *fake, uint64_t address, size_t size)
{
	for (size_t i = 0; i < fake->memory_count; i++) {
		struct fake_memory *memory = &fake->memory[i];

		if (address >= memory->address && size <= memory->size &&
		    address - memory->address <= memory->size - size)
			return memory->bytes + (address - memory->address);
	}
	return NULL;
}

static bool reader_has_ended(struct fake_target *fake)
{
	const struct fake_task *reader = fake_target_task(fake, fake->target.reader);

	return !reader || task_has_ended(&reader->stat);
}

static int fake_read(struct target *target, struct target_range *ranges, size_t count)
{
	struct fake_target *fake = fake_of(target);

	fake->reads++;
	if (fake->before_read)
		fake->before_read(fake, fake->reads);
	target->read_count.calls++;
	if (reader_has_ended(fake))
		return -ESRCH;
	for (size_t i = 0; i < count; i++) {
		const unsigned char *bytes = find(fake, ranges[i].address, ranges[i].size);

		ranges[i].error = fake->read_error ? fake->read_error : bytes ? 0 : -EFAULT;
		if (ranges[i].error)
			continue;
		memcpy(ranges[i].buffer, bytes, ranges[i].size);
		target->read_count.bytes += ranges[i].size;
	}
	return fake->read_error;
}

static int fake_walk_maps(struct target *target, target_map_visit visit, void *context,
			  bool *unread)
{
	struct fake_target *fake = fake_of(target);
	int rc = 0;

	*unread = reader_has_ended(fake);
	if (*unread)
		return -ESRCH;
	for (size_t i = 0; i < fake->map_count && rc == 0; i++)
		rc = visit(context, &fake->maps[i]);
	return rc;
}

static int fake_read_auxv(struct target *target, uint64_t type, uint64_t *value)
{
	struct fake_target *fake = fake_of(target);

	*value = 0;
	if (reader_has_ended(fake))
		return -ESRCH;
	for (size_t i = 0; i < fake->auxv_count; i++)
		if (fake->auxv[i][0] == type)
			*value = fake->auxv[i][1];
	return 0;
}

static int fake_pin(struct target *target)
{
	return reader_has_ended(fake_of(target)) ? -ESRCH : 0;
}

static int fake_read_pinned(struct target *target, uint64_t address, void *buffer, size_t size)
{
	struct fake_target *fake = fake_of(target);
	const unsigned char *bytes = fake->pin_is_gone ? NULL : find(fake, address, size);

	if (!bytes)
		return -EIO;
	memcpy(buffer, bytes, size);
	return 0;
}

static int fake_list_tasks(struct target *target, pid_t **tids, size_t *count)
{
	const struct fake_target *fake = fake_of(target);

	*tids = NULL;
	*count = 0;
	if (fake->task_count == 0)
		return -ESRCH;
	*tids = calloc(fake->task_count, sizeof **tids);
	assert_non_null(*tids);
	*count = fake->task_count;
	for (size_t i = 0; i < fake->task_count; i++)
		(*tids)[i] = fake->tasks[i].tid;
	return 0;
}

static int fake_count_tasks(struct target *target, size_t *count)
{
	*count = fake_of(target)->task_count;
	return 0;
}

static int fake_read_stat(struct target *target, pid_t tid, struct task_stat *stat)
{
	const struct fake_task *task = fake_target_task(fake_of(target), tid);

	if (!task)
		return -ENOENT;
	*stat = task->stat;
	return task->stat_error;
}

static int fake_read_status(struct target *target, pid_t tid, struct proc_status *status)
{
	const struct fake_task *task = fake_target_task(fake_of(target), tid);

	if (!task)
		return -ENOENT;
	*status = (struct proc_status){ .tgid = target->pid,
					.ns_tid = task->ns_tid,
					.levels = target->nested ? 2 : 1 };
	return 0;
}

static int fake_open_stat(struct target *target, pid_t tid)
{
	struct fake_target *fake = fake_of(target);
	const struct fake_task *task = fake_target_task(fake, tid);

	if (!task)
		return -ENOENT;
	fake->open_files++;
	return task->number;
}

static int fake_reread_stat(struct target *target, int file, struct task_stat *stat)
{
	const struct fake_target *fake = fake_of(target);

	for (size_t i = 0; i < fake->task_count; i++)
		if (fake->tasks[i].number == file) {
			*stat = fake->tasks[i].stat;
			return fake->tasks[i].stat_error;
		}
	return -ESRCH;
}

static void fake_close_stat(struct target *target, int file)
{
	(void)file;
	fake_of(target)->open_files--;
}

static int fake_robust_list(struct target *target, pid_t tid, uint64_t *head)
{
	const struct fake_task *task = fake_target_task(fake_of(target), tid);

	if (!task)
		return -ESRCH;
	*head = task->robust_list;
	return task->robust_list_error;
}

static bool fake_shares_memory(struct target *target, pid_t other)
{
	return other && fake_of(target)->memory_owner == other;
}

static int fake_trace(struct target *target, int request, pid_t tid, void *address, void *data)
{
	(void)target;
	(void)request;
	(void)tid;
	(void)address;
	(void)data;
	return -EPERM;
}

static int fake_wait(struct target *target, idtype_t type, id_t id, siginfo_t *info, int options)
{
	(void)target;
	(void)type;
	(void)id;
	(void)info;
	(void)options;
	return -ECHILD;
}

void fake_target_begin(struct fake_target *fake, pid_t pid)
{
	*fake = (struct fake_target){
		.target = { .pid = pid, .reader = pid, .proc_fd = -1, .task_fd = -1, .mem_fd = -1 },
		.ops = {
			.read = fake_read,
			.walk_maps = fake_walk_maps,
			.read_auxv = fake_read_auxv,
			.pin = fake_pin,
			.read_pinned = fake_read_pinned,
			.list_tasks = fake_list_tasks,
			.count_tasks = fake_count_tasks,
			.read_stat = fake_read_stat,
			.read_status = fake_read_status,
			.open_stat = fake_open_stat,
			.reread_stat = fake_reread_stat,
			.close_stat = fake_close_stat,
			.robust_list = fake_robust_list,
			.shares_memory = fake_shares_memory,
			.trace = fake_trace,
			.wait = fake_wait,
		},
	};
	fake->target.ops = &fake->ops;
}

void fake_target_end(struct fake_target *fake)
{
	for (size_t i = 0; i < fake->memory_count; i++)
		free(fake->memory[i].bytes);
	diagnostics_free(&fake->target.diagnostics);
}

unsigned char *fake_target_add_memory(struct fake_target *fake, uint64_t address, size_t size)
{
	unsigned char *bytes = calloc(1, size);

	assert_non_null(bytes);
	assert_true(fake->memory_count < FAKE_LIMIT);
	fake->memory[fake->memory_count++] =
		(struct fake_memory){ .address = address, .size = size, .bytes = bytes };
	return bytes;
}

void fake_target_put(struct fake_target *fake, uint64_t address, const void *bytes, size_t size)
{
	unsigned char *at = find(fake, address, size);

	assert_non_null(at);
	memcpy(at, bytes, size);
}

void fake_target_put_word(struct fake_target *fake, uint64_t address, uint64_t word)
{
	fake_target_put(fake, address, &word, sizeof word);
}

struct fake_task *fake_target_add_task(struct fake_target *fake, pid_t tid, uint64_t start_time)
{
	size_t at = fake->task_count++;

	assert_true(fake->task_count <= FAKE_LIMIT);
	while (at > 0 && fake->tasks[at - 1].tid > tid) {
		fake->tasks[at] = fake->tasks[at - 1];
		at--;
	}
	fake->tasks[at] = (struct fake_task){
		.tid = tid,
		.ns_tid = tid,
		.number = ++fake->last_number,
		.stat = { .comm = "fake", .state = 'S', .start_time = start_time },
	};
	return &fake->tasks[at];
}

struct fake_task *fake_target_task(struct fake_target *fake, pid_t tid)
{
	for (size_t i = 0; i < fake->task_count; i++)
		if (fake->tasks[i].tid == tid)
			return &fake->tasks[i];
	return NULL;
}

void fake_target_remove_task(struct fake_target *fake, pid_t tid)
{
	struct fake_task *task = fake_target_task(fake, tid);

	assert_non_null(task);
	fake->task_count--;
	memmove(task, task + 1, (size_t)(fake->tasks + fake->task_count - task) * sizeof *task);
}

void fake_target_add_auxv(struct fake_target *fake, uint64_t type, uint64_t value)
{
	assert_true(fake->auxv_count < FAKE_LIMIT);
	fake->auxv[fake->auxv_count][0] = type;
	fake->auxv[fake->auxv_count++][1] = value;
}
