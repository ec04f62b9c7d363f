/* SPDX-License-Identifier: BSD-2-Clause */
/* A host from new to free, and what is known of its processes. Public. */
#include "config.h"

#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "session/error.h"
#include "shared/extensible_struct.h"

/* What a session holds open: /proc, its tasks, its memory and an eventfd; and one more while it
 * reads. */
#define DESCRIPTORS_OF_A_SESSION 5

/* That are left to the caller. */
#define DESCRIPTORS_SPARED 32

_Static_assert(offsetof(struct ktstr_host_options, sessions_limit) + sizeof(size_t) ==
		       sizeof(struct ktstr_host_options),
	       "padding at the end could become a member");

static size_t sessions_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > SIZE_MAX)
		return SIZE_MAX;
	return limit.rlim_cur > DESCRIPTORS_SPARED
		       ? (size_t)(limit.rlim_cur - DESCRIPTORS_SPARED) / DESCRIPTORS_OF_A_SESSION
		       : 0;
}

/* By a session that is never opened: the same rule holds for the options of both. */
static int check_probe_options(struct ktstr_host *host, const struct ktstr_probe_options *given,
			       struct ktstr_error *error)
{
	static const struct ktstr_probe_options defaults = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_probe *probe;
	int rc = ktstr_probe_new(&probe, given, error);

	ktstr_probe_close(probe);
	if (rc)
		return rc;
	extensible_struct_copy(&host->probe, sizeof host->probe, given ? given : &defaults);
	if (host->probe.jemalloc_path) {
		host->jemalloc_path = strdup(host->probe.jemalloc_path);
		if (!host->jemalloc_path)
			return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "host",
					  "out of memory");
		host->probe.jemalloc_path = host->jemalloc_path;
	}
	if (host->probe.file_cache)
		return 0;
	rc = ktstr_file_cache_new(&host->own_cache, error);
	host->probe.file_cache = host->own_cache;
	return rc;
}

static int copy_options(struct ktstr_host *host, const struct ktstr_host_options *given,
			struct ktstr_error *error)
{
	static const struct ktstr_host_options defaults = KTSTR_HOST_OPTIONS_INIT;
	struct ktstr_host_options options;
	int rc = extensible_struct_copy(&options, sizeof options, given ? given : &defaults);

	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "options",
				  "struct ktstr_host_options: %s",
				  rc == -E2BIG ? "it has members that this version of the library "
						 "does not know, and they are not 0"
					       : "size is too small: start from "
						 "KTSTR_HOST_OPTIONS_INIT");
	host->wants = options.wants;
	host->context = options.context;
	host->sessions_limit = sessions_allowed();
	if (options.sessions_limit && options.sessions_limit < host->sessions_limit)
		host->sessions_limit = options.sessions_limit;
	return check_probe_options(host, options.probe, error);
}

int ktstr_host_new(struct ktstr_host **result, const struct ktstr_host_options *options,
		   struct ktstr_error *error)
{
	struct ktstr_host *host;
	int rc;

	if (!result)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "host is NULL; pass where the host goes");
	*result = NULL;
	host = calloc(1, sizeof *host);
	if (!host)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "host", "out of memory");
	host->proc_fd = -1;
	rc = copy_options(host, options, error);
	if (rc == 0) {
		host->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = host->proc_fd < 0 ? probe_fail(error, KTSTR_PROBE_TAG_OTHER, -errno, "host",
						    "/proc cannot be opened: %s", strerror(errno))
				       : 0;
	}
	if (rc) {
		ktstr_host_free(host);
		return rc;
	}
	*result = host;
	return 0;
}

void ktstr_host_cancel(struct ktstr_host *host)
{
	if (host)
		atomic_store(&host->cancelled, true);
}

size_t ktstr_host_count(const struct ktstr_host *host)
{
	return host ? host->count : 0;
}

const struct ktstr_host_process *ktstr_host_get(const struct ktstr_host *host, size_t index)
{
	return host && index < host->count ? &host->processes[index].shown : NULL;
}

void host_process_end(struct ktstr_host *host, struct host_process *process)
{
	host->sessions -= process->shown.probe != NULL;
	ktstr_probe_close(process->shown.probe);
	free(process->text);
	process->shown.probe = NULL;
	process->shown.text = process->text = NULL;
}

void ktstr_host_free(struct ktstr_host *host)
{
	if (!host)
		return;
	for (size_t i = 0; i < host->count; i++)
		host_process_end(host, &host->processes[i]);
	free(host->processes);
	if (host->proc_fd >= 0)
		close(host->proc_fd);
	ktstr_file_cache_free(host->own_cache);
	free(host->jemalloc_path);
	free(host);
}
