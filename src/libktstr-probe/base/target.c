/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that a session looks at: goes on through another task when the reader ends. */
#include "config.h"

#include "base/target.h"

#include <errno.h>
#include <stdlib.h>

#define PF_EXITING    0x00000004 /* include/linux/sched.h: set before its memory goes */
#define CHANGES_LIMIT 64         /* tasks that end one after the other while one call is made */

bool task_has_ended(const struct task_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X' || (stat->flags & PF_EXITING);
}

bool task_is_gone(int code)
{
	return code == -ENOENT || code == -ESRCH;
}

int target_choose_reader(struct target *target)
{
	size_t count;
	pid_t *tids;
	int rc = target_list_tasks(target, &tids, &count);

	if (rc)
		return rc;
	rc = -ESRCH;
	for (size_t i = 0; rc && i < count; i++) {
		struct task_stat stat;
		int one = target_read_stat(target, tids[i], &stat);

		if (one == 0 && !task_has_ended(&stat)) {
			target->reader = tids[i];
			rc = 0;
		} else if (one && !task_is_gone(one)) {
			rc = one;
		}
	}
	free(tids);
	return rc;
}

bool target_change_reader(struct target *target)
{
	struct task_stat stat;
	pid_t before = target->reader;
	int rc = target_read_stat(target, before, &stat);

	if (rc ? !task_is_gone(rc) : !task_has_ended(&stat))
		return false;
	if (target_choose_reader(target) || target->reader == before)
		return false;
	diagnostics_add(&target->diagnostics, "process",
			"task %d has ended: read on through task %d", (int)before,
			(int)target->reader);
	return true;
}

pid_t target_living_task(const struct target *target)
{
	return target->reader;
}

int target_read(struct target *target, struct target_range *ranges, size_t count)
{
	int rc = target->ops->read(target, ranges, count);

	for (int i = 0; rc == -ESRCH && i < CHANGES_LIMIT && target_change_reader(target); i++)
		rc = target->ops->read(target, ranges, count);
	return rc;
}

int target_read_one(struct target *target, uint64_t address, void *buffer, size_t size)
{
	struct target_range range = { .address = address, .buffer = buffer, .size = size };
	int rc = target_read(target, &range, 1);

	return rc ? rc : range.error;
}

struct counted_visit {
	target_map_visit visit;
	void *context;
	size_t count;
};

static int visit_and_count(void *context, const struct target_map *map)
{
	struct counted_visit *counted = context;

	counted->count++;
	return counted->visit(counted->context, map);
}

/* A map that is empty, or not there, is that of a task without memory. What has been visited is not
 * visited again: an open map outlives its task. */
int target_walk_maps(struct target *target, target_map_visit visit, void *context, bool *unread)
{
	struct counted_visit counted = { .visit = visit, .context = context };
	int rc = target->ops->walk_maps(target, visit_and_count, &counted, unread);

	for (int i = 0; counted.count == 0 && i < CHANGES_LIMIT && target_change_reader(target);
	     i++)
		rc = target->ops->walk_maps(target, visit_and_count, &counted, unread);
	return rc;
}

int target_read_auxv(struct target *target, uint64_t type, uint64_t *value)
{
	int rc = target->ops->read_auxv(target, type, value);

	for (int i = 0; rc && i < CHANGES_LIMIT && target_change_reader(target); i++)
		rc = target->ops->read_auxv(target, type, value);
	return rc;
}

int target_pin(struct target *target)
{
	int rc = target->ops->pin(target);

	for (int i = 0; rc && i < CHANGES_LIMIT && target_change_reader(target); i++)
		rc = target->ops->pin(target);
	return rc;
}

int target_read_pinned(struct target *target, uint64_t address, void *buffer, size_t size)
{
	return target->ops->read_pinned(target, address, buffer, size);
}

int target_list_tasks(struct target *target, pid_t **tids, size_t *count)
{
	return target->ops->list_tasks(target, tids, count);
}

int target_count_tasks(struct target *target, size_t *count)
{
	return target->ops->count_tasks(target, count);
}

int target_read_stat(struct target *target, pid_t tid, struct task_stat *stat)
{
	return target->ops->read_stat(target, tid, stat);
}

int target_read_status(struct target *target, pid_t tid, struct proc_status *status)
{
	return target->ops->read_status(target, tid, status);
}

int target_open_stat(struct target *target, pid_t tid)
{
	return target->ops->open_stat(target, tid);
}

int target_reread_stat(struct target *target, int file, struct task_stat *stat)
{
	return target->ops->reread_stat(target, file, stat);
}

void target_close_stat(struct target *target, int file)
{
	target->ops->close_stat(target, file);
}

pid_t target_memory_owner(struct target *target)
{
	struct task_stat stat;
	pid_t parent;

	if (target_read_stat(target, target->pid, &stat))
		return 0;
	parent = (pid_t)stat.parent;
	return parent && target->ops->shares_memory(target, parent) ? parent : 0;
}

pid_t target_ns_tid(struct target *target, pid_t tid)
{
	struct proc_status status;

	if (!target->nested)
		return tid;
	return target_read_status(target, tid, &status) ? 0 : status.ns_tid;
}
