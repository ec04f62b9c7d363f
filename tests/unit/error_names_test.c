/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract's words for tags and for kinds of error. To change one is to change the contract. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ktstr/probe.h>

static void each_tag_has_the_contract_s_name(void **state)
{
	static const struct {
		int tag;
		const char *name;
	} rows[] = {
		{ .tag = KTSTR_PROBE_TAG_OTHER, .name = "other" },
		{ .tag = KTSTR_PROBE_TAG_PID_MISSING, .name = "pid-missing" },
		{ .tag = KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, .name = "exe-identity-changed" },
		{ .tag = KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, .name = "jemalloc-not-found" },
		{ .tag = KTSTR_PROBE_TAG_JEMALLOC_IN_DSO, .name = "jemalloc-in-dso" },
		{ .tag = KTSTR_PROBE_TAG_READLINK_FAILURE, .name = "readlink-failure" },
		{ .tag = KTSTR_PROBE_TAG_MAPS_READ_FAILURE, .name = "maps-read-failure" },
		{ .tag = KTSTR_PROBE_TAG_DWARF_PARSE_FAILURE, .name = "dwarf-parse-failure" },
		{ .tag = KTSTR_PROBE_TAG_ARCH_MISMATCH, .name = "arch-mismatch" },
		{ .tag = KTSTR_PROBE_TAG_SELF_PROBE_REJECTED, .name = "self-probe-rejected" },
		{ .tag = KTSTR_PROBE_TAG_TID_ENUMERATION_FAILURE,
		  .name = "tid-enumeration-failure" },
		{ .tag = KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, .name = "layout-unknown" },
		{ .tag = KTSTR_PROBE_TAG_PERMISSION_DENIED, .name = "permission-denied" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(rows[i].tag, (int)i); /* none is left out here */
		assert_string_equal(ktstr_probe_tag_name(rows[i].tag), rows[i].name);
	}
	assert_string_equal(ktstr_probe_tag_name((int)(sizeof rows / sizeof *rows)), "other");
	assert_string_equal(ktstr_probe_tag_name(-1), "other");
}

static void each_kind_of_thread_error_has_the_contract_s_name(void **state)
{
	static const struct {
		enum ktstr_probe_thread_error kind;
		const char *name;
	} rows[] = {
		{ .kind = KTSTR_PROBE_THREAD_OK, .name = "ok" },
		{ .kind = KTSTR_PROBE_THREAD_PTRACE_SEIZE, .name = "ptrace-seize" },
		{ .kind = KTSTR_PROBE_THREAD_PTRACE_INTERRUPT, .name = "ptrace-interrupt" },
		{ .kind = KTSTR_PROBE_THREAD_WAITPID, .name = "waitpid" },
		{ .kind = KTSTR_PROBE_THREAD_GET_REGSET, .name = "get-regset" },
		{ .kind = KTSTR_PROBE_THREAD_PROCESS_VM_READV, .name = "process-vm-readv" },
		{ .kind = KTSTR_PROBE_THREAD_TLS_ARITHMETIC, .name = "tls-arithmetic" },
		{ .kind = KTSTR_PROBE_THREAD_THREAD_POINTER, .name = "thread-pointer" },
		{ .kind = KTSTR_PROBE_THREAD_THREAD_EXITED, .name = "thread-exited" },
	};
	const int count = (int)(sizeof rows / sizeof *rows);

	(void)state;
	for (int i = 0; i < count; i++) {
		assert_int_equal(rows[i].kind, i);
		assert_string_equal(ktstr_probe_thread_error_name(rows[i].kind), rows[i].name);
	}
	assert_string_equal(ktstr_probe_thread_error_name((enum ktstr_probe_thread_error)count),
			    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tag_has_the_contract_s_name),
		cmocka_unit_test(each_kind_of_thread_error_has_the_contract_s_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
