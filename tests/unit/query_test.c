/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the child that reads files: real ones, and such as an intruder would give. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_target.h"
#include "linux/live_target.h"
#include "symfile/query.h"

static struct query_answer sane(void)
{
	struct query_answer answer = {
		.symbol_offset = 64,
		.symbol_size = 2632,
		.dwarf = { .size = 2632,
			   .state = 880,
			   .allocated = 888,
			   .deallocated = 904,
			   .reason = "found" },
		.link = { .crc = 1, .name = "program.debug" },
	};

	return answer;
}

#define REFUSED(change)                                       \
	do {                                                  \
		struct query_answer answer = sane();          \
		change;                                       \
		if (query_check(&answer) != -EBADMSG)         \
			fail_msg("let through: %s", #change); \
	} while (0)

static void an_answer_that_cannot_be_is_refused(void **state)
{
	struct query_answer good = sane();

	(void)state;
	assert_int_equal(query_check(&good), 0);
	REFUSED(answer.opened = 1);
	REFUSED(answer.opened = -5000);
	REFUSED(answer.symbol = 1);
	REFUSED(answer.symbol = INT32_MIN);
	REFUSED(answer.dwarf_rc = 7);
	REFUSED(answer.link_rc = -4097);
	REFUSED(answer.symbol_offset = UINT64_MAX);
	REFUSED(answer.symbol_size = UINT64_C(1) << 63);
	REFUSED(answer.dwarf.size = 0);
	REFUSED(answer.dwarf.size = UINT64_MAX);
	REFUSED(answer.dwarf.state = 2632);
	REFUSED(answer.dwarf.allocated = 2632 - 7);
	REFUSED(answer.dwarf.allocated = UINT64_MAX - 7);
	REFUSED(answer.dwarf.deallocated = 2628);
	REFUSED(answer.dwarf.deallocated = 888);
	REFUSED(answer.dwarf.allocated = 889);
	REFUSED(memset(answer.dwarf.reason, 'x', sizeof answer.dwarf.reason));
	REFUSED(memset(answer.link.name, 'x', sizeof answer.link.name));
	REFUSED(*answer.link.name = '\0');
	REFUSED(strcpy(answer.link.name, "../../etc/shadow"));
	/* What is said not to be there is not looked at. */
	good.dwarf_rc = -ENODATA;
	good.dwarf.size = 0;
	good.link_rc = -ENOENT;
	*good.link.name = '\0';
	good.symbol = -EEXIST;
	good.symbol_offset = UINT64_MAX;
	assert_int_equal(query_check(&good), 0);
}

/* The same of this program's own file, with a child and without. */
static void a_child_answers_as_this_process_does(void **state)
{
	unsigned char beginning[4096];
	char path[4096] = "";
	struct program_head head = { .bytes = beginning };
	struct target target;
	struct module module = { .image.target = &target, .path = path, .first_end = 4096 };
	struct file_question question = { .module = &module, .head = &head, .wants_symbol = true };
	struct sandbox isolation[] = { SANDBOX_INIT(0, -1), SANDBOX_INIT(1, -1) };
	struct query_answer answers[2], other;
	char reason[SANDBOX_REASON_SIZE];
	struct stat st;
	int fd;

	(void)state;
	assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	module.file.dev_major = major(st.st_dev);
	module.file.dev_minor = minor(st.st_dev);
	module.file.inode = st.st_ino;
	assert_int_equal(read(fd, beginning, sizeof beginning), sizeof beginning);
	close(fd);
	head.size = sizeof beginning;
	live_target_init(&target);
	assert_int_equal(live_target_open_proc(&target), 0);
	assert_int_equal(live_target_open_tasks(&target, getpid()), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(query_program(&isolation[i], &question, &answers[i], reason), 0);
		if (answers[i].opened) /* valgrind does not know openat2 */
			assert_int_equal(syscall(SYS_openat2, AT_FDCWD, "/", &(char[24]){ 0 },
						 24L) < 0
						 ? errno
						 : 0,
					 ENOSYS);
		if (answers[i].opened)
			return;
		assert_int_equal(answers[i].symbol, -ENOENT);
		assert_true(*answers[i].dwarf.reason);
	}
	assert_memory_equal(&answers[0], &answers[1], sizeof *answers);
	/* What stat tells is not what maps told: the file's beginning decides. */
	module.file.inode++;
	head.id_size = 1;
	assert_int_equal(query_program(isolation, &question, &other, reason), 0);
	assert_int_equal(other.opened, 0);
	head.size = 100; /* of its memory no more could be read */
	assert_int_equal(query_program(isolation, &question, &other, reason), 0);
	assert_int_equal(other.opened, -ESTALE);
	head.size = sizeof beginning;
	beginning[100] ^= 1;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(query_program(&isolation[i], &question, &other, reason), 0);
		assert_int_equal(other.opened, -ESTALE);
		assert_int_equal(query_debug(&isolation[i], &question, &other, reason), 0);
		assert_int_equal(other.opened, -ENOENT);
	}
	live_target_close(&target);
}

/* A task that has ended leads to no file. */
static void a_file_is_asked_for_again_through_a_task_that_lives(void **state)
{
	struct program_head head = { .bytes = NULL };
	struct fake_target fake;
	struct module module = { .image.target = &fake.target, .path = (char[]){ "/none" } };
	const struct file_question question = { .module = &module, .head = &head };
	const struct sandbox isolation = SANDBOX_INIT(1, -1);
	char reason[SANDBOX_REASON_SIZE];
	struct query_answer answer;

	(void)state;
	fake_target_begin(&fake, 1000);
	fake_target_add_task(&fake, 1000, 1)->stat.state = 'Z';
	fake_target_add_task(&fake, 1001, 1);
	assert_int_equal(query_program(&isolation, &question, &answer, reason), 0);
	assert_true(answer.opened < 0);
	assert_int_equal(target_living_task(&fake.target), 1001);
	fake_target_end(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_cannot_be_is_refused),
		cmocka_unit_test(a_child_answers_as_this_process_does),
		cmocka_unit_test(a_file_is_asked_for_again_through_a_task_that_lives),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
