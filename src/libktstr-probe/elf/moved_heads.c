/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules whose first page lies in anonymous memory: programs copy themselves to huge pages, code
 * and headers alike. The pieces that still are their files' lead back to the first page: linkers
 * place a piece as far from it as in the file, or a few pages farther.
 */
#include "config.h"

#include "elf/module_heads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECES_LIMIT    1024 /* that no module explains: databases map files in pieces, too */
#define PAGES           6    /* farther from the first page than in the file, at most one a piece */
#define PIECES_PER_READ 8

/* Pieces that were found to belong to a module, in ascending order of the address. */
struct found {
	const struct file_mapping *piece;
	struct elf_image image;
	bool is_executable;
};

struct search {
	struct target *target;
	struct module_list *list;
	const struct file_mappings *mappings;
	uint64_t phdrs;
	const struct file_mapping *pieces[PIECES_LIMIT];
	size_t piece_count;
	struct found *found;
	size_t count;
};

static bool is_same_file(const struct file_id *a, const struct file_id *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* The modules are in ascending order. */
static bool is_explained(const struct module_list *list, const struct file_mapping *piece)
{
	size_t begin = 0, end = list->count;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (list->modules[middle].image.start <= piece->start)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin > 0 && piece->start < list->modules[begin - 1].image.high &&
	       is_same_file(&piece->file, &list->modules[begin - 1].file);
}

static void collect(struct search *search)
{
	for (size_t i = 0; i < search->mappings->count && search->piece_count < PIECES_LIMIT; i++) {
		const struct file_mapping *piece = &search->mappings->all[i];

		if (piece->offset && (piece->has_code || piece->is_own_memory) &&
		    piece->start > piece->offset && !is_explained(search->list, piece))
			search->pieces[search->piece_count++] = piece;
	}
}

static bool was_found(const struct search *search, const struct file_mapping *piece)
{
	for (size_t i = 0; i < search->count; i++) {
		const struct found *found = &search->found[i];

		if (is_same_file(&found->piece->file, &piece->file) &&
		    piece->start >= found->image.low && piece->start < found->image.high)
			return true;
	}
	return false;
}

static bool is_anonymous(const struct file_mappings *mappings, uint64_t address)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (address >= mappings->all[i].start && address < mappings->all[i].end)
			return false;
	return true;
}

/* Tries one first page: is there a header that loads this piece where it is? */
static bool try_head(struct search *search, const struct file_mapping *piece, uint64_t start,
		     const Elf64_Ehdr *header)
{
	const struct elf_place place = { piece->offset, piece->start };
	struct found found = { .piece = piece };

	if (elf_header_check(header))
		return false;
	if (elf_image_load(search->target, start, start + header->e_phoff, &place, &found.image) &&
	    elf_image_load(search->target, start, search->phdrs, &place, &found.image))
		return false;
	if (!is_anonymous(search->mappings, start))
		return false;
	found.is_executable = search->phdrs && found.image.phdrs == search->phdrs;
	search->found[search->count++] = found;
	return true;
}

static int try_pieces(struct search *search, size_t at, size_t count)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	Elf64_Ehdr headers[PIECES_PER_READ * PAGES];
	struct target_range ranges[PIECES_PER_READ * PAGES];
	int rc;

	for (size_t i = 0; i < count * PAGES; i++) {
		const struct file_mapping *piece = search->pieces[at + i / PAGES];

		ranges[i] = (struct target_range){
			.address = piece->start - piece->offset - i % PAGES * page_size,
			.buffer = &headers[i],
			.size = sizeof headers[i],
		};
	}
	rc = target_read(search->target, ranges, count * PAGES);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct file_mapping *piece = search->pieces[at + i];
		bool done = was_found(search, piece);

		for (size_t k = i * PAGES; !done && k < (i + 1) * PAGES; k++)
			done = ranges[k].error == 0 &&
			       try_head(search, piece, ranges[k].address, &headers[k]);
	}
	return rc;
}

static int add_found(const struct search *search)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < search->count; i++) {
		const struct found *found = &search->found[i];
		const struct module module = { .image = found->image,
					       .path = (char *)(uintptr_t)found->piece->path,
					       .file = found->piece->file,
					       .deleted = found->piece->is_deleted,
					       .first_end = found->piece->start,
					       .link_start = found->piece->start,
					       .link_end = found->piece->end,
					       .is_executable = found->is_executable };

		rc = module_list_add(search->list, &module);
		diagnostics_add(&search->target->diagnostics, "module",
				"%s at 0x%llx: its headers are in anonymous memory", module.path,
				(unsigned long long)module.image.start);
	}
	return rc;
}

int module_heads_find_moved(struct target *target, struct module_list *list,
			    const struct file_mappings *mappings, uint64_t phdrs)
{
	struct search *search = calloc(1, sizeof *search);
	int rc = 0;

	if (!search)
		return -ENOMEM;
	*search = (struct search){
		.target = target, .list = list, .mappings = mappings, .phdrs = phdrs
	};
	collect(search);
	search->found = calloc(search->piece_count + 1, sizeof *search->found);
	if (!search->found)
		rc = -ENOMEM;
	for (size_t at = 0; rc == 0 && at < search->piece_count; at += PIECES_PER_READ) {
		size_t left = search->piece_count - at;

		rc = try_pieces(search, at, left < PIECES_PER_READ ? left : PIECES_PER_READ);
	}
	if (rc == 0)
		rc = add_found(search);
	free(search->found);
	free(search);
	return rc;
}
