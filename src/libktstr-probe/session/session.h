/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a session and of a snapshot. */
#ifndef KTSTR_PROBE_PRIVATE_H
#define KTSTR_PROBE_PRIVATE_H

#include <stdatomic.h>

#include "base/target.h"
#include "elf/module_list.h"
#include "tls/module_tls.h"
#include <ktstr/probe.h>

/* Where one thread's thread pointer is, kept from snapshot to snapshot while it verifies. */
struct thread_place {
	pid_t tid;
	pid_t ns_tid; /* its id in its own pid namespace */
	int known;    /* thread_pointer is valid */
	uint64_t thread_pointer;
	uint64_t start_time;                 /* by ptrace only: the thread for which it was read */
	enum ktstr_probe_thread_error error; /* why it is not known */
	int code;
};

struct ktstr_probe {
	struct ktstr_probe_options options;
	char *wanted_path;
	atomic_int cancelled;
	int cancel_fd;
	int state; /* 0: new, 1: open, -1: failed */

	struct target target;
	uint64_t anchor; /* where jemalloc's file begins in memory, and what stands there */
	unsigned char anchor_bytes[1024];
	uint64_t random; /* AT_RANDOM: where the bytes stand that differ from exec to exec; 0:
			    nowhere */
	unsigned char random_bytes[16];

	struct tsd_place place;
	struct module_tls tls;
	int by_ptrace;
	uint64_t robust_list_offset; /* robust-list head - thread pointer */

	struct thread_place *places; /* sorted by tid */
	size_t place_count;

	char *jemalloc_path, *jemalloc_version;
};

struct ktstr_probe_snapshot {
	struct ktstr_probe_thread *threads;
	size_t count, read_count;
	int64_t unix_ns, monotonic_ns;
	int interrupted;
};

/* Fills in error (may be NULL) and returns code. */
int probe_fail(struct ktstr_error *error, enum ktstr_probe_tag tag, int code, const char *step,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A permission failure with its gate, anything else with the given tag. */
int probe_fail_access(struct ktstr_probe *probe, struct ktstr_error *error,
		      enum ktstr_probe_tag tag, int code, const char *step);

/* Makes an entry of a snapshot one with an error, without numbers. */
void probe_thread_fail(struct ktstr_probe_thread *thread, enum ktstr_probe_thread_error kind,
		       int code);

/* Looks for the process and pins its memory. probe_missing: the error of one that is not there (any
 * more). */
int probe_open_process(struct ktstr_probe *probe, pid_t pid, struct ktstr_error *error);
int probe_missing(struct ktstr_probe *probe, struct ktstr_error *error, int code, const char *why);

/* Reads every place into the snapshot's threads, or as many as came before a cancellation. Returns
 * 0 or why none was read. */
int probe_read_all(struct ktstr_probe *probe, struct ktstr_probe_snapshot *snapshot);

/* Pins the address space and remembers what tells this exec from the next. Returns 0 or a negative
 * errno. */
int probe_pin_memory(struct ktstr_probe *probe);

/* The file that begins there is to stay there. */
void probe_take_anchor(struct ktstr_probe *probe, uint64_t address);

/* Before there is an anchor: is what was pinned still an address space? One that has ended has no
 * map either. */
int probe_has_memory(struct ktstr_probe *probe);

/* Is it still the same program in the same address space, with jemalloc's file where it was? */
int probe_same_program(struct ktstr_probe *probe);

/* Finds how thread pointers are found in this process. */
int probe_calibrate(struct ktstr_probe *probe, struct ktstr_error *error);

/* Brings places up to date: tids as they are now, with known places kept. */
int probe_update_places(struct ktstr_probe *probe);

/* Asks anew for one thread's place, after its old one failed to verify. */
void probe_refresh_place(struct ktstr_probe *probe, struct thread_place *place);

#endif
