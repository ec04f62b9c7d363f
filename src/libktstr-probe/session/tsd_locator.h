/* SPDX-License-Identifier: BSD-2-Clause */
/* Where jemalloc's tsd_s is in each thread's TLS, and where its counters are in tsd_s. */
#ifndef KTSTR_TSD_LOCATOR_H
#define KTSTR_TSD_LOCATOR_H

#include <ktstr/probe.h>

#include "jemalloc/find.h"
#include "session/error.h"
#include "tls/module_tls.h"

struct tsd_locator {
	struct module_tls tls;      /* where the module's block is, and why */
	struct tsd_offsets offsets; /* where the counters are in it, and why */
	bool is_confirmed;          /* the living threads have been asked, and did not contradict */
	uint64_t module_start;      /* where the module's file begins in memory */
	uint64_t module_phdrs;      /* and where its program headers are */
	char *jemalloc_path;
	char *jemalloc_version; /* NULL: not known */
	/* All that are mapped, the one above first. Their paths and versions are one's own. */
	struct ktstr_probe_jemalloc *jemallocs;
	size_t jemalloc_count;
};

/*
 * Finds them in the modules of a target. wanted, a path or its last part, an address, or NULL,
 * is which jemalloc. Returns 0, or a negative errno with the error filled in.
 */
int tsd_locator_find(struct tsd_locator *locator, struct target *target,
		     const struct jemalloc_files *files, struct module_list *list,
		     const char *wanted, struct ktstr_error *error);

/*
 * Does what was found lead to a tsd_s in the memory of a thread, and do libc's records say the
 * same? Where one thread's memory leaves a doubt, others' are looked at. Returns 0, or a negative
 * errno with the error filled in.
 */
int tsd_locator_verify(const struct tsd_locator *locator, struct target *target,
		       uint64_t robust_list_offset, struct ktstr_error *error);

void tsd_locator_free(struct tsd_locator *locator);

#endif
