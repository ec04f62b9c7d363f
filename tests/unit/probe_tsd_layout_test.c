/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TLS images are believed, and which are refused. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "arch.h"
#include "tsd_layout.h"

#define ROOM 8192
static unsigned char image[ROOM];

/* The image of a row of the table at an offset. Returns the row's signs. */
static struct tsd_signs plant(const struct tsd_layout_row *row, size_t at)
{
	for (size_t i = 0; i < 8 && row->bytes[i].value; i++)
		image[at + row->bytes[i].offset] = (unsigned char)row->bytes[i].value;
	for (size_t i = 0; row->run && i < 24; i++)
		image[at + row->run + i * 16] = 1;
	return (struct tsd_signs){ .image = image, .filesz = ROOM, .memsz = ROOM };
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t r = 0; r < tsd_layout_table_rows; r++) {
		const struct tsd_layout_row *row = &tsd_layout_table[r];
		struct tsd_signs signs;
		struct tsd_place place;

		if (row->machine != arch_elf_machine)
			continue;
		memset(image, 0, sizeof image);
		signs = plant(row, 64);
		if (!row->run) {
			assert_int_equal(tsd_layout_find(&signs, &place), -ENODATA);
			signs.has_symbol = 1;
			signs.symbol_offset = 64;
			signs.symbol_size = row->size + 8;
			assert_int_equal(tsd_layout_find(&signs, &place), -ENODATA);
			signs.symbol_size = row->size;
		}
		assert_int_equal(tsd_layout_find(&signs, &place), 0);
		assert_true(place.state == 64 + row->state && place.allocated == 64 + row->allocated &&
			    place.deallocated == 64 + row->deallocated);
		if (!row->run)
			continue;
		signs.has_symbol = 1; /* a symbol elsewhere contradicts */
		signs.symbol_offset = 72;
		signs.symbol_size = row->size;
		assert_int_equal(tsd_layout_find(&signs, &place), -EBADMSG);
		signs.symbol_offset = 64;
		assert_int_equal(tsd_layout_find(&signs, &place), 0);
		signs.has_symbol = 0;
		signs.relocs = (const uint64_t[]){ 72 }; /* and so does a relocation */
		signs.reloc_count = 1;
		assert_int_equal(tsd_layout_find(&signs, &place), -EBADMSG);
		signs.reloc_count = 0;
		image[64 + 400] ^= 1; /* one byte of the template is off: the fingerprint stands alone */
		assert_int_equal(tsd_layout_find(&signs, &place), -ENODATA);
	}
}

static void test_fingerprint(void **state)
{
	struct tsd_signs signs;
	uint64_t at = 0;

	(void)state;
	for (size_t entries = 22; entries <= 26; entries++) {
		memset(image, 0, sizeof image);
		for (size_t i = 0; i < entries; i++)
			image[8 + i * 16] = 1;
		image[8 + entries * 16] = 6;
		signs = (struct tsd_signs){ .image = image, .filesz = ROOM, .memsz = ROOM };
		assert_int_equal(tsd_layout_fingerprint(&signs, &at), entries == 24);
		if (entries != 24)
			continue;
		assert_int_equal(at, 8 + 24 * 16);
		signs.memsz = signs.filesz = at + 31; /* the counters would lie outside */
		assert_int_equal(tsd_layout_fingerprint(&signs, &at), 0);
		signs.memsz = at + 32;
		signs.filesz = at + 1; /* the image may end behind the state: zeros follow */
		assert_int_equal(tsd_layout_fingerprint(&signs, &at), 1);
		signs.memsz = signs.filesz = ROOM;
		memcpy(image + 4096, image, 2048);
		assert_int_equal(tsd_layout_fingerprint(&signs, &at), 2);
		image[8 + 24 * 16] = 4;
		image[4096 + 8 + 24 * 16] = 7;
		assert_int_equal(tsd_layout_fingerprint(&signs, &at), 0);
	}
	signs = (struct tsd_signs){ .image = image };
	assert_int_equal(tsd_layout_fingerprint(&signs, &at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_fingerprint),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
