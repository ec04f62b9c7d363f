/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read of an arena, and the list of all of them. */
#include "config.h"

#include "jemalloc/arenas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MERGE_GAP   256 /* bytes between two members that are read along */
#define LIST_BATCH  64  /* arenas whose signs are read at once */
#define NPAGES_SIZE sizeof(uint64_t)
/* User addresses have 47 bits unless mmap(2) is asked for more, which jemalloc does not do
 * (Documentation/arch/x86/x86_64/5level-paging.rst). */
#define LARGEST     (UINT64_C(1) << 47)

static void add_piece(struct arena_plan *plan, uint32_t offset, uint32_t size)
{
	size_t i = plan->count;

	if (offset == HEAP_LAYOUT_NONE)
		return;
	for (; i && plan->pieces[i - 1].offset > offset; i--)
		plan->pieces[i] = plan->pieces[i - 1];
	plan->pieces[i] = (struct arena_piece){ .offset = offset, .size = size };
	plan->count++;
}

static void merge_pieces(struct arena_plan *plan)
{
	size_t last = 0;

	for (size_t i = 1; i < plan->count; i++) {
		struct arena_piece *before = &plan->pieces[last], *piece = &plan->pieces[i];

		if (piece->offset <= before->offset + before->size + MERGE_GAP) {
			uint32_t end = piece->offset + piece->size;

			if (end > before->offset + before->size)
				before->size = end - before->offset;
		} else {
			plan->pieces[++last] = *piece;
		}
	}
	plan->count = plan->count ? last + 1 : 0;
	for (size_t i = 0; i < plan->count; i++) {
		plan->pieces[i].at = plan->size;
		plan->size += (plan->pieces[i].size + 7) & ~(size_t)7;
	}
}

/* The words of base_s that are read: allocated … n_thp. */
static uint32_t base_size(const struct heap_layout *layout)
{
	return layout->base.n_thp + (uint32_t)sizeof(uint64_t) - layout->base.allocated;
}

/* Those that may have been allocated at all. */
static size_t count_large(const struct size_classes *classes)
{
	size_t count = 0;

	while (count < classes->large && size_class_large(classes, count) <= LARGEST)
		count++;
	return count;
}

void arena_plan_make(const struct heap_layout *layout, const struct size_classes *classes,
		     struct arena_plan *plan)
{
	*plan = (struct arena_plan){ .layout = layout, .classes = classes };
	add_piece(plan, layout->arena.nthreads, 8);
	add_piece(plan, layout->arena.ind, 4);
	add_piece(plan, layout->arena.base, 8);
	add_piece(plan, layout->arena.shard_ind, 4);
	add_piece(plan, layout->arena.shard_base, 8);
	add_piece(plan, layout->arena.shard_stats, 8);
	add_piece(plan, layout->arena.pac_stats_pointer, 8);
	add_piece(plan, layout->arena.pac_edata_cache, 8);
	add_piece(plan, layout->arena.decay_dirty, 16);
	add_piece(plan, layout->arena.decay_muzzy, 16);
	for (size_t i = 0; i < HEAP_ECACHES; i++) {
		const struct heap_ecache_layout *ecache = &layout->arena.ecache[i];

		add_piece(plan, ecache->npages, NPAGES_SIZE);
		add_piece(plan, ecache->guarded_npages, NPAGES_SIZE);
		add_piece(plan, ecache->state, 8);
	}
	if (classes) {
		plan->large = count_large(classes);
		add_piece(plan, layout->arena.name, ARENA_NAME_SIZE);
		add_piece(plan, layout->arena.nactive, NPAGES_SIZE);
		add_piece(plan, layout->arena.ever_used_hpa, 1);
		add_piece(plan, layout->arena.edata_avail, NPAGES_SIZE);
		add_piece(plan, layout->arena.desc_ql, 8);
		add_piece(plan, layout->arena.stats,
			  layout->arena.lstats - layout->arena.stats +
				  (uint32_t)plan->large * layout->lstats.size);
	}
	merge_pieces(plan);
	plan->base_at = plan->size;
	plan->size += ARENA_BASE_WORDS + base_size(layout);
	plan->bins_at = plan->size;
	if (classes)
		plan->size += classes->bin_shards * layout->bin.size;
}

/* Of base_s its index and the words of its statistics; of the rest nothing. */
static size_t base_ranges(const struct arena_plan *plan, const struct arena_ref *ref,
			  unsigned char *buffer, struct target_range *ranges)
{
	const struct heap_layout *layout = plan->layout;

	ranges[0] = (struct target_range){ .address = ref->base + layout->base.ind,
					   .buffer = buffer + plan->base_at,
					   .size = sizeof(uint32_t) };
	ranges[1] = (struct target_range){ .address = ref->base + layout->base.allocated,
					   .buffer = buffer + plan->base_at + ARENA_BASE_WORDS,
					   .size = base_size(layout) };
	return 2;
}

