/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TLS images of jemallocs before 5.3 are believed, and by which signs. */
#include "config.h"

#include "jemalloc/tsd_layout_pre53.h"
#include "tsd_images.h"

/* jemalloc before 5.3.0: the place from a relocation or a symbol, the members from one thing more.
 */
static void old_builds_need_their_version_and_one_place(void **state)
{
	const uint64_t start = 128;
	struct tsd_evidence evidence = { .image = image,
					 .filesz = ROOM,
					 .memsz = start + 6144,
					 .relocs = &start,
					 .reloc_count = 1 };
	struct tsd_offsets offsets;

	(void)state;
	memset(image, 0, sizeof image);
	image[start] = 5; /* 5.0.1 and 5.1.0 alike, but the counters differ in place */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = "5.1.0-0-g61efbda7098de6fe64c362d309824864308c36d4";
	assert_int_equal(tsd_layout_find(&evidence, &offsets),
			 arch_elf_machine == EM_X86_64 ? 0 : TSD_UNCERTAIN);
	if (arch_elf_machine == EM_X86_64)
		assert_true(offsets.allocated == start + 16 && offsets.deallocated == start + 24);
	evidence.memsz =
		start + 6144 +
		160; /* built with other options, which move nothing at the release's head */
	assert_int_equal(tsd_layout_find(&evidence, &offsets),
			 arch_elf_machine == EM_X86_64 ? 0 : TSD_UNCERTAIN);
	evidence.memsz = start + 6144;
	evidence.version = "5.1.0-77-g61efbda7098de6fe64c362d309824864308c36d4"; /* of no release */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = "5.1.01-0-g61efbda7098de6fe64c362d309824864308c36d4";
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.memsz = ROOM;
	evidence.has_dwarf = true; /* of the program itself: it needs no table */
	evidence.dwarf_size = 6300;
	evidence.dwarf_state = 0;
	evidence.dwarf_allocated = 32;
	evidence.dwarf_deallocated = 40;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_true(offsets.state == start && offsets.allocated == start + 32 &&
		    offsets.uninitialized == 5);
	evidence.dwarf_size = ROOM - start + 1; /* does not fit */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.dwarf_size = 6300;
	evidence.dwarf_deallocated = 6293;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.dwarf_deallocated = 32; /* both in one place */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.dwarf_deallocated = 40;
	evidence.has_symbol = true;
	evidence.symbol_offset = start;
	evidence.symbol_size = 6308;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.has_symbol = false;
	evidence.reloc_count = 0; /* nothing leads there */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
}

/* 5.2 without symbol or relocation: its version string, and its image in one place only. */
static void a_version_and_one_image_place_5_2(void **state)
{
	struct tsd_evidence evidence = {
		.image = image, .filesz = 64 + 457, .memsz = ROOM, .version = version_old
	};
	struct tsd_offsets offsets;
	uint64_t elsewhere[2] = { 56, 72 };

	(void)state;
	memset(image, 0, sizeof image);
	image[64] = 6;
	image[64 + 456] = 255;
	if (arch_elf_machine != EM_X86_64) {
		assert_false(tsd_layout_pre53_may_stand(&evidence));
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
		return;
	}
	assert_true(tsd_layout_pre53_may_stand(&evidence));
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_true(offsets.state == 64 && offsets.allocated == 80 && offsets.deallocated == 88 &&
		    offsets.uninitialized == 6);
	evidence.relocs = elsewhere;
	evidence.reloc_count = 2;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	elsewhere[1] = 64;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.reloc_count = 0;
	for (size_t i = 0; i < 3; i++) {
		static const char *const other[] = {
			NULL, version_new, "5.2.1-3-gea6b3e973b477b8061e0076bb257dbd7f3faa756"
		};

		evidence.version = other[i];
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	}
	evidence.version = "5.2.1-0-g0"; /* as redis has it */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.memsz = 64 + 6215; /* no room for it */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.memsz = 64 + 6216;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.memsz = ROOM;
	image[300] = 1; /* something else */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	image[300] = 0;
}

