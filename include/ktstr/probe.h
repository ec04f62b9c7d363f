/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads, from outside and without stopping it, how many bytes each thread of a running process has
 * allocated and freed with jemalloc. Read only: nothing of the target is run, loaded or written.
 *
 *	struct ktstr_probe *probe;
 *	struct ktstr_probe_snapshot *snapshot;
 *	struct ktstr_error error;
 *
 *	if (ktstr_probe_new(&probe, NULL, &error) == 0) {
 *		if (ktstr_probe_open(probe, pid, &error) == 0 &&
 *		    ktstr_probe_snapshot_take(probe, &snapshot, &error) == 0) {
 *			for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++)
 *				use(ktstr_probe_snapshot_thread(snapshot, i));
 *			ktstr_probe_snapshot_free(snapshot);
 *		}
 *		ktstr_probe_close(probe);
 *	}
 *
 * Functions that can fail return 0 or a negative errno. On failure they describe it in `error`,
 * which may be NULL. Any other pointer may be NULL only where its description says so: otherwise
 * NULL is -EINVAL, or from a function that returns no errno NULL, 0 or the empty string.
 *
 * Thread safety: different sessions may be used from different threads at once; one session by one
 * thread at a time, apart from ktstr_probe_cancel(). A snapshot is not changed once it was taken,
 * so any number of threads may read it. Nothing here prints, exits, or touches signal dispositions
 * or the environment.
 */
#ifndef KTSTR_PROBE_H
#define KTSTR_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktstr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* One session on one process. Since 0.1. */
struct ktstr_probe;

/* The threads of that process at one moment. Since 0.1. */
struct ktstr_probe_snapshot;

/* Why a session could not be opened, or a whole snapshot not be taken. Since 0.1. */
enum ktstr_probe_tag {
	KTSTR_PROBE_TAG_OTHER = 0,   /* "other": out of memory, cancelled, a full table */
	KTSTR_PROBE_TAG_PID_MISSING, /* "pid-missing": no such process, a zombie, a thread's id */
	KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, /* "exe-identity-changed": it ran another program or
						 ended */
	KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND,   /* "jemalloc-not-found": no mapped file carries a
						 jemalloc */
	KTSTR_PROBE_TAG_JEMALLOC_IN_DSO, /* "jemalloc-in-dso": never set here, kept for consumers */
	KTSTR_PROBE_TAG_READLINK_FAILURE,  /* "readlink-failure": a kernel thread has no executable
					    */
	KTSTR_PROBE_TAG_MAPS_READ_FAILURE, /* "maps-read-failure": its memory map cannot be read */
	KTSTR_PROBE_TAG_DWARF_PARSE_FAILURE, /* "dwarf-parse-failure": damaged debug information */
	KTSTR_PROBE_TAG_ARCH_MISMATCH,       /* "arch-mismatch": not a native 64-bit program */
	KTSTR_PROBE_TAG_SELF_PROBE_REJECTED, /* "self-probe-rejected": the caller's own pid */
	KTSTR_PROBE_TAG_TID_ENUMERATION_FAILURE, /* "tid-enumeration-failure": its threads cannot be
						    listed */
	KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, /* "layout-unknown": jemalloc is there, its counters cannot
					   be located with certainty */
	KTSTR_PROBE_TAG_PERMISSION_DENIED /* "permission-denied": the text names the gate */
};

/* Why one thread was not read. Since 0.1. */
enum ktstr_probe_thread_error {
	KTSTR_PROBE_THREAD_OK = 0,
	KTSTR_PROBE_THREAD_PTRACE_SEIZE,     /* "ptrace-seize" */
	KTSTR_PROBE_THREAD_PTRACE_INTERRUPT, /* "ptrace-interrupt" */
	KTSTR_PROBE_THREAD_WAITPID,    /* "waitpid": it did not stop within the time allowed */
	KTSTR_PROBE_THREAD_GET_REGSET, /* "get-regset" */
	KTSTR_PROBE_THREAD_PROCESS_VM_READV, /* "process-vm-readv": its memory could not be read */
	KTSTR_PROBE_THREAD_TLS_ARITHMETIC, /* "tls-arithmetic": an address outside the address space
					    */
	KTSTR_PROBE_THREAD_THREAD_POINTER, /* "thread-pointer": none could be found or verified */
	KTSTR_PROBE_THREAD_THREAD_EXITED   /* "thread-exited": it ended while it was being read */
};

