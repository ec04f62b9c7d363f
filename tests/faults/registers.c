/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of a stopped task: the one part of inject that knows the architecture. */
#define _GNU_SOURCE
#include "registers.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#ifdef __x86_64__
/* x86-64 psABI 1.0, A.2.1: arguments of a system call in rdi, rsi, rdx, r10, r8, r9, the result in
 * rax. */
static unsigned long long *argument(struct user_regs_struct *regs, int which)
{
	unsigned long long *const all[] = { &regs->rdi, &regs->rsi, &regs->rdx, &regs->r10 };

	return all[which - 1];
}

static void get_regs(pid_t tid, struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_GETREGS, tid, NULL, regs))
		die("PTRACE_GETREGS");
}

void skip_call(pid_t tid)
{
	struct user_regs_struct regs;

	get_regs(tid, &regs);
	regs.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, tid, NULL, &regs);
}

/* process_vm_readv: half of the ranges, or half of the only one. */
static void shorten_ranges(struct task *task, struct user_regs_struct *regs)
{
	if (regs->rdx > 1) {
		task->restore = 3;
		task->saved = regs->rdx;
		regs->rdx /= 2;
		return;
	}
	task->poked = regs->rsi + 8; /* iov_len of the first, struct iovec */
	task->poked_value = (uint64_t)ptrace(PTRACE_PEEKDATA, task->tid, task->poked, NULL);
	ptrace(PTRACE_POKEDATA, task->tid, task->poked, task->poked_value / 2);
}

void shorten(struct task *task, const struct call *call)
{
	struct user_regs_struct regs;
	unsigned long long *size;

	get_regs(task->tid, &regs);
	if (call->number == SYS_process_vm_readv) {
		shorten_ranges(task, &regs);
	} else {
		size = argument(&regs, call->size_argument);
		task->restore = call->size_argument;
		task->saved = *size;
		*size = *size > (unsigned long long)call->shorter
				? (unsigned long long)call->shorter
				: *size;
	}
	ptrace(PTRACE_SETREGS, task->tid, NULL, &regs);
}

/* brk(2), "C library/kernel differences": on failure the system call returns the current break. */
void ask_for_break(struct task *task)
{
	struct user_regs_struct regs;

	get_regs(task->tid, &regs);
	task->restore = 1;
	task->saved = regs.rdi;
	regs.rdi = 0;
	ptrace(PTRACE_SETREGS, task->tid, NULL, &regs);
}

void on_exit_of_call(struct task *task)
{
	struct user_regs_struct regs;

	if (!task->result && !task->restore && !task->poked)
		return;
	get_regs(task->tid, &regs);
	if (task->result)
		regs.rax = (unsigned long long)task->result;
	if (task->restore)
		*argument(&regs, task->restore) = task->saved;
	if (task->poked)
		ptrace(PTRACE_POKEDATA, task->tid, task->poked, task->poked_value);
	ptrace(PTRACE_SETREGS, task->tid, NULL, &regs);
	task->result = task->restore = 0;
	task->poked = 0;
}
#else
void skip_call(pid_t tid)
{
	(void)tid;
}
void ask_for_break(struct task *task)
{
	(void)task;
}
void shorten(struct task *task, const struct call *call)
{
	(void)task;
	(void)call;
}
void on_exit_of_call(struct task *task)
{
	(void)task;
}
#endif
