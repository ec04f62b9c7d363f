/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `make bench`: each measures one thing and adds its group of rows. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "report.h"

/* Programs below the build directory, in which the bench runs. */
#define WORKER       "worker/ktstr-jemalloc-alloc-worker"
#define MARKER_ONLY  "bench/marker_only"
#define TARGET       "bench/target"
#define TARGET_LARGE "bench/target_large" /* the same with 100 MB more in it, stripped */

void bench_wait(struct report *report); /* the wait, and the worker */
void bench_threads(
	struct report *report); /* a session's steps by number of threads, beside the floor */
void bench_stops(
	struct report *report); /* robust list against ptrace: how long the target stands still */
void bench_busy(struct report *report);    /* what a busy target loses to being sampled */
void bench_calls(struct report *report);   /* system calls and bytes of a snapshot */
void bench_program(struct report *report); /* the whole program, from fork to exit */
void bench_heap(struct report *report);    /* ktstr-heap show, likewise */

/* A program from fork to the reaped child; its output goes to a file in memory. */
struct bench_run {
	double ms, cpu_ms;
};
struct bench_run bench_run(const char *const argv[], char **environment);

/* The child side of bench_wait: this program, started with --marker-child DELAY_US. */
__attribute__((noreturn)) void bench_marker_child(long delay_us);

/* The probe's program as it would be installed, not libtool's script; sets LD_LIBRARY_PATH for it.
 */
const char *bench_probe_path(void);
const char *bench_heap_path(void); /* ktstr-heap's */

/* Another build of the program, named by --baseline, that is timed beside ours; NULL for none. It
 * runs in bench_baseline_environment, which is the caller's own. */
const char *bench_baseline_path(void);
char **bench_baseline_environment(void);

#endif
