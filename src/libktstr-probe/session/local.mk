# The public face: from a pid to a snapshot.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/session/counters.c \
	src/libktstr-probe/session/error_names.c \
	src/libktstr-probe/session/library_version.c \
	src/libktstr-probe/session/identity.c \
	src/libktstr-probe/session/missed_tasks.c \
	src/libktstr-probe/session/missed_tasks.h \
	src/libktstr-probe/session/open.c \
	src/libktstr-probe/session/process.c \
	src/libktstr-probe/session/session.h \
	src/libktstr-probe/session/snapshot.c \
	src/libktstr-probe/session/thread_names.c \
	src/libktstr-probe/session/thread_names.h \
	src/libktstr-probe/session/threads.c
