/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bytes of an arena say, and whether they can be an arena's. Pure. */
#include "config.h"

#include "jemalloc/arenas.h"

#include <string.h>

/* decay.c: a decay time is cut into SMOOTHSTEP_NSTEPS (200) steps; both are kept, in ms and ns. */
#define DECAY_STEP_NS INT64_C(5000)
#define ALIGN_MASK    UINT64_C(7)

/* A member's bytes: the pieces hold every member that the plan was made of. */
static const unsigned char *member(const struct arena_plan *plan, const unsigned char *buffer,
				   uint32_t offset)
{
	size_t i = 0;

	while (i + 1 < plan->count && plan->pieces[i + 1].offset <= offset)
		i++;
	return buffer + plan->pieces[i].at + (offset - plan->pieces[i].offset);
}

static uint64_t word_at(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

static uint64_t word(const struct arena_plan *plan, const unsigned char *buffer, uint32_t offset)
{
	return offset == HEAP_LAYOUT_NONE ? 0 : word_at(member(plan, buffer, offset));
}

static uint32_t half(const struct arena_plan *plan, const unsigned char *buffer, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, member(plan, buffer, offset), sizeof value);
	return value;
}

uint64_t arena_base(const struct arena_plan *plan, const unsigned char *buffer)
{
	uint64_t base = word(plan, buffer, plan->layout->arena.base);
	uint32_t again = plan->layout->arena.shard_base;

	if (base & ALIGN_MASK || (again != HEAP_LAYOUT_NONE && word(plan, buffer, again) != base))
		return 0;
	return base;
}

/* A decay time that is neither off nor at once has its step beside it. */
static bool decay_holds(const struct arena_plan *plan, const unsigned char *buffer, uint32_t offset)
{
	int64_t time_ms = (int64_t)word(plan, buffer, offset);
	int64_t step = (int64_t)word(plan, buffer, offset + 8);

	if (time_ms < -1 || time_ms > INT64_MAX / DECAY_STEP_NS)
		return false;
	return time_ms <= 0 || step == time_ms * DECAY_STEP_NS;
}

static bool ecaches_hold(const struct arena_plan *plan, const unsigned char *buffer, uint32_t index)
{
	for (uint32_t i = 0; i < HEAP_ECACHES; i++) {
		const struct heap_ecache_layout *ecache = &plan->layout->arena.ecache[i];

		if (ecache->state == HEAP_LAYOUT_NONE)
			continue;
		/* extent_state_dirty is 1, and so on; what pinned pages have is not relied on */
		if (i != HEAP_PINNED && half(plan, buffer, ecache->state) != i + 1)
			return false;
		if (ecache->ind != HEAP_LAYOUT_NONE && half(plan, buffer, ecache->ind) != index)
			return false;
	}
	return true;
}

static bool points_to(const struct arena_plan *plan, const unsigned char *buffer, uint32_t offset,
		      uint64_t address)
{
	return offset == HEAP_LAYOUT_NONE || word(plan, buffer, offset) == address;
}

bool arena_signs_hold(const struct arena_plan *plan, const struct arena_ref *ref,
		      const unsigned char *buffer, int64_t *index)
{
	const struct heap_layout *layout = plan->layout;
	uint32_t base_index, own;

	memcpy(&base_index, buffer + plan->base_at, sizeof base_index);
	own = layout->arena.ind == HEAP_LAYOUT_NONE ? base_index
						    : half(plan, buffer, layout->arena.ind);
	if (own >= ARENAS_LIMIT || own != base_index || (*index >= 0 && *index != (int64_t)own))
		return false;
	if (layout->arena.shard_ind != HEAP_LAYOUT_NONE &&
	    half(plan, buffer, layout->arena.shard_ind) != own)
		return false;
	if (!ref->base || arena_base(plan, buffer) != ref->base)
		return false;
	if (!points_to(plan, buffer, layout->arena.shard_stats,
		       ref->address + layout->arena.pa_shard_stats) ||
	    !points_to(plan, buffer, layout->arena.pac_stats_pointer,
		       ref->address + layout->arena.pac_stats) ||
	    !points_to(plan, buffer, layout->arena.pac_edata_cache,
		       ref->address + layout->arena.edata_cache))
		return false;
	if (!ecaches_hold(plan, buffer, own) ||
	    !decay_holds(plan, buffer, layout->arena.decay_dirty) ||
	    !decay_holds(plan, buffer, layout->arena.decay_muzzy))
		return false;
	*index = own;
	return true;
}

static void take_bins(const struct arena_plan *plan, const unsigned char *buffer,
		      struct arena_figures *figures)
{
	const struct size_classes *classes = plan->classes;
	const unsigned char *bin = buffer + plan->bins_at;

	for (size_t i = 0; i < classes->bins; i++) {
		for (uint32_t s = 0; s < classes->bin[i].shards; s++) {
			for (size_t w = 0; w < HEAP_BIN_WORDS; w++)
				figures->bins[i][w] +=
					word_at(bin + plan->layout->bin.stats + 8 * w);
			bin += plan->layout->bin.size;
		}
		figures->small += figures->bins[i][HEAP_BIN_CURREGS] * classes->bin[i].reg_size;
		figures->slabs += figures->bins[i][HEAP_BIN_CURSLABS] * classes->bin[i].slab_size;
	}
}

