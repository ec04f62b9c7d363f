# What Linux tells and allows: /proc, remote reads, files below the target's root.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/linux/file_maps.c \
	src/libktstr-probe/linux/file_maps.h \
	src/libktstr-probe/linux/live_target.c \
	src/libktstr-probe/linux/live_target.h \
	src/libktstr-probe/linux/memory_status.c \
	src/libktstr-probe/linux/memory_status.h \
	src/libktstr-probe/linux/page_map.c \
	src/libktstr-probe/linux/page_map.h \
	src/libktstr-probe/linux/program_mark.c \
	src/libktstr-probe/linux/program_mark.h \
	src/libktstr-probe/linux/procfs.c \
	src/libktstr-probe/linux/procfs.h \
	src/libktstr-probe/linux/procfs_text.c \
	src/libktstr-probe/linux/procfs_text.h \
	src/libktstr-probe/linux/ptrace_access.c \
	src/libktstr-probe/linux/ptrace_access.h \
	src/libktstr-probe/linux/remote_read.c \
	src/libktstr-probe/linux/remote_read.h \
	src/libktstr-probe/linux/target_file.c \
	src/libktstr-probe/linux/target_file.h
