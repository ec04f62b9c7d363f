/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program and lets one of its system calls fail, or fall short, once.
 *
 *	inject [-m] [-p CALL:NTH] [-k] [-t SECONDS] REPORT WHAT PROGRAM [ARGUMENT...]
 *
 *	WHAT	record, CALL:NTH:ERRNO or CALL:NTH:short
 *	-m	count only what is between the program's prctl(MARK_OPTION, 1) and (…, 0)
 *	-p	"parked" when the program enters that call: told in REPORT, then it is left
 *		alone until the end of our stdin, and killed; with -k at once
 *
 * Counted are the calls of all its threads and children up to a child's exec, but none of the
 * dynamic loader. REPORT gets lines: "call NAME COUNT ERRNO,... short|-" (record), "injected",
 * "parked PID", "hang", "left N" (processes that outlived the program), "exit N" or "signal N",
 * "done".
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "mark.h"
#include "registers.h"

#define TASKS 1024
#define CALLS 512

struct target {
	const char *name;
	unsigned long nth;
	int error; /* 0: short */
};

static struct task tasks[TASKS];
static unsigned long counts[CALLS];
static struct target wanted, parked;
static volatile sig_atomic_t late;
static bool by_mark, before_exec, kill_parked, counting, injected, at_end;
static uint64_t loader_start, loader_end;
static pid_t program;
static FILE *report;

void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(99);
}

static struct task *task_of(pid_t tid)
{
	struct task *unused = NULL;

	for (size_t i = 0; i < TASKS; i++) {
		if (tasks[i].tid == tid)
			return &tasks[i];
		if (!tasks[i].tid && !unused)
			unused = &tasks[i];
	}
	if (!unused)
		die("too many tasks");
	*unused = (struct task){ .tid = tid };
	return unused;
}

/* ---- what is counted ---- */

/* AT_BASE, getauxval(3): where the dynamic loader lies; 0 in a static program. */
static uint64_t loader_base(pid_t pid)
{
	uint64_t pair[2], base = 0;
	char path[64];
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
	in = fopen(path, "r");
	while (in && fread(pair, sizeof pair, 1, in) == 1)
		if (pair[0] == AT_BASE)
			base = pair[1];
	if (in)
		fclose(in);
	return base;
}

static void find_loader(pid_t pid)
{
	uint64_t start, end, base = loader_base(pid);
	char path[64], line[512];
	FILE *in;

	loader_start = loader_end = base;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	in = fopen(path, "r");
	while (base && in && fgets(line, sizeof line, in))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && start == loader_end)
			loader_end = end;
	if (in)
		fclose(in);
}

static bool is(const struct target *target, const char *name, unsigned long nth)
{
	return target->name && nth == target->nth && strcmp(target->name, name) == 0;
}

static void tell_record(void)
{
	for (long number = 0; number < CALLS; number++) {
		const struct call *call = call_by_number(number);

		if (!counts[number] || (call && call->how == CALL_NEVER))
			continue;
		if (!call) {
			fprintf(report, "unknown %ld\n", number);
			continue;
		}
		fprintf(report, "call %s %lu ", call->name, counts[number]);
		for (int i = 0; i < CALL_ERRORS && call->errors[i]; i++)
			fprintf(report, "%s%s", i ? "," : "", strerrorname_np(call->errors[i]));
		fprintf(report, " %s\n", call->size_argument ? "short" : "-");
	}
}

static void on_parked(void)
{
	char byte;

	fprintf(report, "parked %d\n", (int)program);
	fflush(report);
	at_end = true;
	if (kill_parked)
		return;
	if (ptrace(PTRACE_CONT, program, NULL, NULL))
		die("PTRACE_CONT");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void on_entry(struct task *task, const struct __ptrace_syscall_info *info)
{
	long number = (long)info->entry.nr;
	const struct call *call = call_by_number(number);
	unsigned long nth;

	if (number == SYS_prctl && info->entry.args[0] == MARK_OPTION) {
		counting = info->entry.args[1] != 0;
		return;
	}
	if (number < 0 || number >= CALLS || before_exec || (by_mark && !counting) ||
	    (info->instruction_pointer >= loader_start && info->instruction_pointer < loader_end))
		return;
	nth = ++counts[number];
	if (call && is(&wanted, call->name, nth)) {
		injected = true;
		if (wanted.error) {
			task->result = number == SYS_brk ? 0 : -wanted.error;
			if (number == SYS_brk)
				ask_for_break(task);
			else if (call->how == CALL_INSTEAD)
				skip_call(task->tid);
		} else {
			shorten(task, call);
		}
	} else if (call &&
		   is(&parked, call->name,
		      nth - (injected && wanted.name && strcmp(wanted.name, call->name) == 0))) {
		on_parked();
	}
}

/* ---- the loop ---- */

static void resume(pid_t tid, int signo)
{
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)signo);
}

static void on_syscall(struct task *task)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof info, &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(task, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(task);
}

