/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbol tables and debug files on disk: real ones from the compiler, and made ones that lie. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arch.h"
#include "linux/target_file.h"
#include "made_directory.h"
#include "symfile/debug_file.h"
#include "symfile/elf_file.h"

#define PID 7 /* the directory stands for /proc: <directory>/7/root is its root */

/* ---- made files: a header, then section headers, then whatever ---- */
static int make(const Elf64_Shdr *sections, size_t count, size_t told, const void *data,
		size_t size, off_t at)
{
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					   ELFDATA2LSB, EV_CURRENT },
			      .e_type = ET_EXEC,
			      .e_machine = (Elf64_Half)arch_elf_machine,
			      .e_shoff = sizeof header,
			      .e_shentsize = sizeof(Elf64_Shdr),
			      .e_shnum = (Elf64_Half)told };
	int fd = openat(directory_fd, "made", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &header, sizeof header), sizeof header);
	assert_int_equal(write(fd, sections, count * sizeof *sections),
			 (ssize_t)(count * sizeof *sections));
	if (size)
		assert_int_equal(pwrite(fd, data, size, at), (ssize_t)size);
	return fd;
}

static int tsd(int fd, uint64_t *value, uint64_t *size)
{
	int rc = elf_file_tsd(fd, value, size);

	close(fd);
	return rc;
}

static void the_tsd_is_found_in_what_a_compiler_makes(void **state)
{
	uint64_t value, size;

	(void)state;
	assert_int_equal(run("echo '_Thread_local int first = 1; _Thread_local char "
			     "_rjem_je_tsd_tls[2632] = { 6 };"
			     "_Thread_local long x_tsd_tls_not; int tsd_tls; int main(void) { "
			     "return 0; }' > p.c && "
			     "%s -g -o p p.c && strip -o stripped p",
			     cc()),
			 0);
	assert_int_equal(tsd(open_here("p"), &value, &size), 0);
	assert_int_equal(size, 2632);
	assert_true(value >= 4 && value < 64);
	assert_int_equal(tsd(open_here("stripped"), &value, &size), -ENOENT);
	assert_int_equal(run("%s -shared -fPIC -s -o library p.c", cc()), 0);
	assert_int_equal(tsd(open_here("library"), &value, &size), 0); /* .dynsym is left */
	assert_int_equal(size, 2632);
	assert_int_equal(run("echo 'static _Thread_local int tsd_tls; int *f(void) { return "
			     "&tsd_tls; }' > q.c && "
			     "%s -c q.c && %s -c p.c && ld -r -o both p.o q.o",
			     cc(), cc()),
			 0);
	assert_int_equal(tsd(open_here("both"), &value, &size), -ENOTUNIQ);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	uint64_t value, size;

	(void)state;
	assert_int_equal(run(": > empty; echo text > text; head -c 100 /dev/zero > zeros"), 0);
	assert_int_equal(tsd(open_here("empty"), &value, &size), -ENOEXEC);
	assert_int_equal(tsd(open_here("text"), &value, &size), -ENOEXEC);
	assert_int_equal(tsd(open_here("zeros"), &value, &size), -ENOEXEC);
	assert_int_not_equal(tsd(open_here("."), &value, &size), 0);
	assert_int_equal(tsd(make(NULL, 0, 0, NULL, 0, 0), &value, &size),
			 -EBADMSG); /* ends behind the header */
}

/* A real file cut off at many lengths: an answer each time, and only the whole one says where. */
static void a_file_cut_off_anywhere_is_refused(void **state)
{
	uint64_t value, size;
	struct stat st;

	(void)state;
	assert_int_equal(fstatat(directory_fd, "p", &st, 0), 0);
	for (off_t length = 0; length < st.st_size; length += 1 + st.st_size / 97) {
		assert_int_equal(run("head -c %ld p > cut", (long)length), 0);
		assert_int_not_equal(tsd(open_here("cut"), &value, &size), 0);
	}
}

