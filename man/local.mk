# Man pages, one per program and one per public header, both libraries together, and what the counters mean.
libktstr_pages = \
	man/ktstr.3 \
	man/ktstr_payload.3 \
	man/ktstr_worker_ready.3 \
	man/ktstr_worker_ready_wait.3
worker_pages = \
	man/ktstr-jemalloc-alloc-worker.1
probe_pages = \
	man/ktstr-heap.1 \
	man/ktstr-heap-capture.1 \
	man/ktstr-heap-show.1 \
	man/ktstr-heap-figures.7 \
	man/ktstr-jemalloc-counters.7 \
	man/ktstr-jemalloc-probe.1
libktstr_probe_pages = \
	man/ktstr_heap.3 \
	man/ktstr_host.3 \
	man/ktstr_probe.3
EXTRA_DIST += $(libktstr_pages) $(worker_pages) $(probe_pages) $(libktstr_probe_pages)
man3_pages = $(libktstr_pages)
if BUILD_WORKER
man_MANS += $(worker_pages)
endif
if BUILD_PROBE
man_MANS += $(probe_pages)
man3_pages += $(libktstr_probe_pages)
endif
man_MANS += $(man3_pages)

# A page for each other name of a page's NAME section, so that `man 3 ktstr_payload_spawn' works: .so, man(7).
list_man_aliases = cd $(srcdir) && \
	awk 'FNR == 1 { n = split(FILENAME, part, "/"); page = part[n] } \
		/^\.Sh / { in_name = $$2 == "NAME" } \
		in_name && $$1 == ".Nm" && $$2 ".3" != page { print page, $$2 }' $(man3_pages)
install-man-aliases: install-man
	@($(list_man_aliases)) | while read page name; do \
		echo ".so man3/$$page" >"$(DESTDIR)$(man3dir)/$$name.3" && \
			chmod 0644 "$(DESTDIR)$(man3dir)/$$name.3" || exit 1; \
	done
uninstall-man-aliases:
	@($(list_man_aliases)) | while read page name; do rm -f "$(DESTDIR)$(man3dir)/$$name.3"; done
install-data-hook: install-man-aliases
uninstall-hook: uninstall-man-aliases
.PHONY: install-man-aliases uninstall-man-aliases
