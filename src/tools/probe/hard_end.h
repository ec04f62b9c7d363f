/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the program that nothing can hold up. The kernel may hold a read of the target's
 * memory for as long as the target likes: a page that userfaultfd(2) or a file system in user space
 * is to fill. No signal and no cancellation ends that but the end of this process. Whoever reads
 * the standard error may hold up a write to it likewise.
 */
#ifndef KTSTR_PROBE_HARD_END_H
#define KTSTR_PROBE_HARD_END_H

#include "src/tools/probe/run.h"

/*
 * Ends the process GRACE_MS after the deadline of run->options, if there is one, wherever the main
 * thread is. Where no thread can be started there is no such end.
 */
void hard_end_watch(struct run *run);

/* Prints the deadline's tag, once: either thread may be the first. Left out where the standard
 * error takes nothing. */
void hard_end_report_deadline(const struct run *run);

#endif
