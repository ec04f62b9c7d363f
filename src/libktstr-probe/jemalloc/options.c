/* SPDX-License-Identifier: BSD-2-Clause */
/* From a handler's answer to an option's text. */
#include "config.h"

#include "jemalloc/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "jemalloc/ctl_code.h"
#include "jemalloc/ctl_tree.h"

/* Numbers and pointers are both 8 bytes, and the code does not say which: ctl.c does. */
static const char *const strings[] = {
	"config.malloc_conf",
	"opt.dss",
	"opt.hpa_hugify_style",
	"opt.junk",
	"opt.malloc_conf.env_var",
	"opt.malloc_conf.global_var",
	"opt.malloc_conf.global_var_2_conf_harder",
	"opt.malloc_conf.symlink",
	"opt.metadata_thp",
	"opt.percpu_arena",
	"opt.prof_prefix",
	"opt.stats_interval_opts",
	"opt.stats_print_opts",
	"opt.thp",
	"opt.zero_realloc",
};

/* Fixed-point fractions, which have a text of their own (fxp.h). */
static const char *const fractions[] = { "opt.hpa_dirty_mult" };

struct reading {
	struct target *target;
	const struct elf_image *image;
	const struct ctl_arch *arch;
	struct options_in_force *options;
};

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Up to its NUL; a string that is longer, or not text, is not known. */
static bool read_string(struct target *target, uint64_t address, char text[OPTIONS_TEXT_SIZE])
{
	size_t length = 0;

	while (length < OPTIONS_TEXT_SIZE) {
		/* No read crosses a page: what follows may not be there. */
		size_t size = 4096 - (size_t)((address + length) % 4096);
		const char *end;

		if (size > OPTIONS_TEXT_SIZE - length)
			size = OPTIONS_TEXT_SIZE - length;
		if (target_read_one(target, address + length, text + length, size))
			return false;
		end = memchr(text + length, '\0', size);
		if (end)
			return true;
		length += size;
	}
	return false;
}

static bool take_number(const struct reading *reading, const struct ctl_answer *answer,
			struct option_in_force *option)
{
	uint64_t number = answer->value.number;
	const struct elf_image *image = reading->image;

	switch (answer->size) {
	case 1:
		snprintf(option->text, sizeof option->text, "%s", number & 0xff ? "true" : "false");
		return (number & 0xff) <= 1;
	case 4:
		snprintf(option->text, sizeof option->text, "%" PRIu32, (uint32_t)number);
		return true;
	case 8:
		/* A string that a newer release has: an address, and no number. */
		if (number >= image->low && number < image->high && image->low > UINT32_MAX)
			return false;
		snprintf(option->text, sizeof option->text, "%" PRId64, (int64_t)number);
		return true;
	default:
		return false;
	}
}

static void take_answer(const struct reading *reading, const struct ctl_answer *answer,
			struct option_in_force *option)
{
	if (answer->outcome != CTL_ANSWERS || answer->value.kind != CTL_NUMBER ||
	    answer->value.known < answer->size ||
	    is_among(option->name, fractions, sizeof fractions / sizeof *fractions))
		return;
	if (is_among(option->name, strings, sizeof strings / sizeof *strings)) {
		option->is_text = true;
		option->is_known = answer->size == 8 && answer->value.number &&
				   read_string(reading->target, answer->value.number, option->text);
	} else {
		option->is_known = take_number(reading, answer, option);
	}
	if (!option->is_known)
		option->text[0] = '\0';
}

static int visit(const char *name, uint64_t handler, void *context)
{
	struct reading *reading = context;
	struct options_in_force *options = reading->options;
	struct option_in_force *option;
	struct ctl_answer answer;

	if ((strncmp(name, "config.", 7) != 0 && strncmp(name, "opt.", 4) != 0) ||
	    strlen(name) >= OPTIONS_NAME_SIZE ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.")])
		return 0;
	if (options->count == OPTIONS_LIMIT)
		return 0;
	option = &options->options[options->count++];
	memcpy(option->name, name, strlen(name) + 1);
	ctl_code_ask(reading->arch, reading->target, reading->image, handler, &answer);
	/* What the build does not have: its handler says ENOENT, whatever is asked. */
	if (answer.outcome == CTL_FAILS)
		options->count--;
	else
		take_answer(reading, &answer, option);
	return 0;
}

int options_read(struct target *target, const struct elf_image *image, const struct ctl_tree *tree,
		 struct options_in_force *options)
{
	struct reading reading = { .target = target,
				   .image = image,
				   .arch = ctl_arch_find(arch_elf_machine),
				   .options = options };

	*options = (struct options_in_force){ .count = 0 };
	if (!reading.arch)
		return -ENOENT;
	options->options = calloc(OPTIONS_LIMIT, sizeof *options->options);
	if (!options->options)
		return -ENOMEM;
	return ctl_tree_walk(target, image, tree, visit, &reading);
}

void options_free(struct options_in_force *options)
{
	free(options->options);
	*options = (struct options_in_force){ .count = 0 };
}

int options_truth(const struct options_in_force *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct option_in_force *option = &options->options[i];

		if (strcmp(option->name, name) == 0 && option->is_known && !option->is_text)
			return strcmp(option->text, "true") == 0    ? 1
			       : strcmp(option->text, "false") == 0 ? 0
								    : -1;
	}
	return -1;
}
