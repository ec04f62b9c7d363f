/* SPDX-License-Identifier: BSD-2-Clause */
/* A session from new to close: which jemalloc, where its counters are. Public. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "elf/libc_kind.h"
#include "linux/live_target.h"
#include "linux/ptrace_access.h"
#include "session/session.h"
#include "shared/extensible_struct.h"

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

int probe_fail_access(struct ktstr_probe *probe, struct ktstr_error *error,
		      enum ktstr_probe_tag tag, int code, const char *step)
{
	struct ptrace_access gate;
	char text[PTRACE_ACCESS_TEXT_SIZE];

	if (code == -ENOSYS)
		return probe_fail(
			error, tag, code, step,
			"%s of process %d: process_vm_readv is not there: an old kernel, or a "
			"seccomp filter of our own process hides it",
			step, (int)probe->target.pid);
	if (code != -EPERM && code != -EACCES)
		return probe_fail(error, tag, code, step, "%s of process %d: %s", step,
				  (int)probe->target.pid, strerror(-code));
	ptrace_access_read(probe->target.proc_fd, probe->target.pid, &gate);
	ptrace_access_text(&gate, text, sizeof text);
	diagnostics_add(&probe->target.diagnostics, "access", "%s: %s", step, text);
	return probe_fail(error, KTSTR_PROBE_TAG_PERMISSION_DENIED, code, step,
			  "process %d may not be read (%s: %s): %s", (int)probe->target.pid, step,
			  strerror(-code), text);
}

_Static_assert(offsetof(struct ktstr_probe_options, reserved) + sizeof(int) ==
		       sizeof(struct ktstr_probe_options),
	       "padding at the end could become a member");

static int copy_options(struct ktstr_probe_options *options,
			const struct ktstr_probe_options *given, struct ktstr_error *error)
{
	static const struct ktstr_probe_options defaults = KTSTR_PROBE_OPTIONS_INIT;
	const char *fault = NULL;
	int rc = ktstr_extensible_struct_copy(options, sizeof *options, given ? given : &defaults);

	if (rc == -E2BIG)
		fault = "it has members that this version of the library does not know, and they "
			"are not 0";
	else if (rc)
		fault = "size is too small: start from KTSTR_PROBE_OPTIONS_INIT";
	else if ((unsigned int)options->debuginfo > KTSTR_PROBE_DEBUGINFO_OFF)
		fault = "debuginfo is out of range";
	else if ((unsigned int)options->thread_pointer > KTSTR_PROBE_THREAD_POINTER_PTRACE)
		fault = "thread_pointer is out of range";
	else if (options->reserved)
		fault = "reserved is not 0";
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
	probe->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (probe->cancel_fd < 0) {
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
	atomic_store(&probe->cancelled, 1);
	if (write(probe->cancel_fd, &one, sizeof one) < 0) {
		/* Full: it has been cancelled before. */
	}
	errno = saved_errno;
}

void ktstr_probe_close(struct ktstr_probe *probe)
{
	if (!probe)
		return;
	live_target_close(&probe->target);
	close(probe->cancel_fd);
	free(probe->places);
	free(probe->wanted_path);
	free(probe->jemalloc_path);
	free(probe->jemalloc_version);
	free(probe);
}

const char *ktstr_probe_explain(const struct ktstr_probe *probe)
{
	return probe && probe->target.diagnostics.text ? probe->target.diagnostics.text : "";
}

const char *ktstr_probe_jemalloc_path(const struct ktstr_probe *probe)
{
	return probe ? probe->jemalloc_path : NULL;
}

const char *ktstr_probe_jemalloc_version(const struct ktstr_probe *probe)
{
	return probe ? probe->jemalloc_version : NULL;
}

/* What is wrong when nothing in the list is a native program. */
static int no_modules(struct ktstr_probe *probe, struct ktstr_error *error)
{
	return probe_fail(error, KTSTR_PROBE_TAG_ARCH_MISMATCH, -ENOEXEC, "executable",
			  "process %d is not a 64-bit program of this machine's architecture, or "
			  "its ELF headers in memory "
			  "cannot be read",
			  (int)probe->target.pid);
}

/* For an error's end: the file that might have settled it, where its reader came to grief. */
#define UNREAD_FORMAT "%s%s"
#define UNREAD(list)  *(list)->unread ? ". Not asked, but it might tell: " : "", (list)->unread

static int none_chosen(struct ktstr_probe *probe, const struct module_list *list,
		       struct ktstr_error *error)
{
	if (probe->wanted_path)
		return probe_fail(error, KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, -ENOENT, "jemalloc",
				  "no jemalloc in process %d is mapped from %s: --explain lists "
				  "those that are" UNREAD_FORMAT,
				  (int)probe->target.pid, probe->wanted_path, UNREAD(list));
	return probe_fail(error, KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, -ENOENT, "jemalloc",
			  "no sign of jemalloc in process %d: no fingerprint in a TLS image, no "
			  "tsd_tls symbol, no mallctl, "
			  "no message of jemalloc's" UNREAD_FORMAT,
			  (int)probe->target.pid, UNREAD(list));
}

/* Another than that of the program's malloc is read only by who asks for it. */
static const struct module *readable_other(const struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->modules[i].is_jemalloc && list->modules[i].layout == 0)
			return &list->modules[i];
	return NULL;
}

