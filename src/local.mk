# libktstr: the harness side. Depends on libc alone.

# The path unit is compiled twice from this one list: here, and straight into the worker.
worker_ready_sources = src/worker_ready.c src/ktstr/worker_ready.h

ktstrincludedir = $(includedir)/ktstr
ktstrinclude_HEADERS = \
	src/ktstr/error.h \
	src/ktstr/payload.h \
	src/ktstr/worker_ready.h \
	src/ktstr/worker_ready_wait.h

# The objects, once: the shared library exports the map's symbols, the unit tests reach all of them.
noinst_LTLIBRARIES += src/libktstr_inner.la
src_libktstr_inner_la_SOURCES = \
	$(worker_ready_sources) \
	src/error.c src/error_private.h \
	src/marker_folder.c src/marker_folder.h \
	src/monotonic.c src/monotonic.h \
	src/pidfd.c src/pidfd.h \
	src/payload.c src/payload_private.h \
	src/payload_capture.c src/payload_capture.h \
	src/payload_child.c src/payload_child.h \
	src/payload_spawn.c src/payload_spawn.h \
	src/worker_identity.c src/worker_identity.h \
	src/worker_exit.c \
	src/worker_marker.c src/worker_marker.h \
	src/worker_ready_wait.c

lib_LTLIBRARIES += src/libktstr.la
src_libktstr_la_SOURCES =
src_libktstr_la_LIBADD = src/libktstr_inner.la
src_libktstr_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/src/libktstr.map $(LIBKTSTR_NO_UNDEFINED)
# Linked anew when the flags may have changed, too: they are what a soname and a dependency come from.
EXTRA_src_libktstr_la_DEPENDENCIES = src/libktstr.map Makefile
EXTRA_DIST += src/libktstr.map
# A sanitized library takes its runtime from the program, so there it has undefined symbols.
if !SANITIZERS
LIBKTSTR_NO_UNDEFINED = -no-undefined -Wl,-z,defs
endif

pkgconfig_DATA += src/ktstr.pc
