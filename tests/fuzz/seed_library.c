/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library of a few kilobytes that has all that the probe looks for: the TLS image of jemalloc 5.3.0 in
 * struct tsd_s, an initial-exec relocation, mallctl, a version string. Compiled by make_seeds; never run.
 */
typedef unsigned long u64;

struct entry {
	u64 key, leaf;
};

struct tsd_s {
	unsigned char before[432];
	struct entry rtree[24];
	unsigned char state;
	u64 p_thread_allocated, p_thread_allocated_next_event_fast, p_thread_deallocated;
	unsigned char behind[2632 - 848];
};

#define ENTRY { 1, 0 }
#define FOUR ENTRY, ENTRY, ENTRY, ENTRY

_Thread_local struct tsd_s tsd_tls __attribute__((tls_model("initial-exec"), visibility("hidden"))) = {
	.before = { [152] = 232, 3, 0, 0, 232, 3, 0, 0, 255, 255 },
	.rtree = { FOUR, FOUR, FOUR, FOUR, FOUR, FOUR },
	.state = 6,
};

extern int imported(void);
const char version[] = "5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c";

int mallctl(void)
{
	return imported() + tsd_tls.state;
}
