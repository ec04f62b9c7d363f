/* SPDX-License-Identifier: BSD-2-Clause */
/* struct tsd_s from debug information that the compiler makes here, and from the same damaged. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "made_directory.h"
#include "symfile/elf_file.h"
#include "symfile/tsd_dwarf.h"

#define HEAD "typedef unsigned long u64; typedef const u64 cu64; "
#define TAIL " tsd; u64 user(void) { return sizeof tsd; }"
#define MEMBERS_5                                                                       \
	"p_state; u64 p_thread_allocated; u64 p_thread_allocated_next_event_fast; u64 " \
	"p_thread_deallocated;"

/* Compiles text to the object o.o. */
static void compile(const char *flags, const char *text)
{
	int fd = openat(directory_fd, "o.c", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(run("%s %s -shared -fPIC -o o.o o.c", cc(), flags), 0);
}

static int find_in(const char *name, struct tsd_dwarf *found)
{
	int fd = open_here(name), rc;

	assert_true(fd >= 0);
	rc = tsd_dwarf_find(elfutils_load(), fd, found);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	return rc;
}

static int answer(const char *text)
{
	struct tsd_dwarf found;
	int rc;

	compile("-g", text);
	rc = find_in("o.o", &found);
	assert_true(*found.reason);
	return rc;
}

static void each_prefix_and_form_of_dwarf_is_read(void **state)
{
	/* As in 4.x, 5.0 and 5.1, 5.2 and later. */
	static const char *const prefixes[] = {
		"", "use_a_getter_or_setter_instead_",
		"cant_access_tsd_items_directly_use_a_getter_or_setter_"
	};
	static const char *const flags[] = { "-g",          "-g -gdwarf-4",    "-g -gdwarf-5",
					     "-g -gz=zlib", "-g -O2 -std=c99", "-g1 -g3" };
	struct tsd_dwarf found;
	char text[2048];

	(void)state;
	for (size_t p = 0; p < 3; p++)
		for (size_t f = 0; f < sizeof flags / sizeof *flags; f++) {
			snprintf(text, sizeof text,
				 HEAD
				 "struct other { u64 thread_allocated; }; struct tsd_s; extern "
				 "struct tsd_s *later;"
				 "struct tsd_s { char pad[24]; unsigned char %sprng_state; "
				 "volatile unsigned char %sstate;"
				 "u64 %sthread_allocated_last_event; struct { u64 "
				 "x_thread_allocated; } inner;"
				 "u64 %sthread_allocated; u64 %sthread_allocated_next_event_fast; "
				 "cu64 %sthread_deallocated; char end[100]; }" TAIL,
				 prefixes[p], prefixes[p], prefixes[p], prefixes[p], prefixes[p],
				 prefixes[p]);
			compile(flags[f], text);
			assert_int_equal(find_in("o.o", &found), 0);
			assert_int_equal(found.state, 25);
			assert_int_equal(found.allocated, 48);
			assert_int_equal(found.deallocated, 64);
			assert_int_equal(found.size, 176);
		}
}

static void a_struct_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(answer(HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL),
			 0); /* the model of the others */
	assert_int_equal(answer(HEAD "struct tsd_t { unsigned char " MEMBERS_5 " }" TAIL),
			 -ENODATA);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state; }" TAIL),
			 -ENODATA); /* some other program's tsd_s */
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state; u64 p_thread_allocated; }" TAIL),
			 -EBADMSG);
	/* 4.0 to 5.2.1: the state alone has no prefix. */
	assert_int_equal(answer(HEAD "struct tsd_s { char state; u64 p_offset_state, "
				     "p_thread_allocated, p_thread_deallocated; }" TAIL),
			 0);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 state, p_state, p_thread_allocated, "
				     "p_thread_deallocated; }" TAIL),
			 -ENODATA);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 q_state, p_thread_allocated, "
				     "p_thread_deallocated; }" TAIL),
			 -ENODATA);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state, p_thread_allocated, "
				     "q_thread_deallocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state, p_thread_allocated, "
				     "p_thread_deallocated, thread_allocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD "struct tsd_s { int p_state; int p_thread_allocated, "
				     "p_thread_deallocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD
				"struct tsd_s { u64 p_state; _Alignas(8) int p_thread_allocated; "
				"_Alignas(8) int p_thread_deallocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state, p_thread_allocated : 60, "
				     "p_thread_deallocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD "struct tsd_s { u64 p_state; u64 *p_thread_allocated, "
				     "*p_thread_deallocated; }" TAIL),
			 -EBADMSG);
	assert_int_equal(answer(HEAD "struct __attribute__((packed)) tsd_s { char p_state; u64 "
				     "p_thread_allocated, p_thread_deallocated; }" TAIL),
			 -EBADMSG);
}

