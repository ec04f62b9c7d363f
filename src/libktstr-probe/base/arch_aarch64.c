/* SPDX-License-Identifier: BSD-2-Clause */
/* aarch64. Sources: ELF for the Arm 64-bit Architecture (AAELF64), dynamic relocations; Addenda32.
 */
#ifdef __aarch64__
#include "config.h"

#include "base/arch.h"

#include <elf.h>

const unsigned int arch_elf_machine = EM_AARCH64;
const unsigned int arch_reloc_glob_dat = R_AARCH64_GLOB_DAT;
const unsigned int arch_reloc_jump_slot = R_AARCH64_JUMP_SLOT;
const unsigned int arch_reloc_dtpmod = R_AARCH64_TLS_DTPMOD;
const unsigned int arch_reloc_tpoff = R_AARCH64_TLS_TPREL;
const unsigned int arch_reloc_tlsdesc = R_AARCH64_TLSDESC;
const int arch_tls_variant = 1;
const int arch_self_pointer = 0;
const int arch_dtv_offset = 0; /* tcbhead_t: dtv, private */
const int arch_musl_dtv_offset =
	-8; /* struct pthread ends with dtv, and the thread pointer is its end */
const int arch_regset_type = NT_ARM_TLS;

int arch_regset_thread_pointer(const union arch_regset *set, size_t size, uint64_t *thread_pointer)
{
	if (size < sizeof set->tls[0])
		return -1;
	*thread_pointer = set->tls[0];
	return 0;
}
#else
typedef int arch_aarch64_is_not_built;
#endif
