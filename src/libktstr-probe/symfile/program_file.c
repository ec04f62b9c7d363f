/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens the file that a module was mapped from. */
#include "config.h"

#include "symfile/program_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/target_file.h"

#define COMPARED       65536
#define COMPARED_CHUNK 4096

int program_head_read(const struct module *module, struct program_head *head)
{
	uint64_t size = module->first_end - module->image.start;

	*head = (struct program_head){ .bytes = malloc(COMPARED), .id_size = sizeof head->id };
	if (!head->bytes)
		return -ENOMEM;
	if (elf_image_build_id(&module->image, head->id, &head->id_size))
		head->id_size = 0;
	/* In pieces: of a file that was cut the pages behind its end are not there. */
	while (head->size < COMPARED && head->size < size &&
	       target_read_one(module->image.target, module->image.start + head->size,
			       head->bytes + head->size, COMPARED_CHUNK) == 0)
		head->size += COMPARED_CHUNK;
	return 0;
}

/* Do the file and what the target has mapped of it begin alike? Both headers, notes and hashes are
 * there. */
static bool is_mapped_file(int fd, const struct module *module, const struct program_head *head)
{
	unsigned char in_file[COMPARED_CHUNK];
	uint64_t size = module->first_end - module->image.start;

	for (uint64_t at = 0; at < size && at < COMPARED; at += COMPARED_CHUNK) {
		ssize_t n = pread(fd, in_file, sizeof in_file, (off_t)at);

		if (n <= 0 || at + (uint64_t)n > head->size ||
		    memcmp(in_file, head->bytes + at, (size_t)n) != 0)
			return false;
		if ((size_t)n < sizeof in_file)
			break; /* the file ends here, the page does not */
	}
	return true;
}

int program_file_open_mapped(const struct module *module)
{
	return target_file_open(module->image.target, module->path, module->file.dev_major,
				module->file.dev_minor, module->file.inode);
}

/*
 * stat may show another device than maps does (overlayfs, btrfs), and another file may stand there.
 * The kernel's own links are tried first; the path alone is believed of a file with a build-id.
 */
int program_file_open(const struct module *module, const struct program_head *head)
{
	int fd = program_file_open_mapped(module);

	if (fd >= 0)
		return fd;
	if (module->is_executable)
		fd = target_file_open_exe(module->image.target);
	if (fd < 0)
		fd = target_file_open_range(module->image.target, module->link_start,
					    module->link_end);
	if (fd < 0 && head->id_size)
		fd = target_file_open_any(module->image.target, module->path);
	if (fd >= 0 && !is_mapped_file(fd, module, head)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}
