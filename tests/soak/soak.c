/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a busy server 100 times a second, for long, and holds each reading against what the server
 * says of itself.
 *
 *	soak SERVER SECONDS steady|restart
 *
 * steady: one server, one session, and every second another session of another kind. restart: the
 * server is killed about once a second, at any moment, and started again; each has a session of its
 * own. Exit 0 when no reading was outside the truth, no thread that was there all the time was left
 * out, and the memory, the blocks and the descriptors of this process did not grow.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <ktstr/probe.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../faults/heap_count.h"
#include "../open_files.h"
#include "shared/clock.h"
#include "truth.h"

#define TICK_NS    INT64_C(10000000) /* 100 Hz */
#define LOOK_BACK  8192 /* threads that ended: more than end during the longest snapshot */
#define GROWTH_KIB 1024 /* what the C library may keep besides */
#define TOLD       20   /* faults shown one by one */

struct copy {
	uint64_t generation; /* odd: a thread, its values are whole */
	int64_t tid;
	uint64_t start_time, allocated_low, allocated_high, deallocated_low, deallocated_high;
};

static struct truth *truth;
static const char *server_program, *truth_path;
static pid_t server;
static atomic_int killed; /* set before the kill */
static struct copy before[TRUTH_SLOTS], after[TRUTH_SLOTS];

static struct {
	unsigned long snapshots, readings, in_slot, ended, new, errors_living, errors_gone,
		nameless, outside, lost, strange;
	unsigned long sessions, servers, failed_killed, failed_ended, failed, late;
	uint64_t longest_ns;
} sum;

