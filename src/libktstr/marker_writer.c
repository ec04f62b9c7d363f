/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a marker is: the kernel's count of written bytes, or that nobody else can have made it. */
#include "config.h"

#include "marker_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/decimal.h"
#include "shared/proc_status.h"

/* linux/nsfs.h: PID_NS_INIT_INO, the inode number of the pid namespace from which all are seen. */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu

uint64_t marker_writer_count(pid_t pid)
{
	uint64_t count = MARKER_WRITER_UNKNOWN;
	char text[512];
	const char *at;

	if (worker_identity_read_file(pid, "io", text, sizeof text) < 0)
		return MARKER_WRITER_UNKNOWN;
	at = strstr(text, "\nwchar: ");
	if (at)
		(void)decimal_prefix(at + strlen("\nwchar: "), &count);
	return count;
}

/* Does this process see another file at the marker's path? If that cannot be told, it does not. */
static bool looks_elsewhere(pid_t pid, int directory, const char *path)
{
	const char *name;
	struct stat ours, its;
	int fd = marker_check_open_directory(pid, true, path, &name);
	bool elsewhere;

	if (fd < 0)
		return false;
	elsewhere = !fstat(directory, &ours) && !fstat(fd, &its) &&
		    (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino);
	close(fd);
	return elsewhere;
}

/*
 * Finds a process other than the worker that has the worker's number in its own pid namespace, so
 * that its marker has the same name. Returns its pid, or 0.
 */
static pid_t find_rival(pid_t pid, uint32_t inner_pid, int directory, const char *path)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	char file[sizeof entry->d_name + 16];
	struct proc_status status;
	pid_t rival = 0;

	while (!rival && processes && (entry = readdir(processes))) {
		uint64_t number;

		if (decimal_parse(entry->d_name, 1, INT32_MAX, &number) || (pid_t)number == pid)
			continue;
		snprintf(file, sizeof file, "%s/status", entry->d_name);
		if (!proc_status_read(dirfd(processes), file, &status) &&
		    (uint32_t)status.ns_tid == inner_pid &&
		    !looks_elsewhere((pid_t)number, directory, path))
			rival = (pid_t)number;
	}
	if (processes)
		closedir(processes);
	return rival;
}

/* Are all processes of this machine to be seen here? Not within a container, nor with hidepid. */
static bool sees_all(void)
{
	struct stat st;

	/* A kernel without pid namespaces has no such link: there is nothing to hide behind. */
	return (stat("/proc/self/ns/pid", &st) || st.st_ino == FIRST_PID_NAMESPACE) &&
	       !access("/proc/1/status", R_OK);
}

enum marker_check_verdict marker_writer_examine(pid_t pid, const struct worker_identity *worker,
						int directory, const char *path, uint64_t before,
						struct marker_check_file *file)
{
	uint64_t count;

	/* An empty file tells nothing; no worker leaves one standing. */
	if (file->size == 0)
		return MARKER_CHECK_FRESH;
	count = marker_writer_count(pid);
	if (count != MARKER_WRITER_UNKNOWN)
		return count >= before && count - before >= file->size ? MARKER_CHECK_FRESH
								       : MARKER_CHECK_OF_OTHER;
	file->rival = find_rival(pid, worker->inner_pid, directory, path);
	if (file->rival)
		return MARKER_CHECK_OF_RIVAL;
	return sees_all() ? MARKER_CHECK_FRESH : MARKER_CHECK_UNPROVEN;
}
