/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the mallctl handlers of the module where each thread's counters are. */
#include "config.h"

#include "jemalloc/tsd_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arch.h"
#include "jemalloc/ctl_code.h"
#include "jemalloc/ctl_tree.h"

/* Do the handler that loads a counter and the one that gives its address name one place? */
static bool agree(const struct ctl_answer *value, const struct ctl_answer *address)
{
	return value->outcome == CTL_ANSWERS && address->outcome == CTL_ANSWERS &&
	       value->size == 8 && value->value.size == 8 &&
	       value->value.number == address->value.number &&
	       ((value->value.kind == CTL_TSD_MEMBER && address->value.kind == CTL_TSD) ||
		(value->value.kind == CTL_TP_MEMBER && address->value.kind == CTL_TP));
}

static bool is_absent(const struct ctl_answer *answer)
{
	return answer->outcome == CTL_FAILS && answer->error == ENOENT;
}

static void compare_answers(const struct ctl_answer answers[4], struct tsd_code *code)
{
	if (is_absent(&answers[0]) && is_absent(&answers[2])) {
		code->answer = TSD_CODE_NO_STATISTICS;
		snprintf(code->reason, sizeof code->reason,
			 "mallctl(\"thread.allocated\") of the program gives ENOENT: its "
			 "jemalloc's statistics are compiled out (--disable-stats), no counter "
			 "counts");
	} else if (agree(&answers[0], &answers[1]) && agree(&answers[2], &answers[3]) &&
		   answers[0].value.kind == answers[2].value.kind &&
		   answers[0].value.number != answers[2].value.number) {
		code->answer = TSD_CODE_OFFSETS;
		code->from_tp = answers[0].value.kind == CTL_TP_MEMBER;
		code->allocated = answers[0].value.number;
		code->deallocated = answers[2].value.number;
		snprintf(code->reason, sizeof code->reason,
			 "its mallctl handlers take the counters from %s %+lld and %+lld",
			 code->from_tp ? "TP" : "tsd", (long long)code->allocated,
			 (long long)code->deallocated);
	} else {
		snprintf(code->reason, sizeof code->reason,
			 "its mallctl handlers are not understood");
	}
}

/* What says nothing of one leaf, or of the tree, says nothing of the rest of the target either. */
static int only_fatal(int rc)
{
	return rc == -ENOENT || rc == -ENOTUNIQ || rc == -EBADMSG || rc == -EFAULT ? 0 : rc;
}

enum { ALLOCATED, ALLOCATEDP, DEALLOCATED, DEALLOCATEDP, ARENA, HANDLERS };

int tsd_code_ask(const struct elf_image *image, struct tsd_code *code)
{
	struct ctl_handler handlers[HANDLERS] = {
		[ALLOCATED] = { .name = "thread.allocated" },
		[ALLOCATEDP] = { .name = "thread.allocatedp" },
		[DEALLOCATED] = { .name = "thread.deallocated" },
		[DEALLOCATEDP] = { .name = "thread.deallocatedp" },
		[ARENA] = { .name = "thread.arena" },
	};
	const struct ctl_arch *arch = ctl_arch_find(arch_elf_machine);
	struct ctl_answer answers[ARENA];
	struct target *target = image->target;
	struct ctl_tree tree;
	int rc = ctl_tree_find(target, image, &tree);

	*code = (struct tsd_code){ .answer = TSD_CODE_SILENT };
	snprintf(code->reason, sizeof code->reason, "no tree of mallctl names is in its memory%s",
		 rc == -ENOTUNIQ ? " once, but twice" : "");
	if (rc)
		return only_fatal(rc);
	code->has_tree = true;
	rc = ctl_tree_handlers(target, image, &tree, handlers, HANDLERS);
	for (size_t i = 0; i < ARENA; i++) {
		int one = rc ? rc : handlers[i].rc;

		answers[i] = (struct ctl_answer){ .outcome = CTL_NO_ANSWER };
		if (one == 0)
			ctl_code_ask(arch, target, image, handlers[i].address, &answers[i]);
		else if (only_fatal(one))
			return one;
	}
	compare_answers(answers, code);
	if (code->answer == TSD_CODE_OFFSETS && !code->from_tp && handlers[ARENA].rc == 0)
		code->has_arena =
			ctl_code_arena(arch, target, image, handlers[ARENA].address, &code->arena);
	return 0;
}
