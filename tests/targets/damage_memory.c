/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes a process whose mapped ELF files are damaged word by word, one session for each damage.
 * The process is parked, so that it does not mind; each word is restored.
 *
 *	damage_memory auto|off PROGRAM [ARGUMENT...]
 *
 * The first is the session's debuginfo: with "off" there is only memory. PROGRAM says "thread TID
 * ALLOCATED DEALLOCATED" for each of its threads, then "parked". On stdout: "wrong WHAT" for each
 * reading that is not what the thread said, "odd WHAT" for a refusal without a cause, "tag TAG
 * COUNT", and at the end "cases N", "right N", "bytes MOST", "reads MOST" (of one session), "peak
 * KIB".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arch.h"
#include "elf/module_scan.h"
#include "linux/live_target.h"
#include <ktstr/probe.h>

#define THREADS 64
#define WORDS   4096
#define TAGS    16

struct truth {
	pid_t tid;
	uint64_t allocated, deallocated;
};

static pid_t victim;
static int memory = -1;
static struct truth truths[THREADS];
static size_t thread_count;
static struct {
	uint64_t address;
	const char *what;
} words[WORDS];
static size_t word_count;
static unsigned long cases, right, tags[TAGS];
static uint64_t most_bytes, most_reads;
static struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
static uint64_t random_state = 88172645463325252u;