/* A unit whose table of declarations is this text. */
static int answer_to_table(const char *table)
{
	struct tsd_dwarf found;
	FILE *file;
	int fd = openat(directory_fd, "t.s", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fprintf(file,
		".section .debug_info,\"\",%%progbits\n.long 2f - 1f\n1: .short 4\n.long 0\n"
		".byte 8, 0\n2:\n.section .debug_abbrev,\"\",%%progbits\n%s\n.byte 0\n",
		table);
	fclose(file);
	assert_int_equal(run("%s -c -o t.o t.s", cc()), 0);
	return find_in("t.o", &found);
}

/* libdw would keep all of them before it gives an answer. */
static void more_declarations_than_any_honest_unit_has_are_refused(void **state)
{
	(void)state;
	assert_int_equal(answer_to_table(".byte 1, 0x34, 0, 0, 0"), -ENODATA);
	assert_int_equal(answer_to_table(".rept 150001\n.byte 1, 0x34, 0, 3, 8, 0, 0\n.endr"),
			 -EFBIG);
	assert_int_equal(
		answer_to_table(".byte 1, 0x34, 0\n.rept 65\n.byte 3, 8\n.endr\n.byte 0, 0"),
		-EFBIG);
}

static void two_units_have_to_agree(void **state)
{
	const char *compiler = getenv("CC");
	struct tsd_dwarf found;

	(void)state;
	compiler = compiler && *compiler ? compiler : "cc";
	assert_int_equal(run("echo '" HEAD "struct tsd_s { unsigned char " MEMBERS_5
			     " } a;' > a.c && sed 's/ a;/ b;/' a.c > b.c && "
			     "sed 's/{/{ u64 pad;/; s/ a;/ c;/' a.c > c.c && %s -g -shared -fPIC "
			     "-o same a.c b.c && "
			     "%s -g -shared -fPIC -o differ a.c c.c",
			     compiler, compiler),
			 0);
	assert_int_equal(find_in("same", &found), 0);
	assert_int_equal(find_in("differ", &found), -ENOTUNIQ);
	/* In the place of one counter alone. */
	assert_int_equal(run("echo '" HEAD "struct tsd_s { u64 p_state, p_thread_allocated, x, "
			     "p_thread_deallocated; } a;' > a.c && sed 's/p_thread_allocated, x/x, "
			     "p_thread_allocated/; s/ a;/ b;/' a.c > b.c && %s -g -shared -fPIC -o "
			     "differ a.c b.c",
			     compiler),
			 0);
	assert_int_equal(find_in("differ", &found), -ENOTUNIQ);
}

static void a_file_without_debug_information_has_no_answer(void **state)
{
	struct tsd_dwarf found;

	(void)state;
	compile("-g0", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(find_in("o.o", &found), -ENODATA);
	compile("-s", "int nothing;");
	assert_int_equal(find_in("o.o", &found), -ENODATA);
	assert_int_equal(run(": > empty && echo no > text"), 0);
	assert_int_equal(find_in("empty", &found), -ENOEXEC);
	assert_int_equal(find_in("text", &found), -ENOEXEC);
}

static void debug_information_is_refused_where_elfutils_cannot_be_loaded(void **state)
{
	struct tsd_dwarf found;
	int fd;

	(void)state;
	compile("-g", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(find_in("o.o", &found), 0);
	fd = open_here("o.o");
	assert_int_equal(tsd_dwarf_find(NULL, fd, &found), -ENOTSUP);
	assert_string_equal(found.reason, "elfutils' libdw.so.1 cannot be loaded");
	close(fd);
	compile("-g0", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	fd = open_here("o.o");
	assert_int_equal(tsd_dwarf_find(NULL, fd, &found), -ENODATA);
	close(fd);
}

/* What would make libdw open files by names that the target chose. */
static void no_file_that_another_names_is_opened(void **state)
{
	struct tsd_dwarf found;

	(void)state;
	compile("-g", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(
		run("mkfifo fifo; printf '%%s/fifo\\0aaaaaaaaaaaaaaaaaaaa' \"$PWD\" > link && "
		    "objcopy --add-section .gnu_debugaltlink=link o.o alt"),
		0);
	assert_int_equal(find_in("alt", &found), -ENOTSUP);
	compile("-g -gsplit-dwarf", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(run("for f in *.dwo; do rm -f \"$f\"; mkfifo \"$f\"; done"), 0);
	assert_int_equal(find_in("o.o", &found), -ENODATA); /* and it does not hang at the FIFO */
}

/* The name of a section's bytes within the file: where to do damage. */
static bool section_of(int fd, const char *wanted, Elf64_Shdr *result)
{
	Elf64_Shdr *sections;
	size_t count, names;
	char name[32];
	bool found = false;

	assert_int_equal(elf_file_sections(fd, &sections, &count, &names), 0);
	for (size_t i = 1; !found && i < count; i++) {
		assert_true(pread(fd, name, sizeof name,
				  (off_t)(sections[names].sh_offset + sections[i].sh_name)) > 0);
		found = strncmp(name, wanted, sizeof name) == 0;
		if (found)
			*result = sections[i];
	}
	free(sections);
	return found;
}

static void what_is_too_large_is_refused(void **state)
{
	Elf64_Chdr head = { .ch_type = ELFCOMPRESS_ZLIB,
			    .ch_size = UINT64_C(1) << 40,
			    .ch_addralign = 1 };
	struct tsd_dwarf found;
	Elf64_Shdr section;
	int fd;

	(void)state;
	compile("-g", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(
		run("truncate -s 25M hole && objcopy --add-section .debug_more=hole o.o large && "
		    "cp o.o long && truncate -s 33M long"),
		0);
	assert_int_equal(find_in("large", &found), -EFBIG);
	assert_int_equal(find_in("long", &found), -EFBIG);
	/* A compressed section that says it becomes a terabyte. */
	compile("-g -gz=zlib", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	assert_int_equal(run("cp o.o bomb && objcopy --compress-debug-sections=zlib bomb"), 0);
	fd = openat(directory_fd, "bomb", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(section_of(fd, ".debug_info", &section) ||
		    section_of(fd, ".debug_str", &section));
	if (!(section.sh_flags & SHF_COMPRESSED)) /* too small to gain by it: another is larger */
		assert_true(section_of(fd, ".debug_str", &section));
	if (section.sh_flags & SHF_COMPRESSED) {
		assert_int_equal(pwrite(fd, &head, sizeof head, (off_t)section.sh_offset),
				 sizeof head);
		assert_int_equal(find_in("bomb", &found), -EFBIG);
	} else {
		print_message("# this compiler compressed nothing: the bomb was not made\n");
	}
	close(fd);
}

/* Any damage: an answer, soon, with little memory; and where there is one, it lies within the
 * struct. */
static void any_damage_is_read_within_bounds(void **state)
{
	static const char *const places[] = { ".debug_info", ".debug_abbrev", ".debug_info" };
	uint64_t seed = 1;
	struct rusage usage;
	Elf64_Shdr section;
	struct stat st;
	char *whole;
	int fd;

	(void)state;
	compile("-g", HEAD "struct tsd_s { unsigned char " MEMBERS_5 " }" TAIL);
	fd = openat(directory_fd, "o.o", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	whole = malloc((size_t)st.st_size);
	assert_int_equal(pread(fd, whole, (size_t)st.st_size, 0), st.st_size);
	for (size_t round = 0; round < 3000; round++) {
		struct tsd_dwarf found;

		assert_true(section_of(fd, places[round % 3], &section));
		for (size_t hits = 1 + round % 3; hits; hits--) {
			static const unsigned char values[] = {
				0, 1, 0xff, 0x7f, 0x80, 16, 8, 0x34
			};

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			assert_int_equal(
				pwrite(fd, &values[seed >> 61], 1,
				       (off_t)(section.sh_offset + (seed >> 20) % section.sh_size)),
				1);
		}
		if (tsd_dwarf_find(elfutils_load(), fd, &found) == 0)
			assert_true(found.allocated <= found.size - 8 &&
				    found.deallocated <= found.size - 8 &&
				    found.state < found.size);
		assert_int_equal(pwrite(fd, whole, (size_t)st.st_size, 0), st.st_size);
	}
	for (off_t length = 0; length < st.st_size; length += 1 + st.st_size / 199) {
		struct tsd_dwarf found;

		assert_int_equal(ftruncate(fd, length), 0);
		assert_int_not_equal(tsd_dwarf_find(elfutils_load(), fd, &found), 0);
		assert_int_equal(pwrite(fd, whole, (size_t)st.st_size, 0), st.st_size);
	}
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	print_message("# 3000 damaged files, %ld KiB at most\n", usage.ru_maxrss);
	free(whole);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_prefix_and_form_of_dwarf_is_read),
		cmocka_unit_test(a_struct_that_does_not_fit_is_refused),
		cmocka_unit_test(more_declarations_than_any_honest_unit_has_are_refused),
		cmocka_unit_test(two_units_have_to_agree),
		cmocka_unit_test(a_file_without_debug_information_has_no_answer),
		cmocka_unit_test(debug_information_is_refused_where_elfutils_cannot_be_loaded),
		cmocka_unit_test(no_file_that_another_names_is_opened),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(any_damage_is_read_within_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
