/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's options in force: what the handlers of config.* and opt.* in its mallctl tree would
 * answer, by their own code.
 */
#ifndef KTSTR_OPTIONS_IN_FORCE_H
#define KTSTR_OPTIONS_IN_FORCE_H

#include "base/target.h"
#include "elf/elf_image.h"
#include "jemalloc/ctl_tree.h"
#include <ktstr/heap.h>

#define OPTIONS_NAME_SIZE 64
#define OPTIONS_TEXT_SIZE 256
#define OPTIONS_LIMIT     512

struct option_in_force {
	char name[OPTIONS_NAME_SIZE], text[OPTIONS_TEXT_SIZE];
	bool is_text, is_known;
};

struct options_in_force {
	struct option_in_force *options;
	size_t count;
};

/* Returns 0, -ENOENT where it is not known how code answers here, or what reading gave. */
int options_read(struct target *target, const struct elf_image *image, const struct ctl_tree *tree,
		 struct options_in_force *options);
void options_free(struct options_in_force *options);

/* 1 for "true", 0 for "false", -1 where that is not known. */
int options_truth(const struct options_in_force *options, const char *name);

#endif
