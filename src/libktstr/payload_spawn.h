/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts a child process and tells whether its exec succeeded. */
#ifndef KTSTR_PAYLOAD_SPAWN_H
#define KTSTR_PAYLOAD_SPAWN_H

#include <sys/types.h>

#include <ktstr/error.h>
#include <ktstr/payload.h>

/*
 * options is not NULL and has been checked. capture_fds: for each standard stream the file
 * descriptor that the child gets in its place, 3 or more, or -1. They stay the caller's.
 * Returns 0, the child's pid, and its pidfd or -1 where the system has none. Otherwise a negative
 * errno and the error's text, and no process is left.
 */
int payload_spawn(const char *const argv[], const struct ktstr_payload_options *options,
		  const int capture_fds[3], pid_t *pid, int *pidfd, struct ktstr_error *error);

#endif
