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
#include "check.h"
#include "shared/clock.h"
#include "truth.h"

#define TICK_NS    INT64_C(10000000) /* 100 Hz */
#define GROWTH_KIB 1024              /* what the C library may keep besides */

static const char *server_program, *truth_path;
static pid_t server;

static void sleep_until(int64_t when)
{
	struct timespec at = timespec_from_ns(when);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
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

static bool has_ended(void)
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

/* ---- a snapshot ---- */

/* Returns 0, or the errno of a snapshot that failed. */
static int snapshot_and_check(struct ktstr_probe *probe)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	int64_t start;
	bool whole;
	int rc;

	check_take_before();
	start = clock_ns(CLOCK_MONOTONIC);
	rc = ktstr_probe_snapshot_take(probe, &snapshot, &error);
	if ((uint64_t)(clock_ns(CLOCK_MONOTONIC) - start) > sum.longest_ns)
		sum.longest_ns = (uint64_t)(clock_ns(CLOCK_MONOTONIC) - start);
	check_take_after();
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
	bool was_ready = atomic_load(&truth->ready);
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
