# The worker: jemalloc, one known allocation, the marker. Never links the library.
if BUILD_WORKER
bin_PROGRAMS += worker/ktstr-jemalloc-alloc-worker
endif
worker_ktstr_jemalloc_alloc_worker_SOURCES = worker/alloc_worker.c $(shared_decimal_sources) $(worker_ready_sources)
# Its own flags instead of AM_CFLAGS: no sanitizer's runtime, which would replace the heap that is shown.
# They also make Automake compile worker_ready.c and decimal.c a second time. -pthread is for --churn.
# jemalloc's profiler uses the unwinder of libgcc: linked in, it is one shared object less to load.
worker_ktstr_jemalloc_alloc_worker_CFLAGS = $(KTSTR_CFLAGS) $(WORKER_SANITIZER_FLAGS) $(JEMALLOC_CFLAGS) -pthread
worker_ktstr_jemalloc_alloc_worker_LDFLAGS = $(KTSTR_LDFLAGS) $(WORKER_LDFLAGS) -pthread -static-libgcc
worker_ktstr_jemalloc_alloc_worker_LDADD = $(JEMALLOC_LIBS)
EXTRA_worker_ktstr_jemalloc_alloc_worker_DEPENDENCIES = Makefile
