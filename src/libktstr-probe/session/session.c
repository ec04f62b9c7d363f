/* SPDX-License-Identifier: BSD-2-Clause */
/* A session from new to close, and what it says of itself. Public. */
#include "config.h"

#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "linux/live_target.h"
#include "session/error.h"
#include "shared/extensible_struct.h"

_Static_assert(offsetof(struct ktstr_probe_options, wait_ms) + sizeof(unsigned int) ==
		       sizeof(struct ktstr_probe_options),
	       "padding at the end could become a member");

static int copy_options(struct ktstr_probe_options *options,
			const struct ktstr_probe_options *given, struct ktstr_error *error)
{
	static const struct ktstr_probe_options defaults = KTSTR_PROBE_OPTIONS_INIT;
	const char *fault = NULL;
	int rc = extensible_struct_copy(options, sizeof *options, given ? given : &defaults);

	if (rc == -E2BIG)
		fault = "it has members that this version of the library does not know, and they "
			"are not 0";
	else if (rc)
		fault = "size is too small: start from KTSTR_PROBE_OPTIONS_INIT";
	else if ((unsigned int)options->debuginfo > KTSTR_PROBE_DEBUGINFO_OFF)
		fault = "debuginfo is out of range";
	else if ((unsigned int)options->thread_pointer > KTSTR_PROBE_THREAD_POINTER_PTRACE)
		fault = "thread_pointer is out of range";
	return fault ? probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc ? rc : -EINVAL, "options",
				  "struct ktstr_probe_options: %s", fault)
		     : 0;
}

int ktstr_probe_new(struct ktstr_probe **result, const struct ktstr_probe_options *given,
		    struct ktstr_error *error)
{
	struct ktstr_probe_options options;
	struct ktstr_probe *probe;
	int rc;

	if (!result)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "probe is NULL; pass where the session goes");
	*result = NULL;
	rc = copy_options(&options, given, error);
	if (rc)
		return rc;
	probe = calloc(1, sizeof *probe);
	if (!probe)
		goto no_memory;
	probe->options = options;
	live_target_init(&probe->target);
	probe->cancellation.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (probe->cancellation.fd < 0) {
		rc = -errno;
		free(probe);
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "session",
				  "no eventfd for the session: %s", strerror(-rc));
	}
	if (options.jemalloc_path) {
		probe->wanted_path = strdup(options.jemalloc_path);
		if (!probe->wanted_path) {
			ktstr_probe_close(probe);
			goto no_memory;
		}
	}
	*result = probe;
	return 0;
no_memory:
	return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "session", "out of memory");
}

void ktstr_probe_cancel(struct ktstr_probe *probe)
{
	int saved_errno = errno;
	uint64_t one = 1;

	if (!probe)
		return;
	atomic_store(&probe->cancellation.requested, true);
	if (write(probe->cancellation.fd, &one, sizeof one) < 0) {
		/* Full: it has been cancelled before. */
	}
	errno = saved_errno;
}

void ktstr_probe_close(struct ktstr_probe *probe)
{
	if (!probe)
		return;
	live_target_close(&probe->target);
	close(probe->cancellation.fd);
	thread_table_free(&probe->threads);
	tsd_locator_free(&probe->locator);
	free(probe->wanted_path);
	free(probe);
}

const char *ktstr_probe_explain(const struct ktstr_probe *probe)
{
	return probe && probe->target.diagnostics.text ? probe->target.diagnostics.text : "";
}

const char *ktstr_probe_jemalloc_path(const struct ktstr_probe *probe)
{
	return probe ? probe->locator.jemalloc_path : NULL;
}

const char *ktstr_probe_jemalloc_version(const struct ktstr_probe *probe)
{
	return probe ? probe->locator.jemalloc_version : NULL;
}

size_t ktstr_probe_jemalloc_count(const struct ktstr_probe *probe)
{
	return probe ? probe->locator.jemalloc_count : 0;
}

const struct ktstr_probe_jemalloc *ktstr_probe_get_jemalloc(const struct ktstr_probe *probe,
							    size_t index)
{
	return probe && index < probe->locator.jemalloc_count ? &probe->locator.jemallocs[index]
							      : NULL;
}
