# The demonstration, and the benchmarks that `make bench` runs. Nothing here is installed.
noinst_PROGRAMS += bench/demo
bench_demo_SOURCES = bench/demo.c
bench_demo_CPPFLAGS = $(AM_CPPFLAGS) -DBUILT_WORKER='"$(abs_top_builddir)/worker/ktstr-jemalloc-alloc-worker$(EXEEXT)"'
bench_demo_CFLAGS = $(AM_CFLAGS) -pthread
bench_demo_LDADD = src/libktstr_inner.la probe/libktstr_probe_inner.la

EXTRA_PROGRAMS += bench/bench_worker bench/marker_only
bench_bench_worker_SOURCES = bench/bench_worker.c
bench_bench_worker_LDADD = src/libktstr_inner.la
# The floor that the worker is held against: a C program that only writes the file.
bench_marker_only_SOURCES = bench/marker_only.c $(worker_ready_sources)
bench_marker_only_CFLAGS = $(KTSTR_CFLAGS)
bench_marker_only_LDFLAGS = $(KTSTR_LDFLAGS)
bench_marker_only_LDADD =
CLEANFILES += $(EXTRA_PROGRAMS)

bench: bench/bench_worker$(EXEEXT) bench/marker_only$(EXEEXT) worker/ktstr-jemalloc-alloc-worker$(EXEEXT)
	@bench/bench_worker worker/ktstr-jemalloc-alloc-worker$(EXEEXT) bench/marker_only$(EXEEXT)
.PHONY: bench
