/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carry jemalloc, and where its counters are in each. */
#ifndef KTSTR_JEMALLOC_FIND_H
#define KTSTR_JEMALLOC_FIND_H

#include "elf/module_list.h"
#include "jemalloc/tsd_evidence.h"
#include "sandbox/sandbox.h"

/* What was found of one module. */
struct jemalloc_candidate {
	const struct module *module;
	bool is_jemalloc;
	bool is_excluded;         /* it is known to be something else */
	enum tsd_verdict verdict; /* of a jemalloc: whether it can be read */
	struct tsd_offsets offsets;
};

/* One for each module of a list, in the same order. */
struct jemalloc_candidates {
	struct jemalloc_candidate *all;
	size_t count;
	size_t files_queried; /* modules whose files were queried, or would have been */
};

/* How files on disk are queried. */
struct jemalloc_files {
	bool use; /* or none is opened */
	struct sandbox isolation;
	struct ktstr_file_cache *cache; /* or NULL */
};

/*
 * Looks for jemalloc in every module of the target. wanted, a path or its last part, or NULL, is
 * which one is looked for harder. Files that could not be examined are noted in the list. Returns 0
 * or a negative errno; free *found with jemalloc_candidates_free in either case.
 */
int jemalloc_find(struct target *target, const struct jemalloc_files *files,
		  struct module_list *list, const char *wanted, struct jemalloc_candidates *found);
void jemalloc_candidates_free(struct jemalloc_candidates *candidates);

#endif
