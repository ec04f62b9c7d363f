# The demonstration, and the benchmarks that `make bench` runs. Nothing here is installed.
if BUILD_ALL
noinst_PROGRAMS += bench/demo
endif
bench_demo_SOURCES = bench/demo.c
bench_demo_CPPFLAGS = $(AM_CPPFLAGS) -DBUILT_WORKER='"$(abs_top_builddir)/worker/ktstr-jemalloc-alloc-worker$(EXEEXT)"'
bench_demo_CFLAGS = $(AM_CFLAGS) -pthread
bench_demo_LDADD = src/libktstr/libktstr_inner.la $(probe_inner)

# What `make bench` runs, and nothing else needs.
EXTRA_PROGRAMS += bench/bench bench/marker_only bench/target bench/target_large
bench_bench_SOURCES = bench/bench.c bench/bench.h bench/bench_busy.c bench/bench_calls.c bench/bench_heap.c bench/bench_program.c \
	bench/bench_stops.c bench/bench_threads.c bench/bench_wait.c \
	bench/floor.c bench/floor.h bench/report.c bench/report.h $(tools_output_sources) bench/samples.c bench/samples.h \
	bench/target_run.c bench/target_run.h
bench_bench_CFLAGS = $(AM_CFLAGS) -pthread
bench_bench_LDADD = src/libktstr/libktstr_inner.la $(probe_inner) -lm
# The floor that the worker is held against: a C program that only writes the file.
bench_marker_only_SOURCES = bench/marker_only.c $(worker_ready_sources)
bench_marker_only_CFLAGS = $(KTSTR_CFLAGS)
bench_marker_only_LDFLAGS = $(KTSTR_LDFLAGS)
bench_marker_only_LDADD =
bench_target_SOURCES = bench/target.c $(shared_clock_sources)
bench_target_CFLAGS = $(KTSTR_CFLAGS) $(JEMALLOC_CFLAGS) -pthread
bench_target_LDFLAGS = $(KTSTR_LDFLAGS) $(WORKER_LDFLAGS) -pthread
bench_target_LDADD = $(JEMALLOC_LIBS)
# The same, stripped, with 100 MB of constant data: as large as a large program in one piece.
bench_target_large_SOURCES = bench/target.c bench/padding.c $(shared_clock_sources)
bench_target_large_CFLAGS = $(bench_target_CFLAGS)
bench_target_large_LDFLAGS = $(bench_target_LDFLAGS) -s
bench_target_large_LDADD = $(JEMALLOC_LIBS)
EXTRA_DIST += bench/chart.pl bench/chart.svg
CLEANFILES += $(EXTRA_PROGRAMS) bench/bench.json bench/chart.svg.new

bench_programs = bench/bench$(EXEEXT) bench/marker_only$(EXEEXT) bench/target$(EXEEXT) bench/target_large$(EXEEXT) \
	worker/ktstr-jemalloc-alloc-worker$(EXEEXT) src/tools/probe/ktstr-jemalloc-probe$(EXEEXT) src/tools/heap/ktstr-heap$(EXEEXT)
bench: $(bench_programs)
	@bench/bench bench/bench.json $(BENCH)
	@$(PERL) $(srcdir)/bench/chart.pl bench/bench.json bench/chart.svg.new
.PHONY: bench
