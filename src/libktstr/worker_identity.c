/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc tells of a worker. */
#include "config.h"

#include "worker_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/proc_stat.h"
#include "shared/proc_status.h"

ssize_t worker_identity_read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t got = 0;
	int fd, rc = 0;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	if (got < 0)
		rc = -errno;
	close(fd);
	text[used] = '\0';
	return rc ? rc : (ssize_t)used;
}

int worker_identity_read(pid_t pid, struct worker_identity *identity)
{
	char text[4096];
	uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);
	struct proc_status status;
	struct task_stat stat;
	ssize_t got = worker_identity_read_file(pid, "stat", text, sizeof text);
	int rc = got < 0 ? (int)got : proc_stat_parse(text, (size_t)got, &stat);

	if (rc)
		return rc;
	identity->tick_ns = (uint64_t)NS_PER_SEC / per_second;
	identity->start_ns = stat.start_time * identity->tick_ns;

	snprintf(text, sizeof text, "/proc/%d/status", (int)pid);
	rc = proc_status_read(AT_FDCWD, text, &status);
	if (rc)
		return rc == -ENOENT ? -ESRCH : rc;
	/* /proc/<tid> answers for threads as well, although it does not list them. */
	if (status.tgid != pid)
		return -ESRCH;
	identity->effective_uid = status.uids[PROC_STATUS_EFFECTIVE];
	identity->file_system_uid = status.uids[PROC_STATUS_FILE_SYSTEM];
	identity->inner_pid = (uint32_t)status.ns_tid;
	return 0;
}

/* The inode of a namespace, or of what a link of /proc/<process> leads to. */
static int stat_link(const char *process, const char *name, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%s/%s", process, name);
	return stat(path, st) ? -errno : 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void worker_namespaces_read(pid_t pid, struct worker_namespaces *namespaces)
{
	struct stat our_mounts, our_root, mounts, root, pids, child_pids;
	char process[16];
	int rc;

	*namespaces = (struct worker_namespaces){ .place = WORKER_PLACE_UNKNOWN };
	snprintf(process, sizeof process, "%d", (int)pid);
	if (stat_link("self", "ns/mnt", &our_mounts) || stat_link("self", "root", &our_root))
		return;
	rc = stat_link(process, "ns/mnt", &mounts);
	if (!rc) {
		namespaces->mount_namespace = mounts.st_ino;
		rc = stat_link(process, "root", &root);
	}
	if (rc) {
		if (rc == -ENOENT || rc == -ESRCH)
			namespaces->place = WORKER_PLACE_ENDED;
		/* Another mount namespace is known to be one although its root is closed to us. */
		else if (namespaces->mount_namespace && !same_file(&mounts, &our_mounts))
			namespaces->place = WORKER_PLACE_OTHER;
		return;
	}
	/* After unshare(CLONE_NEWPID) a process stays where it is; only its next child moves. */
	if (!stat_link(process, "ns/pid", &pids) &&
	    !stat_link(process, "ns/pid_for_children", &child_pids) &&
	    !same_file(&pids, &child_pids)) {
		namespaces->place = WORKER_PLACE_CHILD_PID_NS;
		namespaces->pid_namespace = child_pids.st_ino;
		return;
	}
	namespaces->place = same_file(&mounts, &our_mounts) && same_file(&root, &our_root)
				    ? WORKER_PLACE_OURS
				    : WORKER_PLACE_OTHER;
}

bool worker_identity_other_program(pid_t pid, char *text, size_t size)
{
	static const char worker[] = "ktstr-jemalloc-alloc-worker", cut[] = "...";
	char words[1024];
	ssize_t length = worker_identity_read_file(pid, "cmdline", words, sizeof words);
	const char *slash;

	if (length <= 0) /* a zombie, a kernel's thread, or not to be read */
		return false;
	slash = strrchr(words, '/');
	if (strcmp(slash ? slash + 1 : words, worker) == 0)
		return false;
	/* The words lie one after the other, each with its NUL: proc_pid_cmdline(5). */
	for (ssize_t i = 0; i < length; i++)
		if (words[i] == '\0' && i + 1 < length)
			words[i] = ' ';
		else if (words[i] != '\0' && (words[i] < ' ' || words[i] > '~'))
			words[i] = '?';
	if (snprintf(text, size, "%s", words) >= (int)size)
		memcpy(text + size - sizeof cut, cut, sizeof cut);
	return true;
}
