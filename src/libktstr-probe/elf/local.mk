# ELF images in the target's memory.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/elf/elf_dynamic.c \
	src/libktstr-probe/elf/elf_image.c \
	src/libktstr-probe/elf/elf_image.h \
	src/libktstr-probe/elf/libc_kind.c \
	src/libktstr-probe/elf/libc_kind.h \
	src/libktstr-probe/elf/module_list.c \
	src/libktstr-probe/elf/module_list.h
