/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carries the jemalloc that is to be read. Called by probe_open. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "debug_file.h"
#include "module_list.h"
#include "module_tls.h"
#include "symbol_file.h"
#include "tsd_dwarf.h"

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

/* What one file adds to the signs: a symbol, debug information. Whether anything was found. */
static int take_file(int fd, const char *what, struct module *module, struct tsd_signs *signs, struct explain *explain)
{
	struct tsd_dwarf dwarf;
	int symbol = -EEXIST, rc;

	if (!signs->has_symbol) {
		symbol = symbol_file_tsd(fd, &signs->symbol_offset, &signs->symbol_size);
		signs->has_symbol = symbol == 0;
	}
	rc = tsd_dwarf_find(fd, &dwarf);
	if (rc == 0) {
		signs->has_dwarf = 1;
		signs->dwarf_size = dwarf.size;
		signs->dwarf_state = dwarf.state;
		signs->dwarf_allocated = dwarf.allocated;
		signs->dwarf_deallocated = dwarf.deallocated;
	}
	if (module->is_jemalloc || symbol == 0 || rc == 0)
		explain_add(explain, what, "%s: symbol tsd_tls: %s; %s", module->path,
			    symbol == -EEXIST ? "known" : symbol ? strerror(-symbol) : "found", dwarf.how);
	return symbol == 0 || rc == 0;
}

#define COMPARED 65536
#define COMPARED_CHUNK 4096

/* Do the file and what the target has mapped of it begin alike? Both headers, notes and hashes are there. */
static int is_mapped_file(int fd, const struct module *module)
{
	unsigned char in_file[COMPARED_CHUNK], in_memory[COMPARED_CHUNK];
	uint64_t size = module->first_end - module->image.start;

	for (uint64_t at = 0; at < size && at < COMPARED; at += COMPARED_CHUNK) {
		ssize_t n = pread(fd, in_file, sizeof in_file, (off_t)at);

		if (n <= 0 || remote_read_one(module->image.tid, module->image.start + at, in_memory, (size_t)n,
					      module->image.counter) ||
		    memcmp(in_file, in_memory, (size_t)n) != 0)
			return 0;
		if ((size_t)n < sizeof in_file)
			break; /* the file ends here, the page does not */
	}
	return 1;
}

/*
 * The program's own file, also when another stands in its place, or where stat tells another device than
 * maps does (overlayfs, btrfs). The kernel's own links are asked first; the path alone is believed of a file
 * with a build-id, and whatever was opened must be what is mapped.
 */
static int open_program(int proc_fd, pid_t reader, const struct module *module)
{
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t size = sizeof id;
	int fd = symbol_file_open(proc_fd, reader, module->path, module->dev_major, module->dev_minor, module->inode);

	if (fd >= 0)
		return fd;
	if (module->is_executable)
		fd = symbol_file_open_exe(proc_fd, reader);
	if (fd < 0)
		fd = symbol_file_open_range(proc_fd, reader, module->image.start, module->first_end);
	if (fd < 0 && elf_image_build_id(&module->image, id, &size) == 0)
		fd = symbol_file_open_any(proc_fd, reader, module->path);
	if (fd >= 0 && !is_mapped_file(fd, module)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/*
 * Offsets that follow from headers which the process has written over would be wrong by as much. The
 * file cannot always be opened: what can be is compared.
 */
static void compare_headers(int proc_fd, pid_t reader, struct module *module)
{
	int fd = open_program(proc_fd, reader, module), rc;

	if (fd < 0)
		return;
	rc = elf_image_compare(&module->image, fd);
	if (rc == -EBADMSG) {
		module->layout = rc;
		snprintf(module->place.how, sizeof module->place.how,
			 "its ELF headers in memory are not those of the file: they were written over");
	} else if (rc == -EIO) {
		module->layout = rc;
		snprintf(module->place.how, sizeof module->place.how,
			 "its file cannot be read to compare the ELF headers in memory: %s", strerror(errno));
	}
	close(fd);
}

static int open_debug(int proc_fd, pid_t reader, const struct module *module, int program_fd)
{
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t size = sizeof id;
	int fd = elf_image_build_id(&module->image, id, &size) ? -ENOENT
							     : debug_file_open_by_id(proc_fd, reader, id, size);

	return fd < 0 && program_fd >= 0 ? debug_file_open_by_link(proc_fd, reader, module->path, program_fd) : fd;
}

/* Files: first the program's own, then, if that did not settle it, its debug file. */
static void ask_files(int proc_fd, pid_t reader, struct module *module, struct tsd_signs *signs, struct explain *explain)
{
	int program = open_program(proc_fd, reader, module), debug;

	if (program < 0 && module->is_jemalloc)
		explain_add(explain, "symbol table", "%s: %s", module->path, strerror(-program));
	if (program >= 0 && take_file(program, "symbol table", module, signs, explain)) {
		module->is_jemalloc = 1;
		module->layout = tsd_layout_find(signs, &module->place);
	}
	debug = module->is_jemalloc && module->layout == -ENODATA ? open_debug(proc_fd, reader, module, program) : -ENOENT;
	if (debug >= 0 && take_file(debug, "debug file", module, signs, explain))
		module->layout = tsd_layout_find(signs, &module->place);
	if (program >= 0)
		close(program);
	if (debug >= 0)
		close(debug);
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
	char version[ELF_IMAGE_VERSION_SIZE];
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
		if (module->layout == -ENODATA && module->is_jemalloc && elf_image_version(&module->image, version) == 0) {
			signs.version = version;
			module->layout = tsd_layout_find(&signs, &module->place);
		}
		if (module->layout == -ENODATA && use_files && (module->is_jemalloc || module->is_executable))
			ask_files(proc_fd, reader, module, &signs, explain);
		if (module->is_jemalloc && module->layout == 0 && use_files)
			compare_headers(proc_fd, reader, module);
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
