/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One inner test, and what all of them use: a worker started and waited for, the probe run and its
 * text read. driver.c runs each test in a process of its own, and afterwards kills all that is
 * left.
 */
#ifndef KTSTR_GUEST_TEST_H
#define KTSTR_GUEST_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktstr/payload.h>
#include <ktstr/worker_ready_wait.h>

#define DRIVER_PATH "/init"
#define PROBE_PATH  "/bin/ktstr-jemalloc-probe"
#define USER        1000        /* an ordinary user */
#define BYTES       (16u << 20) /* one of jemalloc's size classes: counted without rounding */
#define BYTES_TEXT  "16777216"
#define BAND        4096u /* what the worker may have beyond BYTES, by its contract */
#define PATIENCE_MS 30000 /* for what must happen: an emulated guest on a busy machine is slow */

struct guest_test {
	const char *name;
	void (*run)(const char *worker, const struct guest_test *test);
	int level; /* Yama tests: kernel.yama.ptrace_scope */
};

/* Each list ends with a NULL name; every test runs once for each kind of worker. */
extern const struct guest_test loop_tests[], namespace_tests[], scarcity_tests[], memory_tests[];
extern const struct guest_test yama_tests[];
extern const struct guest_test yama_last_tests[]; /* level 3 lasts until the next boot */

/* Tells what is wrong and ends the test. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
#define require(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))

void become_user(void);
void write_file(const char *path, const char *text);
/* The own mount namespace, with nothing of it seen outside. */
void leave_mount_namespace(void);
void mount_tmpfs(const char *path, const char *options);
/* The number of a namespace of pid, such as "mnt". */
unsigned long namespace_number(pid_t pid, const char *name);

/* Starts argv, both outputs captured; fails when it cannot be started. */
struct ktstr_payload *start(const char *const argv[], pid_t *pid);
/* The worker with BYTES, waited for. */
struct ktstr_payload *start_ready(const char *worker, pid_t *pid);
/* Waits, and fails unless this is the outcome. */
struct ktstr_worker_ready_result wait_for(struct ktstr_payload *payload,
					  enum ktstr_worker_ready_outcome outcome);
struct ktstr_worker_ready_result wait_for_pid(pid_t pid, enum ktstr_worker_ready_outcome outcome);
/* Starts argv and stops it while its marker does not stand yet. */
struct ktstr_payload *start_stopped_early(const char *const argv[], pid_t *pid);
bool marker_exists(pid_t pid);

struct probe_thread {
	pid_t tid;
	uint64_t allocated, deallocated;
};
struct probe_run {
	int status; /* as wait(2) gives it */
	char out[32768], err[4096];
};
/* Runs the probe on pid, with up to four more arguments (NULL-terminated), or whatever argv is. */
void probe(struct probe_run *run, pid_t pid, const char *const more[]);
void probe_argv(struct probe_run *run, const char *const argv[]);
/* The thread tid of the n-th snapshot (from 0); false when it is not there. */
bool probe_find(const struct probe_run *run, int snapshot, pid_t tid, struct probe_thread *thread);
int probe_count(const struct probe_run *run, int snapshot);
/* Exactly one thread, pid, which has allocated BYTES and little more. */
void require_known(pid_t pid);
void require_in_band(const struct probe_run *run, int snapshot, pid_t pid, uint64_t bytes,
		     uint64_t band);
/* Exit status 1 and this tag; each part stands in the text. */
void require_fatal(const struct probe_run *run, const char *tag, const char *part);

/* Another program of the driver's, named by argv[1]; returns only when it failed. */
void helper_main(int argc, char **argv);

#endif
