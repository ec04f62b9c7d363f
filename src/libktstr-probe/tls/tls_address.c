/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a main executable's TLS block begins, from its PT_TLS alone. Pure. */
#include "config.h"

#include "tls/tls_address.h"

#include <errno.h>

#define TCB_SIZE_VARIANT_1 16                  /* AAELF64: two words at the thread pointer */
#define TLS_SIZE_LIMIT     (UINT64_C(1) << 32) /* no real program comes near */
#define ADDRESS_LIMIT      (UINT64_C(1) << 56) /* user space ends below, with 5-level paging too */

int tls_address_executable(int variant, uint64_t vaddr, uint64_t memsz, uint64_t align,
			   int64_t *tp_offset)
{
	uint64_t mask;

	if (align == 0)
		align = 1;
	if (align & (align - 1))
		return -EINVAL;
	if (memsz > TLS_SIZE_LIMIT || align > TLS_SIZE_LIMIT)
		return -EOVERFLOW;
	mask = align - 1;
	/* Both as ld.so does it (glibc elf/dl-tls.c, csu/libc-tls.c): the block's address must be
	   equal to p_vaddr modulo p_align. */
	if (variant == 2)
		*tp_offset = -(int64_t)(memsz + ((0 - vaddr - memsz) & mask));
	else
		*tp_offset = (int64_t)(TCB_SIZE_VARIANT_1 + ((vaddr - TCB_SIZE_VARIANT_1) & mask));
	return 0;
}

int tls_address_add(uint64_t base, int64_t offset, uint64_t size, uint64_t *address)
{
	uint64_t sum, end;

	if (offset < 0 ? __builtin_sub_overflow(base, 0 - (uint64_t)offset, &sum)
		       : __builtin_add_overflow(base, (uint64_t)offset, &sum))
		return -EOVERFLOW;
	if (__builtin_add_overflow(sum, size, &end) || end > ADDRESS_LIMIT)
		return -EOVERFLOW;
	*address = sum;
	return 0;
}
