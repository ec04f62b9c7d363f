# The soak: `make soak', SOAK_SECONDS (600) each; tests/program/soak.t runs the same for some seconds.
SOAK_SECONDS = 600
EXTRA_PROGRAMS += tests/soak/soak tests/soak/server
tests_soak_soak_SOURCES = tests/soak/soak.c tests/soak/check.c tests/soak/check.h tests/soak/truth.h tests/faults/heap_count.c tests/faults/heap_count.h
tests_soak_soak_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc
tests_soak_soak_LDADD = $(probe_inner) -lpthread
tests_soak_server_SOURCES = tests/soak/server.c tests/soak/truth.h $(shared_clock_sources)
tests_soak_server_CFLAGS = $(KTSTR_CFLAGS) $(JEMALLOC_CFLAGS) -pthread
tests_soak_server_LDFLAGS = $(KTSTR_LDFLAGS) $(WORKER_LDFLAGS) -pthread
tests_soak_server_LDADD = $(JEMALLOC_LIBS)
soak_programs = tests/soak/soak$(EXEEXT) tests/soak/server$(EXEEXT)
if BUILD_ALL
check_DATA += $(soak_programs)
endif
CLEANFILES += $(soak_programs)

# Both parts at once.
soak: $(soak_programs)
	@tests/soak/soak tests/soak/server$(EXEEXT) $(SOAK_SECONDS) steady & steady=$$!; \
	tests/soak/soak tests/soak/server$(EXEEXT) $(SOAK_SECONDS) restart >soak-restart.log; restart=$$?; \
	wait $$steady; steady=$$?; cat soak-restart.log; rm -f soak-restart.log; \
	test $$steady -eq 0 && test $$restart -eq 0
.PHONY: soak