static int layout_unknown(struct ktstr_probe *probe, const struct module_list *list,
			  const struct module *module, struct ktstr_error *error)
{
	const struct module *other = probe->wanted_path ? NULL : readable_other(list);

	return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, module->layout, "layout",
			  "%s carries jemalloc, but where its counters are is not certain: "
			  "%s%s%s" UNREAD_FORMAT,
			  module->path, module->place.how,
			  other ? ". Another jemalloc can be read, by --jemalloc=" : "",
			  other ? other->path : "", UNREAD(list));
}

static int use_module(struct ktstr_probe *probe, const struct module_list *list,
		      const struct module *module, struct ktstr_error *error)
{
	int rc;

	if (module->layout)
		return layout_unknown(probe, list, module, error);
	rc = module_tls_find(list, module, &probe->tls);
	diagnostics_add(&probe->target.diagnostics, "TLS block", "%s",
			rc ? strerror(-rc) : probe->tls.how);
	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, rc, "TLS block",
				  "%s carries jemalloc, but its TLS block was not found: %s",
				  module->path, *probe->tls.how ? probe->tls.how : strerror(-rc));
	probe->place = module->place;
	probe_take_anchor(probe, module->image.start);
	probe->jemalloc_path = strdup(module->path);
	/* A table row names the release whose image it is. */
	probe->jemalloc_version = module->place.row ? strdup(module->place.row) : NULL;
	diagnostics_add(
		&probe->target.diagnostics, "counters",
		"state at %llu, allocated at %llu, deallocated at %llu of the TLS block of %s",
		(unsigned long long)probe->place.state, (unsigned long long)probe->place.allocated,
		(unsigned long long)probe->place.deallocated, module->path);
	return probe->jemalloc_path ? 0
				    : probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "jemalloc",
						 "out of memory");
}

static int find_jemalloc(struct ktstr_probe *probe, struct ktstr_error *error)
{
	const struct module_files files = {
		.use = probe->options.debuginfo != KTSTR_PROBE_DEBUGINFO_OFF,
		.isolation = SANDBOX_INIT(probe->options.no_isolation, probe->cancel_fd),
	};
	struct module_list list;
	struct module *module;
	bool maps_failed;
	int rc;

	rc = module_list_read(&probe->target, &list, &maps_failed);
	if (rc)
		return probe_fail_access(probe, error,
					 maps_failed ? KTSTR_PROBE_TAG_MAPS_READ_FAILURE
						     : KTSTR_PROBE_TAG_OTHER,
					 rc, maps_failed ? "memory map" : "memory");
	if (list.count == 0 || !list.modules[0].is_executable) {
		rc = no_modules(probe, error);
	} else {
		probe_take_anchor(probe, list.modules[0].image.start);
		probe->target.libc = libc_kind_find(&list);
		diagnostics_add(&probe->target.diagnostics, "executable",
				"%s%s, %zu ELF files mapped", list.modules[0].path,
				list.modules[0].deleted ? " (deleted)" : "", list.count);
		rc = jemalloc_find(&files, &list, probe->wanted_path, &probe->target.diagnostics);
		if (rc)
			rc = probe_fail_access(probe, error, KTSTR_PROBE_TAG_OTHER, rc, "memory");
		else if ((module = jemalloc_choose(&list, probe->wanted_path,
						   &probe->target.diagnostics)))
			rc = use_module(probe, &list, module, error);
		else
			rc = none_chosen(probe, &list, error);
	}
	module_list_free(&list);
	return rc;
}

static int check_cancelled(const struct ktstr_probe *probe, struct ktstr_error *error)
{
	return atomic_load(&probe->cancelled)
		       ? probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ECANCELED, "cancel",
				    "stopped before anything was read")
		       : 0;
}

/* What was found, or what failed, says nothing of a process that has ended or has become another
 * since. */
static int check_still_there(struct ktstr_probe *probe, int rc, struct ktstr_error *error)
{
	if (probe->target.mem_fd < 0 || rc == -ECANCELED)
		return rc;
	if (rc && task_is_gone(target_choose_reader(&probe->target)))
		return probe_missing(probe, error, -ESRCH, "ended while it was examined");
	if (rc == -ESRCH ||
	    (probe->anchor ? !probe_same_program(probe) : rc && !probe_has_memory(probe)))
		return probe_fail(error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "identity",
				  "process %d ended or ran another program while it was examined, "
				  "or its memory can no longer "
				  "be read: try again",
				  (int)probe->target.pid);
	return rc;
}

static int examine(struct ktstr_probe *probe, struct ktstr_error *error)
{
	int rc = find_jemalloc(probe, error);

	if (rc == 0)
		rc = check_cancelled(probe, error);
	return rc ? rc : probe_calibrate(probe, error);
}

int ktstr_probe_open(struct ktstr_probe *probe, pid_t pid, struct ktstr_error *error)
{
	int rc;

	if (!probe)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments",
				  "probe is NULL");
	if (probe->state)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EBUSY, "session",
				  "a session is opened only once");
	rc = probe_open_process(probe, pid, error);
	if (rc == 0)
		rc = check_cancelled(probe, error);
	if (rc == 0)
		rc = examine(probe, error);
	rc = check_still_there(probe, rc, error);
	probe->state = rc ? -1 : 1;
	return rc;
}
