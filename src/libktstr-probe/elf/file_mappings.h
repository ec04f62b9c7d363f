/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings of files in a process, by file: which pieces of one lie where. */
#ifndef KTSTR_FILE_MAPPINGS_H
#define KTSTR_FILE_MAPPINGS_H

#include "base/target.h"

struct file_id {
	uint64_t inode;
	unsigned int dev_major, dev_minor;
};

struct file_mapping {
	struct file_id file;
	uint64_t start, end, offset;
	bool has_code;      /* can be executed */
	bool is_own_memory; /* can be written, and the file does not change with it */
	bool is_deleted;
	const char *path;
};

/* In order of file and address once file_mappings_sort was called. */
struct file_mappings {
	struct file_mapping *all;
	size_t count, room;
	char **paths; /* each once for the mappings of a file that follow each other */
	size_t path_count, path_room;
};

/* Returns 0, -ENOMEM, or -E2BIG for more than any kernel lets a process have. */
int file_mappings_add(struct file_mappings *mappings, const struct target_map *map);
void file_mappings_sort(struct file_mappings *mappings);
void file_mappings_free(struct file_mappings *mappings);

/* The file's first mapping that begins at or above an address, NULL for none; and the one behind
 * it. */
const struct file_mapping *file_mappings_from(const struct file_mappings *mappings,
					      const struct file_id *file, uint64_t address);
const struct file_mapping *file_mappings_next(const struct file_mappings *mappings,
					      const struct file_mapping *mapping);

/*
 * Is it loaded, as far as the file's mappings in [low, high) show: its code, or data of its own
 * behind `low`? A file that is merely mapped to be read is one mapping from its beginning on.
 */
bool file_mappings_are_loaded(const struct file_mappings *mappings, const struct file_id *file,
			      uint64_t low, uint64_t high);

#endif