static void tables_that_claim_too_much_are_refused(void **state)
{
	static Elf64_Shdr many[60000];
	const Elf64_Sym symbol = { .st_name = 0,
				   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS),
				   .st_shndx = 1,
				   .st_value = 64,
				   .st_size = 80 };
	Elf64_Shdr one[2] = {
		{ 0 }, { .sh_type = SHT_SYMTAB, .sh_offset = 4096, .sh_size = sizeof symbol }
	};
	uint64_t value, size;
	char tail[64] = "";

	(void)state;
	/* The string table is the rest of the file: its name is there, but the section says it is
	 * not. */
	alarm(600); /* without limits it is 7 TiB to look through: end it, but measure nothing */
	one[1].sh_link = 0;
	assert_int_equal(tsd(make(one, 2, 2, &symbol, sizeof symbol, 4096), &value, &size),
			 -ENOENT);
	one[1].sh_link = 2; /* no such section */
	assert_int_equal(tsd(make(one, 2, 2, &symbol, sizeof symbol, 4096), &value, &size),
			 -ENOENT);
	one[1].sh_link = 0;
	one[1].sh_offset = UINT64_MAX - 8;
	assert_int_equal(tsd(make(one, 2, 2, &symbol, sizeof symbol, 4096), &value, &size),
			 -EBADMSG);
	one[1].sh_offset = 4096;
	one[1].sh_size = UINT64_MAX;
	assert_int_equal(tsd(make(one, 2, 2, &symbol, sizeof symbol, 4096), &value, &size), -EFBIG);
	one[1].sh_link = UINT32_MAX; /* far behind the last one */
	one[1].sh_size = sizeof symbol;
	assert_int_equal(tsd(make(one, 2, 2, &symbol, sizeof symbol, 4096), &value, &size),
			 -ENOENT);
	one[1].sh_link = 0;
	/* Section 0 counts the sections, where the header cannot. */
	one[1].sh_size = sizeof symbol;
	one[0] = (Elf64_Shdr){ .sh_size = UINT64_MAX };
	assert_int_equal(tsd(make(one, 2, 0, NULL, 0, 0), &value, &size), -EFBIG);
	one[0] = (Elf64_Shdr){ .sh_size = 100000 };
	assert_int_equal(tsd(make(one, 2, 0, NULL, 0, 0), &value, &size), -EBADMSG);
	one[0] = (Elf64_Shdr){ .sh_size = 2, .sh_offset = 4096 + sizeof symbol };
	memcpy(tail, &symbol, sizeof symbol);
	memcpy(tail + sizeof symbol, "je_tsd_tls", 11);
	one[0].sh_size = 2; /* two bytes of names */
	assert_int_equal(tsd(make(one, 2, 0, tail, sizeof tail, 4096), &value, &size), -ENOENT);
	/* 60000 tables over the same large hole. */
	for (size_t i = 0; i < 60000; i++)
		many[i] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
					.sh_offset = 1 << 23,
					.sh_size = 1 << 27 };
	assert_int_equal(tsd(make(many, 60000, 60000, "", 1, 1 << 29), &value, &size), -EFBIG);
	alarm(0);
	unlinkat(directory_fd, "made", 0);
}

/* One symbol table with a table of names behind it, and the symbol as the test has it. */
static int make_symbol(Elf64_Sym symbol, uint64_t names_size)
{
	const Elf64_Shdr sections[] = {
		{ 0 },
		{ .sh_type = SHT_SYMTAB,
		  .sh_offset = 4096,
		  .sh_size = sizeof symbol,
		  .sh_link = 2 },
		{ .sh_type = SHT_STRTAB, .sh_offset = 4096 + sizeof symbol, .sh_size = names_size },
	};
	unsigned char tail[256] = { 0 };

	memcpy(tail, &symbol, sizeof symbol);
	memcpy(tail + sizeof symbol + 1, "je_tsd_tls", 11);
	return make(sections, 3, 3, tail, sizeof tail, 4096);
}

