/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread pointers of a session's threads: by robust list, or by ptrace. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "elf/libc_kind.h"
#include "session/session.h"
#include "tls/ptrace_stop.h"
#include "tls/robust_list.h"

#define CALIBRATION_TRIES 256
#define STOP_TIMEOUT_MS   2000
/* How long a program may go without a robust list before it counts as one that never has any. */
#define BEGIN_TRIES       20
#define BEGIN_MS          5

void probe_refresh_place(struct ktstr_probe *probe, struct thread_place *place)
{
	uint64_t head;
	int rc;

	place->known = 0;
	place->ns_tid = target_ns_tid(&probe->target, place->tid);
	rc = robust_list_head(&probe->target, place->tid, &head);
	if (rc) {
		place->error = rc == -ESRCH ? KTSTR_PROBE_THREAD_THREAD_EXITED
					    : KTSTR_PROBE_THREAD_THREAD_POINTER;
		place->code = rc;
		return;
	}
	place->thread_pointer = head - probe->robust_list_offset;
	if (place->thread_pointer % sizeof(uint64_t)) {
		place->error = KTSTR_PROBE_THREAD_THREAD_POINTER;
		place->code = -EBADMSG;
		return;
	}
	place->known = 1;
}

/* aarch64: glibc describes itself to debuggers, also when stripped. */
static int distance_from_libc(struct module_list *list, uint64_t *distance)
{
	for (size_t i = 0; i < list->count; i++) {
		uint64_t size_at = 0, field_at = 0;
		struct elf_dynamic dynamic;
		uint32_t size, field[3];

		if (!libc_kind_is_libc(&list->modules[i]) ||
		    elf_image_dynamic(&list->modules[i].image, &dynamic))
			continue;
		for (size_t s = 1; s < dynamic.symbol_count; s++) {
			const char *name = elf_dynamic_name(&dynamic, s);

			if (strcmp(name, "_thread_db_sizeof_pthread") == 0)
				size_at = dynamic.symbols[s].st_value + list->modules[i].image.bias;
			if (strcmp(name, "_thread_db_pthread_tid") == 0)
				field_at =
					dynamic.symbols[s].st_value + list->modules[i].image.bias;
		}
		elf_dynamic_free(&dynamic);
		if (size_at && field_at &&
		    target_read_one(list->modules[i].image.target, size_at, &size, sizeof size) ==
			    0 &&
		    target_read_one(list->modules[i].image.target, field_at, field, sizeof field) ==
			    0)
			return robust_list_offset_from_libc(size, field, distance);
	}
	return -ENOENT;
}

/* aarch64: TP holds no pointer to itself, so libc's own description is asked. */
static int described_distance(struct ktstr_probe *probe)
{
	struct module_list list;
	bool maps_failed;
	int rc = module_list_read(&probe->target, &list, &maps_failed);

	if (rc)
		return rc;
	rc = distance_from_libc(&list, &probe->robust_list_offset);
	module_list_free(&list);
	return rc;
}

/* One thread shows the distance for all: the reader, or another where it never registered a list.
 */
static int find_distance(struct ktstr_probe *probe)
{
	size_t count;
	pid_t *tids;
	int rc;

	if (!arch_self_pointer)
		return described_distance(probe);
	rc = robust_list_find_offset(&probe->target, target_living_task(&probe->target),
				     &probe->robust_list_offset);
	if (rc == 0 || rc == -EPERM || target_list_tasks(&probe->target, &tids, &count))
		return rc;
	for (size_t i = 0; i < count && i < CALIBRATION_TRIES && rc && rc != -EPERM; i++) {
		int one = robust_list_find_offset(&probe->target, tids[i],
						  &probe->robust_list_offset);

		if (one != -ESRCH)
			rc = one;
	}
	free(tids);
	return rc;
}

/*
 * The main program's TLS is module 1 of each thread's DTV. glibc: entries of 16 bytes behind one
 * for the generation (sysdeps/generic/dl-dtv.h); musl: of 8 bytes behind the count
 * (src/env/__init_tls.c). So libc says once more where the block is, from other memory than the
 * program headers.
 */
