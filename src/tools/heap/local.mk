# ktstr-heap: a file for each subcommand, and main, which only chooses.
if BUILD_PROBE
bin_PROGRAMS += src/tools/heap/ktstr-heap
endif
src_tools_heap_ktstr_heap_SOURCES = \
	$(tools_output_sources) \
	src/tools/heap/capture.c \
	src/tools/heap/capture_file.c src/tools/heap/capture_file.h \
	src/tools/heap/capture_options.c src/tools/heap/capture_options.h \
	src/tools/heap/capture_records.c src/tools/heap/capture_records.h \
	src/tools/heap/find_process.c src/tools/heap/find_process.h \
	src/tools/heap/heap.h \
	src/tools/heap/main.c \
	src/tools/heap/pause.c src/tools/heap/pause.h \
	src/tools/heap/process_facts.c src/tools/heap/process_facts.h \
	src/tools/heap/process_filter.c src/tools/heap/process_filter.h \
	src/tools/heap/show.c \
	src/tools/heap/show_json.c src/tools/heap/show_json.h \
	src/tools/heap/show_options.c src/tools/heap/show_options.h \
	src/tools/heap/summary.c src/tools/heap/summary.h \
	src/tools/heap/tables.c src/tools/heap/tables.h
src_tools_heap_ktstr_heap_LDADD = src/shared/libshared.la src/libktstr-probe/libktstr-probe.la $(ZSTD_LIBS)
src_tools_heap_ktstr_heap_CPPFLAGS = $(AM_CPPFLAGS) $(ZSTD_CFLAGS)
EXTRA_src_tools_heap_ktstr_heap_DEPENDENCIES = Makefile
