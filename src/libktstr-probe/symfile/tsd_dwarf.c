/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters stand in struct tsd_s, from DWARF. libdw is given a copy of the file, never a
 * map of one that may shrink, and only after sizes were checked here.
 */
#include "config.h"

#include "symfile/tsd_dwarf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symfile/dwarf_budget.h"
#include "symfile/elf_file.h"

#define FILE_LIMIT     (UINT64_C(32) << 20)
#define DEBUG_LIMIT    (UINT64_C(24) << 20) /* bytes of all debug sections together, decompressed */
/* libdw 0.188 reads numbers of variable length some bytes beyond a damaged section: zeros end them.
 */
#define PADDING        4096
#define ENTRIES_LIMIT  2000000 /* DIEs looked at in all: under a second */
#define TYPEDEFS_LIMIT 32
#define NAME_LIMIT     256

struct walk {
	const struct elfutils *dw;
	struct tsd_dwarf *found;
	int definitions;
	unsigned int entries;
};

__attribute__((format(printf, 3, 4))) static int answer(struct tsd_dwarf *found, int code,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(found->reason, sizeof found->reason, format, args);
	va_end(args);
	return code;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The section's size in memory: a compressed one says it in its own head, and may say anything. */
static int memory_size(int fd, const Elf64_Shdr *section, uint64_t *size)
{
	Elf64_Chdr head;

	*size = section->sh_type == SHT_NOBITS ? 0 : section->sh_size;
	if (*size == 0 || !(section->sh_flags & SHF_COMPRESSED))
		return 0;
	if (section->sh_offset > INT64_MAX ||
	    pread(fd, &head, sizeof head, (off_t)section->sh_offset) != sizeof head)
		return -EBADMSG;
	return __builtin_add_overflow(*size, head.ch_size, size) ? -EFBIG : 0;
}

static const char *section_name(int fd, const Elf64_Shdr *names, const Elf64_Shdr *section,
				char *name, size_t room)
{
	ssize_t n = -1;

	if (names->sh_offset <= INT64_MAX / 2 && section->sh_name < names->sh_size)
		n = pread(fd, name, room - 1, (off_t)(names->sh_offset + section->sh_name));
	name[n > 0 ? n : 0] = '\0';
	return name;
}

/* What libdw would read, and what would make it open other files. */
static int check_sections(int fd, struct tsd_dwarf *found)
{
	uint64_t total = 0, size;
	Elf64_Shdr *sections;
	size_t count, names;
	int rc = elf_file_sections(fd, &sections, &count, &names);
	bool has_info = false;

	if (rc)
		return answer(found, rc == -ENOENT ? -ENODATA : rc, "no sections: %s",
			      strerror(-rc));
	for (size_t i = 1; rc == 0 && names && i < count; i++) {
		char text[32];
		const char *name =
			section_name(fd, &sections[names], &sections[i], text, sizeof text);

		if (strcmp(name, ".gnu_debugaltlink") == 0 || strcmp(name, ".debug_sup") == 0)
			rc = answer(found, -ENOTSUP,
				    "a part of the debug information lies in a supplementary file");
		else if (starts_with(name, ".zdebug"))
			rc = answer(found, -ENOTSUP,
				    "the debug information is compressed in GNU's old way");
		if (rc || !starts_with(name, ".debug"))
			continue;
		rc = memory_size(fd, &sections[i], &size);
		if (rc == 0 && (size > DEBUG_LIMIT || (total += size) > DEBUG_LIMIT))
			rc = -EFBIG;
		if (rc)
			answer(found, rc, "%s: more debug information than is read here", name);
		has_info |= strcmp(name, ".debug_info") == 0 && size;
	}
	free(sections);
	return rc == 0 && !has_info ? answer(found, -ENODATA, "no debug information") : rc;
}

/* Without dwarf_peel_type, which follows a cycle of typedefs for ever. */
static bool is_8_bytes(const struct elfutils *dw, Dwarf_Die *member)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type = *member;
	Dwarf_Word size;

	for (int i = 0; i < TYPEDEFS_LIMIT; i++) {
		int tag;

		if (!dw->dwarf_attr(&type, DW_AT_type, &attribute) ||
		    !dw->dwarf_formref_die(&attribute, &type))
			return 0;
		tag = dw->dwarf_tag(&type);
		if (tag == DW_TAG_base_type)
			return dw->dwarf_attr(&type, DW_AT_byte_size, &attribute) &&
			       dw->dwarf_formudata(&attribute, &size) == 0 && size == 8;
		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type)
			return 0;
	}
	return 0;
}

static int unsigned_attribute(const struct elfutils *dw, Dwarf_Die *die, unsigned int name,
			      uint64_t *value)
{
	Dwarf_Attribute attribute;
	Dwarf_Word word;

	if (!dw->dwarf_attr(die, name, &attribute) || dw->dwarf_formudata(&attribute, &word))
		return -EBADMSG;
	*value = word;
	return 0;
}

struct member {
	char prefix[NAME_LIMIT]; /* of its name */
	uint64_t offset;
	int count;
};

/* Keeps the member if its name ends so. A bit field, or a location that is computed, is no counter.
 */
