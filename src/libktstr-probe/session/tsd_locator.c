/* SPDX-License-Identifier: BSD-2-Clause */
/* Where jemalloc's tsd_s is in each thread's TLS, and where its counters are in tsd_s. */
#include "config.h"

#include "session/tsd_locator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "jemalloc/choose.h"
#include "jemalloc/tsd_layout_53.h"
#include "tls/robust_list.h"

#define TASKS_LIMIT 256 /* that are looked at until one leaves no doubt */

/* For an error's end: the first file that might have settled it, but could not be read. */
#define UNREAD_FORMAT "%s%s"
#define UNREAD(list)  *(list)->unread ? ". Could not examine: " : "", (list)->unread

static int fail_not_found(const struct target *target, const struct module_list *list,
			  const char *wanted, struct ktstr_error *error)
{
	if (wanted)
		return probe_fail(error, KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, -ENOENT, "jemalloc",
				  "no jemalloc in process %d is mapped from %s: --explain lists "
				  "those that are" UNREAD_FORMAT,
				  (int)target->pid, wanted, UNREAD(list));
	return probe_fail(error, KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, -ENOENT, "jemalloc",
			  "no sign of jemalloc in process %d: no fingerprint in a TLS image, no "
			  "tsd_tls symbol, no mallctl, "
			  "no message of jemalloc's" UNREAD_FORMAT,
			  (int)target->pid, UNREAD(list));
}

/* Several, and nothing says which: all are listed, as far as the text has room. */
static int fail_ambiguous(const struct target *target, const struct jemalloc_candidates *candidates,
			  const char *wanted, struct ktstr_error *error)
{
	char list[KTSTR_ERROR_TEXT_SIZE / 2] = "";
	size_t length = 0;

	for (size_t i = 0; i < candidates->count && length < sizeof list; i++) {
		const struct jemalloc_candidate *candidate = &candidates->all[i];
		int n;

		if (!candidate->is_jemalloc || !module_is_named(candidate->module, wanted))
			continue;
		n = snprintf(list + length, sizeof list - length, "%s%s at 0x%llx",
			     length ? ", " : "", candidate->module->path,
			     (unsigned long long)candidate->module->image.start);
		length += n > 0 ? (size_t)n : 0;
	}
	return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -ENOTUNIQ, "jemalloc",
			  "process %d has several jemallocs %s: choose one by its address, "
			  "--jemalloc=0x…: %s",
			  (int)target->pid,
			  wanted ? "of that path" : "and its malloc leads to none of them", list);
}

/* Another than that of the program's malloc is read only by who asks for it. */
static const struct jemalloc_candidate *find_readable(const struct jemalloc_candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->all[i].is_jemalloc && candidates->all[i].verdict == TSD_FOUND)
			return &candidates->all[i];
	return NULL;
}

static int fail_layout_unknown(const struct jemalloc_candidate *chosen,
			       const struct jemalloc_candidate *other,
			       const struct module_list *list, struct ktstr_error *error)
{
	static const int codes[] = {
		[TSD_UNCERTAIN] = -ENODATA,
		[TSD_CONTRADICTED] = -EBADMSG,
		[TSD_UNVERIFIED] = -EIO,
		[TSD_NO_STATISTICS] = -EOPNOTSUPP,
	};

	if (chosen->verdict == TSD_NO_STATISTICS)
		return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, codes[chosen->verdict],
				  "layout", "%s carries jemalloc, but there is nothing to read: %s",
				  chosen->module->path, chosen->offsets.reason);

	return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, codes[chosen->verdict], "layout",
			  "%s carries jemalloc, but where its counters are is not certain: "
			  "%s%s%s" UNREAD_FORMAT,
			  chosen->module->path, chosen->offsets.reason,
			  other ? ". Another jemalloc can be read, by --jemalloc=" : "",
			  other ? other->module->path : "", UNREAD(list));
}

static int find_tls_block(const struct module_list *list, const struct module *module,
			  struct module_tls *tls)
{
	static const int codes[] = {
		[MODULE_TLS_NOT_SHOWN] = -ENODATA,
		[MODULE_TLS_FOUND] = 0,
		[MODULE_TLS_CONTRADICTED] = -EBADMSG,
	};
	int rc = module_tls_find(list, module, tls);