static size_t bin_ranges(const struct arena_plan *plan, const struct arena_ref *ref,
			 unsigned char *buffer, struct target_range *ranges)
{
	const struct size_classes *classes = plan->classes;
	size_t at = plan->bins_at, count = 0;

	if (!ref->bins) {
		ranges[0] = (struct target_range){
			.address = ref->address + plan->layout->arena.bins,
			.buffer = buffer + at,
			.size = classes->bin_shards * plan->layout->bin.size,
		};
		return 1;
	}
	for (size_t i = 0; i < classes->bins; i++) {
		size_t size = (size_t)classes->bin[i].shards * plan->layout->bin.size;

		ranges[count++] = (struct target_range){ .address = ref->bins[i],
							 .buffer = buffer + at,
							 .size = size };
		at += size;
	}
	return count;
}

size_t arena_ranges(const struct arena_plan *plan, const struct arena_ref *ref,
		    unsigned char *buffer, struct target_range *ranges)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		ranges[count++] = (struct target_range){
			.address = ref->address + plan->pieces[i].offset,
			.buffer = buffer + plan->pieces[i].at,
			.size = plan->pieces[i].size,
		};
	if (ref->base)
		count += base_ranges(plan, ref, buffer, ranges + count);
	if (plan->classes)
		count += bin_ranges(plan, ref, buffer, ranges + count);
	return count;
}

/* Before 5.3 each size class has a pointer to its bins. */
static int read_bin_pointers(struct target *target, const struct heap_layout *layout,
			     struct arena_ref *ref)
{
	ref->bins = calloc(SIZE_CLASSES_BINS_LIMIT, sizeof *ref->bins);
	if (!ref->bins)
		return -ENOMEM;
	/* bins_t bins[SC_NBINS] ends where base follows: what is beyond is not used. */
	return target_read_one(target, ref->address + layout->arena.bins, ref->bins,
			       layout->arena.base - layout->arena.bins);
}

/* The signs of up to LIST_BATCH arenas; their bases are not known before. */
static int check_batch(struct target *target, const struct arena_plan *plan, unsigned char *buffer,
		       struct arena_ref *refs, size_t count, const char **reason)
{
	struct target_range ranges[LIST_BATCH * (ARENA_PIECE_LIMIT + 2)];
	size_t used = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		used += arena_ranges(plan, &refs[i], buffer + i * plan->size, ranges + used);
	rc = target_read(target, ranges, used);
	for (size_t i = 0; rc == 0 && i < used; i++)
		rc = ranges[i].error;
	used = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		refs[i].base = arena_base(plan, buffer + i * plan->size);
		if (!refs[i].base)
			rc = -EBADMSG;
		else
			used += base_ranges(plan, &refs[i], buffer + i * plan->size, ranges + used);
	}
	if (rc == 0)
		rc = target_read(target, ranges, used);
	for (size_t i = 0; rc == 0 && i < used; i++)
		rc = ranges[i].error;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		int64_t index = refs[i].index;

		if (!arena_signs_hold(plan, &refs[i], buffer + i * plan->size, &index))
			rc = -EBADMSG;
		else if (plan->layout->before_53)
			rc = read_bin_pointers(target, plan->layout, &refs[i]);
	}
	if (rc == -EFAULT || rc == -EBADMSG) {
		*reason = "an entry of arenas[] leads to what is no arena of this layout";
		rc = -EBADMSG;
	}
	return rc;
}

int arena_list_read(struct target *target, const struct heap_layout *layout,
		    const uint64_t words[ARENAS_LIMIT], struct arena_list *list,
		    const char **reason)
{
	struct arena_plan plan;
	unsigned char *buffer;
	int rc = 0;

	*list = (struct arena_list){ .refs = calloc(ARENAS_LIMIT, sizeof *list->refs) };
	arena_plan_make(layout, NULL, &plan);
	buffer = calloc(LIST_BATCH, plan.size);
	if (!buffer || !list->refs)
		rc = -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < ARENAS_LIMIT; i++)
		if (words[i])
			list->refs[list->count++] =
				(struct arena_ref){ .address = words[i], .index = i };
	for (size_t at = 0; rc == 0 && at < list->count; at += LIST_BATCH)
		rc = check_batch(target, &plan, buffer, list->refs + at,
				 list->count - at < LIST_BATCH ? list->count - at : LIST_BATCH,
				 reason);
	free(buffer);
	if (rc)
		arena_list_free(list);
	return rc;
}

int arena_list_check(struct target *target, uint64_t arenas, const struct arena_list *list)
{
	uint64_t *words = calloc(ARENAS_LIMIT, sizeof *words);
	int rc = words ? target_read_one(target, arenas, words, ARENAS_LIMIT * sizeof *words)
		       : -ENOMEM;
	size_t at = 0;

	for (uint32_t i = 0; rc == 0 && i < ARENAS_LIMIT; i++) {
		if (!words[i])
			continue;
		if (at == list->count || list->refs[at].index != i ||
		    list->refs[at].address != words[i])
			rc = -ESTALE;
		at++;
	}
	free(words);
	return rc == 0 && at != list->count ? -ESTALE : rc;
}

void arena_list_free(struct arena_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->refs[i].bins);
	free(list->refs);
	*list = (struct arena_list){ .refs = NULL };
}
