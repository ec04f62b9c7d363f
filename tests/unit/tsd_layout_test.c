/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TLS images are believed, and which are refused. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <unistd.h>

#include "jemalloc/tsd_layout_53.h"
#include "tsd_images.h"

/* The image of a row of the table at an offset. Returns the row's evidence. */
static struct tsd_evidence plant(const struct tsd_layout_row *row, size_t at)
{
	for (size_t i = 0; i < 8 && row->bytes[i].value; i++)
		image[at + row->bytes[i].offset] = (unsigned char)row->bytes[i].value;
	for (size_t i = 0; row->rtree_ctx && i < 24; i++)
		image[at + row->rtree_ctx + i * 16] = 1;
	return (struct tsd_evidence){ .image = image, .filesz = ROOM, .memsz = ROOM };
}

static void each_row_of_the_table_is_found_by_its_image(void **state)
{
	(void)state;
	for (size_t r = 0; r < tsd_layout_table_rows; r++) {
		const struct tsd_layout_row *row = &tsd_layout_table[r];
		struct tsd_evidence evidence;
		struct tsd_offsets offsets;

		if (row->machine != arch_elf_machine)
			continue;
		memset(image, 0, sizeof image);
		evidence = plant(row, 64);
		if (!row->rtree_ctx) {
			assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
			evidence.has_symbol = true;
			evidence.symbol_offset = 64;
			evidence.symbol_size = row->size + 8;
			assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
			evidence.symbol_size = row->size;
		}
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
		assert_true(offsets.state == 64 + row->state &&
			    offsets.allocated == 64 + row->allocated &&
			    offsets.deallocated == 64 + row->deallocated);
		if (!row->rtree_ctx)
			continue;
		evidence.has_symbol = true; /* a symbol elsewhere contradicts */
		evidence.symbol_offset = 72;
		evidence.symbol_size = row->size;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
		evidence.symbol_offset = 64;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
		evidence.symbol_size = row->size + 8; /* and one of another size */
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
		evidence.has_symbol = false;
		evidence.has_dwarf = true; /* and another build's debug information */
		evidence.dwarf_size = row->size + 8;
		evidence.dwarf_state = row->state;
		evidence.dwarf_allocated = row->allocated;
		evidence.dwarf_deallocated = row->deallocated;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
		evidence.dwarf_size = row->size;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
		evidence.has_dwarf = false;
		evidence.relocs = (const uint64_t[]){ 72 }; /* and so does a relocation */
		evidence.reloc_count = 1;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
		evidence.reloc_count = 0;
		image[64 + 400] ^=
			1; /* one byte of the template is off: the fingerprint stands alone */
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	}
}

/* The same version has other sizes there. */
static void a_row_of_another_architecture_is_not_found(void **state)
{
	(void)state;
	for (size_t r = 0; r < tsd_layout_table_rows; r++) {
		const struct tsd_layout_row *row = &tsd_layout_table[r];
		struct tsd_evidence evidence;
		struct tsd_offsets offsets;

		if (row->machine == arch_elf_machine)
			continue;
		memset(image, 0, sizeof image);
		evidence = plant(row, 64);
		evidence.has_symbol = !row->rtree_ctx;
		evidence.symbol_offset = 64;
		evidence.symbol_size = row->size;
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	}
}

static void only_24_entries_are_a_fingerprint(void **state)
{
	struct tsd_evidence evidence;
	struct tsd_offsets offsets;
	uint64_t at = 0;

	(void)state;
	for (size_t entries = 22; entries <= 26; entries++) {
		memset(image, 0, sizeof image);
		for (size_t i = 0; i < entries; i++)
			image[8 + i * 16] = 1;
		image[8 + entries * 16] = 6;
		evidence = (struct tsd_evidence){ .image = image, .filesz = ROOM, .memsz = ROOM };
		assert_int_equal(tsd_layout_53_search(&evidence, &at), entries == 24);
		if (entries != 24)
			continue;
		assert_int_equal(at, 8 + 24 * 16);
		evidence.memsz = evidence.filesz = at + 31; /* the counters would lie outside */
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
		evidence.memsz = at + 32;
		evidence.filesz = at + 1; /* the image may end behind the state: zeros follow */
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 1);
		evidence.memsz = evidence.filesz = ROOM;
		for (size_t behind = 8; behind < 32; behind += 8) { /* counted before it began? */
			image[at + behind] = 1;
			assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
			image[at + behind] = 0;
		}
		memcpy(image + 4096, image, 2048);
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 2);
		evidence.version = "5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7";
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
		image[8 + 24 * 16] = 4;
		image[4096 + 8 + 24 * 16] = 7;
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
	}
	evidence = (struct tsd_evidence){ .image = image };
	assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
}