	return rc ? rc : codes[tls->verdict];
}

static int use_candidate(struct tsd_locator *locator, struct target *target,
			 const struct module_list *list, const struct jemalloc_candidate *chosen,
			 struct ktstr_error *error)
{
	const struct module *module = chosen->module;
	const struct tsd_offsets *offsets = &chosen->offsets;
	char state[40] = "";
	int rc = find_tls_block(list, module, &locator->tls);

	diagnostics_add(&target->diagnostics, "TLS block", "%s",
			rc ? strerror(-rc) : locator->tls.reason);
	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, rc, "TLS block",
				  "%s carries jemalloc, but its TLS block was not found: %s",
				  module->path,
				  *locator->tls.reason ? locator->tls.reason : strerror(-rc));
	locator->offsets = *offsets;
	locator->module_start = module->image.start;
	locator->module_phdrs = module->image.phdrs;
	locator->jemalloc_path = strdup(module->path);
	/* A table row names the release whose image it is. */
	locator->jemalloc_version = offsets->row ? strdup(offsets->row) : NULL;
	if (!offsets->state_unknown)
		snprintf(state, sizeof state, "state at %llu, ",
			 (unsigned long long)offsets->state);
	diagnostics_add(&target->diagnostics, "counters",
			"%sallocated at %llu, deallocated at %llu of the TLS block of %s", state,
			(unsigned long long)offsets->allocated,
			(unsigned long long)offsets->deallocated, module->path);
	return locator->jemalloc_path ? 0
				      : probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM,
						   "jemalloc", "out of memory");
}

static bool add_jemalloc(struct tsd_locator *locator, const struct jemalloc_candidate *candidate)
{
	struct ktstr_probe_jemalloc *added = &locator->jemallocs[locator->jemalloc_count];

	added->address = candidate->module->image.start;
	added->path = strdup(candidate->module->path);
	added->version = candidate->offsets.row ? strdup(candidate->offsets.row) : NULL;
	locator->jemalloc_count++;
	return added->path && (added->version || !candidate->offsets.row);
}

static bool list_jemallocs(struct tsd_locator *locator,
			   const struct jemalloc_candidates *candidates,
			   const struct jemalloc_candidate *chosen)
{
	bool added;

	locator->jemallocs = calloc(candidates->count + 1, sizeof *locator->jemallocs);
	added = locator->jemallocs && add_jemalloc(locator, chosen);
	for (size_t i = 0; added && i < candidates->count; i++)
		if (candidates->all[i].is_jemalloc && &candidates->all[i] != chosen)
			added = add_jemalloc(locator, &candidates->all[i]);
	return added;
}

int tsd_locator_find(struct tsd_locator *locator, struct target *target,
		     const struct jemalloc_files *files, struct module_list *list,
		     const char *wanted, struct ktstr_error *error)
{
	struct jemalloc_candidates candidates;
	const struct jemalloc_candidate *chosen = NULL;
	enum jemalloc_choice choice = JEMALLOC_NONE;
	int rc = jemalloc_find(target, files, list, wanted, &candidates);

	if (rc == 0)
		choice = jemalloc_choose(target, &candidates, wanted, &chosen);
	if (rc)
		rc = probe_fail_access(target, error, KTSTR_PROBE_TAG_OTHER, rc, "memory");
	else if (choice == JEMALLOC_NONE)
		rc = fail_not_found(target, list, wanted, error);
	else if (choice == JEMALLOC_AMBIGUOUS)
		rc = fail_ambiguous(target, &candidates, wanted, error);
	else if (chosen->verdict != TSD_FOUND)
		rc = fail_layout_unknown(chosen, wanted ? NULL : find_readable(&candidates), list,
					 error);
	else
		rc = use_candidate(locator, target, list, chosen, error);
	if (rc == 0 && chosen && !list_jemallocs(locator, &candidates, chosen))
		rc = probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "jemalloc", "out of memory");
	jemalloc_candidates_free(&candidates);
	return rc;
}

/*
 * The main program's TLS is module 1 of each thread's DTV. glibc: entries of 16 bytes behind one
 * for the generation (sysdeps/generic/dl-dtv.h); musl: of 8 bytes behind the count
 * (src/env/__init_tls.c). So libc says once more where the block is, from other memory than the
 * program headers.
 */
