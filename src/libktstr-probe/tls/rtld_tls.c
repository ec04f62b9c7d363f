/* SPDX-License-Identifier: BSD-2-Clause */
/* What the target's ld.so has written down of one module's TLS. */
#include "config.h"

#include "tls/rtld_tls.h"

#include <string.h>

#include "base/arch.h"

#define NODES_LIMIT  4096
#define SLOTS_LIMIT  65536
#define STATIC_LIMIT (UINT64_C(1) << 32)

/*
 * glibc nptl_db/structs.def. Each names a uint32_t[3]: bits, number of elements, offset. Together
 * they lead from _rtld_global to every module with TLS, as td_thr_tlsbase does.
 */
enum field {
	LIST_IN_RTLD,
	NODE_LENGTH,
	NODE_NEXT,
	NODE_SLOTS,
	SLOT_GENERATION,
	SLOT_MAP,
	MAP_MODULE_ID,
	MAP_OFFSET,
	PTHREAD_DTV,
	DTV_ARRAY,
	DTV_COUNTER,
	DTV_POINTER,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	[LIST_IN_RTLD] = "_thread_db_rtld_global__dl_tls_dtv_slotinfo_list",
	[NODE_LENGTH] = "_thread_db_dtv_slotinfo_list_len",
	[NODE_NEXT] = "_thread_db_dtv_slotinfo_list_next",
	[NODE_SLOTS] = "_thread_db_dtv_slotinfo_list_slotinfo",
	[SLOT_GENERATION] = "_thread_db_dtv_slotinfo_gen",
	[SLOT_MAP] = "_thread_db_dtv_slotinfo_map",
	[MAP_MODULE_ID] = "_thread_db_link_map_l_tls_modid",
	[MAP_OFFSET] = "_thread_db_link_map_l_tls_offset",
	[PTHREAD_DTV] = "_thread_db_pthread_dtvp",
	[DTV_ARRAY] = "_thread_db_dtv_dtv",
	[DTV_COUNTER] = "_thread_db_dtv_t_counter",
	[DTV_POINTER] = "_thread_db_dtv_t_pointer_val",
};

struct description {
	uint64_t rtld_global;
	uint32_t fields[FIELDS][3];
	uint32_t sizeof_pthread;
};

static int read_symbol(const struct elf_image *image, const struct elf_dynamic *dynamic,
		       size_t symbol, void *buffer, size_t size)
{
	return target_read_one(image->target, dynamic->symbols[symbol].st_value + image->bias,
			       buffer, size);
}

/* The words that one file defines. `missing` is a bit for each field that is still to be found. */
static void take_words(const struct elf_image *image, struct description *description,
		       unsigned int *missing)
{
	struct elf_dynamic dynamic;
	int rc = elf_image_dynamic(image, &dynamic);

	for (size_t s = 1; rc == 0 && s < dynamic.symbol_count; s++) {
		const char *name = elf_dynamic_name(&dynamic, s);

		if (dynamic.symbols[s].st_shndx == SHN_UNDEF)
			continue;
		if (!description->rtld_global && strcmp(name, "_rtld_global") == 0)
			description->rtld_global = dynamic.symbols[s].st_value + image->bias;
		if (strncmp(name, "_thread_db_", 11) != 0)
			continue;
		if (!description->sizeof_pthread && strcmp(name, "_thread_db_sizeof_pthread") == 0)
			rc = read_symbol(image, &dynamic, s, &description->sizeof_pthread,
					 sizeof(uint32_t));
		for (size_t f = 0; rc == 0 && f < FIELDS; f++)
			if (*missing & 1u << f && strcmp(name, field_names[f]) == 0) {
				rc = read_symbol(image, &dynamic, s, description->fields[f],
						 sizeof *description->fields);
				*missing &= ~(1u << f);
			}
	}
	elf_dynamic_free(&dynamic);
}

/* What dtv_find_blocks takes for granted is compared with what this libc says. */
static bool is_known_dtv(const struct description *description)
{
	uint64_t dtv = description->fields[PTHREAD_DTV][2];

	if (arch_tls_variant == 1)
		dtv -= description->sizeof_pthread; /* there the thread pointer stands behind struct
						       pthread */
	return dtv == (uint64_t)arch_dtv_offset &&
	       description->fields[DTV_ARRAY][0] == 8 * ARCH_DTV_ENTRY_SIZE &&
	       description->fields[DTV_ARRAY][2] == 0 && description->fields[DTV_COUNTER][2] == 0 &&
	       description->fields[DTV_POINTER][2] == 0;
}

