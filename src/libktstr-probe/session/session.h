/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a session. */
#ifndef KTSTR_SESSION_H
#define KTSTR_SESSION_H

#include <ktstr/probe.h>

#include "session/identity.h"
#include "session/thread_table.h"
#include "session/tsd_locator.h"

enum session_state {
	SESSION_NEW,
	SESSION_OPEN,
	SESSION_FAILED,
};

struct ktstr_probe {
	struct ktstr_probe_options options;
	char *wanted_path; /* which jemalloc is to be read; NULL: the program's */
	struct cancellation cancellation;
	enum session_state state;

	struct target target;
	struct identity identity;
	struct tsd_locator locator;
	struct thread_table threads;
};

#endif
