# ktstr-jemalloc-probe: the contract's program, nothing more.
if BUILD_PROBE
bin_PROGRAMS += src/tools/probe/ktstr-jemalloc-probe
endif
src_tools_probe_ktstr_jemalloc_probe_SOURCES = \
	$(tools_output_sources) \
	src/tools/probe/hard_end.c src/tools/probe/hard_end.h \
	src/tools/probe/main.c \
	src/tools/probe/options.c src/tools/probe/options.h \
	src/tools/probe/render_json.c src/tools/probe/render_json.h \
	src/tools/probe/render_table.c src/tools/probe/render_table.h \
	src/tools/probe/render_text.c src/tools/probe/render_text.h \
	src/tools/probe/report.c src/tools/probe/report.h \
	src/tools/probe/run.c src/tools/probe/run.h \
	src/tools/probe/stop.c src/tools/probe/stop.h
src_tools_probe_ktstr_jemalloc_probe_LDADD = src/shared/libshared.la src/libktstr-probe/libktstr-probe.la
EXTRA_src_tools_probe_ktstr_jemalloc_probe_DEPENDENCIES = Makefile
