/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures that a caller fills in and that grow from version to version, by the rule of the
 * kernel's copy_struct_from_user() (openat2(2), clone3(2)). Here the size is the first member.
 */
#ifndef KTSTR_EXTENSIBLE_STRUCT_H
#define KTSTR_EXTENSIBLE_STRUCT_H

#include <stddef.h>

/* More than any structure will ever have: a larger size is one that was never set. */
#define EXTENSIBLE_STRUCT_MAX ((size_t)4096)

/*
 * Copies the caller's structure, whose first member is its size_t `size`, into the library's own of
 * known_size bytes. Members that a shorter one lacks become 0; a longer one is accepted if all that
 * is unknown is 0. known->size is then known_size.
 *
 * The structure must have no padding at its end, because that could become a member.
 *
 * Returns 0; -EINVAL when size is less than sizeof(size_t), such as 0; -E2BIG when an unknown byte
 * is not 0, or size is more than EXTENSIBLE_STRUCT_MAX.
 */
int extensible_struct_copy(void *known, size_t known_size, const void *given);

#endif
