/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens a session: which jemalloc, where its counters are, and how thread pointers are found.
 * Public.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "elf/libc_kind.h"
#include "elf/module_scan.h"
#include "linux/live_target.h"
#include "session/error.h"
#include "session/process.h"
#include "session/session.h"
#include "session/starting.h"
#include "shared/clock.h"

#define PATIENCE_MS  50 /* for a process that has just begun */
#define PAUSES_LIMIT 5  /* milliseconds between two tries: 1, 2 and so on */

__attribute__((format(printf, 2, 3))) static void add_text(struct ktstr_error *error,
							   const char *format, ...)
{
	size_t length = strlen(error->text);
	va_list args;

	va_start(args, format);
	vsnprintf(error->text + length, sizeof error->text - length, format, args);
	va_end(args);
}

/* The kernel's program is then valgrind's own, and the one that it runs is a library to us, whose
 * static TLS only its ld.so would describe. */
static bool runs_under_valgrind(const struct module_list *list)
{
	return list->count && list->modules[0].is_executable &&
	       strstr(list->modules[0].path, "/valgrind/");
}

static int find_in_modules(struct ktstr_probe *probe, struct module_list *list,
			   struct ktstr_error *error)
{
	const struct jemalloc_files files = {
		.use = probe->options.debuginfo != KTSTR_PROBE_DEBUGINFO_OFF,
		.isolation = SANDBOX_INIT(probe->options.no_isolation, probe->cancellation.fd),
		.cache = probe->options.file_cache,
	};
	struct target *target = &probe->target;
	int rc;

	if (list->count == 0 || !list->modules[0].is_executable)
		return probe_fail(error, KTSTR_PROBE_TAG_ARCH_MISMATCH, -ENOEXEC, "executable",
				  "process %d is not a 64-bit program of this machine's "
				  "architecture, or its ELF headers in memory cannot be read",
				  (int)target->pid);
	identity_copy_elf_header(&probe->identity, target, list->modules[0].image.start);
	target->libc = libc_kind_find(list);
	diagnostics_add(&target->diagnostics, "executable", "%s%s, %zu ELF files mapped",
			list->modules[0].path, list->modules[0].deleted ? " (deleted)" : "",
			list->count);
	rc = tsd_locator_find(&probe->locator, target, &files, list, probe->wanted_path, error);
	if (rc == 0)
		identity_copy_elf_header(&probe->identity, target, probe->locator.module_start);
	return rc;
}

static int find_jemalloc(struct ktstr_probe *probe, struct elf_image *executable,
			 struct ktstr_error *error)
{
	struct module_list list;
	bool maps_failed;
	int rc = module_scan(&probe->target, &list, &maps_failed);

	if (rc)
		return probe_fail_access(&probe->target, error,
					 maps_failed ? KTSTR_PROBE_TAG_MAPS_READ_FAILURE
						     : KTSTR_PROBE_TAG_OTHER,
					 rc, maps_failed ? "memory map" : "memory");
	rc = find_in_modules(probe, &list, error);
	if (rc && runs_under_valgrind(&list))
		add_text(error, ". It runs under valgrind, where a static program cannot be read, "
				"and malloc is valgrind's own unless "
				"--soname-synonyms=somalloc=nouserintercepts leaves it alone");
	if (list.count && list.modules[0].is_executable)
		*executable = list.modules[0].image;
	module_list_free(&list);
	return rc;
}

static void find_tid_word(struct ktstr_probe *probe)
{
	unsigned int timeout_ms = probe->options.stop_timeout_ms;

	thread_pointers_find_tid_word(&probe->threads.pointers, &probe->target,
				      timeout_ms ? timeout_ms : THREAD_TABLE_STOP_TIMEOUT_MS,
				      &probe->cancellation);
}

/* Robust lists, or ptrace where it is wanted or there are none: *why_not then says why. */
static int choose_thread_pointers(struct ktstr_probe *probe, int *why_not,
				  struct ktstr_error *error)
{
	enum ktstr_probe_thread_pointer choice = probe->options.thread_pointer;
	struct thread_pointers *pointers = &probe->threads.pointers;
	struct target *target = &probe->target;
	pid_t owner;
	int rc;

