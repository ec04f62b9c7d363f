/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's options of a spawn, copied and checked. */
#include "config.h"

#include "payload_options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "error_private.h"
#include "shared/extensible_struct.h"

#define KNOWN_FLAGS                                                                            \
	(KTSTR_PAYLOAD_SHARE_GROUP | KTSTR_PAYLOAD_DIE_WITH_PARENT | KTSTR_PAYLOAD_CLEAR_ENV | \
	 KTSTR_PAYLOAD_CGROUP)

_Static_assert(offsetof(struct ktstr_payload_options, capture_limit) + sizeof(size_t) ==
		       sizeof(struct ktstr_payload_options),
	       "padding at the end could become a member");

/* Returns what is wrong with the stream, or NULL. */
static const char *stream_fault(const struct ktstr_payload_stream *stream, bool is_stdin)
{
	if (stream->reserved[0] || stream->reserved[1])
		return "a stream's reserved members are not 0";
	switch (stream->kind) {
	case KTSTR_PAYLOAD_STDIO_FILE:
		return stream->path ? NULL : "a stream of kind FILE needs a path";
	case KTSTR_PAYLOAD_STDIO_CAPTURE:
		if (is_stdin)
			return "stdin cannot be captured";
		break;
	case KTSTR_PAYLOAD_STDIO_NULL:
	case KTSTR_PAYLOAD_STDIO_INHERIT:
		break;
	default:
		return "a stream is of an unknown kind";
	}
	return stream->path ? "a stream has a path but is not of kind FILE" : NULL;
}

/* Returns what is wrong with the options, or NULL. */
static const char *options_fault(const struct ktstr_payload_options *options)
{
	const char *const *entry;
	const char *fault;

	if (options->flags & ~KNOWN_FLAGS)
		return "options.flags has an unknown bit";
	if (options->cgroup_fd < 0)
		return "options.cgroup_fd is negative";
	/* Without the flag 0 is no descriptor, and anything else means that the flag was forgotten.
	 */
	if (options->cgroup_fd && !(options->flags & KTSTR_PAYLOAD_CGROUP))
		return "options.cgroup_fd is set, but not the flag KTSTR_PAYLOAD_CGROUP";
	for (entry = options->env_set; entry && *entry; entry++)
		if (**entry == '=' || !strchr(*entry, '='))
			return "an entry of options.env_set is not NAME=value";
	for (entry = options->env_unset; entry && *entry; entry++)
		if (!**entry || strchr(*entry, '='))
			return "an entry of options.env_unset is not a NAME";
	fault = stream_fault(&options->in, true);
	if (!fault)
		fault = stream_fault(&options->out, false);
	if (!fault)
		fault = stream_fault(&options->err, false);
	return fault;
}

int payload_options_copy(struct ktstr_payload_options *options,
			 const struct ktstr_payload_options *given, const char *name,
			 struct ktstr_error *error)
{
	static const struct ktstr_payload_options defaults = KTSTR_PAYLOAD_OPTIONS_INIT;
	const char *fault;
	int rc = extensible_struct_copy(options, sizeof *options, given ? given : &defaults);

	if (rc == -E2BIG)
		return error_set(error, rc, "options",
				 "cannot start '%s': options has members that this version of "
				 "the library does not know, and they are not 0",
				 name);
	if (rc)
		return error_set(error, rc, "options",
				 "cannot start '%s': options.size is too small; start from "
				 "KTSTR_PAYLOAD_OPTIONS_INIT",
				 name);
	fault = options_fault(options);
	return fault ? error_set(error, -EINVAL, "options", "cannot start '%s': %s", name, fault)
		     : 0;
}
