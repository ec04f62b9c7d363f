/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract's words for tags and kinds of error. */
#include "config.h"

#include <ktstr/probe.h>

static const char *const tag_names[] = {
	[KTSTR_PROBE_TAG_OTHER] = "other",
	[KTSTR_PROBE_TAG_PID_MISSING] = "pid-missing",
	[KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED] = "exe-identity-changed",
	[KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND] = "jemalloc-not-found",
	[KTSTR_PROBE_TAG_JEMALLOC_IN_DSO] = "jemalloc-in-dso",
	[KTSTR_PROBE_TAG_READLINK_FAILURE] = "readlink-failure",
	[KTSTR_PROBE_TAG_MAPS_READ_FAILURE] = "maps-read-failure",
	[KTSTR_PROBE_TAG_DWARF_PARSE_FAILURE] = "dwarf-parse-failure",
	[KTSTR_PROBE_TAG_ARCH_MISMATCH] = "arch-mismatch",
	[KTSTR_PROBE_TAG_SELF_PROBE_REJECTED] = "self-probe-rejected",
	[KTSTR_PROBE_TAG_TID_ENUMERATION_FAILURE] = "tid-enumeration-failure",
	[KTSTR_PROBE_TAG_LAYOUT_UNKNOWN] = "layout-unknown",
	[KTSTR_PROBE_TAG_PERMISSION_DENIED] = "permission-denied",
};

static const char *const thread_error_names[] = {
	[KTSTR_PROBE_THREAD_OK] = "ok",
	[KTSTR_PROBE_THREAD_PTRACE_SEIZE] = "ptrace-seize",
	[KTSTR_PROBE_THREAD_PTRACE_INTERRUPT] = "ptrace-interrupt",
	[KTSTR_PROBE_THREAD_WAITPID] = "waitpid",
	[KTSTR_PROBE_THREAD_GET_REGSET] = "get-regset",
	[KTSTR_PROBE_THREAD_PROCESS_VM_READV] = "process-vm-readv",
	[KTSTR_PROBE_THREAD_TLS_ARITHMETIC] = "tls-arithmetic",
	[KTSTR_PROBE_THREAD_THREAD_POINTER] = "thread-pointer",
	[KTSTR_PROBE_THREAD_THREAD_EXITED] = "thread-exited",
};

const char *ktstr_probe_tag_name(int tag)
{
	unsigned int index = (unsigned int)tag;

	return index < sizeof tag_names / sizeof *tag_names ? tag_names[index] : "other";
}

const char *ktstr_probe_thread_error_name(enum ktstr_probe_thread_error kind)
{
	unsigned int index = (unsigned int)kind;

	return index < sizeof thread_error_names / sizeof *thread_error_names
		       ? thread_error_names[index]
		       : "unknown";
}
