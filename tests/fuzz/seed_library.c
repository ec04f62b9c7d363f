/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library of a few kilobytes that has all that the probe looks for: the TLS image of
 * jemalloc 5.3.0 in struct tsd_s, an initial-exec relocation, mallctl, a version string. With
 * -DDYNAMIC the relocation is none of initial-exec; with -DLOADER=OFFSET it is its own glibc, whose
 * list of modules it is in, with its block that far from the thread pointer (0: in the DTV); with
 * -DMUSL its own musl. Compiled by make_seeds; never run.
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

#define ENTRY        \
	{            \
		1, 0 \
	}
#define FOUR ENTRY, ENTRY, ENTRY, ENTRY

#ifdef DYNAMIC
#define MODEL "local-dynamic"
#else
#define MODEL "initial-exec"
#endif
_Thread_local struct tsd_s tsd_tls __attribute__((tls_model(MODEL), visibility("hidden"))) = {
	.before = { [152] = 232, 3, 0, 0, 232, 3, 0, 0, 255, 255 },
	.rtree = { FOUR, FOUR, FOUR, FOUR, FOUR, FOUR },
	.state = 6,
};

extern int imported(void);
const char message[] = "<jemalloc>: Invalid conf pair: ";
const char version[] = "5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c";

int mallctl(void)
{
	return imported() + tsd_tls.state;
}

#ifdef LOADER
struct map {
	const void *addr;
	const char *name;
	const void *ld;
	u64 id, offset;
};

struct list {
	u64 length;
	const struct list *next;
	struct {
		u64 generation;
		const struct map *map;
	} slots[2];
};

extern const char bias[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
extern const char _DYNAMIC[] __attribute__((visibility("hidden")));
static const struct map own = { bias, "", _DYNAMIC, 1, LOADER };
static const struct list slots = { 2, 0, { { 0, 0 }, { 1, &own } } };
const struct list *_rtld_global = &slots;

/* glibc nptl_db/structs.def: bits, number of elements, offset. */
#define FIELD(name, bits, offset) const unsigned int _thread_db_##name[3] = { bits, 1, offset }
FIELD(rtld_global__dl_tls_dtv_slotinfo_list, 64, 0);
FIELD(dtv_slotinfo_list_len, 64, 0);
FIELD(dtv_slotinfo_list_next, 64, 8);
FIELD(dtv_slotinfo_list_slotinfo, 128, 16);
FIELD(dtv_slotinfo_gen, 64, 0);
FIELD(dtv_slotinfo_map, 64, 8);
FIELD(link_map_l_tls_modid, 64, 24);
FIELD(link_map_l_tls_offset, 64, 32);
#ifdef __aarch64__
FIELD(pthread_dtvp, 64, 2304);
#else
FIELD(pthread_dtvp, 64, 8);
#endif
FIELD(dtv_dtv, 128, 0);
FIELD(dtv_t_counter, 64, 0);
FIELD(dtv_t_pointer_val, 64, 0);
const unsigned int _thread_db_sizeof_pthread = 2304;
#endif

#ifdef MUSL
void __dls3(void)
{
}

void *__tls_get_addr(void *argument)
{
	return argument;
}

void __libc_start_main(void)
{
}
#endif
