/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a main executable's TLS block begins, from its PT_TLS alone. Pure. */
#ifndef KTSTR_TLS_ADDRESS_H
#define KTSTR_TLS_ADDRESS_H

#include <stdint.h>

/*
 * The offset from the thread pointer to the start of the executable's TLS block, signed.
 * Returns 0, or -EOVERFLOW / -EINVAL (align not a power of two, or sizes that fit no address
 * space).
 */
int tls_address_executable(int variant, uint64_t vaddr, uint64_t memsz, uint64_t align,
			   int64_t *tp_offset);

/* base + offset as a user-space address range of `size` bytes. Returns 0 or -EOVERFLOW. */
int tls_address_add(uint64_t base, int64_t offset, uint64_t size, uint64_t *address);

#endif
