/* SPDX-License-Identifier: BSD-2-Clause */
/* How many blocks of the heap are in use. */
#ifndef KTSTR_FAULTS_HEAP_COUNT_H
#define KTSTR_FAULTS_HEAP_COUNT_H

/* Of malloc(3) and its kin, all threads, libraries too. Always 0 with a sanitizer, which counts
 * itself. */
long heap_blocks(void);

/* What the C library keeps from as many threads as run at once (their stacks, each with a block),
   and from the first pthread_cancel(3) of one that runs (it loads the unwinder): called once at the
   start, it is no growth later. */
void heap_settle(void);

#endif
