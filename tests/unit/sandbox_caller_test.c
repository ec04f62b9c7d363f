/* SPDX-License-Identifier: BSD-2-Clause */
/* The child that reads hostile files: what its parent sees of it. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "sandbox_runs.h"

static sigset_t first_mask; /* what was blocked when the program began */

static int count_of(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
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
		free(atomic_exchange(&exchanged[rand_r(&seed) % 64],
				     malloc((size_t)rand_r(&seed) % 100000)));
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

static void threads_that_wait_and_allocate_beside_it_see_nothing(void **state)
{
	struct sigaction action = { .sa_handler = on_child, .sa_flags = SA_RESTART }, before;
	const char *wanted = getenv("KTSTR_TEST_ROUNDS");
	int rounds = wanted ? atoi(wanted) / 2 : 200, fds = count_of("/proc/self/fd");
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	pthread_t threads[5];
	struct answer answer;

	(void)state;
	atomic_store(&stop, 0);
	sigaction(SIGCHLD, &action, &before);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i ? allocate : wait_for_any,
						(void *)i),
				 0);
	for (int i = 0; i < rounds; i++) {
		if (run_with(&isolation, allocate_much, &answer, reason))
			fail_msg("round %d: %s", i, reason);
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
static void a_caller_that_ignores_sigchld_gets_its_answer(void **state)
{
	struct sigaction action = { .sa_handler = SIG_IGN }, before;
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";
	sigset_t after;
	struct answer answer;

	(void)state;
	sigaction(SIGCHLD, &action, &before);
	assert_int_equal(run_with(&isolation, answer_pid, &answer, reason), 0);
	assert_int_equal(run_with(&isolation, crash, &answer, reason), -EIO);
	assert_how(reason, "signal 11");
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int number = 1; number < NSIG; number++)
		assert_int_equal(sigismember(&first_mask, number), sigismember(&after, number));
	sigaction(SIGCHLD, &before, &action);
	assert_true(action.sa_handler == SIG_IGN);
}

static void *run_cancelled(void *argument)
{
	struct sandbox isolation = quick();
	char reason[SANDBOX_REASON_SIZE] = "";

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	*(int *)argument = run_with(&isolation, answer_pid, &(struct answer){ 0 }, reason);
	pthread_testcancel();
	return argument;
}

/* A thread that is to be cancelled is so when the child has ended, and not in the keeper. */
static void a_cancelled_thread_ends_after_the_child(void **state)
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
static bool is_alive(pid_t pid)
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
		return false;
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void the_child_ends_with_its_caller(void **state)
{
	struct sandbox isolation = quick();
	pid_t parent, child, keeper;
	int status;

	(void)state;
	isolation.wall_ms = 600000;
	atomic_store(&shared->child, 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		char reason[SANDBOX_REASON_SIZE] = "";
		struct answer answer;

		run_with(&isolation, hang, &answer, reason);
		_exit(0);
	}
	for (int i = 0; i < 20000 && (child = atomic_load(&shared->child)) == 0 && is_alive(parent);
	     i++)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_wait_and_allocate_beside_it_see_nothing),
		cmocka_unit_test(a_caller_that_ignores_sigchld_gets_its_answer),
		cmocka_unit_test(a_cancelled_thread_ends_after_the_child),
		cmocka_unit_test(the_child_ends_with_its_caller),
	}, without_filter[] = {
		cmocka_unit_test(a_caller_that_ignores_sigchld_gets_its_answer),
		cmocka_unit_test(a_cancelled_thread_ends_after_the_child),
		cmocka_unit_test(the_child_ends_with_its_caller),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	sigprocmask(SIG_SETMASK, NULL, &first_mask);
	if (prepare())
		return 1;
	mallopt(M_ARENA_MAX, 1); /* one heap for all threads, with one lock */
	/* valgrind: see sandbox_rights_test; it also halts all other threads while the keeper is
	 * there. */
	if (!has_filter)
		return cmocka_run_group_tests(without_filter, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