static void die(const char *what)
{
	printf("odd %s: %s\n", what, strerror(errno));
	if (victim > 0)
		kill(victim, SIGKILL);
	exit(1);
}

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void start(char **argv)
{
	char line[128];
	int out[2], hold[2]; /* its stdin stays open: some end with it */
	FILE *in;

	if (pipe2(out, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		die("pipe");
	fflush(stdout);
	victim = fork();
	if (victim == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(hold[0], STDIN_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	in = fdopen(out[0], "r");
	while (in && fgets(line, sizeof line, in) && strcmp(line, "parked\n") != 0) {
		struct truth *truth = &truths[thread_count];

		if (thread_count < THREADS &&
		    sscanf(line, "thread %d %" SCNu64 " %" SCNu64, &truth->tid, &truth->allocated,
			   &truth->deallocated) == 3)
			thread_count++;
	}
	if (!thread_count)
		die("the program did not start");
	snprintf(line, sizeof line, "/proc/%d/mem", (int)victim);
	memory = open(line, O_RDWR | O_CLOEXEC);
	if (memory < 0)
		die("memory");
}

static void add_words(const char *what, uint64_t address, uint64_t size)
{
	for (uint64_t at = 0; at + 8 <= size && word_count < WORDS; at += 8) {
		words[word_count].address = address + at;
		words[word_count++].what = what;
	}
}

static uint64_t read_word(uint64_t address)
{
	uint64_t word = 0;

	return pread(memory, &word, sizeof word, (off_t)address) == sizeof word ? word : 0;
}

static uint64_t dynamic_value(const struct elf_image *image, int64_t tag)
{
	for (uint64_t at = 0; at < image->dynamic_size; at += 16)
		if ((int64_t)read_word(image->dynamic + at) == tag)
			return read_word(image->dynamic + at + 8);
	return 0;
}

/* What the resolution of a library goes by. ld.so has relocated the addresses in its dynamic
 * section. */
static void add_dynamic(const struct elf_image *image)
{
	uint64_t rela = dynamic_value(image, DT_RELA), size = dynamic_value(image, DT_RELASZ),
		 picked = 0;

	add_words("dynamic section", image->dynamic, image->dynamic_size);
	add_words("hash", dynamic_value(image, DT_GNU_HASH), 128);
	add_words("symbol", dynamic_value(image, DT_SYMTAB), 72);
	add_words("name", dynamic_value(image, DT_STRTAB), 16);
	for (uint64_t at = 0; at < size; at += sizeof(Elf64_Rela)) {
		int tls = ELF64_R_TYPE(read_word(rela + at + 8)) == arch_reloc_tpoff;

		if (tls || picked++ < 4)
			add_words("relocation", rela + at, sizeof(Elf64_Rela));
		if (tls)
			add_words("GOT", read_word(rela + at) + image->bias, 8);
	}
}

static void add_module(const struct module *module)
{
	uint64_t table = read_word(module->image.start + offsetof(Elf64_Ehdr, e_phoff));
	uint64_t number = read_word(module->image.start + offsetof(Elf64_Ehdr, e_phentsize)) >> 16 &
			  0xffff;

	add_words("header", module->image.start, sizeof(Elf64_Ehdr));
	add_words("program header", module->image.start + table, number * sizeof(Elf64_Phdr));
	if (!module->is_executable)
		add_dynamic(&module->image);
	/* What follows the tables of jemalloc's TLS is zero: a word in sixteen stands for it. */
	for (uint64_t at = 0; at < module->image.tls_filesz; at += 8)
		if (at % 128 == 0 || read_word(module->image.tls_vaddr + module->image.bias + at))
			add_words("TLS image", module->image.tls_vaddr + module->image.bias + at,
				  8);
}

static void choose_words(void)
{
	struct module_list list;
	struct target target;
	bool unread;

	live_target_init(&target);
	if (live_target_open_proc(&target) || live_target_open_tasks(&target, victim) ||
	    module_scan(&target, &list, &unread) || list.count == 0)
		die("modules");
	add_module(&list.modules[0]);
	for (size_t i = 1; i < list.count; i++)
		if (strstr(list.modules[i].path, "jemalloc"))
			add_module(&list.modules[i]);
	module_list_free(&list);
	live_target_close(&target);
}

static bool is_true(const struct ktstr_probe_thread *thread)
{
	for (size_t i = 0; i < thread_count; i++)
		if (truths[i].tid == thread->tid)
			return truths[i].allocated == thread->allocated_bytes &&
			       truths[i].deallocated == thread->deallocated_bytes;
	return false;
}

static void judge(const struct ktstr_probe_snapshot *snapshot, const char *what)
{
	size_t good = 0;

	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		if (!thread->error_kind && !is_true(thread))
			printf("wrong %s: thread %d %" PRIu64 " %" PRIu64 "\n", what, thread->tid,
			       thread->allocated_bytes, thread->deallocated_bytes);
		good += !thread->error_kind;
	}
	right += good == thread_count;
}

/* What the session's explanation says that it read. */
static void count_reads(const char *explanation)
{
	const char *line = strstr(explanation, "memory: ");
	uint64_t bytes = 0, reads = 0;

	if (!line ||
	    sscanf(line, "memory: %" SCNu64 " bytes in %" SCNu64 " reads", &bytes, &reads) != 2)
		die("no line of reads");
	most_bytes = bytes > most_bytes ? bytes : most_bytes;
	most_reads = reads > most_reads ? reads : most_reads;
}

static void probe(const char *what)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error = { .code = 0 };
	struct ktstr_probe *session;

	if (ktstr_probe_new(&session, &options, NULL))
		die("session");
	if (ktstr_probe_open(session, victim, &error) == 0 &&
	    ktstr_probe_snapshot_take(session, &snapshot, &error) == 0) {
		judge(snapshot, what);
		ktstr_probe_snapshot_free(snapshot);
	} else {
		tags[error.tag % TAGS]++;
		if (!*error.text || !*error.step || error.code >= 0)
			printf("odd %s: a refusal without a reason\n", what);
	}
	count_reads(ktstr_probe_explain(session));
	ktstr_probe_close(session);
	cases++;
}

static void damage(size_t index)
{
	uint64_t address = words[index].address, was = read_word(address);
	const uint64_t values[] = { 0,
				    UINT64_MAX,
				    UINT64_C(1) << 63,
				    was + 1,
				    was + 8,
				    was - 8,
				    was + 16,
				    was - 16,
				    was ^ 3,
				    was + (UINT64_C(1) << 32),
				    was << 8,
				    16,
				    next_random(),
				    (was & ~UINT64_C(0xffffffff)) | (uint32_t)next_random() };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char what[128];

		if (values[i] == was)
			continue;
		snprintf(what, sizeof what, "%s +%" PRIu64 ": %#" PRIx64 " -> %#" PRIx64,
			 words[index].what, address % 65536, was, values[i]);
		/* Also where it is mapped for reading only: proc_pid_mem(5) writes to a copy of the
		 * page. */
		if (pwrite(memory, &values[i], sizeof values[i], (off_t)address) !=
		    sizeof values[i])
			die("write");
		probe(what);
		if (pwrite(memory, &was, sizeof was, (off_t)address) != sizeof was)
			die("write");
	}
}

int main(int argc, char **argv)
{
	struct rusage usage;

	if (argc < 3)
		return 2;
	options.debuginfo = strcmp(argv[1], "off") ? KTSTR_PROBE_DEBUGINFO_AUTO
						   : KTSTR_PROBE_DEBUGINFO_OFF;
	start(argv + 2);
	choose_words();
	probe("nothing");
	if (right != 1)
		printf("odd the undamaged program was not read right\n");
	for (size_t i = 0; i < word_count; i++)
		damage(i);
	probe("everything is restored");
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	for (int i = 0; i < TAGS; i++)
		if (tags[i])
			printf("tag %s %lu\n", ktstr_probe_tag_name(i), tags[i]);
	getrusage(RUSAGE_SELF, &usage);
	printf("cases %lu\nright %lu\nbytes %" PRIu64 "\nreads %" PRIu64 "\npeak %ld\n", cases,
	       right, most_bytes, most_reads, usage.ru_maxrss);
	return 0;
}
