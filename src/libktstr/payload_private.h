/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What worker_ready_wait needs of a payload and the public header does not offer: its pidfd, its
 * captured pipes, and room for the wait's inotify instance.
 */
#ifndef KTSTR_PAYLOAD_PRIVATE_H
#define KTSTR_PAYLOAD_PRIVATE_H

#include <poll.h>

#include <ktstr/payload.h>

/* The pidfd, still the payload's; -1 where the system has none (see pidfd.h). */
int payload_pidfd(const struct ktstr_payload *payload);

/* Fills in at most two entries for captured pipes that are still open. Returns how many. */
nfds_t payload_poll_fds(const struct ktstr_payload *payload, struct pollfd fds[2]);

/*
 * The inotify instance that an earlier wait left with the handle, or -1; keep takes one over (or
 * -1) until the next take or the close of the handle.
 */
int payload_take_inotify(struct ktstr_payload *payload);
void payload_keep_inotify(struct ktstr_payload *payload, int inotify);

/* Reads what the captured pipes hold now, without blocking. */
void payload_drain(struct ktstr_payload *payload);

#endif
