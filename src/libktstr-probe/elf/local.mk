# ELF images in the target's memory.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/elf/elf_dynamic.c \
	src/libktstr-probe/elf/elf_image.c \
	src/libktstr-probe/elf/elf_image.h \
	src/libktstr-probe/elf/file_mappings.c \
	src/libktstr-probe/elf/file_mappings.h \
	src/libktstr-probe/elf/libc_kind.c \
	src/libktstr-probe/elf/libc_kind.h \
	src/libktstr-probe/elf/module_heads.c \
	src/libktstr-probe/elf/module_heads.h \
	src/libktstr-probe/elf/module_list.c \
	src/libktstr-probe/elf/module_list.h \
	src/libktstr-probe/elf/module_scan.c \
	src/libktstr-probe/elf/module_scan.h \
	src/libktstr-probe/elf/moved_heads.c
