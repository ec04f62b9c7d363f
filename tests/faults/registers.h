/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of a stopped task: the one part of inject that knows the architecture. */
#ifndef KTSTR_FAULTS_REGISTERS_H
#define KTSTR_FAULTS_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calls.h"

struct task {
	pid_t tid;
	bool known;
	long result; /* forced on the call that it is in; 0: none */
	int restore; /* 1 + index of the argument whose value `saved` is put back */
	unsigned long long saved;
	uint64_t poked, poked_value; /* a word of its memory to put back */
};

/* At the entry of a call: it is not made. */
void skip_call(pid_t tid);

/* At the entry of a call: it is asked for less. */
void shorten(struct task *task, const struct call *call);

/* At the entry of brk(2): it is asked for the break as it is. */
void ask_for_break(struct task *task);

/* At the exit of a call: puts the forced result and what was changed into their places. */
void on_exit_of_call(struct task *task);

/* Ends inject with what errno says. */
void die(const char *what);

#endif