/* Returns whether the thread is to go on. */
static bool on_event(struct task *task, int event)
{
	if (event != PTRACE_EVENT_EXEC)
		return true;
	if (task->tid == program) {
		find_loader(program);
		return true;
	}
	/* A child has become another program, which is not what is tested. */
	ptrace(PTRACE_DETACH, task->tid, NULL, NULL);
	task->tid = 0;
	return false;
}

static void on_stop(pid_t tid, int status)
{
	struct task *task = task_of(tid);
	int signo = WSTOPSIG(status);
	bool first = !task->known;

	task->known = true;
	if (signo == (SIGTRAP | 0x80)) {
		on_syscall(task);
	} else if (status >> 16) {
		if (!on_event(task, status >> 16))
			return;
	} else if (!(first && signo == SIGSTOP)) { /* a new thread or child begins with that */
		resume(tid, signo);
		return;
	}
	resume(tid, 0);
}

static void on_alarm(int signo)
{
	(void)signo;
	late = 1; /* and waitpid() returns */
}

/* What the program left behind is ours now: PR_SET_CHILD_SUBREAPER. Some may be just about to end.
 */
static int end_others(void)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	char path[64], text[4096];
	int left = 0, fd;
	ssize_t n;

	for (int i = 0; i < 400; i++) {
		pid_t got;
		int status;

		while ((got = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
			if (WIFSTOPPED(status))
				on_stop(got, status);
		if (got < 0)
			return left;
		if (i == 200) {
			snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
			fd = open(path, O_RDONLY | O_CLOEXEC);
			n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
			if (fd >= 0)
				close(fd);
			text[n > 0 ? n : 0] = '\0';
			for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
				pid_t pid = (pid_t)strtol(at, &end, 10);

				if (pid <= 0)
					break;
				kill(pid, SIGKILL);
				left++;
			}
		}
		nanosleep(&pause, NULL);
	}
	return left;
}

static int loop(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || late) {
		if (late) {
			fputs("hang\n", report);
			kill(program, SIGKILL);
			late = 0;
			continue;
		}
		if (WIFSTOPPED(status)) {
			on_stop(tid, status);
			if (at_end) {
				kill(program, SIGKILL);
				waitpid(program, &status, __WALL);
				return status;
			}
			continue;
		}
		task_of(tid)->tid = 0;
		if (tid == program)
			return status;
	}
	die("waitpid");
	return 0;
}

static void start(char **argv)
{
	int status, options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			      PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

	program = fork();
	if (program < 0)
		die("fork");
	if (program == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(77);
		raise(SIGSTOP);
		execv(argv[0], argv);
		_exit(127);
	}
	if (waitpid(program, &status, __WALL) != program || !WIFSTOPPED(status)) {
		fprintf(stderr, "inject: ptrace is refused here\n");
		exit(77);
	}
	if (ptrace(PTRACE_SETOPTIONS, program, NULL, options))
		die("PTRACE_SETOPTIONS");
	task_of(program)->known = true;
	before_exec = true; /* nothing is counted before the exec */
	/* Up to the exec without stops at calls. */
	if (ptrace(PTRACE_CONT, program, NULL, NULL) ||
	    waitpid(program, &status, __WALL) != program ||
	    status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		die(argv[0]);
	before_exec = false;
	find_loader(program);
	resume(program, 0);
}

static void parse_target(char *text, struct target *target)
{
	char *nth = strchr(text, ':'), *error;

	if (!nth)
		return;
	*nth++ = '\0';
	target->name = text;
	target->nth = strtoul(nth, &error, 10);
	if (*error == ':' && strcmp(error + 1, "short") != 0) {
		target->error = call_error_by_name(error + 1);
		if (!target->error)
			die("unknown errno");
	}
	if (!call_by_name(text))
		die("unknown call");
}

int main(int argc, char **argv)
{
	unsigned int seconds = 60;
	int option, status, left;

#ifndef __x86_64__
	return 77;
#endif
	while ((option = getopt(argc, argv, "+mkp:t:")) != -1) {
		if (option == 'm')
			by_mark = true;
		else if (option == 'k')
			kill_parked = true;
		else if (option == 'p')
			parse_target(optarg, &parked);
		else if (option == 't')
			seconds = (unsigned int)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind < 3)
		return 2;
	report = fopen(argv[optind], "we");
	if (!report)
		die(argv[optind]);
	parse_target(argv[optind + 1], &wanted);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alarm(seconds);
	start(argv + optind + 2);
	status = loop();
	left = end_others();
	if (!wanted.name)
		tell_record();
	if (injected)
		fputs("injected\n", report);
	if (left)
		fprintf(report, "left %d\n", left);
	if (WIFSIGNALED(status))
		fprintf(report, "signal %d\n", WTERMSIG(status));
	else
		fprintf(report, "exit %d\n", WEXITSTATUS(status));
	fputs("done\n", report);
	return fclose(report) ? 99 : 0;
}
