# Files on disk: symbols and debug information.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/symfile/debug_file.c \
	src/libktstr-probe/symfile/debug_file.h \
	src/libktstr-probe/symfile/dwarf_budget.c \
	src/libktstr-probe/symfile/dwarf_budget.h \
	src/libktstr-probe/symfile/elf_file.c \
	src/libktstr-probe/symfile/elf_file.h \
	src/libktstr-probe/symfile/elfutils.h \
	src/libktstr-probe/symfile/file_cache.c \
	src/libktstr-probe/symfile/file_cache.h \
	src/libktstr-probe/symfile/program_file.c \
	src/libktstr-probe/symfile/program_file.h \
	src/libktstr-probe/symfile/query.c \
	src/libktstr-probe/symfile/query.h \
	src/libktstr-probe/symfile/query_answer.h \
	src/libktstr-probe/symfile/tsd_dwarf.c \
	src/libktstr-probe/symfile/tsd_dwarf.h

# Its own file twice: loading elfutils in the shared library, linked with it in the archive and in what the tests run.
src_libktstr_probe_libktstr_probe_la_SOURCES += src/libktstr-probe/symfile/elfutils.c
src_libktstr_probe_libelfutils_linked_la_SOURCES = src/libktstr-probe/symfile/elfutils.c
src_libktstr_probe_libelfutils_linked_la_CPPFLAGS = $(AM_CPPFLAGS) -DELFUTILS_LINKED
src_libktstr_probe_libelfutils_linked_la_CFLAGS = $(AM_CFLAGS) $(ELFUTILS_CFLAGS)
src_libktstr_probe_libelfutils_linked_la_LIBADD = $(ELFUTILS_LIBS)
