# The worker: jemalloc, one known allocation, the marker. Never links the library.
bin_PROGRAMS += worker/ktstr-jemalloc-alloc-worker
worker_ktstr_jemalloc_alloc_worker_SOURCES = worker/alloc_worker.c worker/bytes_arg.c worker/bytes_arg.h \
	$(worker_ready_sources)
# -fPIE is added by the distribution's compiler; -pthread is for --churn.
worker_ktstr_jemalloc_alloc_worker_CFLAGS = $(AM_CFLAGS) $(JEMALLOC_CFLAGS) -pthread
worker_ktstr_jemalloc_alloc_worker_LDFLAGS = $(AM_LDFLAGS) $(WORKER_LDFLAGS) -pthread -Wl,--gc-sections
worker_ktstr_jemalloc_alloc_worker_LDADD = $(JEMALLOC_LIBS)