static void sleep_until(int64_t when)
{
	struct timespec at = timespec_from_ns(when);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

__attribute__((format(printf, 2, 3))) static void fault(unsigned long *count, const char *format,
							...)
{
	va_list args;

	if (++*count > TOLD)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* ---- the server ---- */

static _Noreturn void die(const char *what)
{
	perror(what);
	if (server > 0)
		kill(server, SIGKILL);
	exit(1);
}

static void start_server(void)
{
	/* Pages of a file that were not written yet would be given out while a thread holds its
	 * bounds. */
	memset(truth, 0, sizeof *truth);
	atomic_store(&killed, 0);
	server = fork();
	if (server < 0)
		die("fork");
	if (server == 0) {
		execl(server_program, server_program, truth_path, (char *)NULL);
		_exit(127);
	}
	sum.servers++;
}

static void end_server(void)
{
	int status = 0;

	atomic_store(&killed, 1);
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fault(&sum.strange, "the server ended by itself, wait status %d", status);
	server = 0;
}

static int has_ended(void)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)server, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Kills it after a while that differs from time to time, whatever is being read just then. */
static void *killer(void *argument)
{
	int64_t *when = argument;

	sleep_until(*when);
	atomic_store(&killed, 1);
	kill(server, SIGKILL); /* not reaped before this thread is joined */
	return NULL;
}

/* ---- the truth ---- */

static void take_copy(struct copy *copies)
{
	for (int i = 0; i < TRUTH_SLOTS; i++) {
		struct truth_slot *slot = &truth->slots[i];
		struct copy *copy = &copies[i];

		copy->generation = atomic_load(&slot->generation);
		copy->tid = atomic_load(&slot->tid);
		copy->start_time = atomic_load(&slot->start_time);
		copy->allocated_low = atomic_load(&slot->bounds.allocated_low);
		copy->allocated_high = atomic_load(&slot->bounds.allocated_high);
		copy->deallocated_low = atomic_load(&slot->bounds.deallocated_low);
		copy->deallocated_high = atomic_load(&slot->bounds.deallocated_high);
		if (atomic_load(&slot->generation) != copy->generation)
			copy->generation = 0; /* it came or went just now */
	}
}

static int same(const struct ktstr_probe_thread *thread, int64_t tid, uint64_t start_time)
{
	return thread->tid == tid && (!thread->has_name || thread->start_time == start_time);
}

static const struct copy *find(const struct copy *copies, const struct ktstr_probe_thread *thread)
{
	for (int i = 0; i < TRUTH_SLOTS; i++)
		if (copies[i].generation % 2 && same(thread, copies[i].tid, copies[i].start_time))
			return &copies[i];
	return NULL;
}

static const struct truth_ended *find_ended(const struct ktstr_probe_thread *thread)
{
	uint64_t count = atomic_load(&truth->ended_count);

	for (uint64_t back = 1; back <= count && back <= LOOK_BACK; back++) {
		const struct truth_ended *ended = &truth->ended[(count - back) % TRUTH_ENDED];

		if (same(thread, atomic_load(&ended->tid), ended->start_time))
			return ended;
	}
	return NULL;
}

/* Between what it had before the snapshot and what it had after it, or at its end. */
static void check_reading(const struct ktstr_probe_thread *thread)
{
	const struct copy *low = find(before, thread), *high = find(after, thread);
	const struct truth_ended *ended = high ? NULL : find_ended(thread);
	uint64_t a = thread->allocated_bytes, d = thread->deallocated_bytes;
	uint64_t a_low = low ? low->allocated_low : 0, d_low = low ? low->deallocated_low : 0;
	uint64_t a_high = high    ? high->allocated_high
			  : ended ? ended->allocated
			  : low   ? UINT64_MAX
				  : 0;
	uint64_t d_high = high    ? high->deallocated_high
			  : ended ? ended->deallocated
			  : low   ? UINT64_MAX
				  : 0;

	sum.readings++;
	sum.in_slot += high != NULL;
	sum.ended += ended != NULL;
	sum.new += !high && !ended && !low;
	sum.nameless += !thread->has_name;
	/* Killed in the middle of telling that it ends: its upper bounds still stand in the slot.
	 */
	if (low && !high && !ended && !atomic_load(&killed))
		fault(&sum.strange, "tid %d ended without a word", (int)thread->tid);
	if (a < a_low || a > a_high || d < d_low || d > d_high)
		fault(&sum.outside,
		      "OUTSIDE tid %d start %" PRIu64 ": %" PRIu64 " %" PRIu64 " not in %" PRIu64
		      "-%" PRIu64 " %" PRIu64 "-%" PRIu64 " (%s%s%s)",
		      (int)thread->tid, thread->start_time, a, d, a_low, a_high, d_low, d_high,
		      low ? "before " : "", high ? "after " : "", ended ? "ended" : "");
}

/* Whoever was there before and after the snapshot, unchanged, must be in it. */
static void check_none_lost(const struct ktstr_probe_snapshot *snapshot)
{
	size_t at = 0, count = ktstr_probe_snapshot_count(snapshot);

	for (int i = 0; i < TRUTH_SLOTS; i++) {
		if (before[i].generation % 2 == 0 || before[i].generation != after[i].generation)
			continue;
		for (at = 0; at < count; at++)
			if (ktstr_probe_snapshot_thread(snapshot, at)->tid == before[i].tid)
				break;
		if (at == count)
			fault(&sum.lost, "LOST tid %" PRId64 ", there before and after",
			      before[i].tid);
	}
}

static void check_error(const struct ktstr_probe_thread *thread, int whole)
{
	const struct copy *low = find(before, thread), *high = find(after, thread);

	if (whole && low && high && low->generation == high->generation)
		fault(&sum.errors_living, "ERROR tid %d, there before and after: %s: %s",
		      (int)thread->tid, ktstr_probe_thread_error_name(thread->error_kind),
		      thread->error_text);
	else
		sum.errors_gone++;
}

/* Returns 0, or the errno of a snapshot that failed. */
static int snapshot_and_check(struct ktstr_probe *probe)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	int64_t start;
	int rc, whole;

	take_copy(before);
	start = clock_ns(CLOCK_MONOTONIC);
	rc = ktstr_probe_snapshot_take(probe, &snapshot, &error);
	if ((uint64_t)(clock_ns(CLOCK_MONOTONIC) - start) > sum.longest_ns)
		sum.longest_ns = (uint64_t)(clock_ns(CLOCK_MONOTONIC) - start);
	take_copy(after);
	whole = !atomic_load(&killed);
	if (rc) {
		if (whole && has_ended()) /* by another's hand: that it has ended is the truth all
					     the same */
			sum.failed_ended++;
		else if (whole)
			fault(&sum.failed, "FAILED [%s] %s\n%s", ktstr_probe_tag_name(error.tag),
			      error.text, ktstr_probe_explain(probe));
		else
			sum.failed_killed++;
		return rc;
	}
	sum.snapshots++;
	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		if (thread->error_kind)
			check_error(thread, whole);
		else
			check_reading(thread);
	}
	if (whole)
		check_none_lost(snapshot);
	ktstr_probe_snapshot_free(snapshot);
	return 0;
}

