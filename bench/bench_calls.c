/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls and bytes of one snapshot, counted by strace over the program: what three snapshots
 * take beyond one, halved.
 */
#include "config.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "target_run.h"

#define THREADS 1000u

struct calls {
	double all, ptrace, bytes;
};

/*
 * "TID name(arguments) = result", or, when another thread comes in between, "TID name(arguments
 * <unfinished ...>" and later "TID <... name resumed>arguments) = result".
 */
static void count_line(const char *line, struct calls *calls)
{
	static const char *const reads[] = { "read", "pread64", "process_vm_readv", "getdents64" };
	const char *name = line + strspn(line, "0123456789 "), *result = strrchr(line, '=');
	int resumed = strncmp(name, "<... ", 5) == 0;
	size_t length;

	name += resumed ? 5 : 0;
	length = strcspn(name, "( ");
	if (!resumed && name[length] != '(')
		return; /* the end of a thread */
	calls->all += !resumed;
	calls->ptrace += !resumed && length == 6 && strncmp(name, "ptrace", length) == 0;
	if (!result || strstr(line, "<unfinished ...>"))
		return;
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
		if (length == strlen(reads[i]) && strncmp(name, reads[i], length) == 0 &&
		    atol(result + 1) > 0)
			calls->bytes += (double)atol(result + 1);
}

/* Runs the program below strace. Returns 0, or -1 when strace is not there or may not trace. */
static int count(pid_t pid, int snapshots, int no_names, struct calls *calls)
{
	char *line = NULL, command[512];
	size_t size = 0;
	FILE *trace;

	*calls = (struct calls){ .all = 0 };
	snprintf(command, sizeof command,
		 "strace -f -qq -e signal=none -s 0 -o /dev/stderr %s --json -p %d%s%s 2>&1 "
		 ">/dev/null",
		 bench_probe_path(), (int)pid, no_names ? " --no-names" : "",
		 snapshots > 1 ? " --snapshots 3 --interval-ms 1" : "");
	trace = popen(command, "r");
	while (trace && getline(&line, &size, trace) > 0)
		count_line(line, calls);
	free(line);
	return trace && pclose(trace) == 0 ? 0 : -1;
}

static void add_rows(struct report *report, pid_t pid, int no_names)
{
	const char *kind = no_names ? "no names" : "with names";
	struct calls one, three;
	char key[32], label[64];
	struct samples samples = { .count = 0 };

	if (count(pid, 1, no_names, &one) || count(pid, 3, no_names, &three)) {
		report_skip(report, "calls", "system calls", THREADS,
			    "strace is missing or may not trace");
		return;
	}
	snprintf(key, sizeof key, "calls_%s", no_names ? "plain" : "named");
	snprintf(label, sizeof label, "system calls of a snapshot, %s", kind);
	samples_add(&samples, (three.all - one.all) / 2);
	report_row(report, key, label, THREADS, &samples, "", NO_GOAL);
	snprintf(key, sizeof key, "bytes_%s", no_names ? "plain" : "named");
	snprintf(label, sizeof label, "bytes read by a snapshot, %s", kind);
	samples_add(&samples, (three.bytes - one.bytes) / 2 / 1024);
	report_row(report, key, label, THREADS, &samples, "KiB", NO_GOAL);
	if (no_names)
		return;
	samples_add(&samples, one.all);
	report_row(report, "calls_program", "system calls of the program, one snapshot", THREADS,
		   &samples, "", NO_GOAL);
	samples_add(&samples, one.ptrace + three.ptrace);
	report_row(report, "calls_ptrace", "of these, ptrace", THREADS, &samples, "", NO_GOAL);
}

/* All that the program reads, files and memory, to find its way in 100 MB without symbols. */
static void on_large(struct report *report)
{
	struct samples samples = { .count = 0 };
	struct target target;
	struct calls calls;
	char text[128];

	if (target_start(&target, TARGET_LARGE, 1, text, sizeof text))
		give_up(TARGET_LARGE, text);
	if (count(target.pid, 1, 0, &calls) == 0) {
		samples_add(&samples, calls.bytes / 1024);
		report_row(report, "bytes_large", "bytes read, 100 MB stripped executable, all", 1,
			   &samples, "KiB", 4096);
	}
	target_stop(&target);
}

void bench_calls(struct report *report)
{
	struct target target;
	char text[128];

	report_group(report, "calls", "System calls, counted by strace");
	if (target_start(&target, TARGET, THREADS, text, sizeof text)) {
		report_skip(report, "calls", "system calls", THREADS, text);
		return;
	}
	add_rows(report, target.pid, 1);
	add_rows(report, target.pid, 0);
	target_stop(&target);
	on_large(report);
}
