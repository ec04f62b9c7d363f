# Which jemalloc, and where its numbers are.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/jemalloc/arena_figures.c \
	src/libktstr-probe/jemalloc/arenas.c \
	src/libktstr-probe/jemalloc/arenas.h \
	src/libktstr-probe/jemalloc/caches.c \
	src/libktstr-probe/jemalloc/caches.h \
	src/libktstr-probe/jemalloc/choose.c \
	src/libktstr-probe/jemalloc/ctl_code.c \
	src/libktstr-probe/jemalloc/ctl_code.h \
	src/libktstr-probe/jemalloc/ctl_code_aarch64.c \
	src/libktstr-probe/jemalloc/ctl_code_x86_64.c \
	src/libktstr-probe/jemalloc/ctl_machine.c \
	src/libktstr-probe/jemalloc/ctl_machine.h \
	src/libktstr-probe/jemalloc/ctl_tree.c \
	src/libktstr-probe/jemalloc/ctl_tree.h \
	src/libktstr-probe/jemalloc/choose.h \
	src/libktstr-probe/jemalloc/heap_solver.c src/libktstr-probe/jemalloc/heap_solver.h \
	src/libktstr-probe/jemalloc/extents.c src/libktstr-probe/jemalloc/extents.h \
	src/libktstr-probe/jemalloc/find.c \
	src/libktstr-probe/jemalloc/find.h \
	src/libktstr-probe/jemalloc/heap_find.c \
	src/libktstr-probe/jemalloc/heap_find.h \
	src/libktstr-probe/jemalloc/heap_items.c \
	src/libktstr-probe/jemalloc/heap_items.h \
	src/libktstr-probe/jemalloc/heap_layout.h \
	src/libktstr-probe/jemalloc/heap_layout_table.c \
	src/libktstr-probe/jemalloc/heap_reading.c \
	src/libktstr-probe/jemalloc/heap_reading.h \
	src/libktstr-probe/jemalloc/heap_scan.c \
	src/libktstr-probe/jemalloc/heap_scan.h \
	src/libktstr-probe/jemalloc/options.c \
	src/libktstr-probe/jemalloc/options.h \
	src/libktstr-probe/jemalloc/size_classes.c \
	src/libktstr-probe/jemalloc/size_classes.h \
	src/libktstr-probe/jemalloc/tsd_code.c \
	src/libktstr-probe/jemalloc/tsd_code.h \
	src/libktstr-probe/jemalloc/tsd_code_verdict.c \
	src/libktstr-probe/jemalloc/tsd_code_verdict.h \
	src/libktstr-probe/jemalloc/tsd_evidence.c \
	src/libktstr-probe/jemalloc/tsd_evidence.h \
	src/libktstr-probe/jemalloc/tsd_layout.c \
	src/libktstr-probe/jemalloc/tsd_layout.h \
	src/libktstr-probe/jemalloc/tsd_layout_53.c \
	src/libktstr-probe/jemalloc/tsd_layout_53.h \
	src/libktstr-probe/jemalloc/tsd_layout_pre53.c \
	src/libktstr-probe/jemalloc/tsd_layout_pre53.h \
	src/libktstr-probe/jemalloc/tsd_layout_table.c \
	src/libktstr-probe/jemalloc/tsd_layout_table.h \
	src/libktstr-probe/jemalloc/version.c \
	src/libktstr-probe/jemalloc/version.h
