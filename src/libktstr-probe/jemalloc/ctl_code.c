/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows a mallctl handler along every way that is left open. */
#include "config.h"

#include "jemalloc/ctl_code.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS_LIMIT 4000 /* of all ways together: an honest handler takes 20 to 300 */
#define WAYS_LIMIT  64
#define CALLS_LIMIT 16
#define ENDS_LIMIT  8

/* What came of one way that returned. */
struct end {
	struct ctl_value result, value; /* value: what was stored for the caller, if anything */
};

struct ends {
	struct end end[ENDS_LIMIT];
	size_t count;
	bool open; /* something was not understood that no condition had been passed to reach, or
		      it took too long */
};

const struct ctl_arch *ctl_arch_find(unsigned int elf_machine)
{
	static const struct ctl_arch *const known[] = { &ctl_arch_x86_64, &ctl_arch_aarch64 };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i]->machine == elf_machine)
			return known[i];
	return NULL;
}

static bool same_value(const struct ctl_value *a, const struct ctl_value *b)
{
	return a->kind == b->kind && a->number == b->number && a->source == b->source &&
	       a->size == b->size;
}

/* Keeps what is new. Returns false when there is no room. */
static bool add_end(struct ends *ends, const struct end *end)
{
	for (size_t i = 0; i < ends->count; i++)
		if (same_value(&ends->end[i].result, &end->result) &&
		    same_value(&ends->end[i].value, &end->value))
			return true;
	if (ends->count == ENDS_LIMIT)
		return false;
	ends->end[ends->count++] = *end;
	return true;
}

static bool finish(struct ctl_machine *machine, const struct ctl_arch *arch,
		   const struct ctl_state *state, size_t size, struct ends *ends)
{
	struct end end = { .result = ctl_low(state->registers[arch->result], 4) };

	end.result.source = 0;
	end.result.size = 0;
	if (!ctl_load(machine, state, ctl_number(CTL_OLD), size, &end.value))
		return false;
	return add_end(ends, &end);
}

/* Ways that are still to be followed. Each state is large, and most handlers fork a few times only:
 * they are allocated one by one, and used again. */
struct ways {
	size_t count, allocated;
	struct ctl_state *open[WAYS_LIMIT];
};

/* Returns false when there is no room. */
static bool add_way(struct ways *ways, const struct ctl_state *state)
{
	if (ways->count == WAYS_LIMIT)
		return false;
	if (ways->count == ways->allocated) {
		ways->open[ways->count] = malloc(sizeof *state);
		if (!ways->open[ways->count])
			return false;
		ways->allocated++;
	}
	*ways->open[ways->count++] = *state;
	return true;
}

/* One way to its end. Each condition that is not known adds another way. */
static void follow(struct ctl_machine *machine, const struct ctl_arch *arch, struct ways *ways,
		   size_t *steps, size_t size, struct ends *ends)
{
	struct ctl_state state = *ways->open[--ways->count];
	enum ctl_step step = CTL_GOES_ON;

	while (step == CTL_GOES_ON) {
		uint64_t other = 0;

		if ((*steps)++ == STEPS_LIMIT || state.calls > CALLS_LIMIT) {
			ends->open = true;
			return;
		}
		step = arch->step(machine, &state, &other);
		if (step != CTL_FORKS)
			continue;
		state.forks++;
		if (!ctl_is_code(machine->image, other, 1) ||
		    !ctl_is_code(machine->image, state.pc, 1) || !add_way(ways, &state)) {
			ends->open = true;
			return;
		}
		ways->open[ways->count - 1]->pc = other;
		step = CTL_GOES_ON;
	}
	if (step == CTL_RETURNED ? !finish(machine, arch, &state, size, ends) : !state.forks)
		ends->open = true;
}

/* Puts the way with the fewest conditions behind it last, where follow takes it from. */
static void prefer_fewest_forks(struct ways *ways)
{
	struct ctl_state **last = &ways->open[ways->count - 1], **fewest = last, *kept = *last;

	for (size_t i = 0; i < ways->count; i++)
		if (ways->open[i]->forks < (*fewest)->forks)
			fewest = &ways->open[i];
	*last = *fewest;
	*fewest = kept;
}

