# ktstr-heap: a file for each subcommand, and main, which only chooses.
if BUILD_PROBE
bin_PROGRAMS += src/tools/heap/ktstr-heap
endif
src_tools_heap_ktstr_heap_SOURCES = \
	$(tools_output_sources) \
	src/tools/heap/find_process.c src/tools/heap/find_process.h \
	src/tools/heap/heap.h \
	src/tools/heap/main.c \
	src/tools/heap/show.c \
	src/tools/heap/show_json.c src/tools/heap/show_json.h \
	src/tools/heap/show_options.c src/tools/heap/show_options.h \
	src/tools/heap/summary.c src/tools/heap/summary.h \
	src/tools/heap/tables.c src/tools/heap/tables.h
src_tools_heap_ktstr_heap_LDADD = src/shared/libshared.la src/libktstr-probe/libktstr-probe.la
EXTRA_src_tools_heap_ktstr_heap_DEPENDENCIES = Makefile