/* ---- sessions ---- */

/* A session on the server, or NULL when it could not be opened; a failure counts once the server is
 * ready. */
static struct ktstr_probe *open_session(unsigned int kind)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	int was_ready = atomic_load(&truth->ready);
	struct ktstr_error error;
	struct ktstr_probe *probe;

	options.no_names = kind % 3 == 1;
	if (kind % 3 == 2)
		options.thread_pointer = KTSTR_PROBE_THREAD_POINTER_PTRACE;
	if (ktstr_probe_new(&probe, &options, NULL))
		die("ktstr_probe_new");
	if (ktstr_probe_open(probe, server, &error) == 0) {
		sum.sessions++;
		return probe;
	}
	ktstr_probe_close(probe);
	if (was_ready && !atomic_load(&killed))
		fault(&sum.failed, "FAILED open [%s] %s", ktstr_probe_tag_name(error.tag),
		      error.text);
	return NULL;
}

static void other_session(unsigned int kind)
{
	struct ktstr_probe *probe = open_session(kind);

	for (int i = 0; probe && i < 3; i++)
		snapshot_and_check(probe);
	ktstr_probe_close(probe);
}

/* The next tick; those that were missed are not made up for. */
static int64_t tick(int64_t due)
{
	due += TICK_NS;
	if (clock_ns(CLOCK_MONOTONIC) > due + TICK_NS) {
		sum.late++;
		return clock_ns(CLOCK_MONOTONIC);
	}
	sleep_until(due);
	return due;
}

static void wait_until_ready(void)
{
	int64_t limit = clock_ns(CLOCK_MONOTONIC) + 60 * NS_PER_SEC;

	while (!atomic_load(&truth->ready)) {
		if (clock_ns(CLOCK_MONOTONIC) > limit)
			die("the server does not get ready");
		usleep(1000);
	}
}

static void steady_part(int64_t until)
{
	static unsigned int kind;
	struct ktstr_probe *probe = NULL;
	int64_t due = clock_ns(CLOCK_MONOTONIC);

	if (!server) {
		start_server();
		wait_until_ready();
	}
	probe = open_session(0);
	for (unsigned long i = 1; probe && clock_ns(CLOCK_MONOTONIC) < until; i++) {
		if (snapshot_and_check(probe))
			break;
		if (i % 100 == 0)
			other_session(++kind);
		due = tick(due);
	}
	ktstr_probe_close(probe);
}

/* A server and each kind of session once, for the blocks that the libraries keep from their first
 * use. */
static void warm_up(void)
{
	heap_settle();
	start_server();
	wait_until_ready();
	for (unsigned int kind = 0; kind < 3; kind++)
		other_session(kind);
	end_server();
}

