# The public face: from a pid to a snapshot.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/session/cancellation.h \
	src/libktstr-probe/session/confirm.c \
	src/libktstr-probe/session/confirm.h \
	src/libktstr-probe/session/counters.c \
	src/libktstr-probe/session/counters.h \
	src/libktstr-probe/session/error.c \
	src/libktstr-probe/session/error.h \
	src/libktstr-probe/session/error_names.c \
	src/libktstr-probe/session/heap.c \
	src/libktstr-probe/session/heap_access.c \
	src/libktstr-probe/session/heap_build.c src/libktstr-probe/session/heap_code.c src/libktstr-probe/session/heap_memory.c \
	src/libktstr-probe/session/heap_private.h \
	src/libktstr-probe/session/identity.c \
	src/libktstr-probe/session/identity.h \
	src/libktstr-probe/session/known_files.c \
	src/libktstr-probe/session/library_version.c \
	src/libktstr-probe/session/missed_tasks.c \
	src/libktstr-probe/session/missed_tasks.h \
	src/libktstr-probe/session/open.c \
	src/libktstr-probe/session/process.c \
	src/libktstr-probe/session/process.h \
	src/libktstr-probe/session/session.c \
	src/libktstr-probe/session/session.h \
	src/libktstr-probe/session/snapshot.c \
	src/libktstr-probe/session/snapshot.h \
	src/libktstr-probe/session/snapshot_take.c \
	src/libktstr-probe/session/starting.c \
	src/libktstr-probe/session/starting.h \
	src/libktstr-probe/session/thread_names.c \
	src/libktstr-probe/session/thread_names.h \
	src/libktstr-probe/session/thread_pointers.c \
	src/libktstr-probe/session/thread_pointers.h \
	src/libktstr-probe/session/thread_table.c \
	src/libktstr-probe/session/thread_table.h \
	src/libktstr-probe/session/tsd_locator.c \
	src/libktstr-probe/session/tsd_locator.h \
	src/libktstr-probe/session/young_threads.c \
	src/libktstr-probe/session/young_threads.h
