/* SPDX-License-Identifier: BSD-2-Clause */
/* Every public header of libktstr and, where it is installed, of libktstr-probe. */
#ifndef KTSTR_KTSTR_H
#define KTSTR_KTSTR_H

#include <ktstr/error.h>
#include <ktstr/payload.h>
#include <ktstr/version.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

/* libktstr can be built without the other library. */
#ifdef __has_include
#if __has_include(<ktstr/probe.h>)
#include <ktstr/heap.h>
#include <ktstr/host.h>
#include <ktstr/probe.h>
#endif
#else
#include <ktstr/heap.h>
#include <ktstr/host.h>
#include <ktstr/probe.h>
#endif

#endif