static void restart_part(int64_t until)
{
	static uint64_t random = 88172645463325252u;

	while (clock_ns(CLOCK_MONOTONIC) < until) {
		int64_t when, due = clock_ns(CLOCK_MONOTONIC);
		struct ktstr_probe *probe = NULL;
		pthread_t thread;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		start_server();
		when = clock_ns(CLOCK_MONOTONIC) + NS_PER_SEC / 2 +
		       (int64_t)(random % (uint64_t)NS_PER_SEC);
		if (pthread_create(&thread, NULL, killer, &when))
			die("pthread_create");
		while (!atomic_load(&killed) && !(probe = open_session(0)))
			usleep(500); /* from the fork on, so that it is opened at any moment of its
					start */
		while (probe && snapshot_and_check(probe) == 0)
			due = tick(due);
		ktstr_probe_close(probe);
		pthread_join(thread, NULL);
		end_server();
	}
}

/* ---- what this process itself uses ---- */

/* Without the file of the truth, which both map. */
static long anonymous_kib(void)
{
	char line[128];
	long kib = 0;
	FILE *in = fopen("/proc/self/status", "re");

	while (in && fgets(line, sizeof line, in))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib;
}

static int report(double seconds, long kib, long blocks, int fds)
{
	printf("%lu snapshots, %lu sessions, %lu servers in %.0f s (%.1f a second), %lu ticks "
	       "late, longest %.1f ms\n",
	       sum.snapshots, sum.sessions, sum.servers, seconds, (double)sum.snapshots / seconds,
	       sum.late, (double)sum.longest_ns / 1e6);
	printf("%lu readings: %lu of threads that went on, %lu of threads that ended, %lu of "
	       "threads that had not begun to "
	       "count, %lu without a name\n",
	       sum.readings, sum.in_slot, sum.ended, sum.new, sum.nameless);
	printf("%lu outside the truth, %lu lost, %lu strange, %lu errors of threads that were "
	       "there all the time, %lu of "
	       "others\n",
	       sum.outside, sum.lost, sum.strange, sum.errors_living, sum.errors_gone);
	printf("%lu failed, %lu failed when the server was killed, %lu when it had ended "
	       "otherwise\n",
	       sum.failed, sum.failed_killed, sum.failed_ended);
	printf("grown: %ld KiB, %ld blocks, %d descriptors\n", kib, blocks, fds);
	return sum.outside || sum.lost || sum.strange || sum.failed || !sum.readings ||
	       kib > GROWTH_KIB || blocks || fds || sum.errors_living * 1000 > sum.readings;
}

static void map_truth(void)
{
	static char path[] = "/tmp/ktstr-soak-XXXXXX";
	const char *directory = getenv("TMPDIR");
	char *name = path;
	int fd;

	if (directory && asprintf(&name, "%s/ktstr-soak-XXXXXX", directory) < 0)
		die("asprintf");
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof *truth))
		die(name);
	truth = mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (truth == MAP_FAILED)
		die("mmap");
	/* Nobody has to clean up, however this ends: the server opens it through us. */
	unlink(name);
	if (asprintf(&name, "/proc/%d/fd/%d", (int)getpid(), fd) < 0)
		die("asprintf");
	truth_path = name;
}

int main(int argc, char **argv)
{
	void (*part)(int64_t);
	int64_t start = clock_ns(CLOCK_MONOTONIC), length;
	long kib, blocks;
	int fds;

	if (argc != 4)
		return 2;
	server_program = argv[1];
	length = (int64_t)(strtod(argv[2], NULL) * (double)NS_PER_SEC);
	part = strcmp(argv[3], "restart") == 0 ? restart_part : steady_part;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s\n", argv[3]);
	map_truth();
	warm_up();
	part(start + (length / 10 > 4 * NS_PER_SEC ? length / 10 : 4 * NS_PER_SEC));
	/* From here on nothing new may be needed. */
	kib = anonymous_kib();
	blocks = heap_blocks();
	fds = open_files();
	part(start + length);
	kib = anonymous_kib() - kib;
	blocks = heap_blocks() - blocks;
	fds = open_files() - fds;
	if (server)
		end_server();
	return report((double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9, kib, blocks, fds);
}