static void take_large(const struct arena_plan *plan, const unsigned char *buffer,
		       struct arena_figures *figures)
{
	static const unsigned char unused[64];
	const struct heap_layout *layout = plan->layout;

	for (size_t i = 0; i < plan->large; i++) {
		const unsigned char *bytes =
			member(plan, buffer, layout->arena.lstats) + i * layout->lstats.size;
		struct arena_large *large = &figures->large_bins[i];
		uint64_t count;

		if (memcmp(bytes, unused, layout->lstats.size) == 0)
			continue; /* as most classes are */
		large->nmalloc = word_at(bytes + layout->lstats.nmalloc);
		large->ndalloc = word_at(bytes + layout->lstats.ndalloc);
		large->nrequests = word_at(bytes + layout->lstats.nrequests);
		large->nfills = word_at(bytes + layout->lstats.nfills);
		large->nflushes = word_at(bytes + layout->lstats.nflushes);
		count = large->nmalloc - large->ndalloc;
		large->active_bytes = layout->lstats.active_bytes == HEAP_LAYOUT_NONE
					      ? count * size_class_large(plan->classes, i)
					      : word_at(bytes + layout->lstats.active_bytes);
		figures->large_count += count;
		figures->large += large->active_bytes;
	}
}

uint64_t arena_first_cache(const struct arena_plan *plan, const unsigned char *buffer)
{
	return word(plan, buffer, plan->layout->arena.desc_ql);
}

void arena_take(const struct arena_plan *plan, const unsigned char *buffer,
		struct arena_figures *figures)
{
	const struct heap_layout *layout = plan->layout;
	const unsigned char *base = buffer + plan->base_at;
	const unsigned char *words = base + ARENA_BASE_WORDS - layout->base.allocated;

	memset(figures, 0, sizeof *figures);
	memcpy(&figures->index,
	       layout->arena.ind == HEAP_LAYOUT_NONE ? base
						     : member(plan, buffer, layout->arena.ind),
	       sizeof figures->index);
	figures->nthreads = half(plan, buffer, layout->arena.nthreads);
	figures->internal_threads = half(plan, buffer, layout->arena.nthreads + 4);
	if (layout->arena.name != HEAP_LAYOUT_NONE)
		memcpy(figures->name, member(plan, buffer, layout->arena.name), ARENA_NAME_SIZE);
	figures->used_hpa = layout->arena.ever_used_hpa != HEAP_LAYOUT_NONE &&
			    *member(plan, buffer, layout->arena.ever_used_hpa);
	figures->nactive = word(plan, buffer, layout->arena.nactive);
	for (size_t i = 0; i < HEAP_ECACHES; i++)
		figures->npages[i] = word(plan, buffer, layout->arena.ecache[i].npages) +
				     word(plan, buffer, layout->arena.ecache[i].guarded_npages);
	figures->decay_ms[0] = (int64_t)word(plan, buffer, layout->arena.decay_dirty);
	figures->decay_ms[1] = (int64_t)word(plan, buffer, layout->arena.decay_muzzy);
	for (uint32_t i = 0; i < 6; i++)
		figures->decay_stats[i / 3][i % 3] =
			word(plan, buffer, layout->arena.decay_stats + 8 * i);
	figures->internal = word(plan, buffer, layout->arena.internal);
	figures->pac_mapped = word(plan, buffer, layout->arena.mapped);
	figures->abandoned_vm = word(plan, buffer, layout->arena.abandoned_vm);
	figures->edata_avail = word(plan, buffer, layout->arena.edata_avail);
	figures->base_allocated = word_at(words + layout->base.allocated);
	figures->base_resident = word_at(words + layout->base.resident);
	figures->base_mapped = word_at(words + layout->base.mapped);
	figures->n_thp = word_at(words + layout->base.n_thp);
	take_bins(plan, buffer, figures);
	take_large(plan, buffer, figures);
}

static const char *bins_differ(const struct size_classes *classes,
			       const struct arena_figures *figures)
{
	for (size_t i = 0; i < classes->bins; i++) {
		const uint64_t *bin = figures->bins[i];

		if (bin[HEAP_BIN_CURREGS] != bin[HEAP_BIN_NMALLOC] - bin[HEAP_BIN_NDALLOC])
			return "the regions of a size class are not those allocated less those "
			       "freed";
		if (bin[HEAP_BIN_CURREGS] > bin[HEAP_BIN_CURSLABS] * classes->bin[i].nregs)
			return "a size class has more regions than its slabs hold";
	}
	return NULL;
}

const char *arena_sums_differ(const struct size_classes *classes,
			      const struct arena_figures *figures, bool with_stats)
{
	uint64_t active = figures->nactive * classes->page;
	uint64_t sum = figures->slabs + figures->large;
	const char *reason;

	if (!with_stats)
		return NULL;
	reason = bins_differ(classes, figures);
	if (reason)
		return reason;
	if (figures->base_allocated > figures->base_resident ||
	    figures->base_resident > figures->base_mapped ||
	    figures->base_resident % classes->page || figures->base_mapped % classes->page)
		return "base's sizes are not in order";
	/* cache_oblivious, the default, gives every large object a page more to move it by. */
	if (active != sum && active != sum + figures->large_count * classes->page)
		return "the active pages are not those of the slabs and the large objects";
	return NULL;
}
