/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carries the jemalloc that is to be read. Called by probe_open. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "module_list.h"
#include "module_tls.h"
#include "symbol_file.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* mallctl is jemalloc's alone; its prefix is chosen at build time (je_, _rjem_, none). */
static int defines_mallctl(const struct elf_dynamic *dynamic)
{
	for (size_t i = 1; i < dynamic->symbol_count; i++)
		if (dynamic->symbols[i].st_shndx != SHN_UNDEF && ends_in(elf_dynamic_name(dynamic, i), "mallctl"))
			return 1;
	return 0;
}

static int find_symbol(int proc_fd, pid_t reader, const struct module *module, struct tsd_signs *signs)
{
	int fd = symbol_file_open(proc_fd, reader, module->path, module->dev_major, module->dev_minor,
				  module->inode);
	int rc;

	if (fd < 0)
		return fd;
	rc = symbol_file_tsd(fd, &signs->symbol_offset, &signs->symbol_size);
	close(fd);
	signs->has_symbol = rc == 0;
	return rc;
}

/*
 * All signs of one module. The file on disk is asked only where its memory does not settle it, and only
 * of the executable and of what has other signs of jemalloc: no file of 100 libraries is opened.
 */
static int examine(int proc_fd, pid_t reader, struct module *module, int use_files, struct explain *explain)
{
	struct tsd_signs signs = { .filesz = module->image.tls_filesz, .memsz = module->image.tls_memsz };
	struct elf_dynamic dynamic = { 0 };
	unsigned char *image = NULL;
	uint64_t *relocs = NULL, state;
	int rc, known;

	rc = elf_image_tls(&module->image, &image);
	if (rc == 0 && !module->is_executable)
		rc = elf_image_dynamic(&module->image, &dynamic);
	if (rc == 0 && !module->is_executable)
		rc = module_tls_offsets(&dynamic, &relocs, &signs.reloc_count);
	if (rc == 0) {
		signs.image = image;
		signs.relocs = relocs;
		known = tsd_layout_fingerprint(&signs, &state) > 0;
		module->is_jemalloc = known || defines_mallctl(&dynamic);
		module->layout = tsd_layout_find(&signs, &module->place);
		if (module->layout == -ENODATA && use_files && (module->is_jemalloc || module->is_executable)) {
			rc = find_symbol(proc_fd, reader, module, &signs);
			if (rc == 0) {
				module->is_jemalloc = 1;
				module->layout = tsd_layout_find(&signs, &module->place);
			} else if (module->is_jemalloc) {
				explain_add(explain, "symbol table", "%s: %s", module->path, strerror(-rc));
			}
			rc = 0;
		}
		if (module->is_jemalloc)
			explain_add(explain, "jemalloc", "%s%s at 0x%llx: %s", module->path,
				    module->deleted ? " (deleted)" : "", (unsigned long long)module->image.start,
				    module->place.how);
	}
	elf_dynamic_free(&dynamic);
	free(relocs);
	free(image);
	return rc;
}

int module_list_find_jemalloc(int proc_fd, pid_t reader, struct module_list *list, int use_files,
			      struct explain *explain)
{
	for (size_t i = 0; i < list->count; i++) {
		struct module *module = &list->modules[i];
		int rc;

		if (!module->image.has_tls)
			continue;
		rc = examine(proc_fd, reader, module, use_files, explain);
		if (rc == -EPERM || rc == -ESRCH || rc == -ENOMEM)
			return rc;
		if (rc) /* a damaged file is no jemalloc, and no reason to give up on the others */
			explain_add(explain, "module", "%s: not examined: %s", module->path, strerror(-rc));
	}
	return 0;
}

/* The address that libc itself calls for malloc, from the GOT word that the loader bound at start. */
static int libc_malloc(const struct module *libc, uint64_t *address)
{
	struct elf_dynamic dynamic;
	int rc = elf_image_dynamic(&libc->image, &dynamic);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < dynamic.reloc_count; i++) {
		const Elf64_Rela *reloc = &dynamic.relocs[i];
		unsigned int type = (unsigned int)ELF64_R_TYPE(reloc->r_info);

		if ((type == arch_reloc_glob_dat || type == arch_reloc_jump_slot) &&
		    strcmp(elf_dynamic_name(&dynamic, ELF64_R_SYM(reloc->r_info)), "malloc") == 0)
			rc = remote_read_one(libc->image.tid, reloc->r_offset + libc->image.bias, address,
					     sizeof *address, libc->image.counter);
	}
	elf_dynamic_free(&dynamic);
	return rc;
}

static struct module *behind_malloc(struct module_list *list, struct explain *explain)
{
	uint64_t address;

	for (size_t i = 0; i < list->count; i++) {
		if (strncmp(last_part(list->modules[i].path), "libc.so", 7) != 0 ||
		    libc_malloc(&list->modules[i], &address))
			continue;
		for (size_t j = 0; j < list->count; j++) {
			struct module *module = &list->modules[j];

			if (address < module->image.low || address >= module->image.high)
				continue;
			explain_add(explain, "malloc", "libc's malloc resolves to %s", module->path);
			return module;
		}
	}
	return NULL;
}

struct module *module_list_choose(struct module_list *list, const char *wanted, struct explain *explain)
{
	struct module *first = NULL, *bound;
	size_t candidates = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct module *module = &list->modules[i];

		if (!module->is_jemalloc)
			continue;
		if (wanted && (strcmp(wanted, module->path) == 0 || strcmp(wanted, last_part(module->path)) == 0))
			return module;
		first = first ? first : module;
		candidates++;
	}
	if (wanted || candidates == 0)
		return NULL;
	if (candidates == 1)
		return first;
	bound = behind_malloc(list, explain);
	return bound && bound->is_jemalloc ? bound : first;
}
