/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any code as a mallctl handler: the first byte chooses the architecture and where it begins, the
 * rest is code with a page of data behind it. It ends, and nothing outside of the arrays is
 * touched.
 */
#include <stdint.h>
#include <stdlib.h>

#include "input_memory.h"
#include "jemalloc/ctl_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target_ops ops = { .read = read_made };
	struct target target = { .ops = &ops };
	struct elf_image image = { .code[0] = { .address = BASE, .size = size ? size - 1 : 0 } };
	const struct ctl_arch *arch;
	struct ctl_answer answer;
	uint64_t offset, handler;

	if (size < 2)
		return 0;
	bytes = data + 1;
	byte_count = size - 1;
	arch = data[0] & 1 ? &ctl_arch_aarch64 : &ctl_arch_x86_64;
	handler = BASE + (data[0] >> 1) * 4U;
	ctl_code_ask(arch, &target, &image, handler, &answer);
	if (answer.outcome == CTL_ANSWERS &&
	    (answer.value.kind == CTL_UNKNOWN ||
	     (answer.size != 1 && answer.size != 4 && answer.size != 8)))
		abort();
	if (answer.outcome == CTL_FAILS && answer.error == 0)
		abort();
	ctl_code_arena(arch, &target, &image, handler, &offset);
	return 0;
}
