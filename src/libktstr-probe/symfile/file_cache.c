/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of programs said of jemalloc, kept. */
#include "config.h"

#include "symfile/file_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

/* A host has more files with TLS than this only where it builds its programs all day; an answer
 * takes about 2 KB. */
#define FILES_LIMIT 512

/* Times of files come from a clock that ticks 100 to 1000 times a second, and some file systems
 * keep whole seconds, or two (FAT). */
#define SETTLED_NS (2 * NS_PER_SEC)

struct known_file {
	struct file_key key;
	struct query_answer answer;
};

struct ktstr_file_cache {
	pthread_mutex_t lock;
	size_t count, next; /* next: where the oldest is once all are in use */
	struct known_file files[FILES_LIMIT];
};

struct ktstr_file_cache *file_cache_new(void)
{
	struct ktstr_file_cache *cache = calloc(1, sizeof *cache);

	if (cache)
		pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void file_cache_free(struct ktstr_file_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

bool file_key_set(struct file_key *key, const struct stat *st, bool wants_symbol, int64_t now_ns)
{
	*key = (struct file_key){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = timespec_to_ns(&st->st_mtim),
		.ctime_ns = timespec_to_ns(&st->st_ctim),
		.wants_symbol = wants_symbol,
	};
	return key->ctime_ns <= now_ns - SETTLED_NS;
}

static bool is_same(const struct file_key *a, const struct file_key *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       a->wants_symbol == b->wants_symbol;
}

static struct known_file *find(struct ktstr_file_cache *cache, const struct file_key *key)
{
	for (size_t i = 0; i < cache->count; i++)
		if (is_same(&cache->files[i].key, key))
			return &cache->files[i];
	return NULL;
}

bool file_cache_find(struct ktstr_file_cache *cache, const struct file_key *key,
		     struct query_answer *answer)
{
	const struct known_file *file;

	pthread_mutex_lock(&cache->lock);
	file = find(cache, key);
	if (file)
		*answer = file->answer;
	pthread_mutex_unlock(&cache->lock);
	return file != NULL;
}

void file_cache_add(struct ktstr_file_cache *cache, const struct file_key *key,
		    const struct query_answer *answer)
{
	pthread_mutex_lock(&cache->lock);
	if (!find(cache, key)) {
		cache->files[cache->next] = (struct known_file){ .key = *key, .answer = *answer };
		cache->next = (cache->next + 1) % FILES_LIMIT;
		cache->count += cache->count < FILES_LIMIT;
	}
	pthread_mutex_unlock(&cache->lock);
}
