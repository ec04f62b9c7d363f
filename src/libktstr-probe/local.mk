# libktstr-probe: the reader. elfutils reads DWARF; the rest needs libc only. A room is a directory with a local.mk.
if BUILD_PROBE
ktstrinclude_HEADERS += include/ktstr/heap.h include/ktstr/host.h include/ktstr/probe.h
endif

# The objects, once: the shared library exports the map's symbols, the unit tests reach all of them.
if BUILD_PROBE
probe_inner = src/libktstr-probe/libktstr_probe_inner.la src/libktstr-probe/libelfutils_linked.la
noinst_LTLIBRARIES += $(probe_inner)
endif
src_libktstr_probe_libktstr_probe_inner_la_SOURCES =
src_libktstr_probe_libktstr_probe_inner_la_CFLAGS = $(AM_CFLAGS) $(ELFUTILS_CFLAGS) -pthread
src_libktstr_probe_libktstr_probe_inner_la_LIBADD = src/shared/libshared.la

# What is not in the inner objects: they differ between the shared library and the archive.
src_libktstr_probe_libktstr_probe_la_SOURCES =
src_libktstr_probe_libktstr_probe_la_CFLAGS = $(AM_CFLAGS) $(ELFUTILS_CFLAGS) -pthread

include src/libktstr-probe/base/local.mk
include src/libktstr-probe/linux/local.mk
include src/libktstr-probe/sandbox/local.mk
include src/libktstr-probe/elf/local.mk
include src/libktstr-probe/symfile/local.mk
include src/libktstr-probe/tls/local.mk
include src/libktstr-probe/jemalloc/local.mk
include src/libktstr-probe/session/local.mk
include src/libktstr-probe/host/local.mk

if BUILD_PROBE
lib_LTLIBRARIES += src/libktstr-probe/libktstr-probe.la
endif
src_libktstr_probe_libktstr_probe_la_LIBADD = src/libktstr-probe/libktstr_probe_inner.la $(DLOPEN_LIBS)
if !BUILD_SHARED
src_libktstr_probe_libktstr_probe_la_LIBADD += $(ELFUTILS_LIBS)
endif
# glibc's pthread_cancel loads libgcc_s.so.1 when it is called, and aborts where there is none: named as
# needed, whoever packs an initramfs or a container from the list of needed objects takes it along.
src_libktstr_probe_libktstr_probe_la_LDFLAGS = $(AM_LDFLAGS) -pthread -version-info 0:0:0 \
	-Wl,--push-state,--no-as-needed,-lgcc_s,--pop-state \
	-Wl,--version-script=$(srcdir)/src/libktstr-probe/libktstr-probe.map $(LIBKTSTR_NO_UNDEFINED)
EXTRA_src_libktstr_probe_libktstr_probe_la_DEPENDENCIES = src/libktstr-probe/libktstr-probe.map Makefile
EXTRA_DIST += src/libktstr-probe/libktstr-probe.map
if BUILD_PROBE
pkgconfig_DATA += src/libktstr-probe/ktstr-probe.pc
if STATIC_ARCHIVES
noinst_DATA += src/libktstr-probe/archive.stamp
src/libktstr-probe/archive.stamp: src/libktstr-probe/libktstr-probe.la
	$(AM_V_GEN)$(publish_archive)
CLEANFILES += src/libktstr-probe/archive.stamp
endif
endif
