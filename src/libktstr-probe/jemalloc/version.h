/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's version string and its messages in the constant data of a mapped file. */
#ifndef KTSTR_JEMALLOC_VERSION_H
#define KTSTR_JEMALLOC_VERSION_H

#include "elf/elf_image.h"

#define JEMALLOC_VERSION_SIZE 64

/*
 * jemalloc's version as its build writes it, "5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
 * from the data that cannot be written. Reads up to 32 MiB: for when the cheap signs leave a doubt.
 * version has JEMALLOC_VERSION_SIZE bytes. Returns 0, -ENOENT for none, -ENOTUNIQ for two that
 * differ, or what reading gave.
 */
int jemalloc_version_find(const struct elf_image *image, char *version);

/* Does that data hold a message of jemalloc's? Returns 1, 0, or a negative errno. As expensive as
 * the version. */
int jemalloc_message_find(const struct elf_image *image);

#endif
