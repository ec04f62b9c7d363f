/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The errors come from each call's manual page, section ERRORS, less those that only a wrong
 * argument of the caller brings (EBADF, EFAULT, most of EINVAL). EINTR stands wherever the call may
 * sleep.
 */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* Of the C library and the kernel's start of a process: no failure, or none that a program could
 * see. */
#define NEVER(call)                                                    \
	{                                                              \
		.name = #call, .number = SYS_##call, .how = CALL_NEVER \
	}
#define CALL(call, ...)                                                        \
	{                                                                      \
		.name = #call, .number = SYS_##call, .errors = { __VA_ARGS__ } \
	}
/* Its result may be short, too: the size in this argument is cut. */
#define SHORT(call, argument, cut_to, ...)                                      \
	{                                                                       \
		.name = #call, .number = SYS_##call, .errors = { __VA_ARGS__ }, \
		.size_argument = argument, .shorter = cut_to                    \
	}

static const struct call calls[] = {
	SHORT(read, 3, 1, EINTR, EIO, EAGAIN, EISDIR, ENOMEM, EPERM, ESRCH),
	SHORT(pread64, 3, 1, EINTR, EIO, EAGAIN, ENOMEM, ESRCH),
	SHORT(write, 3, 1, EINTR, EIO, ENOSPC, EDQUOT, EFBIG, EPIPE, EAGAIN),
	SHORT(getdents64, 3, 64, EINTR, ENOENT, ENOTDIR, ENOMEM, EIO),
	SHORT(readlink, 3, 4, EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR),
	SHORT(readlinkat, 4, 4, EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR),
	SHORT(process_vm_readv, 3, 0, ENOMEM, EPERM, ESRCH, EFAULT, ENOSYS),
	CALL(recvfrom, EINTR, ENOMEM, ECONNRESET, EAGAIN),
	CALL(sendto, EINTR, ENOMEM, ENOBUFS, EPIPE, ECONNRESET, EAGAIN),
	CALL(open, EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ELOOP, ENOSPC, EIO, ENXIO),
	CALL(openat, EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ELOOP, ENOSPC, EPERM, EIO,
	     ESRCH),
	CALL(openat2, EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ELOOP, ENOSYS, EXDEV, EAGAIN,
	     EPERM),
	{ .name = "close",
	  .number = SYS_close,
	  .how = CALL_AFTERWARDS,
	  .errors = { EINTR, EIO, ENOSPC, EDQUOT } },
	CALL(newfstatat, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EINTR),
	CALL(stat, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR),
	CALL(lstat, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR),
	CALL(fstat, ENOMEM, EOVERFLOW, EIO),
	CALL(statx, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, ENOSYS),
	CALL(access, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EIO),
	CALL(faccessat, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EIO),
	CALL(faccessat2, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EIO, ENOSYS),
	CALL(lseek, EINVAL, EOVERFLOW, ESPIPE),
	CALL(mmap, ENOMEM, EAGAIN, EACCES, ENFILE, ENODEV, EPERM),
	CALL(munmap, ENOMEM),
	CALL(mremap, ENOMEM, EAGAIN),
	CALL(mprotect, ENOMEM, EACCES),
	CALL(madvise, ENOMEM, EAGAIN, EINVAL, EIO),
	CALL(brk, ENOMEM),
	CALL(ioctl, EINTR, ENOTTY, EINVAL, EIO, ESRCH, EPERM),
	CALL(fcntl, EINTR, EMFILE, EPERM, EAGAIN, ENOMEM),
	CALL(dup2, EINTR, EBUSY, EMFILE),
	CALL(pipe2, EMFILE, ENFILE),
	CALL(eventfd2, EMFILE, ENFILE, ENODEV, ENOMEM),
	CALL(socketpair, EMFILE, ENFILE, EAFNOSUPPORT, EOPNOTSUPP, ENOMEM),
	CALL(socket, EMFILE, ENFILE, EACCES, ENOMEM),
	CALL(inotify_init1, EMFILE, ENFILE, ENOMEM, ENOSYS),
	CALL(inotify_add_watch, EACCES, ENOENT, ENOMEM, ENOSPC, ENOTDIR),
	CALL(inotify_rm_watch, EINVAL),
	CALL(poll, EINTR, ENOMEM, EINVAL),
	CALL(ppoll, EINTR, ENOMEM, EINVAL),
	CALL(pidfd_open, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM, ESRCH),
	CALL(pidfd_send_signal, ENOSYS, EPERM, ESRCH, EINVAL),
	CALL(kill, EPERM, ESRCH),
	CALL(waitid, EINTR, ECHILD),
	CALL(wait4, EINTR, ECHILD),
	CALL(ptrace, EPERM, ESRCH, EIO, EBUSY),
	CALL(get_robust_list, EPERM, ESRCH, ENOSYS),
	CALL(kcmp, EPERM, ESRCH, ENOSYS),
	CALL(prctl, EPERM, EINVAL, ENOSYS),
	CALL(setpgid, EACCES, EPERM, ESRCH),
	CALL(chdir, EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR, EIO),
	CALL(unlink, EACCES, EBUSY, EIO, ENOENT, ENOMEM, EPERM, EROFS),
	CALL(unlinkat, EACCES, EBUSY, EIO, ENOENT, ENOMEM, EPERM, EROFS),
	CALL(execve, EACCES, EAGAIN, EIO, ELOOP, EMFILE, ENFILE, ENOENT, ENOEXEC, ENOMEM, EPERM,
	     ETXTBSY, E2BIG),
	CALL(clone, EAGAIN, ENOMEM, EPERM, ENOSPC),
	CALL(clone3, EAGAIN, ENOMEM, EPERM, ENOSPC, ENOSYS),
	CALL(fork, EAGAIN, ENOMEM, ENOSYS),
	CALL(vfork, EAGAIN, ENOMEM),
	CALL(sched_getaffinity, EINVAL, ESRCH, ENOSYS),
	CALL(sched_setaffinity, EINVAL, EPERM, ESRCH),
	CALL(prlimit64, EPERM, ENOSYS),
	CALL(getrlimit, EINVAL),
	CALL(setrlimit, EPERM, EINVAL),
	CALL(setitimer, EINVAL),
	CALL(clock_nanosleep, EINTR),
	CALL(nanosleep, EINTR),
	CALL(pause, EINTR),
	CALL(sysinfo, ENOSYS),
	CALL(seccomp, EACCES, EINVAL, ENOMEM, ENOSYS),
	CALL(uname, ENOSYS),
	CALL(getrandom, EINTR, ENOSYS),
	CALL(clock_gettime, EINVAL),
	NEVER(futex),  /* glibc's: a wake that is not made would hang its own join */
	NEVER(tgkill), /* pthread_cancel: to its own thread, which is there */
	NEVER(rt_sigaction),
	NEVER(rt_sigprocmask),
	NEVER(rt_sigreturn),
	NEVER(exit),
	NEVER(exit_group),
	NEVER(set_robust_list),
	NEVER(set_tid_address),
	NEVER(rseq),
	NEVER(arch_prctl),
	NEVER(restart_syscall),
	NEVER(getpid),
	NEVER(gettid),
	NEVER(getppid),
	NEVER(geteuid),
	NEVER(getuid),
	NEVER(getegid),
	NEVER(getgid),
	NEVER(sched_yield),
	NEVER(getcpu),
	NEVER(membarrier),
	NEVER(getpgrp),
	NEVER(getpgid),
};

const struct call *call_by_number(long number)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

const struct call *call_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	return NULL;
}

int call_error_by_name(const char *name)
{
	for (int number = 1; number < 134;
	     number++) { /* EHWPOISON, the last, is 133: asm-generic/errno.h */
		const char *known = strerrorname_np(number);

		if (known && strcmp(known, name) == 0)
			return number;
	}
	return 0;
}