static int check_main_block(struct ktstr_probe *probe, uint64_t thread_pointer)
{
	uint64_t dtv, words[3], block = thread_pointer + (uint64_t)probe->tls.distance;

	if (target_read_one(&probe->target, thread_pointer + (uint64_t)arch_dtv_offset, &dtv,
			    sizeof dtv) ||
	    target_read_one(&probe->target, dtv, words, sizeof words))
		return 0;
	if (words[1] != block && words[2] != block)
		return -EBADMSG;
	diagnostics_add(&probe->target.diagnostics, "TLS block", "confirmed by the DTV of task %d",
			(int)target_living_task(&probe->target));
	return 0;
}

/* Does a thread's memory show jemalloc's tsd where it was found to be, and where libc says? As
   tsd_layout_is_live, or -ESRCH for a thread of which nothing can be said. */
static int shows_tsd(struct ktstr_probe *probe, pid_t tid)
{
	unsigned char live[TSD_LAYOUT_LIVE_SIZE] = { 0 };
	uint64_t head, thread_pointer, run;

	if (robust_list_head(&probe->target, tid, &head))
		return -ESRCH;
	thread_pointer = head - probe->robust_list_offset;
	if (probe->tls.main_program && tid == target_living_task(&probe->target) &&
	    check_main_block(probe, thread_pointer))
		return 0;
	if (!probe->place.has_run)
		return 1;
	run = thread_pointer + (uint64_t)probe->tls.distance + probe->place.state -
	      TSD_LAYOUT_RUN_SIZE;
	/* Static TLS is there as long as its thread is: what cannot be read is another place. */
	if (target_read_one(&probe->target, run, live, sizeof live) == -EFAULT)
		return 0;
	return tsd_layout_is_live(live);
}

/* What was found leads to one thread's tsd: the reader's, or another's where that leaves a doubt.
 */
static int check_one_thread(struct ktstr_probe *probe)
{
	int shows = probe->tls.dynamic ? 1 : shows_tsd(probe, target_living_task(&probe->target));
	size_t count;
	pid_t *tids;

	if (shows != -EAGAIN || target_list_tasks(&probe->target, &tids, &count))
		return shows;
	for (size_t i = 0; i < count && i < CALIBRATION_TRIES && shows == -EAGAIN; i++) {
		int other = tids[i] == target_living_task(&probe->target)
				    ? -EAGAIN
				    : shows_tsd(probe, tids[i]);

		if (other >= 0)
			shows = other;
	}
	free(tids);
	return shows;
}

/*
 * glibc registers a list as soon as a program runs. One that has none has just begun, also by an
 * exec, or has cleared it, as only tests do. It must not be stopped for the former: ptrace and a
 * program about to exec can wait for each other.
 */
static int find_distance_of_new(struct ktstr_probe *probe)
{
	struct pollfd cancelled = { .fd = probe->cancel_fd, .events = POLLIN };
	int rc = find_distance(probe);

	for (int i = 0; i < BEGIN_TRIES && rc == -ENODATA && probe->target.libc == LIBC_GLIBC;
	     i++) {
		if (poll(&cancelled, 1, BEGIN_MS) > 0 || !probe_same_program(probe))
			break;
		rc = find_distance(probe);
	}
	return rc;
}