static void a_symbol_counts_where_it_is_defined_and_named_in_its_table(void **state)
{
	const Elf64_Sym good = { .st_name = 1,
				 .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS),
				 .st_shndx = 1,
				 .st_value = 64,
				 .st_size = 80 };
	Elf64_Sym symbol = good;
	uint64_t value, size;
	const Elf64_Half machine = EM_RISCV;
	int fd;

	(void)state;
	assert_int_equal(tsd(make_symbol(symbol, 12), &value, &size), 0);
	assert_true(value == 64 && size == 80);
	assert_int_equal(tsd(make_symbol(symbol, 1), &value, &size), -ENOENT);
	assert_int_equal(tsd(make_symbol(symbol, 0), &value, &size), -ENOENT);
	symbol.st_shndx = SHN_UNDEF;
	assert_int_equal(tsd(make_symbol(symbol, 12), &value, &size), -ENOENT);
	fd = make_symbol(good, 12);
	assert_int_equal(pwrite(fd, &machine, sizeof machine, offsetof(Elf64_Ehdr, e_machine)),
			 sizeof machine);
	assert_int_equal(tsd(fd, &value, &size), -ENOEXEC);
	unlinkat(directory_fd, "made", 0);
}

static void names_that_are_in_no_section_are_in_none(void **state)
{
	const Elf64_Half names = 5000;
	Elf64_Shdr *sections;
	size_t count, index;
	int fd = make_symbol((Elf64_Sym){ 0 }, 12);

	(void)state;
	assert_int_equal(pwrite(fd, &names, sizeof names, offsetof(Elf64_Ehdr, e_shstrndx)),
			 sizeof names);
	assert_int_equal(elf_file_sections(fd, &sections, &count, &index), 0);
	assert_int_equal(count, 3);
	assert_int_equal(index, 0);
	free(sections);
	close(fd);
}

static void more_tls_symbols_than_any_honest_file_has_are_refused(void **state)
{
	enum { COUNT = 65537 };
	static Elf64_Sym symbols[COUNT];
	const Elf64_Shdr sections[] = {
		{ 0 },
		{ .sh_type = SHT_SYMTAB,
		  .sh_offset = 4096,
		  .sh_size = sizeof symbols,
		  .sh_link = 2 },
		{ .sh_type = SHT_STRTAB, .sh_offset = 4096, .sh_size = 1 },
	};
	uint64_t value, size;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		symbols[i] =
			(Elf64_Sym){ .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS), .st_shndx = 1 };
	assert_int_equal(tsd(make(sections, 3, 3, symbols, sizeof symbols, 4096), &value, &size),
			 -EFBIG);
	unlinkat(directory_fd, "made", 0);
}

static void a_build_id_is_within_its_note_and_that_within_its_section(void **state)
{
	static unsigned char notes[65536 + 64];
	const uint32_t note[] = { 4, 4, NT_GNU_BUILD_ID, 0x554e47, 0x04030201 };
	Elf64_Shdr sections[] = { { 0 }, { .sh_type = SHT_NOTE, .sh_offset = 4096 } };
	unsigned char id[DEBUG_FILE_ID_SIZE];
	static const struct {
		uint64_t section;
		int rc;
	} sizes[] = { { sizeof note, 0 }, { sizeof note - 1, -ENOENT }, { 65537, -ENOENT } };

	(void)state;
	memcpy(notes, note, sizeof note);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizeof id;
		int fd;

		sections[1].sh_size = sizes[i].section;
		fd = make(sections, 2, 2, notes, sizeof notes, 4096);
		assert_int_equal(debug_file_build_id(fd, id, &size), sizes[i].rc);
		close(fd);
	}
	unlinkat(directory_fd, "made", 0);
}

