/* SPDX-License-Identifier: BSD-2-Clause */
/* A full /tmp, and too little memory: an honest end, never a false ready. */
#include "config.h"

#include "guest_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_code(const struct ktstr_worker_ready_result *result)
{
	return result->wait_status_known && WIFEXITED(result->wait_status)
		       ? WEXITSTATUS(result->wait_status)
		       : -1;
}

/* The one line that a worker which gives up writes on stderr. */
static void require_complaint(struct ktstr_payload *payload, const char *part)
{
	struct ktstr_payload_captured output;

	require(!ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &output, NULL), "no output");
	printf("%s", output.data);
	require(strncmp(output.data, "jemalloc-alloc-worker: ", 23) == 0 &&
			strstr(output.data, part) &&
			strchr(output.data, '\n') == output.data + output.size - 1,
		"\"%s\" is not told in one line", part);
	require(!ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL) &&
			output.size == 0,
		"it called itself ready: %s", output.data);
}

static void require_no_marker(void)
{
	DIR *directory = opendir("/tmp");
	struct dirent *entry;

	require(directory, "/tmp: %m");
	while ((entry = readdir(directory)))
		require(strncmp(entry->d_name, "ktstr-", 6), "%s stands", entry->d_name);
	closedir(directory);
}

/* In a namespace of this test's, which the worker shares: with the file gone, the same /tmp serves.
 */
static void full_tmp(const char *worker, const char *options, bool fill, const char *complaint)
{
	static const char page[4096];
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	pid_t pid;
	int fd;

	leave_mount_namespace();
	mount_tmpfs("/tmp", options);
	fd = open("/tmp/full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	require(fd >= 0, "/tmp/full: %m");
	while (fill && write(fd, page, sizeof page) > 0)
		;
	close(fd);

	payload = start((const char *[]){ worker, BYTES_TEXT, NULL }, &pid);
	result = wait_for(payload, KTSTR_WORKER_READY_EXITED_BEFORE);
	require(exit_code(&result) == 4, "wait status %#x", (unsigned)result.wait_status);
	require_complaint(payload, complaint);
	require_no_marker();

	require(!unlink("/tmp/full"), "/tmp/full: %m");
	start_ready(worker, &pid);
	require_known(pid);
}

static void no_space(const char *worker, const struct guest_test *test)
{
	(void)test;
	full_tmp(worker, "mode=1777,size=64k", true, "failed to write ready marker");
}

static void no_inode(const char *worker, const struct guest_test *test)
{
	(void)test;
	full_tmp(worker, "mode=1777,nr_inodes=2", false, "failed to write ready marker");
}

/* At least twice the guest's memory, and one of jemalloc's size classes. */
static void more_than_memory(char text[32])
{
	struct sysinfo info;
	uint64_t bytes = 1;

	require(!sysinfo(&info), "sysinfo: %m");
	while (bytes < 2 * (uint64_t)info.totalram * info.mem_unit)
		bytes *= 2;
	snprintf(text, 32, "%" PRIu64, bytes);
	printf("%s bytes in a guest with %" PRIu64 "\n", text,
	       (uint64_t)info.totalram * info.mem_unit);
}

/* jemalloc reserves without backing wherever the kernel overcommits: the worker itself must refuse.
 */
static void bytes_above_memory(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	char text[32], mode[2] = { (char)('0' + test->level), 0 };
	pid_t pid;

	more_than_memory(text);
	write_file("/proc/sys/vm/overcommit_memory", mode);
	payload = start((const char *[]){ worker, text, NULL }, &pid);
	result = wait_for(payload, KTSTR_WORKER_READY_EXITED_BEFORE);
	write_file("/proc/sys/vm/overcommit_memory", "0");
	require(exit_code(&result) == 7, "wait status %#x", (unsigned)result.wait_status);
	require_complaint(payload, "cannot allocate");
	require_no_marker();
}

/* The kernel takes the worker first, and then the process that took all memory. */
static void out_of_memory(struct ktstr_payload *payload, pid_t pid,
			  enum ktstr_worker_ready_outcome outcome)
{
	struct ktstr_worker_ready_result result;
	char path[64];
	pid_t hog;

	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
	write_file(path, "1000");
	start((const char *[]){ DRIVER_PATH, "hog", NULL }, &hog);
	/* A worker that stands ready is no news: its end is. */
	require(!waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), "waitid: %m");
	result = wait_for(payload, outcome);
	require(result.wait_status_known && WIFSIGNALED(result.wait_status) &&
			WTERMSIG(result.wait_status) == SIGKILL &&
			strstr(result.text, "killed by signal 9"),
		"wait status %#x", (unsigned)result.wait_status);
}

static void killed_for_memory_before(const char *worker, const struct guest_test *test)
{
	struct ktstr_payload *payload;
	pid_t pid;

	(void)test;
	payload = start_stopped_early((const char *[]){ worker, BYTES_TEXT, NULL }, &pid);
	out_of_memory(payload, pid, KTSTR_WORKER_READY_EXITED_BEFORE);
	require_no_marker();
}

static void killed_for_memory_after(const char *worker, const struct guest_test *test)
{
	struct ktstr_payload *payload;
	pid_t pid;

	(void)test;
	payload = start_ready(worker, &pid);
	out_of_memory(payload, pid, KTSTR_WORKER_READY_EXITED_AFTER);
}

const struct guest_test scarcity_tests[] = {
	{ .name = "a full /tmp ends it with 4 and no marker, and with room it is ready",
	  .run = no_space },
	{ .name = "a /tmp without inodes ends it with 4 and no marker, and with some it is ready",
	  .run = no_inode },
	{ .name = NULL },
};

const struct guest_test memory_tests[] = {
	{ .name = "BYTES above memory end it with 7 under overcommit by heuristics",
	  .run = bytes_above_memory },
	{ .name = "BYTES above memory end it with 7 under overcommit always",
	  .run = bytes_above_memory,
	  .level = 1 },
	{ .name = "BYTES above memory end it with 7 under overcommit never",
	  .run = bytes_above_memory,
	  .level = 2 },
	{ .name = "out of memory before the marker it is killed by signal 9",
	  .run = killed_for_memory_before },
	{ .name = "out of memory after the marker it is killed by signal 9",
	  .run = killed_for_memory_after },
	{ .name = NULL },
};
