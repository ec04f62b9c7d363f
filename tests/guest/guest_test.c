/* SPDX-License-Identifier: BSD-2-Clause */
/* What the inner tests use: processes, files and namespaces of the guest, and the wait. */
#include "config.h"

#include "guest_test.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/worker_ready.h>

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	exit(EXIT_FAILURE);
}

void become_user(void)
{
	require(!setgroups(0, NULL) && !setgid(USER) && !setuid(USER), "cannot become user %d: %m",
		USER);
	/* As after a login: a process that changed its user is not dumpable until its next exec. */
	require(!prctl(PR_SET_DUMPABLE, 1), "cannot be dumpable: %m");
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		"cannot write %s into %s: %m", text, path);
	close(fd);
}

void leave_mount_namespace(void)
{
	require(!unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
		"no mount namespace: %m");
}

void mount_tmpfs(const char *path, const char *options)
{
	require(!mount("tmpfs", path, "tmpfs", 0, options), "cannot mount a tmpfs on %s: %m", path);
}

unsigned long namespace_number(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
	require(!stat(path, &st), "%s: %m", path);
	return (unsigned long)st.st_ino;
}

struct ktstr_payload *start(const char *const argv[], pid_t *pid)
{
	const struct ktstr_payload_options options = {
		.size = sizeof(struct ktstr_payload_options),
		.out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
		.err = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
	};
	struct ktstr_payload *payload;
	struct ktstr_error error;

	require(!ktstr_payload_spawn(argv, &options, &payload, &error), "%s", error.text);
	require(!ktstr_payload_pid(payload, pid, NULL), "a payload without a pid");
	return payload;
}

static void require_outcome(int rc, const struct ktstr_error *error,
			    const struct ktstr_worker_ready_result *result,
			    enum ktstr_worker_ready_outcome outcome)
{
	require(!rc, "the wait failed: %s", error->text);
	printf("%s\n", result->text);
	require(result->outcome == outcome, "outcome %s where %s was expected",
		ktstr_worker_ready_outcome_name(result->outcome),
		ktstr_worker_ready_outcome_name(outcome));
}

struct ktstr_worker_ready_result wait_for(struct ktstr_payload *payload,
					  enum ktstr_worker_ready_outcome outcome)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;
	int rc = ktstr_worker_ready_wait(payload, "worker", PATIENCE_MS, &result, &error);

	require_outcome(rc, &error, &result, outcome);
	return result;
}

struct ktstr_worker_ready_result wait_for_pid(pid_t pid, enum ktstr_worker_ready_outcome outcome)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;
	int rc = ktstr_worker_ready_wait_pid(pid, "worker", PATIENCE_MS, &result, &error);

	require_outcome(rc, &error, &result, outcome);
	return result;
}

struct ktstr_payload *start_ready(const char *worker, pid_t *pid)
{
	struct ktstr_payload *payload = start((const char *[]){ worker, BYTES_TEXT, NULL }, pid);

	wait_for(payload, KTSTR_WORKER_READY);
	return payload;
}

bool marker_exists(pid_t pid)
{
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	struct stat st;

	require(!ktstr_worker_ready_marker_path((uint32_t)pid, path, sizeof path),
		"no marker path");
	return lstat(path, &st) == 0;
}

static bool is_stopped(pid_t pid)
{
	char path[64], state = '?';
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	require(file && fscanf(file, "%*d %*s %c", &state) == 1, "%s: %m", path);
	fclose(file);
	return state == 'T';
}

struct ktstr_payload *start_stopped_early(const char *const argv[], pid_t *pid)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	/* Whether the stop came before the marker is seen, not hoped for: one that came late is
	 * thrown away. */
	for (int round = 0; round < 50; round++) {
		struct ktstr_payload *payload = start(argv, pid);
		int waited = 0;

		require(!kill(*pid, SIGSTOP), "cannot stop %d: %m", (int)*pid);
		while (!is_stopped(*pid) && waited++ < PATIENCE_MS)
			nanosleep(&moment, NULL);
		require(is_stopped(*pid), "%d does not stop", (int)*pid);
		if (!marker_exists(*pid))
			return payload;
		ktstr_payload_close(payload);
	}
	fail("the worker was ready 50 times before it could be stopped");
}
