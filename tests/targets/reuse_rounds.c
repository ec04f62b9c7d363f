/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes tid_reuse and holds each row against what the thread of that name allocates; a row without
 * a name against the threads that had its id meanwhile.
 *
 *	reuse_rounds robust-list|ptrace names|no-names ROWS LOG TARGET [ARGUMENT...] PARKED
 *
 * Starts TARGET, reads until ROWS rows of threads that come and go were read, and says "rows N",
 * "parked N", "wrong N" and a line for some of those, "nameless N", and "error KIND N" each.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <ktstr/probe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tid_reuse.h"

#define SNAPSHOTS 50 /* of one session */
#define SHOWN     10

static const struct reuse_log *reuse_log;
static unsigned long rows, parked, nameless, wrong, errors[KTSTR_PROBE_THREAD_THREAD_EXITED + 1];

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	printf("failure %s\n", what);
	exit(1);
}

static bool may_have(uint64_t number, uint64_t allocated)
{
	for (unsigned int steps = 0; steps <= REUSE_STEPS; steps++)
		if (allocated == reuse_sum(number, steps))
			return true;
	return false;
}

/* Was there a thread that had this id since then, and allocated so much? One is gone when another
 * has its id. */
static bool is_of_tid(int64_t tid, int64_t since_ns, uint64_t allocated)
{
	uint64_t last_before = 0;

	for (size_t i = 0; i < REUSE_RECORDS; i++) {
		const struct reuse_record *record = &reuse_log->records[i];
		uint64_t number = atomic_load(&record->number);

		if (atomic_load(&record->tid) == tid && atomic_load(&record->start_ns) < since_ns &&
		    number > last_before)
			last_before = number;
	}
	for (size_t i = 0; i < REUSE_RECORDS; i++) {
		const struct reuse_record *record = &reuse_log->records[i];
		uint64_t number = atomic_load(&record->number);

		if (number && number >= last_before && atomic_load(&record->tid) == tid &&
		    may_have(number, allocated))
			return true;
	}
	return allocated == 0; /* it had not told its id yet */
}

static void judge(const struct ktstr_probe_thread *thread, int64_t since_ns, bool names,
		  const int64_t *parked_tids, uint64_t parked_count)
{
	uint64_t number = 0;
	bool right;

	if (thread->error_kind) {
		errors[thread->error_kind]++;
		return;
	}
	if (thread->has_name) {
		number = strtoull(thread->comm + 1, NULL, 10);
		right = thread->comm[0] == 'p'
				? thread->allocated_bytes == reuse_sum(number, REUSE_STEPS)
				: may_have(number, thread->allocated_bytes);
	} else {
		for (uint64_t i = 1; i <= parked_count; i++)
			if (parked_tids[i] == thread->tid)
				number = i;
		right = number ? thread->allocated_bytes == reuse_sum(number, REUSE_STEPS)
			       : is_of_tid(thread->tid, since_ns, thread->allocated_bytes);
		nameless += names;
	}
	if (number && (thread->comm[0] == 'p' || !thread->has_name))
		parked++;
	else
		rows++;
	if (!right && wrong++ < SHOWN)
		printf("row tid %d comm %s allocated %" PRIu64 " deallocated %" PRIu64 "\n",
		       (int)thread->tid, thread->has_name ? thread->comm : "?",
		       thread->allocated_bytes, thread->deallocated_bytes);
}

/* Who is parked: by their names, which are unique. */
static void learn_parked(pid_t pid, int64_t *tids, uint64_t count)
{
	char path[64], comm[20];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		uint64_t number;
		int fd;

		snprintf(path, sizeof path, "/proc/%d/task/%.16s/comm", (int)pid, entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(comm, 0, sizeof comm);
		number = read(fd, comm, sizeof comm - 1) > 1 && comm[0] == 'p'
				 ? strtoull(comm + 1, NULL, 10)
				 : 0;
		if (number && number <= count)
			tids[number] = strtoll(entry->d_name, NULL, 10);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

static void read_rows(pid_t pid, const struct ktstr_probe_options *options, unsigned long wanted,
		      const int64_t *parked_tids, uint64_t parked_count)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error = { 0 };
	struct ktstr_probe *session;

	if (ktstr_probe_new(&session, options, &error) || ktstr_probe_open(session, pid, &error))
		die(error.text);
	for (int i = 0; i < SNAPSHOTS && rows < wanted; i++) {
		int64_t since_ns = now_ns();

		if (ktstr_probe_snapshot_take(session, &snapshot, &error))
			die(error.text);
		for (size_t t = 0; t < ktstr_probe_snapshot_count(snapshot); t++) {
			const struct ktstr_probe_thread *thread =
				ktstr_probe_snapshot_thread(snapshot, t);

			if (thread->tid != pid)
				judge(thread, since_ns, !options->no_names, parked_tids,
				      parked_count);
		}
		ktstr_probe_snapshot_free(snapshot);
	}
	ktstr_probe_close(session);
}

int main(int argc, char **argv)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	unsigned long wanted = argc > 6 ? strtoul(argv[3], NULL, 10) : 0;
	uint64_t parked_count = argc > 6 ? strtoull(argv[argc - 1], NULL, 10) : 0;
	int64_t *parked_tids;
	int fd;
	pid_t child, pid;

	if (!wanted)
		return 2;
	options.thread_pointer = strcmp(argv[1], "ptrace") == 0
					 ? KTSTR_PROBE_THREAD_POINTER_PTRACE
					 : KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST;
	options.no_names = strcmp(argv[2], "no-names") == 0;
	fd = open(argv[4], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	reuse_log = fd < 0 || ftruncate(fd, sizeof *reuse_log)
			    ? MAP_FAILED
			    : mmap(NULL, sizeof *reuse_log, PROT_READ, MAP_SHARED, fd, 0);
	parked_tids = calloc(parked_count + 1, sizeof *parked_tids);
	if (reuse_log == MAP_FAILED || !parked_tids)
		die("no log");
	child = fork();
	if (child == 0) {
		execvp(argv[5], argv + 5);
		_exit(127);
	}
	while (!atomic_load(&reuse_log->pid)) {
		if (waitpid(child, NULL, WNOHANG) == child)
			die("the target ended");
		usleep(1000);
	}
	pid = (pid_t)atomic_load(&reuse_log->pid);
	learn_parked(pid, parked_tids, parked_count);
	while (rows < wanted)
		read_rows(pid, &options, wanted, parked_tids, parked_count);
	printf("rows %lu\nparked %lu\nnameless %lu\nwrong %lu\n", rows, parked, nameless, wrong);
	for (int kind = 1; kind <= KTSTR_PROBE_THREAD_THREAD_EXITED; kind++)
		if (errors[kind])
			printf("error %s %lu\n",
			       ktstr_probe_thread_error_name((enum ktstr_probe_thread_error)kind),
			       errors[kind]);
	kill(pid, SIGKILL);
	waitpid(child, NULL, 0);
	free(parked_tids);
	return 0;
}