/*
 * The handler's ends if it is asked for size bytes and told nothing: newp NULL, newlen 0. with_tsd:
 * its first argument is tsd, as from 4.1 on. straight: the ways that the fewest conditions lead to
 * come first, so that a search for one end does not get lost where the program does something rare.
 */
static void follow_all(const struct ctl_arch *arch, struct target *target,
		       const struct elf_image *image, uint64_t handler, bool with_tsd,
		       bool straight, size_t size, struct ends *ends)
{
	struct ctl_machine machine;
	struct ctl_value arguments[7] = {
		{ .kind = CTL_TSD, .known = 8 },
		ctl_number(CTL_MIB),
		ctl_number(2),
		ctl_number(CTL_OLD),
		ctl_number(CTL_OLD_SIZE),
	};
	struct ctl_state begin = { .pc = handler };
	struct ways ways = { .count = 0 };
	size_t steps = 0;

	arguments[5] = arguments[6] = ctl_number(0);
	if (!with_tsd) {
		for (size_t i = 0; i < 6; i++)
			arguments[i] = arguments[i + 1];
		arguments[6] = ctl_unknown();
	}
	ctl_machine_init(&machine, target, image);
	arch->call(&begin, arguments);
	ctl_store(&begin, ctl_number(CTL_OLD_SIZE), 8, ctl_number(size));
	*ends = (struct ends){ .open = !ctl_is_code(image, handler, 1) || !add_way(&ways, &begin) };
	while (ways.count && !ends->open) {
		if (straight)
			prefer_fewest_forks(&ways);
		follow(&machine, arch, &ways, &steps, size, ends);
	}
	while (ways.allocated)
		free(ways.open[--ways.allocated]);
}

static bool returns(const struct end *end, int rc)
{
	return end->result.kind == CTL_NUMBER && (int32_t)end->result.number == rc;
}

/* What one way of asking gave. */
static void combine(const struct ends *ends, size_t size, struct ctl_answer *answer)
{
	const struct end *end = &ends->end[0];

	*answer = (struct ctl_answer){ .outcome = CTL_NO_ANSWER };
	if (ends->open || ends->count != 1 || end->result.kind != CTL_NUMBER)
		return;
	if (returns(end, 0) && end->value.kind != CTL_UNKNOWN) {
		answer->outcome = CTL_ANSWERS;
		answer->size = size;
		answer->value = end->value;
	} else if (!returns(end, 0)) {
		answer->outcome = CTL_FAILS;
		answer->error = (int)(int32_t)end->result.number;
	}
}

void ctl_code_ask(const struct ctl_arch *arch, struct target *target, const struct elf_image *image,
		  uint64_t handler, struct ctl_answer *answer)
{
	static const size_t sizes[] = { 8, 4, 1 };
	struct ctl_answer absent = { .outcome = CTL_NO_ANSWER };
	struct ends ends;

	/* A wrong guess of the arguments reads no old size, or finds a new value, and stores
	 * nothing. */
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizes[i / 2];

		follow_all(arch, target, image, handler, i % 2 == 0, false, size, &ends);
		combine(&ends, size, answer);
		if (answer->outcome == CTL_ANSWERS)
			return;
		if (answer->outcome == CTL_FAILS && answer->error == ENOENT && i == 0)
			absent = *answer;
	}
	*answer = absent;
}

bool ctl_code_arena(const struct ctl_arch *arch, struct target *target,
		    const struct elf_image *image, uint64_t handler, uint64_t *offset)
{
	size_t found = 0;
	struct ends ends;

	follow_all(arch, target, image, handler, true, true, 4, &ends);
	for (size_t i = 0; i < ends.count; i++) {
		const struct ctl_value *value = &ends.end[i].value;

		/* The index in the arena that tsd points to, or that of arena 0 while a hook runs.
		 */
		if (!returns(&ends.end[i], 0) || value->kind != CTL_TSD_TARGET)
			continue;
		if (found++ && *offset != value->number)
			return false;
		*offset = value->number;
	}
	return found > 0;
}
