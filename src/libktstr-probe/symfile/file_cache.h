/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of programs said of jemalloc, kept: a host has hundreds of processes and few
 * programs, and each file costs a child. Only what follows from a file's content is kept, never
 * what memory showed. May be used by several threads at once.
 */
#ifndef KTSTR_FILE_CACHE_H
#define KTSTR_FILE_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "symfile/query_answer.h"

/* A content: any write moves st_ctime, and nobody can set it back (inode(7)). */
struct file_key {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
	bool wants_symbol; /* what was asked of it */
};

struct ktstr_file_cache *file_cache_new(void);
void file_cache_free(struct ktstr_file_cache *cache);

/*
 * Returns whether a file of this state can be told from a later one: one that was changed within
 * the last two seconds may change again without its times moving, as they come from a coarse clock.
 */
bool file_key_set(struct file_key *key, const struct stat *st, bool wants_symbol, int64_t now_ns);

/* Returns whether the answer is known, and copies it. */
bool file_cache_find(struct ktstr_file_cache *cache, const struct file_key *key,
		     struct query_answer *answer);

/* Keeps an answer; the oldest makes room for it. */
void file_cache_add(struct ktstr_file_cache *cache, const struct file_key *key,
		    const struct query_answer *answer);

#endif
