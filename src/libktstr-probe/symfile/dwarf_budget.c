/* SPDX-License-Identifier: BSD-2-Clause */
/* What libdw would spend on debug information before it gives back control. */
#include "config.h"

#include "symfile/dwarf_budget.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define DECLARATIONS_LIMIT 150000 /* of all units' tables; libdw needs about 80 bytes for each */
#define ATTRIBUTES_LIMIT   64     /* of one declaration; compilers use up to 30 */
#define FLAGS_LIMIT        20     /* of these without a byte in the entry */
#define FLAGS_ALONE_LIMIT  6      /* the same, where the whole entry is one byte */

struct bytes {
	const unsigned char *at, *end;
};

/* LEB128, of up to 10 bytes. */
static int number(struct bytes *bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 70 && bytes->at < bytes->end; shift += 7) {
		unsigned char byte = *bytes->at++;

		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EBADMSG;
}

/* One declaration behind its code: tag, children, pairs of name and form, ended by two zeros. */
static int skip_declaration(struct bytes *bytes)
{
	unsigned int attributes = 0, flags = 0;
	uint64_t name, form, ignored;

	if (number(bytes, &ignored) || bytes->at >= bytes->end)
		return -EBADMSG;
	bytes->at++;
	for (;;) {
		if (number(bytes, &name) || number(bytes, &form))
			return -EBADMSG;
		if (name == 0 && form == 0)
			break;
		if (form == DW_FORM_implicit_const && number(bytes, &ignored))
			return -EBADMSG;
		attributes++;
		flags += form == DW_FORM_implicit_const || form == DW_FORM_flag_present;
	}
	return attributes > ATTRIBUTES_LIMIT || flags > FLAGS_LIMIT ||
			       (flags == attributes && flags > FLAGS_ALONE_LIMIT)
		       ? -EFBIG
		       : 0;
}

static int skip_table(struct bytes table, unsigned int *declarations)
{
	uint64_t code;
	int rc = 0;

	/* The section's end ends it too. */
	while (rc == 0 && table.at < table.end && (rc = number(&table, &code)) == 0 && code) {
		rc = skip_declaration(&table);
		if (rc == 0 && ++*declarations > DECLARATIONS_LIMIT)
			rc = -EFBIG;
	}
	return rc;
}

/* The unit's header at bytes->at: where its table is. Goes on to the next unit. DWARF 5, 7.5.1. */
static int next_unit(struct bytes *bytes, uint64_t *table)
{
	size_t room = (size_t)(bytes->end - bytes->at), at = 4, width = 4;
	unsigned char head[24] = { 0 }; /* the last unit may be shorter */
	uint64_t length = 0;
	uint16_t version;

	if (room < 4)
		return -ENOENT;
	memcpy(head, bytes->at, room < sizeof head ? room : sizeof head);
	memcpy(&length, head, 4);
	if (length == 0xffffffff) {
		memcpy(&length, head + 4, 8);
		at = 12;
		width = 8;
	}
	if (room < at || length > room - at)
		return -EBADMSG;
	bytes->at += at + length;
	memcpy(&version, head + at, sizeof version);
	at += version >= 5 ? 4 : 2; /* then also the unit's type and the size of an address */
	*table = 0;
	memcpy(table, head + at, width);
	return 0;
}

static int check_units(struct bytes info, struct bytes abbrev, unsigned int *declarations)
{
	uint64_t table;
	int rc;

	while ((rc = next_unit(&info, &table)) == 0) {
		if (table >= (uint64_t)(abbrev.end - abbrev.at))
			return -EBADMSG;
		rc = skip_table((struct bytes){ abbrev.at + table, abbrev.end }, declarations);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static struct bytes section_bytes(const struct elfutils *dw, Elf *elf, const char *wanted)
{
	struct bytes bytes = { .at = NULL };
	Elf_Scn *section = NULL;
	size_t names;

	if (dw->elf_getshdrstrndx(elf, &names))
		return bytes;
	while (!bytes.at && (section = dw->elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = dw->gelf_getshdr(section, &header)
					   ? dw->elf_strptr(elf, names, header.sh_name)
					   : NULL;
		Elf_Data *data = name && strcmp(name, wanted) == 0 ? dw->elf_getdata(section, NULL)
								   : NULL;

		if (data && data->d_buf)
			bytes = (struct bytes){ data->d_buf,
						(unsigned char *)data->d_buf + data->d_size };
	}
	return bytes;
}

int dwarf_budget_check(const struct elfutils *dw, Elf *elf)
{
	static const char *const units[] = { ".debug_info", ".debug_types" };
	struct bytes abbrev = section_bytes(dw, elf, ".debug_abbrev");
	unsigned int declarations = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		struct bytes info = section_bytes(dw, elf, units[i]);

		if (info.at)
			rc = check_units(info, abbrev, &declarations);
	}
	return rc;
}