static bool dtv_contradicts(const struct tsd_locator *locator, struct target *target, pid_t tid,
			    uint64_t thread_pointer)
{
	uint64_t dtv, words[3], block = thread_pointer + (uint64_t)locator->tls.tp_offset;

	if (target_read_one(target, thread_pointer + (uint64_t)arch_dtv_offset, &dtv, sizeof dtv) ||
	    target_read_one(target, dtv, words, sizeof words))
		return false;
	if (words[1] != block && words[2] != block)
		return true;
	diagnostics_add(&target->diagnostics, "TLS block", "confirmed by the DTV of task %d",
			(int)tid);
	return false;
}

/* What one thread's memory shows, where `first` is the only one whose DTV is read. */
static enum tsd_sighting look_at_thread(const struct tsd_locator *locator, struct target *target,
					uint64_t robust_list_offset, pid_t tid, bool first)
{
	unsigned char live[TSD_LIVE_SIZE] = { 0 };
	uint64_t head, thread_pointer, rtree_ctx;

	if (robust_list_head(target, tid, &head))
		return TSD_UNSEEABLE;
	thread_pointer = head - robust_list_offset;
	if (first && locator->tls.is_main_program &&
	    dtv_contradicts(locator, target, tid, thread_pointer))
		return TSD_NOT_SEEN;
	if (!locator->offsets.has_rtree_ctx)
		return TSD_SEEN;
	rtree_ctx = thread_pointer + (uint64_t)locator->tls.tp_offset + locator->offsets.state -
		    TSD_RTREE_CTX_SIZE;
	/* Static TLS is there as long as its thread is: what cannot be read is another place. */
	if (target_read_one(target, rtree_ctx, live, sizeof live) == -EFAULT)
		return TSD_NOT_SEEN;
	return tsd_layout_53_sight(live);
}

static bool is_decisive(enum tsd_sighting sighting)
{
	return sighting == TSD_SEEN || sighting == TSD_NOT_SEEN;
}

/* Any thread's, or those of others where that one's leaves a doubt. */
static enum tsd_sighting look_for_tsd(const struct tsd_locator *locator, struct target *target,
				      uint64_t robust_list_offset)
{
	pid_t first = target_living_task(target), *tids;
	enum tsd_sighting sighting =
		look_at_thread(locator, target, robust_list_offset, first, true);
	size_t count;

	if (is_decisive(sighting) || target_list_tasks(target, &tids, &count))
		return sighting;
	for (size_t i = 0; i < count && i < TASKS_LIMIT && !is_decisive(sighting); i++) {
		enum tsd_sighting other = tids[i] == first ? TSD_UNSEEABLE
							   : look_at_thread(locator, target,
									    robust_list_offset,
									    tids[i], false);

		if (other != TSD_UNSEEABLE)
			sighting = other;
	}
	free(tids);
	return sighting;
}

int tsd_locator_verify(const struct tsd_locator *locator, struct target *target,
		       uint64_t robust_list_offset, struct ktstr_error *error)
{
	/* A block that is reached through each thread's DTV is verified with each reading. */
	enum tsd_sighting sighting = locator->tls.is_dynamic
					     ? TSD_SEEN
					     : look_for_tsd(locator, target, robust_list_offset);

	if (sighting == TSD_DOUBTFUL)
		return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -EAGAIN, "TLS block",
				  "%s carries jemalloc, but no thread has used it yet, and only "
				  "that would confirm where its "
				  "counters are: try again when one has",
				  locator->jemalloc_path);
	if (sighting == TSD_NOT_SEEN)
		return probe_fail(
			error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -EBADMSG, "TLS block",
			"%s carries jemalloc, but a thread's memory shows something else where its "
			"counters "
			"should be: the program headers in memory may have been written over",
			locator->jemalloc_path);
	return 0;
}

void tsd_locator_free(struct tsd_locator *locator)
{
	for (size_t i = 0; i < locator->jemalloc_count; i++) {
		free((char *)locator->jemallocs[i].path);
		free((char *)locator->jemallocs[i].version);
	}
	free(locator->jemallocs);
	locator->jemallocs = NULL;
	locator->jemalloc_count = 0;
	free(locator->jemalloc_path);
	free(locator->jemalloc_version);
	locator->jemalloc_path = locator->jemalloc_version = NULL;
}