/* The version of libktstr-probe at run time, such as "0.1.0". Static text, never NULL. Since 0.1.
 */
const char *ktstr_probe_version(void);

/*
 * The words above in quotes: for a tag, such as ktstr_error.tag, and for a thread's error_kind,
 * such as "ok" for KTSTR_PROBE_THREAD_OK. "other" and "unknown" for a number that is not listed.
 * Static text, never NULL. Since 0.1.
 */
const char *ktstr_probe_tag_name(int tag);
const char *ktstr_probe_thread_error_name(enum ktstr_probe_thread_error kind);

/* Where separate debug information may come from. Since 0.1. */
enum ktstr_probe_debuginfo {
	KTSTR_PROBE_DEBUGINFO_AUTO =
		0,                /* files on this machine, where memory alone does not settle it */
	KTSTR_PROBE_DEBUGINFO_OFF /* no file is opened */
};

/* How thread pointers are found. Since 0.1. */
enum ktstr_probe_thread_pointer {
	KTSTR_PROBE_THREAD_POINTER_AUTO = 0, /* robust list; ptrace if no thread has a usable one */
	KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST, /* get_robust_list(2) only: never stops a thread */
	KTSTR_PROBE_THREAD_POINTER_PTRACE /* stops every thread for a moment, once per thread */
};

/*
 * What the files of programs say of jemalloc, kept for later sessions: examining a file that memory
 * alone does not settle costs a child process, and many processes run the same few programs. A file
 * that was changed or replaced is examined anew; what a process has in memory is never kept. May be
 * used by sessions on several threads at once. Since 0.1.
 */
struct ktstr_file_cache;

/* Makes one without files. cache: gets it, to be freed with ktstr_file_cache_free; NULL on failure.
 * Returns 0, -EINVAL or -ENOMEM. Since 0.1. */
int ktstr_file_cache_new(struct ktstr_file_cache **cache, struct ktstr_error *error);

/* Frees it, once no session that was given it is left. cache: may be NULL. Since 0.1. */
void ktstr_file_cache_free(struct ktstr_file_cache *cache);

/*
 * Choices of a session. Start from KTSTR_PROBE_OPTIONS_INIT, or from zeros and set `size`. The
 * other members may all be 0.
 *
 * Later versions add members at the end. `size` says which ones the caller has: those that it lacks
 * count as 0; those that the library does not know must be 0, otherwise ktstr_probe_new fails with
 * -E2BIG. A size smaller than the member `size` itself, such as 0, is -EINVAL. Since 0.1.
 */
struct ktstr_probe_options {
	size_t size; /* sizeof(struct ktstr_probe_options) */
	enum ktstr_probe_debuginfo debuginfo;
	enum ktstr_probe_thread_pointer thread_pointer;
	int no_names;                 /* non-zero: no name and start time, several times faster */
	unsigned int stop_timeout_ms; /* ptrace only: longest wait for all threads, in
					 milliseconds; 0: 2000 */
	const char *jemalloc_path;    /* with several jemallocs: the path in its maps, or the
					 path's last part, or an address in it, as "0x7f…";
					 NULL: the one behind malloc */
	struct ktstr_file_cache *file_cache; /* NULL: none; else outlives the session */
	int no_isolation;     /* non-zero, for debugging: files are read by the calling
				 process, and not by a short-lived child without privileges */
	unsigned int wait_ms; /* how long a process that is starting is tried again until
				 its jemalloc can be read, in milliseconds; 0: a few tens */
};

