/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters stand in struct tsd_s, from DWARF: the members whose names end in
 * thread_allocated and thread_deallocated, whatever prefix stands before (it changed at 5.0 and
 * at 5.2). With libdw, which is kept from opening any file.
 */
#ifndef KTSTR_TSD_DWARF_H
#define KTSTR_TSD_DWARF_H

#include <stdint.h>

#include "symfile/elfutils.h"

struct tsd_dwarf {
	uint64_t size;                          /* of struct tsd_s */
	uint64_t state, allocated, deallocated; /* from its start */
	char reason[256];                       /* also for a refusal: why */
};

/*
 * Reads the debug information in the open ELF file. Returns 0; -ENODATA when there is none or no
 * struct tsd_s with the state and both counters in it; -ENOTUNIQ when two definitions differ;
 * -EFBIG when it is larger than can be read with little memory; -ENOTSUP when a part lies in a
 * supplementary file (dwz -m), or dw is NULL; -EBADMSG when damaged. The fd stays open.
 */
int tsd_dwarf_find(const struct elfutils *dw, int fd, struct tsd_dwarf *found);

#endif
