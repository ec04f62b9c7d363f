/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mapped ELF file made of any bytes: a made-up target serves the input as memory at BASE.
 * Everything that the resolution asks of such a file is asked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/elf_image.h"
#include "elf/libc_kind.h"
#include "jemalloc/tsd_layout.h"
#include "jemalloc/version.h"
#include "tls/module_tls.h"

#define HEAD_SIZE   4096 /* as linkers have it: both headers are there */
#define BASE        UINT64_C(0x10000)
#define CALLS_LIMIT 20000

/* The file that is compared with what is mapped: the same bytes. */
static int same_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return fd;
}

static const uint8_t *memory;
static size_t memory_size;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int serve(struct target *target, struct target_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = ranges[i].address - BASE;

		ranges[i].error = offset <= memory_size && ranges[i].size <= memory_size - offset
					  ? 0
					  : -EFAULT;
		if (!ranges[i].error)
			memcpy(ranges[i].buffer, memory + offset, ranges[i].size);
		target->read_count.bytes += ranges[i].size;
	}
	if (++target->read_count.calls > CALLS_LIMIT)
		abort(); /* a loop that the file decides about */
	return 0;
}

static void find_layout(const struct elf_image *image, const struct elf_dynamic *dynamic)
{
	char version[JEMALLOC_VERSION_SIZE];
	struct tsd_evidence evidence = { .filesz = image->tls_filesz, .memsz = image->tls_memsz };
	struct tsd_offsets offsets;
	uint64_t *relocs = NULL;
	unsigned char *tls;

	if (!image->has_tls || elf_image_tls(image, &tls))
		return;
	evidence.image = tls;
	if (module_tls_offsets(dynamic, &relocs, &evidence.reloc_count) == 0) {
		evidence.relocs = relocs;
		tsd_layout_find(&evidence, &offsets);
		if (jemalloc_version_find(image, version) == 0) {
			evidence.version = version;
			if (tsd_layout_find(&evidence, &offsets) == TSD_FOUND &&
			    (offsets.allocated > evidence.memsz - 8 ||
			     offsets.deallocated > evidence.memsz - 8))
				abort();
		}
	}
	free(relocs);
	free(tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target_ops ops = { .read = serve };
	struct target target = { .ops = &ops, .proc_fd = -1, .task_fd = -1, .mem_fd = -1 };
	unsigned char head[HEAD_SIZE] = { 0 }, id[64];
	size_t id_size = sizeof id;
	struct elf_dynamic dynamic;
	struct module module = { .path = "/fuzz/libc.so.6" };
	struct module_list list = { .modules = &module, .count = 1 };
	struct elf_image image;
	struct module_tls tls;

	memory = data;
	memory_size = size;
	memcpy(head, data, size < sizeof head ? size : sizeof head);
	if (elf_image_parse(head, sizeof head, BASE, &image))
		return 0;
	image.target = &target;
	if (size >= sizeof head && elf_image_compare(&image, same_file(head, sizeof head)) == -EIO)
		abort();
	elf_image_build_id(&image, id, &id_size);
	jemalloc_message_find(&image);
	module.image = image;
	target.libc = libc_kind_find(&list);
	module_tls_find(&list, &module, &tls); /* it is its own libc, too */
	module.is_executable = true;
	module_tls_find(&list, &module, &tls);
	if (elf_image_dynamic(&image, &dynamic))
		return 0;
	for (size_t i = 0; i < dynamic.symbol_count; i++)
		if (strlen(elf_dynamic_name(&dynamic, i)) > dynamic.strings_size)
			abort();
	find_layout(&image, &dynamic);
	elf_dynamic_free(&dynamic);
	return 0;
}
