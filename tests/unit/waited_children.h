/* SPDX-License-Identifier: BSD-2-Clause */
/* Children in a worker's place, for the tests of the wait; to be included behind cmocka.h. */
#ifndef KTSTR_TESTS_WAITED_CHILDREN_H
#define KTSTR_TESTS_WAITED_CHILDREN_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#define SOON_MS     60    /* for a wait that is expected to time out */
#define PATIENCE_MS 20000 /* for one that is not: slow machines, valgrind */
#define OTHER_UID   12345

static struct ktstr_worker_ready_result result;
static struct ktstr_error error;
static char marker[64];

static inline void pause_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static inline void set_marker_path(pid_t pid)
{
	assert_int_equal(ktstr_worker_ready_marker_path((uint32_t)pid, marker, sizeof marker), 0);
}

static inline void write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content) || close(fd))
		_exit(99);
}

static inline void remove_marker(void)
{
	if (unlink(marker) && errno == EISDIR)
		rmdir(marker);
}

/* A child that runs `body` after delay_ms, and then sleeps until it is killed. No marker stands for
 * its pid yet. */
static inline pid_t child(void (*body)(void), long delay_ms)
{
	int go[2];
	char none;
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		close(go[1]);
		if (read(go[0], &none, 1) < 0)
			_exit(99);
		close(go[0]);
		ktstr_worker_ready_marker_path((uint32_t)getpid(), marker, sizeof marker);
		if (delay_ms)
			pause_ms(delay_ms);
		if (body)
			body();
		for (;;)
			pause();
	}
	set_marker_path(pid);
	remove_marker(); /* what was killed may have left one, and pids come again */
	close(go[0]);
	close(go[1]);
	return pid;
}

static inline void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	set_marker_path(pid);
	remove_marker();
}

static inline void wait_for(pid_t pid, int timeout_ms, enum ktstr_worker_ready_outcome outcome)
{
	int rc = ktstr_worker_ready_wait_pid(pid, "test-worker", timeout_ms, &result, &error);

	if (rc)
		fail_msg("%s", error.text);
	if (result.outcome != outcome)
		fail_msg("%s", result.text);
	assert_non_null(strstr(result.text, "test-worker"));
	assert_non_null(strstr(result.text, marker));
}

static inline void body_write(void)
{
	write_file(marker, "ready\n");
}

#endif