#define KTSTR_PROBE_OPTIONS_INIT                                                \
	{                                                                       \
		sizeof(struct ktstr_probe_options), KTSTR_PROBE_DEBUGINFO_AUTO, \
			KTSTR_PROBE_THREAD_POINTER_AUTO, 0, 0, NULL, NULL, 0, 0 \
	}

/*
 * Makes a session that is not open yet.
 * probe: gets the session, to be freed with ktstr_probe_close; NULL on failure. options: copied,
 * jemalloc_path too; may be NULL for KTSTR_PROBE_OPTIONS_INIT.
 *
 * Returns 0; -EINVAL for a bad argument or an option out of range; -E2BIG for a member of options
 * that this version does not know; -ENOMEM; -EMFILE or -ENFILE. Since 0.1.
 */
int ktstr_probe_new(struct ktstr_probe **probe, const struct ktstr_probe_options *options,
		    struct ktstr_error *error);

/*
 * Finds jemalloc's counters in a process, which runs on untouched. A session is opened once. Files
 * that have to be examined are read in a short-lived child process, which wait(2) without __WALL or
 * __WCLONE does not see, and which sends no SIGCHLD; ktstr_probe_cancel() ends that, too.
 *
 * pid: the id of its main thread, in the caller's pid namespace.
 *
 * Returns 0, or a negative errno. error->tag, an enum ktstr_probe_tag, classifies it:
 *   -EINVAL            a bad argument, a pid below 1, or the caller's own process
 *   -ESRCH             there is no such process, or it has ended
 *   -ESTALE            it ran another program while it was examined
 *   -EPERM, -EACCES    it may not be read; the text names what denies it
 *   -ENOSYS            a system call that is needed does not exist or is filtered
 *   -ENOEXEC           it is not a 64-bit program of this machine's architecture
 *   -ENOENT            no jemalloc was found
 *   -ENODATA, -EBADMSG, -ENOTUNIQ, …   jemalloc was found, but where its counters are is not
 *                      certain: the tag is KTSTR_PROBE_TAG_LAYOUT_UNKNOWN
 *   -ENOMEM, -EMFILE, -ENFILE          memory or descriptors have run out
 *   -ECANCELED         ktstr_probe_cancel() was called
 *   -EBUSY             the session was opened before
 * Other errors of open(2), read(2), ptrace(2) and process_vm_readv(2) are passed on. After a
 * failure ktstr_probe_explain() tells how far it came, and the session can only be closed. Since
 * 0.1.
 */
int ktstr_probe_open(struct ktstr_probe *probe, pid_t pid, struct ktstr_error *error);

/*
 * Reads every thread of the process. A thread that cannot be read is an entry with an error and
 * does not fail the call. After ktstr_probe_cancel() it returns what it has so far, marked
 * interrupted.
 *
 * snapshot: gets the result, sorted by tid, to be freed with ktstr_probe_snapshot_free; NULL on
 * failure.
 *
 * Returns 0, or fails as a whole:
 *   -EINVAL            a bad argument
 *   -EBADF             the session is not open
 *   -ESTALE, -ESRCH    the process ended, ran another program or closed its jemalloc
 *   -EPERM, -EACCES    reading is refused
 *   -ENOMEM, -EMFILE, -ENFILE          memory or descriptors have run out
 * and other errors of listing its threads or reading its memory. Since 0.1.
 */
int ktstr_probe_snapshot_take(struct ktstr_probe *probe, struct ktstr_probe_snapshot **snapshot,
			      struct ktstr_error *error);

/*
 * Makes an open or snapshot that is under way, and all later ones, end early. May be called from a
 * signal handler and from any thread while the session exists. Keeps errno. NULL does nothing.
 * Since 0.1.
 */
void ktstr_probe_cancel(struct ktstr_probe *probe);

/* Ends the session and frees it. Snapshots stay valid. probe: may be NULL. Since 0.1. */
void ktstr_probe_close(struct ktstr_probe *probe);