/* Paths come from the target: they stay in its root, and lead to regular files only. */
static void a_path_of_the_target_stays_in_its_root(void **state)
{
	const struct target in_directory = { .proc_fd = directory_fd, .reader = PID },
			    other = { .proc_fd = directory_fd, .reader = PID + 1 };
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(run("mkdir -p 7/root/dir && cp p 7/root/file && mkfifo 7/root/fifo && ln "
			     "-s loop 7/root/loop && "
			     "ln -s ../../../file 7/root/dir/up && ln -s /file 7/root/absolute && "
			     "ln -s /etc/passwd 7/root/out"),
			 0);
	assert_int_equal(fstatat(directory_fd, "7/root/file", &st, 0), 0);
	for (const char *const *path =
		     (const char *const[]){ "/file", "/dir/up", "/absolute", "/../../file", NULL };
	     *path; path++) {
		fd = target_file_open(&in_directory, *path, major(st.st_dev), minor(st.st_dev),
				      st.st_ino);
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(target_file_open(&in_directory, "/file", major(st.st_dev),
					  minor(st.st_dev), st.st_ino + 1),
			 -ESTALE);
	assert_int_equal(target_file_open(&in_directory, "/file", major(st.st_dev),
					  minor(st.st_dev) + 1, st.st_ino),
			 -ESTALE);
	assert_int_equal(target_file_open(&in_directory, "/file", major(st.st_dev) + 1,
					  minor(st.st_dev), st.st_ino),
			 -ESTALE);
	assert_int_equal(target_file_open_any(&in_directory, "/out"), -ENOENT);
	assert_int_equal(target_file_open_any(&in_directory, "/fifo"), -EINVAL);
	assert_int_equal(target_file_open_any(&in_directory, "/dir"), -EINVAL);
	assert_int_equal(target_file_open_any(&in_directory, "/loop"), -ELOOP);
	assert_int_equal(target_file_open_any(&other, "/file"), -ENOENT);
	assert_int_equal(target_file_open_any(NULL, "/dev/null"), -EINVAL);
}

/* Through the real /proc: this program under its own pid, and a file that was deleted. */
static void the_file_that_a_process_runs_is_opened_though_it_is_deleted(void **state)
{
	const struct target real = { .proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				     .reader = getpid() };
	int fd = target_file_open_exe(&real);
	struct stat self, opened;
	void *map;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(stat("/proc/self/exe", &self), 0);
	assert_int_equal(fstat(fd, &opened), 0);
	assert_true(self.st_ino == opened.st_ino && self.st_dev == opened.st_dev);
	assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	assert_int_equal(target_file_open_range(&real, 0, 4096), -ENOENT);
	/* A mapped file, deleted and replaced: the range leads to the old one. */
	assert_int_equal(run("cp p mapped"), 0);
	fd = open_here("mapped");
	assert_int_equal(fstat(fd, &self), 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(map != MAP_FAILED);
	close(fd);
	assert_int_equal(run("cp p other && mv other mapped"), 0);
	fd = target_file_open_range(&real, (uint64_t)(uintptr_t)map,
				    (uint64_t)(uintptr_t)map + 4096);
	if (fd == -EPERM) { /* needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE */
		assert_int_not_equal(geteuid(), 0);
	} else {
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &opened), 0);
		assert_true(self.st_ino == opened.st_ino && opened.st_nlink == 0);
		close(fd);
	}
	munmap(map, 4096);
	close(real.proc_fd);
}

/* The first of these files that has the build-id, or the checksum; the others are closed. */
static int right_one(const int *fds, size_t count, const unsigned char *id, size_t size,
		     uint32_t crc)
{
	uint64_t left = DEBUG_FILE_CHECKSUM_LIMIT;
	int right = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		if (right < 0 && (id ? debug_file_has_id(fds[i], id, size)
				     : debug_file_has_checksum(fds[i], &left, crc)))
			right = fds[i];
		else
			close(fds[i]);
	}
	return right;
}

static int open_by_id(const unsigned char *id, size_t size)
{
	const struct target in_directory = { .proc_fd = directory_fd, .reader = PID };
	int fds[DEBUG_FILE_BY_ID];

	return right_one(fds, debug_file_open_by_id(&in_directory, id, size, fds), id, size, 0);
}

