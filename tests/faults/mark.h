/* SPDX-License-Identifier: BSD-2-Clause */
/* How a driver tells inject which of its system calls are meant: prctl(MARK_OPTION, 1 or 0), which
   the kernel does not know. */
#ifndef KTSTR_FAULTS_MARK_H
#define KTSTR_FAULTS_MARK_H

#define MARK_OPTION 0x4b545354 /* "KTST" */

#endif
