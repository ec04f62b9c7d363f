/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS arithmetic: both variants, odd alignments, overflow. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/tls_address.h"

static int64_t tp_offset_of(int variant, uint64_t vaddr, uint64_t memsz, uint64_t align)
{
	int64_t result = 0;

	assert_int_equal(tls_address_executable(variant, vaddr, memsz, align, &result), 0);
	return result;
}

static void both_variants_place_the_block_as_the_abi_says(void **state)
{
	(void)state;
	assert_int_equal(tp_offset_of(2, 0x1000, 2632, 16), -2640);
	assert_int_equal(tp_offset_of(2, 0x1000, 2632, 8), -2632);
	assert_int_equal(tp_offset_of(2, 0x1000, 2632, 0), -2632);
	assert_int_equal(tp_offset_of(2, 0x1008, 2632, 16),
			 -2632); /* the block starts at 8 modulo 16, as p_vaddr does */
	assert_int_equal(tp_offset_of(1, 0x1000, 2632, 16), 16);
	assert_int_equal(tp_offset_of(1, 0x1000, 2632, 64), 64);
	assert_int_equal(tp_offset_of(1, 0x1018, 2632, 64), 24);
	/* The ABI's condition, for every small case: (TP + tp_offset) is p_vaddr modulo p_align. */
	for (uint64_t align = 1; align <= 4096; align *= 2)
		for (uint64_t vaddr = 0; vaddr < 2 * align; vaddr += align / 8 + 1)
			for (uint64_t memsz = 1; memsz < 80; memsz += 7) {
				assert_true(
					((uint64_t)tp_offset_of(2, vaddr, memsz, align) - vaddr) %
						align ==
					0);
				assert_true(tp_offset_of(2, vaddr, memsz, align) <=
					    -(int64_t)memsz);
				assert_true(tp_offset_of(2, vaddr, memsz, align) >
					    -(int64_t)(memsz + align));
				assert_true(
					((uint64_t)tp_offset_of(1, vaddr, memsz, align) - vaddr) %
						align ==
					0);
				assert_true(tp_offset_of(1, vaddr, memsz, align) >= 16);
			}
}

static void an_address_that_overflows_is_refused(void **state)
{
	int64_t result;
	uint64_t address;

	(void)state;
	assert_int_equal(tls_address_executable(2, 0, 8, 3, &result), -EINVAL);
	assert_int_equal(tls_address_executable(2, 0, UINT64_MAX, 8, &result), -EOVERFLOW);
	assert_int_equal(tls_address_executable(1, 0, 8, UINT64_C(1) << 63, &result), -EOVERFLOW);
	assert_int_equal(tls_address_add(100, -101, 0, &address), -EOVERFLOW);
	assert_int_equal(tls_address_add(UINT64_MAX, 1, 0, &address), -EOVERFLOW);
	assert_int_equal(tls_address_add(0, INT64_MIN, 0, &address), -EOVERFLOW);
	assert_int_equal(tls_address_add(1000, 0, UINT64_MAX, &address), -EOVERFLOW);
	assert_int_equal(tls_address_add(UINT64_C(1) << 56, 0, 1, &address), -EOVERFLOW);
	assert_int_equal(tls_address_add(1000, -1000, 8, &address), 0);
	assert_true(address == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_variants_place_the_block_as_the_abi_says),
		cmocka_unit_test(an_address_that_overflows_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
