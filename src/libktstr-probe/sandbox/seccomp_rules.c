/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls that are left to a child that reads a hostile file. */
#include "config.h"

#include "sandbox/seccomp_rules.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#error "a new architecture needs its AUDIT_ARCH_ here"
#endif
/* asm/unistd.h: x32 calls have this bit, and the same AUDIT_ARCH_ as x86_64. On aarch64 no call has
 * it. */
#define X32_BIT 0x40000000

/* The low half of an argument on a little-endian machine: descriptors and flags are 32 bits wide.
 */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (n))

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)(offset))
#define JUMP(test, value, yes, no) \
	BPF_JUMP(BPF_JMP | (test) | BPF_K, (unsigned int)(value), yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE       RETURN(SECCOMP_RET_ERRNO | EPERM)
#define KILL         RETURN(SECCOMP_RET_KILL_PROCESS)
#define ALLOW        RETURN(SECCOMP_RET_ALLOW)

/* abort(3), and no other signal to nobody else. */
#define ALLOWED_ABORT(number, own)                                                \
	JUMP(BPF_JEQ, number, 0, 6), LOAD(ARGUMENT(0)), JUMP(BPF_JEQ, own, 0, 3), \
		LOAD(ARGUMENT(2)), JUMP(BPF_JEQ, SIGABRT, 0, 1), ALLOW, REFUSE

/* Rules for a call by its number, which stays loaded for the next rule when it is another. */
#define ALLOWED(number) JUMP(BPF_JEQ, number, 0, 1), ALLOW
#define KILLED(number)  JUMP(BPF_JEQ, number, 0, 1), KILL
#define ALLOWED_ON(number, fd) \
	JUMP(BPF_JEQ, number, 0, 4), LOAD(ARGUMENT(0)), JUMP(BPF_JEQ, fd, 0, 1), ALLOW, REFUSE
#define ALLOWED_WITHOUT_EXEC(number)                                                            \
	JUMP(BPF_JEQ, number, 0, 4), LOAD(ARGUMENT(2)), JUMP(BPF_JSET, PROT_EXEC, 1, 0), ALLOW, \
		REFUSE

int seccomp_rules_install(int answer_fd)
{
	struct sock_filter rules[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		JUMP(BPF_JEQ, OWN_ARCH, 1, 0),
		KILL,
		LOAD(offsetof(struct seccomp_data, nr)),
		JUMP(BPF_JGE, X32_BIT, 0, 1),
		KILL,
		/* Reading. No call that takes a path: newfstatat, with which libc does fstat, is
		   one. */
		ALLOWED(SYS_pread64),
		ALLOWED(SYS_read),
		ALLOWED(SYS_lseek),
		ALLOWED(SYS_fstat),
		ALLOWED(SYS_close),
		/* Memory, as any malloc gets it. */
		ALLOWED(SYS_brk),
		ALLOWED_WITHOUT_EXEC(SYS_mmap),
		ALLOWED_WITHOUT_EXEC(SYS_mprotect),
		ALLOWED(SYS_munmap),
		ALLOWED(SYS_mremap),
		ALLOWED(SYS_madvise),
		ALLOWED(SYS_futex),
		ALLOWED(SYS_sched_yield),
		ALLOWED(SYS_clock_gettime),
		ALLOWED(SYS_restart_syscall),
		ALLOWED(SYS_rt_sigreturn),
		ALLOWED_ON(SYS_write, answer_fd),
		ALLOWED(SYS_exit),
		ALLOWED(SYS_exit_group),
		ALLOWED(SYS_getpid),
		ALLOWED(SYS_gettid),
		ALLOWED_ABORT(SYS_tgkill, getpid()),
		/* Nothing here has a reason to try these: whoever does has taken over. */
		KILLED(SYS_execve),
		KILLED(SYS_execveat),
		KILLED(SYS_clone),
		KILLED(SYS_clone3),
		KILLED(SYS_ptrace),
		KILLED(SYS_process_vm_readv),
		KILLED(SYS_process_vm_writev),
		KILLED(SYS_socket),
		KILLED(SYS_connect),
#ifdef SYS_fork
		KILLED(SYS_fork),
		KILLED(SYS_vfork),
#endif
		REFUSE,
	};
	struct sock_fprog program = { .len = sizeof rules / sizeof *rules, .filter = rules };

	/* By seccomp(2), and not prctl: valgrind does not know it and says ENOSYS, where a filter
	   would kill valgrind itself, which makes code as it runs. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}