int probe_calibrate(struct ktstr_probe *probe, struct ktstr_error *error)
{
	enum ktstr_probe_thread_pointer choice = probe->options.thread_pointer;
	int rc, shows;

	probe->by_ptrace = choice == KTSTR_PROBE_THREAD_POINTER_PTRACE;
	rc = probe->by_ptrace ? 0 : find_distance_of_new(probe);
	if (rc == -EPERM)
		return probe_fail_access(probe, error, KTSTR_PROBE_TAG_OTHER, rc, "robust list");
	shows = rc == 0 && !probe->by_ptrace ? check_one_thread(probe) : 1;
	if (shows == -EAGAIN)
		return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -EAGAIN, "TLS block",
				  "%s carries jemalloc, but no thread has used it yet, and only "
				  "that would confirm where its "
				  "counters are: try again when one has",
				  probe->jemalloc_path);
	if (shows == 0)
		return probe_fail(
			error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -EBADMSG, "TLS block",
			"%s carries jemalloc, but a thread's memory shows something else where its "
			"counters "
			"should be: the program headers in memory may have been written over",
			probe->jemalloc_path);
	if (rc == 0 && !probe->by_ptrace) {
		diagnostics_add(&probe->target.diagnostics, "thread pointer",
				"robust list head %+lld, found by the self pointer and confirmed "
				"by the tid word; no thread is stopped",
				-(long long)probe->robust_list_offset);
		return 0;
	}
	if (rc && choice == KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "thread pointer",
				  "no thread has a usable robust list (%s): try "
				  "--thread-pointer=ptrace, which stops each "
				  "thread for a moment",
				  strerror(-rc));
	if (rc && !probe_same_program(probe))
		return probe_fail(
			error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "identity",
			"process %d ended or ran another program while it was examined: try again",
			(int)probe->target.pid);
	diagnostics_add(&probe->target.diagnostics, "thread pointer",
			"by ptrace, each thread stopped for a moment%s%s",
			rc ? ": no usable robust list: " : "", rc ? strerror(-rc) : "");
	probe->by_ptrace = 1;
	return 0;
}

static void keep_known(struct ktstr_probe *probe, struct thread_place *places, size_t count)
{
	for (size_t i = 0, old = 0; i < count; i++) {
		while (old < probe->place_count && probe->places[old].tid < places[i].tid)
			old++;
		if (old < probe->place_count && probe->places[old].tid == places[i].tid &&
		    probe->places[old].known &&
		    probe->places[old].start_time == places[i].start_time)
			places[i] = probe->places[old];
	}
}

static int stop_unknown(struct ktstr_probe *probe, struct thread_place *places, size_t count)
{
	unsigned int timeout = probe->options.stop_timeout_ms ? probe->options.stop_timeout_ms
							      : STOP_TIMEOUT_MS;
	struct ptrace_stop *stops;
	size_t unknown = 0;
	int rc = 0;

	if (atomic_load(&probe->cancelled))
		return 0;
	stops = calloc(count + 1, sizeof *stops);
	if (!stops)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!places[i].known)
			stops[unknown++].tid = places[i].tid;
	if (unknown)
		rc = ptrace_stop_read(&probe->target, stops, unknown, timeout, probe->cancel_fd);
	for (size_t i = 0, next = 0; rc == 0 && i < count; i++) {
		if (places[i].known)
			continue;
		places[i].known = stops[next].error == KTSTR_PROBE_THREAD_OK;
		places[i].thread_pointer = stops[next].thread_pointer;
		places[i].error = stops[next].error;
		places[i].code = stops[next].code;
		next++; /* both are sorted by tid */
	}
	free(stops);
	return rc;
}

int probe_update_places(struct ktstr_probe *probe)
{
	struct thread_place *places;
	size_t count;
	pid_t *tids;
	int rc = target_list_tasks(&probe->target, &tids, &count);

	if (rc)
		return rc;
	places = calloc(count, sizeof *places);
	if (!places) {
		free(tids);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct task_stat stat = { .start_time = 0 };

		places[i].tid = tids[i];
		/* A thread pointer from a register belongs to the thread that then had this tid. */
		if (probe->by_ptrace && !atomic_load(&probe->cancelled) &&
		    target_read_stat(&probe->target, tids[i], &stat) == 0)
			places[i].start_time = stat.start_time;
	}
	free(tids);
	keep_known(probe, places, count);
	if (probe->by_ptrace)
		rc = stop_unknown(probe, places, count);
	else
		for (size_t i = 0; i < count; i++)
			if (!places[i].known && !atomic_load(&probe->cancelled))
				probe_refresh_place(probe, &places[i]);
	free(probe->places);
	probe->places = places;
	probe->place_count = count;
	return rc;
}