	pointers->by_ptrace = choice == KTSTR_PROBE_THREAD_POINTER_PTRACE;
	rc = pointers->by_ptrace ? 0
				 : thread_pointers_find_offset(pointers, target, &probe->identity,
							       &probe->cancellation);
	*why_not = rc;
	owner = pointers->by_ptrace || rc == -ENODATA ? target_memory_owner(target) : 0;
	if (owner)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EBUSY, "thread pointer",
				  "process %d shares its memory with process %d that made it, as a "
				  "child of vfork(2) does until it runs a program: the counters "
				  "there are that one's",
				  (int)target->pid, (int)owner);
	if (pointers->by_ptrace)
		find_tid_word(probe);
	if (rc == 0)
		return 0;
	/* Its memory has been read, so a filter of our own refuses that call alone. */
	if (rc == -EPERM && choice == KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST)
		return probe_fail_access(target, error, KTSTR_PROBE_TAG_OTHER, rc, "robust list");
	if (choice == KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "thread pointer",
				  "no thread has a usable robust list (%s): try "
				  "--thread-pointer=ptrace, which stops each "
				  "thread for a moment",
				  strerror(-rc));
	if (!identity_holds(&probe->identity, target))
		return probe_fail(
			error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "identity",
			"process %d ended or ran another program while it was examined: try again",
			(int)target->pid);
	pointers->by_ptrace = true;
	find_tid_word(probe);
	return 0;
}

static void report_thread_pointers(struct target *target, const struct thread_pointers *pointers,
				   int why_not)
{
	if (pointers->by_ptrace)
		diagnostics_add(&target->diagnostics, "thread pointer",
				"by ptrace, each thread stopped for a moment, %sconfirmed by its "
				"tid word%s%s",
				pointers->has_tid_word ? "" : "not ",
				why_not ? ": no usable robust list: " : "",
				why_not ? strerror(-why_not) : "");
	else
		diagnostics_add(&target->diagnostics, "thread pointer",
				"robust list head %+lld, found by the self pointer and confirmed "
				"by the tid word; no thread is stopped",
				-(long long)pointers->robust_list_offset);
}

static int check_cancelled(const struct cancellation *cancellation, struct ktstr_error *error)
{
	return is_cancelled(cancellation) ? probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ECANCELED,
						       "cancel", "stopped before anything was read")
					  : 0;
}

static int examine(struct ktstr_probe *probe, struct elf_image *executable,
		   struct ktstr_error *error)
{
	const struct thread_pointers *pointers = &probe->threads.pointers;
	int why_not, rc = check_cancelled(&probe->cancellation, error);

	if (rc == 0)
		rc = find_jemalloc(probe, executable, error);
	if (rc == 0)
		rc = check_cancelled(&probe->cancellation, error);
	if (rc == 0)
		rc = choose_thread_pointers(probe, &why_not, error);
	if (rc == 0 && !pointers->by_ptrace)
		rc = tsd_locator_verify(&probe->locator, &probe->target,
					pointers->robust_list_offset, error);
	if (rc == 0)
		report_thread_pointers(&probe->target, pointers, why_not);
	return rc;
}

/* What was found, or what failed, says nothing of a process that has ended or has become another
 * since. */
static int check_still_there(const struct identity *identity, struct target *target, int rc,
			     struct ktstr_error *error)
{
	bool is_same = identity->elf_header ? identity_holds(identity, target)
					    : rc == 0 || identity_has_memory(identity, target);

	if (rc && task_is_gone(target_choose_reader(target)))
		return probe_fail_missing(target, error, -ESRCH, "ended while it was examined");
	if (rc == -ESRCH || !is_same)
		return probe_fail(error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "identity",
				  "process %d ended or ran another program while it was examined, "
				  "or its memory can no longer "
				  "be read: try again",
				  (int)target->pid);
	return rc;
}

/* Says nothing of the process. */
static bool is_own_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