/*
 * How the numbers were found and what was verified: lines "step: finding", each ended by a newline.
 * Also after a failed open. Owned by the session, valid until the next call on it. Never NULL.
 * Since 0.1.
 */
const char *ktstr_probe_explain(const struct ktstr_probe *probe);

/* The path, as the target's maps name it, of the file that carries the jemalloc being read; NULL
   before a successful open. Owned by the session, valid as long as it. Since 0.1. */
const char *ktstr_probe_jemalloc_path(const struct ktstr_probe *probe);

/* That jemalloc's version, such as "5.3.0-0-g54eaed1d"; NULL when unknown. Owned by the session,
   valid as long as it. Since 0.1. */
const char *ktstr_probe_jemalloc_version(const struct ktstr_probe *probe);

/*
 * A jemalloc that a process has mapped. Only the library allocates these, and later versions add
 * members at the end. Since 0.1.
 */
struct ktstr_probe_jemalloc {
	const char *path;    /* of its file, as the target's maps name it */
	const char *version; /* such as "5.3.0-0-g54eaed1d"; NULL when unknown */
	uint64_t address;    /* where that file begins in the target's memory */
};

/* How many jemallocs the process had mapped at the open; 0 before a successful one. Since 0.1. */
size_t ktstr_probe_jemalloc_count(const struct ktstr_probe *probe);

/* The jemalloc at index, counted from 0: the first is the one being read. NULL when there is none.
   Owned by the session, valid as long as it. Since 0.1. */
const struct ktstr_probe_jemalloc *ktstr_probe_get_jemalloc(const struct ktstr_probe *probe,
							    size_t index);

/*
 * One thread of a snapshot. Identify a thread by (tid, start_time) and never by its index:
 * tids are reused. Only the library allocates these, and later versions add members at the end: use
 * the pointer that ktstr_probe_snapshot_thread gives, and no sizeof. Since 0.1.
 */
struct ktstr_probe_thread {
	pid_t tid; /* as the caller's pid namespace numbers it */
	enum ktstr_probe_thread_error
		error_kind;         /* OK: the two counters are valid; else they are 0 */
	int error_code;             /* a negative errno, or 0 */
	int has_name;               /* comm and start_time were read */
	char comm[16];              /* up to 15 arbitrary bytes, NUL-terminated */
	uint64_t start_time;        /* clock ticks since boot: field 22 of its stat */
	uint64_t allocated_bytes;   /* ever allocated by this thread */
	uint64_t deallocated_bytes; /* ever freed by it, whoever had allocated them */
	const char *error_text;     /* one line, NULL when OK; lives as long as the snapshot */
};

/* Number of threads. Since 0.1. */
size_t ktstr_probe_snapshot_count(const struct ktstr_probe_snapshot *snapshot);

/* The thread at index, counted from 0; NULL when there is none. Owned by the snapshot, valid as
   long as it. Since 0.1. */
const struct ktstr_probe_thread *ktstr_probe_snapshot_thread(
	const struct ktstr_probe_snapshot *snapshot, size_t index);

/* Number of threads that were read without an error. Since 0.1. */
size_t ktstr_probe_snapshot_read_count(const struct ktstr_probe_snapshot *snapshot);

/* When the counters were read, in nanoseconds on CLOCK_REALTIME and on CLOCK_MONOTONIC. Since 0.1.
 */
int64_t ktstr_probe_snapshot_unix_ns(const struct ktstr_probe_snapshot *snapshot);
int64_t ktstr_probe_snapshot_monotonic_ns(const struct ktstr_probe_snapshot *snapshot);

/* 1 when ktstr_probe_cancel() cut it short: threads or names are missing; else 0. Since 0.1. */
int ktstr_probe_snapshot_interrupted(const struct ktstr_probe_snapshot *snapshot);

/* Frees the snapshot with its threads. snapshot: may be NULL. Since 0.1. */
void ktstr_probe_snapshot_free(struct ktstr_probe_snapshot *snapshot);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
