/* SPDX-License-Identifier: BSD-2-Clause */
/* The child that reads hostile files: what it may do, what becomes of it, and what its parent sees of it. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolation.h"

#define SECCOMP_GET_ACTION_AVAIL 2 /* include/uapi/linux/seccomp.h */

struct answer {
	int number;
	int codes[16];
	char text[1500];
};

/* Seen by all processes that come of this one. */
static struct {
	atomic_int child, keeper, ran_atexit, ran_handler;
} *shared;

static int touched; /* by a child: its own copy */
static int opened[3] = { -1, -1, -1 };
static int has_filter;
static sigset_t first_mask; /* what was blocked when the program began */

static struct isolation quick(void)
{
	return (struct isolation)ISOLATION_INIT(0, -1);
}

static void open_nothing(void *context)
{
	(void)context;
	atomic_store(&shared->keeper, getppid());
	atomic_store(&shared->child, getpid());
}

static void close_nothing(void *context)
{
	(void)context;
}

typedef void step_open(void *);
typedef void step_read(void *, void *);

static int run_opening(const struct isolation *isolation, step_open *open_step, step_read *read_step,
		       struct answer *answer, char *how)
{
	struct isolated_work work = { NULL, -1, open_step, read_step, close_nothing };

	atomic_store(&shared->child, 0);
	return isolation_run(isolation, &work, answer, sizeof *answer, how);
}

static int run_with(const struct isolation *isolation, step_read *step, struct answer *answer, char *how)
{
	return run_opening(isolation, open_nothing, step, answer, how);
}

static void assert_how(const char *how, const char *part)
{
	if (!strstr(how, part))
		fail_msg("\"%s\" is not in \"%s\"", part, how);
}

/* Does it end so, and how does it say so? */
static void assert_end(step_read *step, int code, const char *part)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;
	int rc;

	isolation.cpu_seconds = 1;
	rc = run_with(&isolation, step, &answer, how);
	assert_how(how, part);
	assert_int_equal(rc, code);
	assert_int_equal(kill(atomic_load(&shared->child), 0), -1); /* reaped */
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- what it may do ---- */

static void answer_pid(void *context, void *result)
{
	struct answer *answer = result;

	(void)context;
	touched = 1;
	answer->number = (int)getpid();
	strcpy(answer->text, "text");
}

static void test_answer(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(run_with(&isolation, answer_pid, &answer, how), 0);
	assert_int_equal(answer.number, atomic_load(&shared->child));
	assert_int_not_equal(answer.number, getpid());
	assert_string_equal(answer.text, "text");
	assert_int_equal(touched, 0);
	assert_how(how, has_filter ? "with a filter" : "without a filter of system calls: ");
	/* The filter is missing only where the kernel, or what stands for it, has none. */
	if (!has_filter)
		assert_int_not_equal(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(unsigned int){ 0 }), 0);
}

/* Files of proc are made when they are read: these tell of the child behind its filter. */
static void open_own(void *context)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	int count = 0;

	(void)context;
	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	opened[0] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	opened[1] = open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
	opened[2] = count - 1; /* without the folder itself */
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