static int open_by_link(const char *path, int program)
{
	const struct target in_directory = { .proc_fd = directory_fd, .reader = PID };
	int fds[DEBUG_FILE_BY_LINK], rc;
	struct debug_link link;

	rc = debug_file_read_link(program, &link);
	return rc ? rc
		  : right_one(fds, debug_file_open_by_link(&in_directory, path, &link, fds), NULL,
			      0, link.crc);
}

static void a_debug_file_is_found_by_build_id_and_by_link(void **state)
{
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t size = sizeof id;
	uint64_t value, tsd_size;
	int fd, program;

	(void)state;
	assert_int_equal(run("%s -g -Wl,--build-id=0xfeed0123456789 -o program p.c && objcopy "
			     "--only-keep-debug program d && "
			     "strip program && objcopy --add-gnu-debuglink=d program linked && "
			     "mkdir -p 7/root/usr/lib/debug/.build-id/fe 7/root/bin/.debug",
			     cc()),
			 0);
	program = open_here("linked");
	assert_int_equal(debug_file_build_id(program, id, &size), 0);
	assert_int_equal(size, 7);
	assert_memory_equal(id, "\xfe\xed\x01\x23\x45\x67\x89", 7);
	assert_int_equal(open_by_id(id, size), -ENOENT);
	assert_int_equal(open_by_link("/bin/linked", program), -ENOENT);
	assert_int_equal(run("cp d 7/root/usr/lib/debug/.build-id/fe/ed0123456789.debug && cp d "
			     "7/root/bin/.debug/d"),
			 0);
	fd = open_by_id(id, size);
	assert_true(fd >= 0);
	assert_int_equal(tsd(fd, &value, &tsd_size), 0);
	assert_int_equal(tsd_size, 2632);
	fd = open_by_link("/bin/linked", program);
	assert_true(fd >= 0);
	assert_int_equal(tsd(fd, &value, &tsd_size), 0);
	/* Another build's file at the same place is not taken. */
	assert_int_equal(run("cp p 7/root/usr/lib/debug/.build-id/fe/ed0123456789.debug && printf "
			     "x >> 7/root/bin/.debug/d"),
			 0);
	assert_int_equal(open_by_id(id, size), -ENOENT);
	assert_int_equal(open_by_link("/bin/linked", program), -ENOENT);
	size = 4;
	assert_int_equal(debug_file_build_id(program, id, &size), -EFBIG);
	close(program);
	program = open_here("program");
	assert_int_equal(open_by_link("/bin/program", program), -ENOENT); /* it names none */
	close(program);
	assert_int_equal(open_by_id(id, 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tsd_is_found_in_what_a_compiler_makes),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
		cmocka_unit_test(tables_that_claim_too_much_are_refused),
		cmocka_unit_test(a_symbol_counts_where_it_is_defined_and_named_in_its_table),
		cmocka_unit_test(names_that_are_in_no_section_are_in_none),
		cmocka_unit_test(more_tls_symbols_than_any_honest_file_has_are_refused),
		cmocka_unit_test(a_build_id_is_within_its_note_and_that_within_its_section),
		cmocka_unit_test(the_file_that_a_process_runs_is_opened_though_it_is_deleted),
		cmocka_unit_test(a_path_of_the_target_stays_in_its_root),
		cmocka_unit_test(a_debug_file_is_found_by_build_id_and_by_link),
	}, without_openat2[] = { tests[0], tests[1], tests[2], tests[3], tests[4],
			      tests[5], tests[6], tests[7], tests[8] };
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how),
	    missing = fd < 0 && errno == ENOSYS;

	if (fd >= 0)
		close(fd);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!missing)
		return cmocka_run_group_tests(tests, make_directory, remove_directory);
	printf("# no openat2 here (valgrind 3.19, or a kernel before 5.6): "
	       "a_path_of_the_target_stays_in_its_root and "
	       "a_debug_file_is_found_by_build_id_and_by_link are left out\n");
	return cmocka_run_group_tests(without_openat2, make_directory, remove_directory);
}
