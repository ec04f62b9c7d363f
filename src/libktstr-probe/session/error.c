/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors of a session. */
#include "config.h"

#include "session/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "linux/ptrace_access.h"

int probe_fail(struct ktstr_error *error, enum ktstr_probe_tag tag, int code, const char *step,
	       const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	*error = (struct ktstr_error){ .code = code, .tag = (int)tag };
	snprintf(error->step, sizeof error->step, "%s", step);
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	for (char *p = error->text; *p; p++) /* a path in it may hold a newline */
		if ((unsigned char)*p < ' ')
			*p = '?';
	return code;
}

int probe_fail_access(struct target *target, struct ktstr_error *error, enum ktstr_probe_tag tag,
		      int code, const char *step)
{
	struct ptrace_access gate;
	char text[PTRACE_ACCESS_TEXT_SIZE];

	if (code == -ENOSYS)
		return probe_fail(
			error, tag, code, step,
			"%s of process %d: process_vm_readv is not there: an old kernel, or a "
			"seccomp filter of our own process hides it",
			step, (int)target->pid);
	if (code != -EPERM && code != -EACCES)
		return probe_fail(error, tag, code, step, "%s of process %d: %s", step,
				  (int)target->pid, strerror(-code));
	ptrace_access_read(target->proc_fd, target->pid, &gate);
	ptrace_access_text(&gate, text, sizeof text);
	diagnostics_add(&target->diagnostics, "access", "%s: %s", step, text);
	return probe_fail(error, KTSTR_PROBE_TAG_PERMISSION_DENIED, code, step,
			  "process %d may not be read (%s: %s): %s", (int)target->pid, step,
			  strerror(-code), text);
}

int probe_fail_missing(const struct target *target, struct ktstr_error *error, int code,
		       const char *why)
{
	return probe_fail(error, KTSTR_PROBE_TAG_PID_MISSING, code, "process", "process %d %s",
			  (int)target->pid, why);
}