static void test_state(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "", expected[64];
	struct answer answer;
	int number = 0;
	struct isolated_work work = { &number, -1, open_own, read_own, close_nothing };

	(void)state;
	assert_int_equal(isolation_run(&isolation, &work, &answer, sizeof answer, how), 0);
	if (has_filter) {
		/* The pipe for the answer, and the one whose end tells of the child's. valgrind has some of its own. */
		assert_int_equal(answer.number, 2);
		assert_int_equal(strtol(line_of(&answer, "\nSeccomp:"), NULL, 10), 2);
		assert_true(strtoull(line_of(&answer, "\nSigCgt:"), NULL, 16) == 0);
	}
	assert_int_equal(strtol(line_of(&answer, "\nNoNewPrivs:"), NULL, 10), 1);
	assert_true(strtoull(line_of(&answer, "\nCapEff:"), NULL, 16) == 0);
	assert_true(strtoull(line_of(&answer, "\nCapPrm:"), NULL, 16) == 0);
	number = 1;
	assert_int_equal(isolation_run(&isolation, &work, &answer, sizeof answer, how), 0);
	snprintf(expected, sizeof expected, "%u", isolation.cpu_seconds);
	assert_int_equal(strtol(line_of(&answer, "\nMax file size"), NULL, 10), 0);
	assert_int_equal(strtol(line_of(&answer, "\nMax core file size"), NULL, 10), 0);
	assert_int_equal(strtol(line_of(&answer, "\nMax processes"), NULL, 10), 0);
	if (has_filter) /* valgrind keeps this one to itself */
		assert_int_equal(strtol(line_of(&answer, "\nMax open files"), NULL, 10), 32);
	assert_int_equal(strtol(strstr(answer.text, "Max cpu time") + 12, NULL, 10), (long)isolation.cpu_seconds);
	assert_true(strtoull(line_of(&answer, "\nMax data size"), NULL, 10) < UINT64_C(1) << 32);
	assert_true(strtoull(line_of(&answer, "\nMax address space"), NULL, 10) < UINT64_C(1) << 40);
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
	TRY(syscall(SYS_tgkill, atomic_load(&shared->keeper), atomic_load(&shared->keeper), SIGABRT));
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

static void test_refused(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(run_with(&isolation, try_calls, &answer, how), 0);
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
	((struct answer *)answer)->number = execve("/bin/true", (char *[]){ (char *)"true", NULL }, (char *[]){ NULL });
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
	((struct answer *)answer)->number = (int)syscall(SYS_process_vm_readv, 1, NULL, 0L, NULL, 0L, 0L);
}

#ifdef __x86_64__
/* write by its number of 32-bit programs: another table of calls. */
static void do_old_call(void *context, void *answer)
{
	long result;

	(void)context;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	((struct answer *)answer)->number = (int)result;
}
#endif

static void test_intruder(void **state)
{
	static step_read *const steps[] = {
		do_socket, do_exec, do_fork, do_thread, do_read_memory,
#ifdef __x86_64__
		do_old_call,
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		assert_end(steps[i], -EIO, "killed by signal 31: a forbidden system call");
}

/* ---- what becomes of it ---- */

static void crash(void *context, void *answer)
{
	volatile int *volatile nowhere = NULL;

	(void)context;
	((struct answer *)answer)->number = *nowhere;
}

static void loop(void *context, void *answer)
{
	(void)context;
	(void)answer;
	for (volatile unsigned int i = 0;; i++)
		;
}

static void hang(void *context, void *answer)
{
	(void)context;
	(void)answer;
	for (uint32_t word = 0;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void give_up(void *context, void *answer)
{
	(void)context;
	(void)answer;
	abort();
}

static void leave_quietly(void *context, void *answer)
{
	(void)context;
	(void)answer;
	_exit(0);
}

/* Into whichever descriptor is the pipe. */
static void babble(void *context, void *answer)
{
	char byte = 'x';

	(void)context;
	(void)answer;
	for (int fd = 0; fd < 1024; fd++)
		if (write(fd, &byte, 1) < 0)
			continue;
}

static void flood(void *context, void *answer)
{
	static char bytes[65536];

	(void)context;
	(void)answer;
	for (int fd = 0; fd < 1024; fd++)
		while (write(fd, bytes, sizeof bytes) > 0)
			;
}

static void test_ends(void **state)
{
	(void)state;
	assert_end(crash, -EIO, "killed by signal 11: a bad address");
	assert_end(give_up, -EIO, "killed by signal 6: ");
	assert_end(loop, -EIO, "killed by signal 24: its limit of processor time");
	assert_end(leave_quietly, -EBADMSG, "an answer of 4 bytes");
	assert_end(babble, -EBADMSG, "an answer of ");
	assert_end(flood, -EIO, "lost"); /* there is no room for the answer itself */
	assert_int_equal(atomic_load(&shared->ran_handler), 0);
	assert_int_equal(atomic_load(&shared->ran_atexit), 0);
}

static void test_time(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	isolation.wall_ms = 1000;
	assert_int_equal(run_with(&isolation, hang, &answer, how), -ETIMEDOUT);
	assert_how(how, "had not ended after 1000 ms and was killed");
	if (atomic_load(&shared->child)) /* it had come that far */
		assert_int_equal(kill(atomic_load(&shared->child), 0), -1);
}

static void *stop_it(void *argument)
{
	uint64_t one = 1;

	for (int i = 0; i < 20000 && atomic_load(&shared->child) == 0; i++)
		usleep(1000);
	if (*(const int *)argument < 0)
		kill(atomic_load(&shared->child), SIGKILL);
	else
		assert_int_equal(write(*(const int *)argument, &one, sizeof one), sizeof one);
	return NULL;
}

static void test_stopped(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;
	pthread_t thread;

	(void)state;
	atomic_store(&shared->child, 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_it, &isolation.cancel_fd), 0);
	assert_int_equal(run_with(&isolation, hang, &answer, how), -EIO);
	assert_how(how, "killed by signal 9");
	pthread_join(thread, NULL);

	isolation.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&shared->child, 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_it, &isolation.cancel_fd), 0);
	assert_int_equal(run_with(&isolation, hang, &answer, how), -ECANCELED);
	pthread_join(thread, NULL);
	assert_int_equal(run_with(&isolation, hang, &answer, how), -ECANCELED); /* and from then on */
	close(isolation.cancel_fd);
}

static void test_no_room(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct rlimit before, none;
	struct answer answer;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = run_with(&isolation, answer_pid, &answer, how);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EAGAIN);
	assert_how(how, "no child could be made");
}

