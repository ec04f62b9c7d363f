/* SPDX-License-Identifier: BSD-2-Clause */
/* What files said, kept for later sessions. Public. */
#include "config.h"

#include <errno.h>

#include "session/error.h"
#include "symfile/file_cache.h"

int ktstr_file_cache_new(struct ktstr_file_cache **cache, struct ktstr_error *error)
{
	if (!cache)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "cache is NULL; pass where the cache goes");
	*cache = file_cache_new();
	return *cache ? 0
		      : probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "file cache",
				   "out of memory");
}

void ktstr_file_cache_free(struct ktstr_file_cache *cache)
{
	file_cache_free(cache);
}