/* Is there one whose words all are of the kind that is read here? */
static bool read_description(const struct module_list *list, struct description *description)
{
	unsigned int missing = (1u << FIELDS) - 1;

	*description = (struct description){ .rtld_global = 0 };
	/* A damaged file says nothing; the words are then missing. */
	for (size_t i = 0; i < list->count && (missing || !description->rtld_global); i++)
		take_words(&list->modules[i].image, description, &missing);
	if (missing || !description->rtld_global || !description->sizeof_pthread)
		return false;
	for (size_t f = 0; f < FIELDS; f++) {
		bool is_array = f == NODE_SLOTS || f == DTV_ARRAY;

		if (description->fields[f][0] != (is_array ? 128 : 64) ||
		    description->fields[f][2] > 1u << 20)
			return false; /* 64-bit words, in arrays of two */
	}
	return is_known_dtv(description);
}

static int read_word(const struct elf_image *image, uint64_t address, uint64_t *word)
{
	return target_read_one(image->target, address, word, sizeof *word);
}

/* link.h, struct link_map: l_addr, l_name, l_ld. */
static bool is_map_of(const struct elf_image *image, uint64_t map)
{
	uint64_t words[3];

	return map && target_read_one(image->target, map, words, sizeof words) == 0 &&
	       words[0] == image->bias && words[2] == image->dynamic;
}

static int take_slot(const struct elf_image *image, const struct description *description,
		     uint64_t slot, uint64_t id, enum rtld_tls_verdict *verdict,
		     struct rtld_tls *tls)
{
	uint64_t map = tls->words[1], map_id, offset;
	int rc = read_word(image, map + description->fields[MAP_MODULE_ID][2], &map_id);

	if (rc == 0)
		rc = read_word(image, map + description->fields[MAP_OFFSET][2], &offset);
	if (rc)
		return rc;
	*verdict = map_id == id ? RTLD_TLS_FOUND : RTLD_TLS_CONTRADICTED;
	tls->module_id = id;
	tls->slot = slot;
	tls->dtv_offset = arch_dtv_offset;
	tls->dtv_entry_size = ARCH_DTV_ENTRY_SIZE;
	/* NO_TLS_OFFSET and FORCED_DYNAMIC_TLS_OFFSET are 0, -1 or -2, whichever the architecture.
	 */
	tls->is_static = offset != 0 && offset < STATIC_LIMIT;
	tls->tp_offset = arch_tls_variant == 2 ? -(int64_t)offset : (int64_t)offset;
	return 0;
}

/* One node of the list: `first` is the id of its first slot. */
static int look_through(const struct elf_image *image, const struct description *description,
			uint64_t node, uint64_t first, uint64_t length,
			enum rtld_tls_verdict *verdict, struct rtld_tls *tls)
{
	for (uint64_t i = 0; i < length; i++) {
		uint64_t slot =
			node + description->fields[NODE_SLOTS][2] + i * 2 * sizeof(uint64_t);
		int rc;

		if (first + i == 0)
			continue; /* no module has the id 0; the slot keeps a value from startup */
		rc = target_read_one(image->target, slot, tls->words, sizeof tls->words);
		if (rc)
			return rc;
		if (is_map_of(image, tls->words[1]))
			return take_slot(image, description, slot, first + i, verdict, tls);
	}
	return 0;
}

int rtld_tls_find(const struct module_list *list, const struct elf_image *image,
		  enum rtld_tls_verdict *verdict, struct rtld_tls *tls)
{
	struct description description;
	uint64_t node, length, id = 0;
	int rc;

	*tls = (struct rtld_tls){ 0 };
	*verdict = RTLD_TLS_NOT_DESCRIBED;
	/* The generation and the map are read as two neighbouring words. */
	if (!read_description(list, &description) || description.fields[SLOT_GENERATION][2] != 0 ||
	    description.fields[SLOT_MAP][2] != sizeof(uint64_t))
		return 0;
	*verdict = RTLD_TLS_NOT_LISTED;
	rc = read_word(image, description.rtld_global + description.fields[LIST_IN_RTLD][2], &node);
	for (int nodes = 0; rc == 0 && node; nodes++) {
		rc = read_word(image, node + description.fields[NODE_LENGTH][2], &length);
		if (rc)
			return rc;
		if (length > SLOTS_LIMIT || id + length > SLOTS_LIMIT || nodes > NODES_LIMIT) {
			*verdict = RTLD_TLS_CONTRADICTED;
			return 0;
		}
		rc = look_through(image, &description, node, id, length, verdict, tls);
		if (rc || *verdict != RTLD_TLS_NOT_LISTED)
			return rc;
		id += length;
		rc = read_word(image, node + description.fields[NODE_NEXT][2], &node);
	}
	return rc;
}

/*
 * musl src/internal/pthread_impl.h, "external or internal ABI, do not change": uintptr_t *dtv;
 * dtv[0] is the number of modules, dtv[n] module n's block. dlclose does nothing, so an id stays a
 * module's.
 */
void rtld_tls_musl(uint64_t module_id, struct rtld_tls *tls)
{
	*tls = (struct rtld_tls){ .module_id = module_id,
				  .dtv_offset = arch_musl_dtv_offset,
				  .dtv_entry_size = sizeof(uint64_t),
				  .words = { module_id, 0 } };
}
