/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for outcomes, and for the worker's exit codes. */
#include <ktstr/worker_ready_wait.h>

#include <stddef.h>

static const struct {
	int code;
	const char *meaning;
} exits[] = {
	{ 0, "only --help and --version end like this" },
	{ 2, "BYTES is 0" },
	{ 3, "the worker has more than one thread; is background_thread:true in MALLOC_CONF?" },
	{ 4, "the marker could not be written" },
	{ 5, "bad arguments: BYTES missing or not a number, or an unknown option" },
	{ 6, "/proc/self/task could not be read" },
	{ 7, "the allocation of BYTES failed" },
};

const char *ktstr_worker_exit_meaning(int exit_code)
{
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		if (exits[i].code == exit_code)
			return exits[i].meaning;
	return NULL;
}

const char *ktstr_worker_ready_outcome_name(enum ktstr_worker_ready_outcome outcome)
{
	static const char *const names[] = {
		[KTSTR_WORKER_READY] = "ready",
		[KTSTR_WORKER_READY_EXITED_BEFORE] = "exited-before",
		[KTSTR_WORKER_READY_EXITED_AFTER] = "exited-after",
		[KTSTR_WORKER_READY_TIMED_OUT] = "timed-out",
	};

	return (size_t)outcome < sizeof names / sizeof *names ? names[outcome] : NULL;
}
