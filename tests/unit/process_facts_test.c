/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the lines of /proc/PID/cgroup names a process's cgroup. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "src/tools/heap/process_facts.h"

static void the_cgroup_is_that_of_memory_or_else_the_unified_one(void **state)
{
	static const struct {
		const char *text, *cgroup;
	} cases[] = {
		{ "", "" },
		{ "0::/\n", "/" },
		{ "0::/system.slice/a b.service\n", "/system.slice/a b.service" },
		{ "4:memory:/of/memory\n1:name=systemd:/of/systemd\n0::/unified\n", "/of/memory" },
		{ "0::/unified\n4:cpu,memory:/of/memory\n", "/of/memory" },
		{ "4:cpu:/of/cpu\n0::/unified\n", "/unified" },
		{ "4:memory_pressure:/no\n", "" },
		{ "0::/with:colon", "/with:colon" },
		{ "nonsense\n0:", "" },
	};
	char cgroup[PROCESS_CGROUP_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		process_cgroup_parse(cases[i].text, cgroup);
		assert_string_equal(cgroup, cases[i].cgroup);
	}
}

static void a_process_that_runs_has_a_program_and_memory(void **state)
{
	struct process_facts facts;

	(void)state;
	process_facts_read(getpid(), &facts);
	assert_int_equal(facts.exe[0], '/');
	assert_true(facts.rss_bytes > 0);
}

static void what_a_process_that_is_not_there_has_is_not_known(void **state)
{
	struct process_facts facts;

	(void)state;
	process_facts_read(INT_MAX, &facts);
	assert_string_equal(facts.exe, "");
	assert_string_equal(facts.cgroup, "");
	assert_int_equal(facts.rss_bytes, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cgroup_is_that_of_memory_or_else_the_unified_one),
		cmocka_unit_test(a_process_that_runs_has_a_program_and_memory),
		cmocka_unit_test(what_a_process_that_is_not_there_has_is_not_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
