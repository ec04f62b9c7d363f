/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left to the child that reads hostile files: its limits, its rights, its system calls. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sandbox_runs.h"

#define SECCOMP_GET_ACTION_AVAIL 2 /* include/uapi/linux/seccomp.h */

static int opened[3] = { -1, -1, -1 };

static void an_answer_comes_from_another_process(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(run_with(&isolation, answer_pid, &answer, reason), 0);
	assert_int_equal(answer.number, atomic_load(&shared->child));
	assert_int_not_equal(answer.number, getpid());
	assert_string_equal(answer.text, "text");
	assert_false(touched);
	assert_how(reason, has_filter ? "with a filter" : "without a filter of system calls: ");
	/* The filter is missing only where the kernel, or what stands for it, has none. */
	if (!has_filter)
		assert_int_not_equal(
			syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(unsigned int){ 0 }), 0);
}

/* Files of proc are made when they are read: these tell of the child behind its filter. */
static void open_own(void *context)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	int count = 0;

	(void)context;
	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	opened[0] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	opened[1] = open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
	opened[2] = count - 1; /* without the directory itself */
}

static void read_own(void *context, void *result)
{
	int number = *(const int *)context;
	struct answer *answer = result;
	ssize_t n = read(opened[number], answer->text, sizeof answer->text - 1);

	answer->text[n > 0 ? n : 0] = '\0';
	answer->number = opened[2];
}

static const char *line_of(const struct answer *answer, const char *name)
{
	const char *line = strstr(answer->text, name);

	return line ? line + strlen(name) : "none";
}

static void the_child_has_no_privileges_and_tight_limits(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "", expected[64];
	struct answer answer;
	const char *core;
	char *core_hard;
	int number = 0;
	struct sandbox_work work = { .context = &number,
				     .open_fd = -1,
				     .open = open_own,
				     .read = read_own,
				     .close = close_nothing };

	(void)state;
	assert_int_equal(sandbox_run(&isolation, &work, &answer, sizeof answer, reason), 0);
	if (has_filter) {
		/* The pipe for the answer, and the one whose end tells of the child's. valgrind has
		 * some of its own. */
		assert_int_equal(answer.number, 2);
		assert_int_equal(strtol(line_of(&answer, "\nSeccomp:"), NULL, 10), 2);
		assert_true(strtoull(line_of(&answer, "\nSigCgt:"), NULL, 16) == 0);
	}
	assert_int_equal(strtol(line_of(&answer, "\nNoNewPrivs:"), NULL, 10), 1);
	assert_true(strtoull(line_of(&answer, "\nCapEff:"), NULL, 16) == 0);
	assert_true(strtoull(line_of(&answer, "\nCapPrm:"), NULL, 16) == 0);
	number = 1;
	assert_int_equal(sandbox_run(&isolation, &work, &answer, sizeof answer, reason), 0);
	snprintf(expected, sizeof expected, "%u", isolation.cpu_seconds);
	assert_int_equal(strtol(line_of(&answer, "\nMax file size"), NULL, 10), 0);
	assert_int_equal(strtol(line_of(&answer, "\nMax processes"), NULL, 10), 0);
	if (has_filter) /* valgrind keeps this one to itself */
		assert_int_equal(strtol(line_of(&answer, "\nMax open files"), NULL, 10), 32);
	assert_int_equal(strtol(strstr(answer.text, "Max cpu time") + 12, NULL, 10),
			 (long)isolation.cpu_seconds);
	assert_true(strtoull(line_of(&answer, "\nMax data size"), NULL, 10) < UINT64_C(1) << 32);
	assert_true(strtoull(line_of(&answer, "\nMax address space"), NULL, 10) < UINT64_C(1)
											  << 40);
	core = line_of(&answer, "\nMax core file size");
	assert_int_equal(strtol(core, &core_hard, 10), 0);
	assert_true(core_hard != core && strtol(core_hard, NULL, 10) == 0 &&
		    !strstr(strtok(core_hard, "\n"), "unlimited"));
}