/* The entries of a running thread, read where they are and one or two words beside. */
static void a_running_thread_s_entries_are_told_from_their_neighbours(void **state)
{
	uint64_t words[4 + TSD_LIVE_SIZE / 8 + 4] = { 0 }, *entries = words + 4;

	(void)state;
	for (size_t i = 0; i < 24; i++)
		entries[2 * i] = 1;
	entries[48] = 6;
	assert_int_equal(tsd_layout_53_sight(entries), TSD_SEEN); /* never used */
	entries[48] =
		1; /* used by a slow build, but nothing allocated: one entry too early looks alike
		    */
	assert_int_equal(tsd_layout_53_sight(entries), TSD_DOUBTFUL);
	entries[49] = 8;
	assert_int_equal(tsd_layout_53_sight(entries), TSD_SEEN);
	entries[-2] = UINT64_C(0x7f9e66e00000); /* an arena, which may stand before the entries */
	assert_int_equal(tsd_layout_53_sight(entries - 2), TSD_DOUBTFUL);
	entries[-2] = 0;
	entries[49] = 0;
	entries[0] = UINT64_C(0x7f1240000000);
	entries[1] = UINT64_C(0x7f1241234560);
	entries[48] = 0;
	entries[49] = 4096;
	entries[51] = 64;
	assert_int_equal(tsd_layout_53_sight(entries), TSD_SEEN);
	for (int beside = -4; beside <= 4; beside++)
		if (beside)
			assert_int_equal(tsd_layout_53_sight(entries + beside), TSD_NOT_SEEN);
	entries[46] = UINT64_C(0x7f1280000000); /* the last is in use */
	for (int beside = -4; beside <= 4; beside++)
		if (beside)
			assert_int_equal(tsd_layout_53_sight(entries + beside), TSD_NOT_SEEN);
	entries[48] = 7; /* no state */
	assert_int_equal(tsd_layout_53_sight(entries), TSD_NOT_SEEN);
	entries[48] = 0;
	assert_int_equal(tsd_layout_53_sight(entries), TSD_SEEN);
	entries[0] = 0; /* a heap below 1 GiB */
	assert_int_equal(tsd_layout_53_sight(entries), TSD_SEEN);
	for (int beside = -4; beside <= 4; beside++)
		if (beside)
			assert_int_equal(tsd_layout_53_sight(entries + beside), TSD_NOT_SEEN);
	entries[1] = 0; /* no leaf: nothing is there */
	assert_int_equal(tsd_layout_53_sight(entries), TSD_NOT_SEEN);
	entries[0] = 1;
	entries[2] = 4096;
	assert_int_equal(tsd_layout_53_sight(entries), TSD_NOT_SEEN);
}

/* A build that no row knows: the fingerprint needs a second sign, whichever it is. */
static struct tsd_evidence unknown_build(void)
{
	memset(image, 0, sizeof image);
	for (size_t i = 0; i < 24; i++)
		image[1000 + i * 16] = 1;
	image[1000 + 384] = 6;
	image[996] = 77; /* in no row's image */
	return (struct tsd_evidence){ .image = image, .filesz = ROOM, .memsz = ROOM };
}

static void a_fingerprint_alone_is_not_enough(void **state)
{
	struct tsd_evidence evidence = unknown_build();
	struct tsd_offsets offsets;

	(void)state;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = "not a version";
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_UNCERTAIN);
	evidence.version = version_old;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.version = version_new;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_true(offsets.state == 1384 && offsets.allocated == 1392 &&
		    offsets.deallocated == 1408 && offsets.uninitialized == 6);
	evidence.version = NULL;
	evidence.has_symbol = true;
	evidence.symbol_offset = 900;
	assert_int_equal(tsd_layout_find(&evidence, &offsets),
			 TSD_CONTRADICTED); /* no size: it contains nothing */
	evidence.symbol_size = 2000;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	evidence.symbol_offset = 1001; /* begins behind the first entry */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.symbol_offset = 900;
	for (uint64_t size = ROOM + 1; size; size = size == ROOM + 1 ? UINT64_MAX : 0) {
		evidence.symbol_size = size; /* no block holds it */
		assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	}
}

