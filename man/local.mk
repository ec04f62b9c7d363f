# Man pages, one per program and one per public header, and what the counters mean.
dist_man_MANS += \
	man/ktstr-jemalloc-alloc-worker.1 \
	man/ktstr-jemalloc-counters.7 \
	man/ktstr-jemalloc-probe.1 \
	man/ktstr_payload.3 \
	man/ktstr_probe.3 \
	man/ktstr_worker_ready.3 \
	man/ktstr_worker_ready_wait.3
