/* SPDX-License-Identifier: BSD-2-Clause */
/* Which version of ktstr a program was compiled with, and which one it runs with. */
#ifndef KTSTR_VERSION_H
#define KTSTR_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* The version of these headers, as numbers and as text. Since 0.1. */
#define KTSTR_VERSION_MAJOR  0
#define KTSTR_VERSION_MINOR  1
#define KTSTR_VERSION_PATCH  0
#define KTSTR_VERSION_STRING "0.1.0"

/*
 * The version of libktstr at run time, such as "0.1.0". Static text, never NULL. Cannot fail; may
 * be called from any thread. ktstr_probe_version() of <ktstr/probe.h> is that of libktstr-probe.
 * Since 0.1.
 */
const char *ktstr_version(void);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
