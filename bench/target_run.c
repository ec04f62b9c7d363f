/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts bench/target, gives it jobs and ends it. */
#include "config.h"

#include "target_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

__attribute__((noreturn)) static void become(const char *path, unsigned int threads, int in,
					     int out)
{
	char number[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(number, sizeof number, "%u", threads);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(path, path, number, (char *)NULL);
	dprintf(STDERR_FILENO, "bench: %s: %s\n", path, strerror(errno));
	_exit(127);
}

int target_start(struct target *target, const char *path, unsigned int threads, char *text,
		 size_t size)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		give_up("pipe", strerror(errno));
	fflush(NULL);
	target->pid = fork();
	if (target->pid < 0)
		give_up("fork", strerror(errno));
	if (target->pid == 0)
		become(path, threads, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	target->jobs = fdopen(in[1], "we");
	target->answers = fdopen(out[0], "re");
	if (!target->jobs || !target->answers)
		give_up("fdopen", strerror(errno));
	if (fscanf(target->answers, "ready %" SCNd64 " %" SCNd64, &target->counters,
		   &target->head) == 2)
		return 0;
	snprintf(text, size, "the target with %u threads did not start", threads);
	target_stop(target);
	return -1;
}

void target_begin(struct target *target, const char *job, int ms)
{
	fprintf(target->jobs, "%s %d\n", job, ms);
	fflush(target->jobs);
}

void target_end(struct target *target, int64_t numbers[3])
{
	if (fscanf(target->answers, "%" SCNd64 " %" SCNd64 " %" SCNd64, &numbers[0], &numbers[1],
		   &numbers[2]) != 3)
		give_up("target", "it ended before it answered");
}

void target_stop(struct target *target)
{
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
	fclose(target->jobs);
	fclose(target->answers);
}