/* 5.1: one byte besides zeros. Whatever may be it makes it doubtful. */
static void one_byte_places_5_1_unless_another_may_be_it(void **state)
{
	struct tsd_evidence evidence = { .image = image, .filesz = ROOM, .memsz = ROOM };
	struct tsd_offsets offsets;

	(void)state;
	memset(image, 0, sizeof image);
	image[64] = 5;
	evidence.version = "5.1.0-0-g61efbda7098de6fe64c362d309824864308c36d4";
	if (arch_elf_machine != EM_X86_64) {
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
		return;
	}
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_true(offsets.state == 64 && offsets.allocated == 80 && offsets.deallocated == 88 &&
		    offsets.uninitialized == 5);
	evidence.version = "5.0.1-0-g896ed3a8b3f41998d4fb4d625d30ac63ef2d51fb";
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_true(offsets.allocated == 72 && offsets.deallocated == 80);
	for (size_t at = 8000; at <= 8064;
	     at += 8) { /* another, with no room for a whole image behind it */
		image[at] = 5;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
		image[at] = 0;
	}
	image[8004] = 5; /* not aligned as it must be */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	image[8004] = 0;
	image[64 + 3000] = 1; /* nor is it one with something else in it */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	image[64 + 3000] = 0;
	evidence.version =
		"4.5.0-0-g04380e79f1e2428bd0ad000bbc6e3d2dfc6b66a5"; /* whose first byte is zero */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = NULL;
	assert_true(tsd_layout_pre53_may_stand(&evidence));
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
}

static void two_old_images_are_doubtful(void **state)
{
	static unsigned char both[16384];
	struct tsd_evidence evidence = {
		.image = both, .filesz = sizeof both, .memsz = sizeof both, .version = version_old
	};
	struct tsd_offsets offsets;

	(void)state;
	both[0] = both[8000] = 6;
	both[456] = both[8456] = 255;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	both[8456] = 0;
	both[8000] = 1;
	assert_int_equal(tsd_layout_find(&evidence, &offsets),
			 arch_elf_machine == EM_X86_64 ? 0 : TSD_UNCERTAIN);
	if (arch_elf_machine != EM_X86_64)
		return;
	evidence.has_dwarf = true; /* which says otherwise */
	evidence.dwarf_size = 6216;
	evidence.dwarf_allocated = 8;
	evidence.dwarf_deallocated = 16;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.dwarf_allocated = 16;
	evidence.dwarf_deallocated = 24;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.dwarf_size = 6224;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
}

/* A relocation leads there, and nothing names the release. */
static void an_old_image_alone_has_to_be_whole_and_the_block_s_end(void **state)
{
	const uint64_t start = 64;
	struct tsd_evidence evidence = { .image = image,
					 .filesz = ROOM,
					 .memsz = start + 6216,
					 .is_library = true,
					 .relocs = &start,
					 .reloc_count = 1 };
	struct tsd_offsets offsets;

	(void)state;
	if (arch_elf_machine != EM_X86_64)
		return; /* the table has one such row there, without another to be taken for */
	memset(image, 0, sizeof image);
	image[start] = 6;
	image[start + 456] = 255;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.version = "5.1.0-0-g61efbda7098de6fe64c362d309824864308c36d4";
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = NULL;
	evidence.memsz = start + 6216 + 63;
	evidence.code = NULL;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED); /* changed? */
	evidence.memsz = start + 6216 + 64; /* another build's, with more in it */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	image[start + 456] = 0;
	image[start] = 5;
	evidence.memsz = start + 6224; /* one row alone fits, by a single byte */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_builds_need_their_version_and_one_place),
		cmocka_unit_test(a_version_and_one_image_place_5_2),
		cmocka_unit_test(one_byte_places_5_1_unless_another_may_be_it),
		cmocka_unit_test(two_old_images_are_doubtful),
		cmocka_unit_test(an_old_image_alone_has_to_be_whole_and_the_block_s_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