static void dwarf_and_fingerprint_have_to_agree(void **state)
{
	struct tsd_evidence evidence = unknown_build(), good;
	struct tsd_offsets offsets;

	(void)state;
	evidence.has_dwarf = true;
	evidence.dwarf_size = 2000;
	evidence.dwarf_state = 484; /* the struct begins at 900 */
	evidence.dwarf_allocated = 492;
	evidence.dwarf_deallocated = 508;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
	assert_int_equal(offsets.allocated, 1392);
	good = evidence;
	evidence.dwarf_deallocated = 500; /* the next event, taken for the counter */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence = good;
	evidence.dwarf_allocated = 500;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence = good;
	evidence.dwarf_state = 1385; /* would begin before the block */
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence = good;
	evidence.dwarf_size = UINT64_MAX;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence = good;
	evidence.has_symbol = true;
	evidence.symbol_offset = 904;
	evidence.symbol_size = 2000;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_CONTRADICTED);
	evidence.symbol_offset = 900;
	assert_int_equal(tsd_layout_find(&evidence, &offsets), TSD_FOUND);
}

/* The initial TLS image of a file on disk, into image. Returns whether it has one. */
static int load_image(const char *path, struct tsd_evidence *evidence)
{
	Elf64_Ehdr header;
	Elf64_Phdr phdr;
	int fd = open(path, O_RDONLY | O_CLOEXEC), found = 0;

	if (fd < 0)
		return 0;
	memset(image, 0, sizeof image);
	if (pread(fd, &header, sizeof header, 0) == sizeof header &&
	    memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
		for (size_t i = 0; !found && i < header.e_phnum; i++) {
			if (pread(fd, &phdr, sizeof phdr,
				  (off_t)(header.e_phoff + i * sizeof phdr)) != sizeof phdr ||
			    phdr.p_type != PT_TLS || phdr.p_filesz > ROOM)
				continue;
			found = pread(fd, image, phdr.p_filesz, (off_t)phdr.p_offset) ==
				(ssize_t)phdr.p_filesz;
			*evidence = (struct tsd_evidence){ .image = image,
							   .filesz = phdr.p_filesz,
							   .memsz = phdr.p_memsz };
		}
	close(fd);
	return found;
}

/* As distributions ship it, stripped; and as `make' linked it into the worker. */
static void the_jemallocs_of_this_machine_are_found(void **state)
{
	const char *const files[] = { getenv("KTSTR_WORKER"),
				      "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
				      "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2",
				      "/usr/lib64/libjemalloc.so.2" };
	const char *shared = getenv("KTSTR_SHARED_JEMALLOC");
	uint64_t at;

	(void)state;
	for (size_t i = shared && strcmp(shared, "yes") == 0; i < sizeof files / sizeof *files;
	     i++) {
		struct tsd_evidence evidence;
		struct tsd_offsets offsets;
		enum tsd_verdict verdict;

		if (!files[i] || !load_image(files[i], &evidence))
			continue;
		if (tsd_layout_53_search(&evidence, &at) == 0)
			continue; /* older than 5.3.0, as some distributions have it */
		verdict = tsd_layout_find(&evidence, &offsets);
		print_message("# %s: %s\n", files[i], offsets.reason);
		if (verdict == TSD_UNCERTAIN) { /* a build that is not in the table */
			evidence.version = version_new;
			verdict = tsd_layout_find(&evidence, &offsets);
		}
		assert_int_equal(verdict, TSD_FOUND);
		assert_int_equal(offsets.deallocated, offsets.allocated + 16);
		image[offsets.state] = 4; /* and one byte off is another thing */
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
	}
}

static int no_jemalloc(struct dl_phdr_info *info, size_t size, void *images)
{
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		struct tsd_evidence evidence = { .image = (const unsigned char *)info->dlpi_addr +
							  phdr->p_vaddr,
						 .filesz = phdr->p_filesz,
						 .memsz = phdr->p_memsz };
		uint64_t at;

		if (phdr->p_type != PT_TLS)
			continue;
		++*(int *)images;
		assert_int_equal(tsd_layout_53_search(&evidence, &at), 0);
	}
	return 0;
}

static _Thread_local volatile int some_tls = 1;

/* Programs without jemalloc, whatever is loaded here. */
static void images_without_jemalloc_are_not_taken_for_one(void **state)
{
	int images = 0;

	(void)state;
	assert_int_equal(some_tls, 1);
	dl_iterate_phdr(no_jemalloc, &images);
	assert_true(images >= 2); /* this program and libc */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_the_table_is_found_by_its_image),
		cmocka_unit_test(a_row_of_another_architecture_is_not_found),
		cmocka_unit_test(only_24_entries_are_a_fingerprint),
		cmocka_unit_test(a_running_thread_s_entries_are_told_from_their_neighbours),
		cmocka_unit_test(a_fingerprint_alone_is_not_enough),
		cmocka_unit_test(dwarf_and_fingerprint_have_to_agree),
		cmocka_unit_test(the_jemallocs_of_this_machine_are_found),
		cmocka_unit_test(images_without_jemalloc_are_not_taken_for_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
