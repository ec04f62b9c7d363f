/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One scan of a host: the processes that are there are merged with those that were, in ascending
 * order of pid, and only what is new or has changed is examined. Public.
 */
#include "config.h"

#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/procfs.h"
#include "session/error.h"
#include "session/identity.h"
#include "session/session.h"
#include "shared/clock.h"

/* A verdict is not kept for longer than this: a library may come in the place of one with as much
 * code. */
#define VERDICT_NS (60 * NS_PER_SEC)

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

struct scan {
	struct ktstr_host *host;
	struct host_process *found;
	size_t count;
	int64_t now_ns;
};

static int compare_processes(const void *a, const void *b)
{
	const struct host_process *first = a, *second = b;

	return (first->shown.pid > second->shown.pid) - (first->shown.pid < second->shown.pid);
}

static struct host_process *find_known(const struct ktstr_host *host, pid_t pid)
{
	const struct host_process key = { .shown.pid = pid };

	return host->count
		       ? bsearch(&key, host->processes, host->count, sizeof key, compare_processes)
		       : NULL;
}

/* Does what is known of this process still hold? */
static bool is_unchanged(const struct scan *scan, const struct host_process *known,
			 uint64_t start_time)
{
	struct ktstr_probe *probe = known->shown.probe;
	struct program_mark mark;

	if (known->shown.start_time != start_time)
		return false;
	if (probe)
		return identity_holds(&probe->identity, &probe->target);
	return known->has_mark && scan->now_ns - known->examined_ns < VERDICT_NS &&
	       program_mark_read(scan->host->proc_fd, known->shown.pid, &mark) == 0 &&
	       program_mark_equals(&mark, &known->mark);
}

/* Returns -ENOMEM, or 0. */
static int refuse(struct host_process *process, const struct ktstr_error *error)
{
	process->shown.verdict = KTSTR_HOST_REFUSED;
	process->shown.tag = error->tag;
	process->shown.code = error->code;
	process->shown.text = process->text = strdup(error->text);
	return process->text ? 0 : -ENOMEM;
}

/* Is it what the process has that decides, so that it holds as long as that does not change? */
static bool is_lasting(int tag)
{
	return tag == KTSTR_PROBE_TAG_LAYOUT_UNKNOWN || tag == KTSTR_PROBE_TAG_ARCH_MISMATCH ||
	       tag == KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND;
}

/* Returns 0; -ESRCH for a process that has ended; -ENOMEM. */
static int examine(const struct scan *scan, struct host_process *process)
{
	struct ktstr_host *host = scan->host;
	struct ktstr_probe *probe;
	struct ktstr_error error;
	int rc;

	process->shown.verdict = KTSTR_HOST_NO_JEMALLOC;
	process->has_mark = program_mark_read(host->proc_fd, process->shown.pid, &process->mark) ==
			    0;
	process->examined_ns = scan->now_ns;
	rc = ktstr_probe_new(&probe, &host->probe, &error);
	if (rc == 0)
		rc = ktstr_probe_open(probe, process->shown.pid, &error);
	if (rc == 0 && host->sessions >= host->sessions_limit)
		rc = probe_fail(&error, KTSTR_PROBE_TAG_OTHER, -EMFILE, "host",
				"there are %zu sessions already: raise the limit of open files "
				"(ulimit -n), or ask for fewer processes",
				host->sessions);
	if (rc == 0) {
		process->shown.verdict = KTSTR_HOST_OPEN;
		process->shown.probe = probe;
		host->sessions++;
		return 0;
	}
	ktstr_probe_close(probe);
	if (rc == -ENOMEM)
		return rc;
	process->has_mark &= is_lasting(error.tag);
	if (error.tag == KTSTR_PROBE_TAG_PID_MISSING)
		return -ESRCH;
	return error.tag == KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND ? 0 : refuse(process, &error);
}

/* Adds the process with that pid. Returns 0, also where it is left out, or -ENOMEM. */
static int add_process(struct scan *scan, pid_t pid)
{
	struct ktstr_host *host = scan->host;
	struct host_process *known = find_known(host, pid), process = { .shown.pid = pid };
	struct task_stat stat;
	int rc = procfs_read_stat(host->proc_fd, pid, &stat);

	if (rc || (host->wants && !host->wants(host->context, pid, stat.comm)))
		return 0; /* it has ended, or is hidden from us */
	if (known && is_unchanged(scan, known, stat.start_time)) {
		process = *known;
		process.shown.is_new = false;
		*known = (struct host_process){ .shown.pid = pid };
	} else {
		process.shown.is_new = true;
		process.shown.start_time = stat.start_time;
		if (stat.flags & PF_KTHREAD)
			process.shown.verdict = KTSTR_HOST_NO_JEMALLOC;
		else
			rc = examine(scan, &process);
	}
	memcpy(process.shown.comm, stat.comm, sizeof process.shown.comm);
	if (rc == 0)
		scan->found[scan->count++] = process;
	return rc == -ENOMEM ? rc : 0;
}

static int scan_all(struct scan *scan, struct ktstr_error *error)
{
	struct ktstr_host *host = scan->host;
	pid_t *pids, own = getpid();
	size_t count;
	int rc = procfs_list_tasks(host->proc_fd, &pids, &count);

	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "host",
				  "the processes of /proc cannot be listed: %s", strerror(-rc));
	scan->found = calloc(count + 1, sizeof *scan->found);
	if (!scan->found)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (atomic_load(&host->cancelled))
			rc = -ECANCELED;
		else if (pids[i] != own)
			rc = add_process(scan, pids[i]);
	free(pids);
	return rc ? probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "host", "%s",
			       rc == -ECANCELED ? "the scan was cancelled" : "out of memory")
		  : 0;
}

int ktstr_host_scan(struct ktstr_host *host, struct ktstr_error *error)
{
	struct scan scan = { .host = host, .now_ns = clock_ns(CLOCK_MONOTONIC) };
	int rc;

	if (!host)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "host is NULL");
	rc = scan_all(&scan, error);
	/* What was known and is not there any more, or has become another program. */
	for (size_t i = 0; i < host->count; i++)
		host_process_end(host, &host->processes[i]);
	free(host->processes);
	host->processes = scan.found;
	host->count = scan.count;
	return rc;
}