static void take_memory(void *context, void *result)
{
	struct answer *answer = result;

	(void)context;
	for (void *block; (block = malloc(1 << 20)); answer->number++)
		memset(block, 1, 1 << 20);
}

static void test_memory(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	isolation.memory = 32 << 20;
	assert_int_equal(run_with(&isolation, take_memory, &answer, how), 0);
	assert_in_range(answer.number, 16, 64); /* and what was free in the heap that it began with */
}

/* ---- what its parent sees of it ---- */

static int count_of(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static atomic_int stop, children_seen, signals_seen;

static void on_child(int number)
{
	(void)number;
	atomic_fetch_add(&signals_seen, 1);
}

static void *wait_for_any(void *argument)
{
	(void)argument;
	while (!atomic_load(&stop))
		if (wait(NULL) >= 0 || errno != ECHILD)
			atomic_fetch_add(&children_seen, 1);
	return NULL;
}

/* Holds the heap's locks as often as can be, also those of arenas that are not its own. */
static void *allocate(void *argument)
{
	static _Atomic(void *) exchanged[64];
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	while (!atomic_load(&stop))
		free(atomic_exchange(&exchanged[rand_r(&seed) % 64], malloc((size_t)rand_r(&seed) % 100000)));
	for (int i = 0; i < 64; i++)
		free(atomic_exchange(&exchanged[i], NULL));
	return NULL;
}

static void allocate_much(void *context, void *result)
{
	struct answer *answer = result;
	void *blocks[64];

	(void)context;
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 64; i++)
			answer->number += !!(blocks[i] = malloc(i * 997));
		for (size_t i = 0; i < 64; i++)
			free(blocks[i]);
	}
}

static void test_threads(void **state)
{
	struct sigaction action = { .sa_handler = on_child, .sa_flags = SA_RESTART }, before;
	const char *wanted = getenv("KTSTR_TEST_ROUNDS");
	int rounds = wanted ? atoi(wanted) / 2 : 200, fds = count_of("/proc/self/fd");
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	pthread_t threads[5];
	struct answer answer;

	(void)state;
	atomic_store(&stop, 0);
	sigaction(SIGCHLD, &action, &before);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i ? allocate : wait_for_any, (void *)i), 0);
	for (int i = 0; i < rounds; i++) {
		if (run_with(&isolation, allocate_much, &answer, how))
			fail_msg("round %d: %s", i, how);
		assert_int_equal(answer.number, 256);
	}
	atomic_store(&stop, 1);
	for (size_t i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	sigaction(SIGCHLD, &before, NULL);
	assert_int_equal(atomic_load(&children_seen), 0);
	assert_int_equal(atomic_load(&signals_seen), 0);
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_of("/proc/self/fd"), fds);
}

/* A caller that lets the kernel reap its children, and has all signals open. */
static void test_ignored(void **state)
{
	struct sigaction action = { .sa_handler = SIG_IGN }, before;
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	sigset_t after;
	struct answer answer;

	(void)state;
	sigaction(SIGCHLD, &action, &before);
	assert_int_equal(run_with(&isolation, answer_pid, &answer, how), 0);
	assert_int_equal(run_with(&isolation, crash, &answer, how), -EIO);
	assert_how(how, "signal 11");
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < NSIG; number++)
		assert_int_equal(sigismember(&first_mask, number), sigismember(&after, number));
	sigaction(SIGCHLD, &before, &action);
	assert_true(action.sa_handler == SIG_IGN);
}

