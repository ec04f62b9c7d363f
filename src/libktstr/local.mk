# libktstr: the harness side. Depends on libc alone.

# The path unit is compiled twice from this one list: here, and straight into the worker.
worker_ready_sources = src/libktstr/worker_ready.c include/ktstr/worker_ready.h

ktstrincludedir = $(includedir)/ktstr
ktstrinclude_HEADERS = \
	include/ktstr/error.h \
	include/ktstr/ktstr.h \
	include/ktstr/payload.h \
	include/ktstr/version.h \
	include/ktstr/worker_ready.h \
	include/ktstr/worker_ready_wait.h

# The objects, once: the shared library exports the map's symbols, the unit tests reach all of them.
noinst_LTLIBRARIES += src/libktstr/libktstr_inner.la
src_libktstr_libktstr_inner_la_SOURCES = \
	$(worker_ready_sources) \
	src/libktstr/error.c src/libktstr/error_private.h \
	src/libktstr/marker_remove.c \
	src/libktstr/marker_watch.c src/libktstr/marker_watch.h \
	src/libktstr/pidfd.c src/libktstr/pidfd.h \
	src/libktstr/payload.c src/libktstr/payload_private.h \
	src/libktstr/payload_capture.c src/libktstr/payload_capture.h \
	src/libktstr/payload_child.c src/libktstr/payload_child.h \
	src/libktstr/payload_options.c src/libktstr/payload_options.h \
	src/libktstr/payload_signal.c src/libktstr/payload_signal.h \
	src/libktstr/payload_spawn.c src/libktstr/payload_spawn.h \
	src/libktstr/worker_identity.c src/libktstr/worker_identity.h \
	src/libktstr/ready_outcome.c src/libktstr/ready_wait.c src/libktstr/ready_wait.h \
	src/libktstr/version.c \
	src/libktstr/worker_exit.c \
	src/libktstr/marker_check.c src/libktstr/marker_check.h \
	src/libktstr/marker_writer.c src/libktstr/marker_writer.h \
	src/libktstr/worker_ready_wait.c
src_libktstr_libktstr_inner_la_LIBADD = src/shared/libshared.la

lib_LTLIBRARIES += src/libktstr/libktstr.la
src_libktstr_libktstr_la_SOURCES =
src_libktstr_libktstr_la_LIBADD = src/libktstr/libktstr_inner.la
src_libktstr_libktstr_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/src/libktstr/libktstr.map $(LIBKTSTR_NO_UNDEFINED)
# Linked anew when the flags may have changed, too: they are what a soname and a dependency come from.
EXTRA_src_libktstr_libktstr_la_DEPENDENCIES = src/libktstr/libktstr.map Makefile
EXTRA_DIST += src/libktstr/libktstr.map
if STATIC_ARCHIVES
noinst_DATA += src/libktstr/archive.stamp
src/libktstr/archive.stamp: src/libktstr/libktstr.la
	$(AM_V_GEN)$(publish_archive)
CLEANFILES += src/libktstr/archive.stamp
endif
# A sanitized library takes its runtime from the program, so there it has undefined symbols.
if !SANITIZERS
LIBKTSTR_NO_UNDEFINED = -no-undefined -Wl,-z,defs
endif

pkgconfig_DATA += src/libktstr/ktstr.pc
