/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over files in place of libFuzzer, so that a corpus is a test wherever it is
 * built. With "-random N" in front also over N seeded damages of each file. Linked with each
 * fuzz_*.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_LIMIT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A block of its own for each run: a read beyond it is seen by the sanitizers. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void damage(const uint8_t *data, size_t size, uint64_t *random)
{
	static const uint64_t values[] = {
		0, 1, 0x7f, 0x80, 0xffff, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX
	};
	uint8_t *copy = calloc(1, size + 8);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	for (uint64_t hits = 1 + next(random) % 4; hits && size; hits--) {
		uint64_t value = next(random) % 2 ? values[next(random) % 8] : next(random);

		memcpy(copy + next(random) % size, &value, UINT64_C(1) << next(random) % 4);
	}
	run(copy, next(random) % 8 ? size : next(random) % (size + 1));
	free(copy);
}

int main(int argc, char **argv)
{
	static uint8_t data[INPUT_LIMIT];
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
	long rounds = 0;
	int first = 1, files = 0;

	if (argc > 2 && strcmp(argv[1], "-random") == 0) {
		rounds = strtol(argv[2], NULL, 10);
		first = 3;
	}
	run(data, 0);
	for (int i = first; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		size_t size;

		if (!in) {
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof data, in);
		fclose(in);
		run(data, size);
		for (long round = 0; round < rounds; round++)
			damage(data, size, &random);
		files++;
	}
	printf("%d files\n", files);
	return 0;
}
