/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the program's own code says: the options in force, and where the threads' counters are. Its
 * handlers and what they answer with lie close together, and do not change: they are read by pages.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "base/page_cache.h"
#include "jemalloc/ctl_code.h"
#include "jemalloc/ctl_tree.h"
#include "session/heap_private.h"

/* Of one that has ended nothing can be found any more, whatever its layout is. */
static bool has_ended(struct target *target)
{
	struct task_stat stat;
	int rc = target_read_stat(target, target_living_task(target), &stat);

	return rc ? task_is_gone(rc) : task_has_ended(&stat);
}

int heap_layout_unknown(struct ktstr_probe *probe, struct ktstr_error *error, const char *why)
{
	if (has_ended(&probe->target))
		return heap_changed(probe, error);
	return probe_fail(error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, -ENODATA, "heap",
			  "the heap of process %d cannot be read with certainty: %s",
			  (int)probe->target.pid, why);
}

int heap_changed(const struct ktstr_probe *probe, struct ktstr_error *error)
{
	return probe_fail(error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "heap",
			  "an arena of process %d is not what it was any more, or its memory can "
			  "no longer be read",
			  (int)probe->target.pid);
}

static int show_options(struct ktstr_heap *heap)
{
	heap->options = calloc(heap->in_force.count + 1, sizeof *heap->options);
	if (!heap->options)
		return -ENOMEM;
	for (size_t i = 0; i < heap->in_force.count; i++) {
		const struct option_in_force *option = &heap->in_force.options[i];

		heap->options[i] = (struct ktstr_heap_option){
			.name = option->name,
			.is_text = option->is_text,
			.text = option->is_known ? option->text : NULL,
		};
	}
	heap->option_count = heap->in_force.count;
	return 0;
}

/* The offset in tsd_s of the member that a handler answers with; false: its code does not say. */
static bool ask_member(struct target *target, const struct elf_image *image,
		       const struct ctl_tree *tree, const char *name, uint64_t *offset)
{
	const struct ctl_arch *arch = ctl_arch_find(arch_elf_machine);
	struct ctl_answer answer;
	uint64_t handler;

	if (!arch || ctl_tree_handler(target, image, tree, name, &handler))
		return false;
	ctl_code_ask(arch, target, image, handler, &answer);
	*offset = answer.value.number;
	return answer.outcome == CTL_ANSWERS && answer.value.kind == CTL_TSD_MEMBER;
}

static bool ask_arena(struct target *target, const struct elf_image *image,
		      const struct ctl_tree *tree, uint64_t *offset)
{
	const struct ctl_arch *arch = ctl_arch_find(arch_elf_machine);
	uint64_t handler;

	return ctl_tree_handler(target, image, tree, "thread.arena", &handler) == 0 &&
	       ctl_code_arena(arch, target, image, handler, offset);
}

int heap_ask_code(struct ktstr_probe *probe, const struct elf_image *image, struct ktstr_heap *heap,
		  struct heap_counters *counters, struct ktstr_error *error)
{
	struct page_cache *pages = malloc(sizeof *pages);
	struct ctl_tree tree;
	int rc;

	*counters = (struct heap_counters){ .known = false };
	if (!pages)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "heap", "out of memory");
	page_cache_init(pages, &probe->target);
	/* What is not known of all this is no failure: most figures do not depend on it. */
	rc = ctl_tree_find(&pages->target, image, &tree);
	if (rc == 0) {
		counters->known = ask_member(&pages->target, image, &tree, "thread.allocated",
					     &counters->allocated) &&
				  ask_member(&pages->target, image, &tree, "thread.deallocated",
					     &counters->deallocated);
		counters->knows_arena = counters->known &&
					ask_arena(&pages->target, image, &tree, &counters->arena);
		rc = options_read(&pages->target, image, &tree, &heap->in_force);
	}
	diagnostics_add(&probe->target.diagnostics, "options", "%zu names, %zu pages%s%s",
			heap->in_force.count, pages->count, rc ? ": " : "",
			rc ? strerror(-rc) : "");
	page_cache_free(pages);
	free(pages);
	if (show_options(heap))
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "heap", "out of memory");
	return 0;
}

int heap_check_counters(struct ktstr_probe *probe, const struct heap_place *place,
			const struct heap_counters *counters, struct ktstr_error *error)
{
	const struct tsd_offsets *offsets = &probe->locator.offsets;

	if (!counters->known || (counters->deallocated - counters->allocated ==
					 offsets->deallocated - offsets->allocated &&
				 (!place->layout->before_53 ||
				  counters->allocated == offsets->allocated - offsets->state)))
		return 0;
	return heap_layout_unknown(probe, error,
				   "its own code has the threads' counters in another place");
}