static int take_member(const struct elfutils *dw, Dwarf_Die *die, const char *name, const char *end,
		       int must_be_8, struct member *member)
{
	size_t length = strlen(name), end_length = strlen(end);

	if (length < end_length || length - end_length >= sizeof member->prefix ||
	    strcmp(name + length - end_length, end) != 0)
		return 0;
	if (dw->dwarf_hasattr(die, DW_AT_bit_size) || (must_be_8 && !is_8_bytes(dw, die)) ||
	    unsigned_attribute(dw, die, DW_AT_data_member_location, &member->offset))
		return -EBADMSG;
	memcpy(member->prefix, name, length - end_length);
	member->prefix[length - end_length] = '\0';
	member->count++;
	return 0;
}

/* The member `state` has the counters' prefix since 5.3.0, and none before; others end in _state
 * too. */
static int take_state(Dwarf_Die *tsd, struct walk *walk, const char *prefix, struct member *state)
{
	const struct elfutils *dw = walk->dw;
	char wanted[NAME_LIMIT + 8];
	Dwarf_Die die;
	int rc = dw->dwarf_child(tsd, &die);

	snprintf(wanted, sizeof wanted, "%sstate", prefix);
	for (; rc == 0; rc = dw->dwarf_siblingof(&die, &die)) {
		const char *name = dw->dwarf_tag(&die) == DW_TAG_member ? dw->dwarf_diename(&die)
									: NULL;

		if (++walk->entries > ENTRIES_LIMIT)
			return -EFBIG;
		if (name && (strcmp(name, wanted) == 0 || strcmp(name, "state") == 0) &&
		    take_member(dw, &die, name, name, 0, state))
			return -EBADMSG;
	}
	return rc < 0 ? -EBADMSG : 0;
}

static int keep(struct walk *walk, const struct tsd_dwarf *definition)
{
	struct tsd_dwarf *found = walk->found;

	if (walk->definitions &&
	    (found->size != definition->size || found->state != definition->state ||
	     found->allocated != definition->allocated ||
	     found->deallocated != definition->deallocated))
		return answer(found, -ENOTUNIQ, "two definitions of struct tsd_s differ");
	walk->definitions++;
	*found = *definition;
	return 0;
}

/* One definition of struct tsd_s: direct members only. One without the counters is some other
 * program's. */
static int read_definition(struct walk *walk, Dwarf_Die *tsd)
{
	const struct elfutils *dw = walk->dw;
	struct member allocated = { .count = 0 }, deallocated = { .count = 0 },
		      state = { .count = 0 };
	struct tsd_dwarf definition = { 0 };
	Dwarf_Die die;
	int rc;

	if (unsigned_attribute(dw, tsd, DW_AT_byte_size, &definition.size))
		return 0;
	for (rc = dw->dwarf_child(tsd, &die); rc == 0; rc = dw->dwarf_siblingof(&die, &die)) {
		const char *name = dw->dwarf_tag(&die) == DW_TAG_member ? dw->dwarf_diename(&die)
									: NULL;

		if (++walk->entries > ENTRIES_LIMIT)
			return answer(walk->found, -EFBIG, "more entries than are read here");
		/* In C nothing in a struct has children: to skip them could take as long as the
		 * file likes. */
		if (dw->dwarf_haschildren(&die))
			return answer(walk->found, -EBADMSG,
				      "struct tsd_s holds more than members");
		if (name && (take_member(dw, &die, name, "thread_allocated", 1, &allocated) ||
			     take_member(dw, &die, name, "thread_deallocated", 1, &deallocated)))
			return answer(walk->found, -EBADMSG,
				      "struct tsd_s: %.100s is no counter of 8 bytes", name);
	}
	if (rc < 0)
		return answer(walk->found, -EBADMSG, "struct tsd_s: damaged members");
	if (allocated.count == 0 && deallocated.count == 0)
		return 0;
	if (allocated.count != 1 || deallocated.count != 1 ||
	    strcmp(allocated.prefix, deallocated.prefix) != 0)
		return answer(
			walk->found, -EBADMSG,
			"struct tsd_s has %d members ...thread_allocated, %d ...thread_deallocated",
			allocated.count, deallocated.count);
	rc = take_state(tsd, walk, allocated.prefix, &state);
	if (rc || state.count != 1)
		return answer(walk->found, rc ? rc : -ENODATA,
			      "struct tsd_s has no state beside its counters");
	if (definition.size < 8 || allocated.offset > definition.size - 8 ||
	    deallocated.offset > definition.size - 8 || allocated.offset == deallocated.offset ||
	    (allocated.offset | deallocated.offset) & 7 || state.offset >= definition.size)
		return answer(walk->found, -EBADMSG, "struct tsd_s: members outside of it");
	definition.state = state.offset;
	definition.allocated = allocated.offset;
	definition.deallocated = deallocated.offset;
	return keep(walk, &definition);
}

/* jemalloc is written in C; the thousands of units of a Rust or C++ program are not even entered.
 */
