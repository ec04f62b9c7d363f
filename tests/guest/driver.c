/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's first process: mounts, runs the lists and the programs (program=/bin/NAME) that are
 * named behind "--" on the kernel's command line, reports each test on the console and powers off.
 * With another pid it is one of helpers.c.
 */
#include "config.h"

#include "guest_test.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "shared/clock.h"

#define TEST_LIMIT_S   120
#define PROGRAM_PREFIX "program=" /* before the path of a program that is a test */
#define SLOW_FAILURES \
	3 /* tests that failed by waiting: behind so many the list ends, each would wait again */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8 /* syslog(2) */

static const struct {
	const char *name, *path;
} workers[] = {
	{ .name = "default worker", .path = "/bin/ktstr-jemalloc-alloc-worker" },
	{ .name = "static worker", .path = "/bin/ktstr-jemalloc-alloc-worker-static" },
};

static const struct {
	const char *list;
	const struct guest_test *tests;
} groups[] = {
	{ .list = "full", .tests = loop_tests },      { .list = "full", .tests = namespace_tests },
	{ .list = "full", .tests = scarcity_tests },  { .list = "full", .tests = yama_tests },
	{ .list = "full", .tests = yama_last_tests }, { .list = "memory", .tests = memory_tests },
};

static int passed, failed, slow_failures;

/* Without these there is nothing to report on: the panic that follows is what the outside sees. */
static void set_up(void)
{
	static const struct {
		const char *type, *path, *options;
	} mounts[] = {
		{ .type = "devtmpfs", .path = "/dev", .options = NULL },
		{ .type = "proc", .path = "/proc", .options = NULL },
		{ .type = "tmpfs", .path = "/tmp", .options = "mode=1777" },
	};
	int console;

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		(void)mkdir(mounts[i].path, 0755);
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, mounts[i].options))
			exit(EXIT_FAILURE);
	}
	console = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console < 0)
		exit(EXIT_FAILURE);
	/* From here on the kernel speaks up only when it dies, and cannot break a line of ours in
	 * two. */
	(void)klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, 3);
	report_open(console);
	setenv("PATH", "/bin", 1);
}

static int64_t seconds(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NS_PER_SEC;
}

/* What a test said, told line by line. */
static void report_said(char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		report("diag %s", line);
}

/* Collects what the test says until it ends, or until the limit. Returns its wait status, or -1. */
static int follow(pid_t child, int pipe_fd, char *said, size_t size)
{
	int64_t limit = seconds() + TEST_LIMIT_S;
	struct pollfd from = { .fd = pipe_fd, .events = POLLIN };
	size_t used = 0;
	bool ended = false;
	int status = -1;

	for (;;) {
		ssize_t got = -1;

		if (poll(&from, 1, 20) > 0)
			got = read(pipe_fd, said + used, size - 1 - used);
		if (got > 0)
			used += (size_t)got;
		if (got == 0 && ended)
			break;
		if (!ended && (waitpid(child, &status, WNOHANG) == child || seconds() >= limit)) {
			/* All but this process: nothing of a test is left to the next one. */
			(void)kill(-1, SIGKILL);
			while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
				;
			ended = true;
		}
		if (used == size - 1)
			used = 0; /* endless output: its last part counts */
	}
	said[used] = '\0';
	return status;
}

static void remove_markers(void)
{
	glob_t found;

	if (glob("/tmp/*", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
	globfree(&found);
}

static void set_yama_free(void)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1); /* level 3 stays */
	close(fd);
}

/* One test, in a process of its own: an inner one with that worker, or a program, by its path. */
static void run_test(const char *what, const struct guest_test *test, const char *path)
{
	static char said[65536];
	int64_t began = seconds();
	int ends[2], status;
	pid_t child;

	set_yama_free();
	report("begin %s: %s", what, test ? test->name : path);
	if (pipe2(ends, O_CLOEXEC) || (child = fork()) < 0) {
		report("not ok %s: %s", what, test ? test->name : path);
		failed++;
		return;
	}
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		setvbuf(stdout, NULL, _IOLBF, 0);
		if (test) {
			test->run(path, test);
			exit(EXIT_SUCCESS);
		}
		execl(path, path, (char *)NULL);
		fail("%s: %m", path);
	}
	close(ends[1]);
	status = follow(child, ends[0], said, sizeof said);
	close(ends[0]);
	remove_markers();
	report_said(said);
	if (status != 0) {
		if (!WIFEXITED(status))
			report("diag ended with wait status %#x (-1: not within %d s)",
			       (unsigned)status, TEST_LIMIT_S);
		report("not ok %s: %s", what, test ? test->name : path);
		failed++;
		slow_failures += seconds() - began >= PATIENCE_MS / 1000;
	} else {
		report("ok %s: %s", what, test ? test->name : path);
		passed++;
	}
}

static void run_list(const char *list)
{
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
		for (size_t w = 0;
		     strcmp(groups[g].list, list) == 0 && w < sizeof workers / sizeof *workers; w++)
			for (const struct guest_test *test = groups[g].tests;
			     test->name && slow_failures < SLOW_FAILURES; test++)
				run_test(workers[w].name, test, workers[w].path);
}

/* For the tests of the outside: what a guest that goes wrong looks like there. */
static void go_wrong(const char *how)
{
	if (strcmp(how, "fault-garbled") == 0)
		report_garbled("ok a line that was damaged on its way");
	else if (strcmp(how, "fault-lost") == 0) {
		report_open(open("/dev/null", O_WRONLY | O_CLOEXEC));
		report("not ok a line that never arrives");
		report_open(open("/dev/console", O_WRONLY | O_CLOEXEC));
	} else if (strcmp(how, "fault-panic") == 0)
		exit(EXIT_FAILURE); /* the kernel panics when its first process ends */
	else if (strcmp(how, "fault-hang") == 0)
		for (;;)
			pause();
	else if (strcmp(how, "fault-short") == 0)
		reboot(RB_POWER_OFF);
	else if (strcmp(how, "fault-test") == 0)
		report("not ok a test that fails");
}

int main(int argc, char **argv)
{
	struct utsname kernel;

	if (getpid() != 1) {
		helper_main(argc, argv);
		return EXIT_FAILURE;
	}
	set_up();
	uname(&kernel);
	report("hello Linux %s on %s, %ld CPUs", kernel.release, kernel.machine,
	       sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = 1; i < argc; i++) {
		go_wrong(argv[i]);
		run_list(argv[i]);
		if (strncmp(argv[i], PROGRAM_PREFIX, strlen(PROGRAM_PREFIX)) == 0)
			run_test("program", NULL, argv[i] + strlen(PROGRAM_PREFIX));
	}
	if (slow_failures >= SLOW_FAILURES) {
		report("not ok the list was given up after %d tests that failed by waiting",
		       slow_failures);
		failed++;
	}
	report("end %d %d", passed, failed);
	(void)tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