static int try_open(struct ktstr_probe *probe, pid_t pid, enum starting *starting,
		    struct ktstr_error *error)
{
	struct elf_image executable = { .target = NULL };
	struct target *target = &probe->target;
	int rc = process_open(target, &probe->identity, pid, error);

	if (rc == 0)
		rc = examine(probe, &executable, error);
	if (target->mem_fd >= 0 && rc != -ECANCELED && !is_own_shortage(rc))
		rc = check_still_there(&probe->identity, target, rc, error);
	*starting = rc == 0 ? STARTED
		    : executable.target && starting_is_unlinked(&executable)
			    ? STARTING_UNLINKED
			    : starting_by_age(target);
	return rc;
}

/* What may be different in a moment in a process that is starting. */
static bool may_change(const struct ktstr_error *error)
{
	switch ((enum ktstr_probe_tag)error->tag) {
	case KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND:
	case KTSTR_PROBE_TAG_LAYOUT_UNKNOWN:
	case KTSTR_PROBE_TAG_ARCH_MISMATCH:
	case KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED:
		return true;
	default:
		return false;
	}
}

static void forget_try(struct ktstr_probe *probe)
{
	live_target_close(&probe->target);
	tsd_locator_free(&probe->locator);
	thread_table_free(&probe->threads);
	probe->identity = (struct identity){ 0 };
	probe->locator = (struct tsd_locator){ .jemalloc_path = NULL };
	probe->threads = (struct thread_table){ .entries = NULL };
}

/*
 * A process that has just begun is tried again, for a moment by itself, or as long as the caller
 * wants: relocations are not done, libraries not mapped, or it has yet to exec.
 */
static int open_with_patience(struct ktstr_probe *probe, pid_t pid, struct ktstr_error *error)
{
	static const char *const words[] = {
		[STARTED] = "",
		[STARTING_YOUNG] = "",
		[STARTING_FORKED] =
			". It was forked a moment ago and has run no program since: it may be "
			"still starting (--wait MS waits for it)",
		[STARTING_UNLINKED] = ". It is still starting: its dynamic linker is at work "
				      "(--wait MS waits for it)",
	};
	struct pollfd cancelled = { .fd = probe->cancellation.fd, .events = POLLIN };
	int64_t began = clock_ns(CLOCK_MONOTONIC), waited = 0;
	int64_t limit = probe->options.wait_ms > PATIENCE_MS ? probe->options.wait_ms : PATIENCE_MS;
	enum starting starting;
	unsigned int tries = 1;
	int rc = try_open(probe, pid, &starting, error);

	while (rc && may_change(error) && waited < limit &&
	       (starting != STARTED || probe->options.wait_ms) &&
	       poll(&cancelled, 1, tries < PAUSES_LIMIT ? (int)tries : PAUSES_LIMIT) == 0) {
		forget_try(probe);
		rc = try_open(probe, pid, &starting, error);
		waited = (clock_ns(CLOCK_MONOTONIC) - began) / NS_PER_MS;
		tries++;
	}
	if (tries > 1)
		diagnostics_add(&probe->target.diagnostics, "start", "%u tries in %lld ms", tries,
				(long long)waited);
	if (rc && may_change(error)) {
		add_text(error, "%s", words[starting]);
		if (probe->options.wait_ms)
			add_text(error, ". It was waited for %lld ms", (long long)waited);
	}
	return rc;
}

int ktstr_probe_open(struct ktstr_probe *probe, pid_t pid, struct ktstr_error *error)
{
	struct ktstr_error last = { 0 }; /* of a try that failed, also where a later one did not */
	struct target *target;
	int rc;

	if (!probe)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "probe is NULL");
	if (probe->state != SESSION_NEW)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EBUSY, "session",
				  "a session is opened only once");
	target = &probe->target;
	rc = open_with_patience(probe, pid, &last);
	if (rc && error)
		*error = last;
	if (target->read_count.calls)
		diagnostics_add(&target->diagnostics, "memory",
				"%" PRIu64 " bytes in %" PRIu64 " reads", target->read_count.bytes,
				target->read_count.calls);
	probe->state = rc ? SESSION_FAILED : SESSION_OPEN;
	return rc;
}