static bool may_be_jemalloc(const struct elfutils *dw, Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;
	Dwarf_Word language;

	if (dw->dwarf_tag(unit) == DW_TAG_partial_unit)
		return true; /* made by dwz, often without a language */
	if (dw->dwarf_tag(unit) != DW_TAG_compile_unit ||
	    !dw->dwarf_attr(unit, DW_AT_language, &attribute) ||
	    dw->dwarf_formudata(&attribute, &language))
		return false;
	return language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 ||
	       language == DW_LANG_C11 || language == 0x2c /* DW_LANG_C17, DWARF 6 */;
}

static int walk_unit(struct walk *walk, Dwarf_Die *unit)
{
	const struct elfutils *dw = walk->dw;
	Dwarf_Die die;
	int rc = dw->dwarf_child(unit, &die);

	for (; rc == 0; rc = dw->dwarf_siblingof(&die, &die)) {
		const char *name;
		int answered;

		/* Siblings are addresses from the file, and may go in circles. */
		if (++walk->entries > ENTRIES_LIMIT)
			return answer(walk->found, -EFBIG, "more entries than are read here");
		if (dw->dwarf_tag(&die) != DW_TAG_structure_type)
			continue;
		name = dw->dwarf_diename(&die);
		if (!name || strcmp(name, "tsd_s") != 0 ||
		    dw->dwarf_hasattr(&die, DW_AT_declaration))
			continue;
		answered = read_definition(walk, &die);
		if (answered)
			return answered;
	}
	return rc < 0 ? answer(walk->found, -EBADMSG, "damaged entries") : 0;
}

static int walk_units(struct walk *walk, Dwarf *dwarf)
{
	const struct elfutils *dw = walk->dw;
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	int rc, walked = 0;

	/* Without a place for the split unit: libdw would open the .dwo file that it names. */
	while (walked == 0 &&
	       (rc = dw->dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL)) == 0) {
		if (++walk->entries > ENTRIES_LIMIT)
			return answer(walk->found, -EFBIG, "more units than are read here");
		walked = may_be_jemalloc(dw, &die) ? walk_unit(walk, &die) : 0;
	}
	if (walked)
		return walked;
	if (rc < 0)
		return answer(walk->found, -EBADMSG, "damaged debug information: %s",
			      dw->dwarf_errmsg(-1));
	if (!walk->definitions)
		return answer(walk->found, -ENODATA,
			      "no struct tsd_s with counters in the debug information");
	return answer(walk->found, 0, "struct tsd_s of %llu bytes, from the debug information",
		      (unsigned long long)walk->found->size);
}

static int read_file(int fd, struct tsd_dwarf *found, char **copy, size_t *size)
{
	/* Not fstat(3), for which libc may use a call that takes a path: the child's filter refuses
	 * those. */
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = 0;

	if (end < 0)
		return answer(found, -errno, "%s", strerror(errno));
	if ((uint64_t)end > FILE_LIMIT)
		return answer(found, -EFBIG, "a larger file than is read here");
	*size = (size_t)end;
	*copy = calloc(1, *size + PADDING);
	if (!*copy)
		return answer(found, -ENOMEM, "out of memory");
	for (size_t done = 0; done < *size; done += (size_t)n) {
		n = pread(fd, *copy + done, *size - done, (off_t)done);
		if (n <= 0)
			return answer(found, n ? -errno : -EBADMSG,
				      "the file cannot be read whole");
	}
	return 0;
}

/* libdw's own way is to print, and to exit with the caller's atexit handlers. Whoever reads a
   hostile file does so in a child: there this is an error like any other. */
__attribute__((noreturn)) /* clang: _Noreturn is no part of a type */
static void
out_of_memory(void)
{
	abort();
}

int tsd_dwarf_find(const struct elfutils *dw, int fd, struct tsd_dwarf *found)
{
	struct walk walk = { .dw = dw, .found = found };
	Dwarf *dwarf = NULL;
	char *copy = NULL;
	Elf *elf = NULL;
	size_t size = 0;
	int rc;

	*found = (struct tsd_dwarf){ 0 };
	rc = check_sections(fd, found);
	if (rc == 0 && !dw)
		return answer(found, -ENOTSUP, "elfutils' %s cannot be loaded", ELFUTILS_SONAME);
	if (rc)
		return rc;
	if (dw->elf_version(EV_CURRENT) == EV_NONE)
		rc = answer(found, -ENOTSUP, "libelf is of another time");
	if (rc == 0)
		rc = read_file(fd, found, &copy, &size);
	if (rc == 0) {
		elf = dw->elf_memory(copy, size);
		dwarf = elf ? dw->dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
		rc = dwarf ? 0
			   : answer(found, -EBADMSG, "the debug information cannot be read: %s",
				    dw->dwarf_errmsg(-1));
	}
	if (rc == 0)
		dw->dwarf_new_oom_handler(dwarf, out_of_memory);
	if (rc == 0 && (rc = dwarf_budget_check(dw, elf)))
		answer(found, rc, "the debug information's abbreviations are %s",
		       rc == -EFBIG ? "more than are read here" : "damaged");
	if (rc == 0)
		rc = walk_units(&walk, dwarf);
	dw->dwarf_end(dwarf);
	dw->elf_end(elf);
	free(copy);
	return rc;
}
