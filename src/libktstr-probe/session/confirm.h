/* SPDX-License-Identifier: BSD-2-Clause */
/* Living threads confirm where the counters are. */
#ifndef KTSTR_CONFIRM_H
#define KTSTR_CONFIRM_H

#include "session/thread_table.h"
#include "session/tsd_locator.h"

/*
 * Asks the threads of the table whose thread pointers are known, until one has confirmed in this
 * session. Returns 0 when one confirms, when none has counted anything, and when there is nothing
 * to compare with; -EBADMSG when they contradict and the program's code has not spoken either; or
 * what reading gave.
 */
int confirm_counters(struct target *target, struct tsd_locator *locator,
		     const struct thread_table *table);

#endif
