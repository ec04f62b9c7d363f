/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program with one system call refused by a seccomp filter, or runs a target that is not
 * dumpable.
 *
 *	refuse_calls CALL ERRNO PROGRAM [ARGUMENT...]
 *		CALL: process_vm_readv or get_robust_list
 *	refuse_calls hidden
 *		PR_SET_DUMPABLE 0, "parked" on stdout, until EOF on stdin
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(unsigned int call, unsigned int code)
{
	/* seccomp(2); one architecture only, which is good enough for a test's own child. */
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	char byte;

	if (argc == 2 && strcmp(argv[1], "hidden") == 0) {
		if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || write(STDOUT_FILENO, "parked\n", 7) != 7)
			return 3;
		while (read(STDIN_FILENO, &byte, 1) == 1)
			;
		return 0;
	}
	if (argc < 4)
		return 2;
	if (refuse(strcmp(argv[1], "get_robust_list") == 0 ? SYS_get_robust_list
							   : SYS_process_vm_readv,
		   (unsigned int)strtoul(argv[2], NULL, 10))) {
		perror("seccomp");
		return 77;
	}
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 3;
}
