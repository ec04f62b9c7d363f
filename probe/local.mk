# libktstr-probe and ktstr-jemalloc-probe. elfutils reads DWARF; the rest needs libc only.
ktstrprobeincludedir = $(includedir)/ktstr
ktstrprobeinclude_HEADERS = probe/ktstr/probe.h

# The objects, once: the shared library exports the map's symbols, the unit tests reach all of them.
noinst_LTLIBRARIES += probe/libktstr_probe_inner.la
probe_libktstr_probe_inner_la_SOURCES = \
	probe/access_gate.c probe/access_gate.h \
	probe/arch.h probe/arch_aarch64.c probe/arch_x86_64.c \
	probe/debug_file.c probe/debug_file.h \
	probe/dtv_walk.c probe/dtv_walk.h \
	probe/dwarf_budget.c probe/dwarf_budget.h \
	probe/elf_image.c probe/elf_image.h probe/elf_version.c \
	probe/explain.c probe/explain.h \
	probe/file_answer.c probe/file_answer.h \
	probe/file_maps.c probe/file_maps.h \
	probe/isolation.c probe/isolation.h \
	probe/isolation_child.c probe/isolation_child.h \
	probe/isolation_filter.c probe/isolation_filter.h \
	probe/loader_tls.c probe/loader_tls.h \
	probe/missed_tasks.c probe/missed_tasks.h \
	probe/module_choice.c \
	probe/module_jemalloc.c \
	probe/module_list.c probe/module_list.h \
	probe/module_tls.c probe/module_tls.h \
	probe/names.c \
	probe/probe_identity.c probe/probe_open.c probe/probe_places.c probe/probe_private.h probe/probe_read.c \
	probe/probe_process.c \
	probe/probe_snapshot.c \
	probe/procfs.c probe/procfs.h probe/procfs_text.c probe/procfs_text.h \
	probe/program_file.c probe/program_file.h \
	probe/ptrace_stop.c probe/ptrace_stop.h \
	probe/remote_read.c probe/remote_read.h \
	probe/symbol_file.c probe/symbol_file.h \
	probe/target_file.c probe/target_file.h \
	probe/thread_names.c probe/thread_names.h \
	probe/thread_pointer.c probe/thread_pointer.h \
	probe/tls_address.c probe/tls_address.h \
	probe/tsd_dwarf.c probe/tsd_dwarf.h \
	probe/tsd_layout.c probe/tsd_layout.h probe/tsd_layout_private.h \
	probe/tsd_layout_old.c probe/tsd_layout_table.c probe/tsd_signs.c
probe_libktstr_probe_inner_la_CFLAGS = $(AM_CFLAGS) $(ELFUTILS_CFLAGS) -pthread
probe_libktstr_probe_inner_la_LIBADD = $(ELFUTILS_LIBS)

lib_LTLIBRARIES += probe/libktstr-probe.la
probe_libktstr_probe_la_SOURCES =
probe_libktstr_probe_la_LIBADD = probe/libktstr_probe_inner.la
# glibc's pthread_cancel loads libgcc_s.so.1 when it is called, and aborts where there is none: named as
# needed, whoever packs an initramfs or a container from the list of needed objects takes it along.
probe_libktstr_probe_la_LDFLAGS = $(AM_LDFLAGS) -pthread -version-info 0:0:0 \
	-Wl,--push-state,--no-as-needed,-lgcc_s,--pop-state \
	-Wl,--version-script=$(srcdir)/probe/libktstr-probe.map $(LIBKTSTR_NO_UNDEFINED)
EXTRA_probe_libktstr_probe_la_DEPENDENCIES = probe/libktstr-probe.map Makefile
EXTRA_DIST += probe/libktstr-probe.map

pkgconfig_DATA += probe/ktstr-probe.pc

bin_PROGRAMS += probe/ktstr-jemalloc-probe
probe_ktstr_jemalloc_probe_SOURCES = \
	probe/comm_text.c probe/comm_text.h \
	probe/main.c \
	probe/options.c probe/options.h \
	probe/render_json.c probe/render_json.h \
	probe/render_text.c probe/render_text.h
probe_ktstr_jemalloc_probe_LDADD = probe/libktstr-probe.la
EXTRA_probe_ktstr_jemalloc_probe_DEPENDENCIES = Makefile