/* Each is refused, and the child goes on. */
static void try_calls(void *context, void *result)
{
	struct answer *answer = result;
	char byte[4096] = "";
	struct stat st;
	void *page;
	int *code = answer->codes;

	(void)context;
#define TRY(call) *code++ = (errno = 0, (long)(call) == -1) ? errno : 0
	TRY(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	TRY(syscall(SYS_openat2, AT_FDCWD, "/", byte, 24L));
	TRY(fstatat(AT_FDCWD, "/etc/passwd", &st, 0));
	TRY(unlinkat(AT_FDCWD, "/none", 0));
	TRY(kill(atomic_load(&shared->keeper), 0));
	TRY(kill(getpid(), SIGTERM));
	TRY(syscall(SYS_tgkill, atomic_load(&shared->keeper), atomic_load(&shared->keeper),
		    SIGABRT));
	TRY(prctl(PR_SET_PDEATHSIG, 0));
	TRY(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY(mprotect(page, 4096, PROT_READ | PROT_EXEC));
	TRY(pipe2((int[2]){ 0, 0 }, 0));
	TRY(write(opened[0], byte, 1));
	TRY(ioctl(0, FIONREAD, byte));
	TRY(setrlimit(RLIMIT_CPU, &(struct rlimit){ 1, 1 }));
#undef TRY
	answer->number = page == MAP_FAILED ? -1 : (int)(code - answer->codes);
}

static void calls_outside_the_list_are_refused(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(run_with(&isolation, try_calls, &answer, reason), 0);
	assert_int_equal(answer.number, 14);
	for (int i = 0; i < answer.number; i++)
		if (answer.codes[i] != EPERM)
			fail_msg("call %d: %s", i, strerror(answer.codes[i]));
}

static void do_socket(void *context, void *answer)
{
	(void)context;
	((struct answer *)answer)->number = socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_exec(void *context, void *answer)
{
	(void)context;
	((struct answer *)answer)->number =
		execve("/bin/true", (char *[]){ (char *)"true", NULL }, (char *[]){ NULL });
}

static void do_fork(void *context, void *answer)
{
	(void)context;
	if (fork() == 0)
		_exit(0);
	((struct answer *)answer)->number = 1;
}

static void *no_thread(void *argument)
{
	return argument;
}

static void do_thread(void *context, void *answer)
{
	pthread_t thread;

	(void)context;
	((struct answer *)answer)->number = pthread_create(&thread, NULL, no_thread, NULL);
}

static void do_read_memory(void *context, void *answer)
{
	(void)context;
	((struct answer *)answer)->number =
		(int)syscall(SYS_process_vm_readv, 1, NULL, 0L, NULL, 0L, 0L);
}

#ifdef __x86_64__
/* write by its number of 32-bit programs: another table of calls. */
static void do_old_call(void *context, void *answer)
{
	long result;

	(void)context;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
	((struct answer *)answer)->number = (int)result;
}
#endif

static void a_dangerous_call_kills_the_child(void **state)
{
	static step_read *const steps[] = {
		do_socket,   do_exec, do_fork, do_thread, do_read_memory,
#ifdef __x86_64__
		do_old_call,
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		assert_end(steps[i], -EIO, "killed by signal 31: a forbidden system call");
}

static void take_memory(void *context, void *result)
{
	struct answer *answer = result;

	(void)context;
	for (void *block; (block = malloc(1 << 20)); answer->number++)
		memset(block, 1, 1 << 20);
}

static void memory_ends_at_its_limit(void **state)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	struct answer answer;

	(void)state;
	isolation.memory = 32 << 20;
	assert_int_equal(run_with(&isolation, take_memory, &answer, reason), 0);
	assert_in_range(answer.number, 16,
			64); /* and what was free in the heap that it began with */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_from_another_process),
		cmocka_unit_test(the_child_has_no_privileges_and_tight_limits),
		cmocka_unit_test(memory_ends_at_its_limit),
		cmocka_unit_test(calls_outside_the_list_are_refused),
		cmocka_unit_test(a_dangerous_call_kills_the_child),
	}, without_filter[] = {
		cmocka_unit_test(an_answer_comes_from_another_process),
		cmocka_unit_test(the_child_has_no_privileges_and_tight_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (prepare())
		return 1;
	if (sandbox_missing()) {
		puts("1..0 # SKIP no child is made by what is built with a sanitizer");
		return 0;
	}
	if (!has_filter) /* valgrind: see an_answer_comes_from_another_process */
		return cmocka_run_group_tests(without_filter, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