static void *run_cancelled(void *argument)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	*(int *)argument = run_with(&isolation, answer_pid, &(struct answer){ 0 }, how);
	pthread_testcancel();
	return argument;
}

/* A thread that is to be cancelled is so when the child has ended, and not in the keeper. */
static void test_cancelled_thread(void **state)
{
	pthread_t thread;
	void *result;
	int rc = 1;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_cancelled, &rc), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(result == PTHREAD_CANCELED);
	assert_int_equal(rc, 0);
}

/* Zombies count: who reaps them is not ours to say. */
static int is_alive(pid_t pid)
{
	char path[64], text[256], *state;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void test_orphan(void **state)
{
	struct isolation isolation = quick();
	pid_t parent, child, keeper;
	int status;

	(void)state;
	isolation.wall_ms = 600000;
	atomic_store(&shared->child, 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		char how[ISOLATION_HOW_SIZE] = "";
		struct answer answer;

		run_with(&isolation, hang, &answer, how);
		_exit(0);
	}
	for (int i = 0; i < 20000 && (child = atomic_load(&shared->child)) == 0 && is_alive(parent); i++)
		usleep(1000);
	keeper = atomic_load(&shared->keeper);
	assert_true(child > 0 && keeper > 0 && keeper != parent);
	assert_true(is_alive(child) && is_alive(keeper));
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	for (int i = 0; i < 20000 && (is_alive(child) || is_alive(keeper)); i++)
		usleep(1000);
	assert_false(is_alive(child));
	assert_false(is_alive(keeper));
}

/* ---- without ---- */

static int closed;

static void count_close(void *context)
{
	(void)context;
	closed++;
}

static void test_off(void **state)
{
	struct isolation isolation = ISOLATION_INIT(!isolation_missing(), -1);
	struct isolated_work work = { NULL, -1, open_nothing, answer_pid, count_close };
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	assert_int_equal(isolation_run(&isolation, &work, &answer, sizeof answer, how), 0);
	assert_int_equal(answer.number, getpid());
	assert_int_equal(closed, 1);
	assert_int_equal(touched, 1);
	assert_how(how, isolation_missing() ? "built with a sanitizer" : "isolation is switched off");
	touched = 0;
}

static void at_exit(void)
{
	atomic_store(&shared->ran_atexit, 1);
}

static void on_crash(int number)
{
	(void)number;
	atomic_store(&shared->ran_handler, 1);
	_exit(1);
}

static int prepare(void **state)
{
	struct isolation isolation = quick();
	char how[ISOLATION_HOW_SIZE] = "";
	struct answer answer;

	(void)state;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	atexit(at_exit);
	sigprocmask(SIG_SETMASK, NULL, &first_mask);
	mallopt(M_ARENA_MAX, 1); /* one heap for all threads, with one lock */
	has_filter = !isolation_missing() && run_with(&isolation, answer_pid, &answer, how) == 0 &&
		     strstr(how, "with a filter");
	return 0;
}

/* The caller's own: none of them may run in a child. */
static int set_handlers(void **state)
{
	(void)state;
	signal(SIGSEGV, on_crash);
	signal(SIGABRT, on_crash);
	signal(SIGXCPU, on_crash);
	return 0;
}

static int unset_handlers(void **state)
{
	(void)state;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	signal(SIGXCPU, SIG_DFL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_state),
		cmocka_unit_test_setup_teardown(test_ends, set_handlers, unset_handlers),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_cancelled_thread),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_intruder),
	}, without_filter[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_state),
		cmocka_unit_test_setup_teardown(test_ends, set_handlers, unset_handlers),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_cancelled_thread),
		cmocka_unit_test(test_orphan),
	}, without_child[] = {
		cmocka_unit_test(test_off),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (prepare(NULL))
		return 1;
	if (isolation_missing())
		return cmocka_run_group_tests(without_child, NULL, NULL);
	/* valgrind: see test_answer; it also halts all other threads while the keeper is there. */
	if (!has_filter)
		return cmocka_run_group_tests(without_filter, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
