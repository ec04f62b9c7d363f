# TAP tests: C units with cmocka, programs from outside with Perl's Test::More.
TEST_EXTENSIONS = .t
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
T_LOG_DRIVER = $(LOG_DRIVER)
T_LOG_COMPILER = $(PERL)
AM_T_LOG_FLAGS = -w -I$(srcdir)/tests/program
AM_TESTS_ENVIRONMENT = \
	KTSTR_SRCDIR='$(abs_top_srcdir)'; export KTSTR_SRCDIR; \
	KTSTR_BUILDDIR='$(abs_top_builddir)'; export KTSTR_BUILDDIR; \
	KTSTR_WORKER='$(abs_top_builddir)/worker/ktstr-jemalloc-alloc-worker$(EXEEXT)'; export KTSTR_WORKER; \
	KTSTR_UNIT_TESTS='$(check_PROGRAMS)'; export KTSTR_UNIT_TESTS; \
	KTSTR_SHARED_JEMALLOC='$(enable_shared_jemalloc)'; export KTSTR_SHARED_JEMALLOC; \
	KTSTR_SANITIZERS='$(enable_sanitizers)'; export KTSTR_SANITIZERS; \
	KTSTR_STATIC_WORKER='$(enable_static_worker)'; export KTSTR_STATIC_WORKER; \
	$(sanitizer_environment) \
	CC='$(CC)'; CXX='$(CXX)'; NM='$(NM)'; VALGRIND='$(VALGRIND)'; export CC CXX NM VALGRIND; \
	KTSTR_STATIC_ARCHIVES='$(enable_static)'; export KTSTR_STATIC_ARCHIVES;

# Freed memory that AddressSanitizer keeps back would look like a leak to the tests that count it. At the end of
# a cancelled thread it takes what it left on the thread's stack for a fault: github.com/google/sanitizers 1399.
if SANITIZERS
sanitizer_environment = ASAN_OPTIONS=quarantine_size_mb=1:use_sigaltstack=0:$$ASAN_OPTIONS; export ASAN_OPTIONS;
endif

# Unit tests link the objects, not the shared library, so that inner functions can be reached. Those of libktstr and
# what it stands on, and those of the reader and the programs.
unit_tests = \
	tests/unit/decimal_test \
	tests/unit/payload_control_test \
	tests/unit/payload_rounds_test \
	tests/unit/payload_end_test \
	tests/unit/payload_output_test \
	tests/unit/payload_test \
	tests/unit/clock_test \
	tests/unit/proc_stat_test \
	tests/unit/proc_status_test \
	tests/unit/thread_start_test \
	tests/unit/worker_ready_copies_test \
	tests/unit/worker_ready_marker_remove_test \
	tests/unit/worker_ready_test \
	tests/unit/marker_check_test \
	tests/unit/marker_watch_test \
	tests/unit/payload_signal_test \
	tests/unit/worker_ready_wait_marker_test \
	tests/unit/worker_ready_wait_namespace_test \
	tests/unit/worker_ready_wait_refused_test \
	tests/unit/worker_ready_wait_test
probe_unit_tests = \
	tests/unit/arenas_test \
	tests/unit/caches_test \
	tests/unit/heap_find_test tests/unit/page_cache_test tests/unit/page_map_test tests/unit/extents_test \
	tests/unit/memory_status_test \
	tests/unit/units_test \
	tests/unit/null_arguments_test \
	tests/unit/extensible_struct_test \
	tests/unit/file_cache_test \
	tests/unit/host_test \
	tests/unit/libc_kind_test \
	tests/unit/library_version_test \
	tests/unit/process_facts_test \
	tests/unit/program_mark_test \
	tests/unit/live_target_test \
	tests/unit/ptrace_access_test \
	tests/unit/confirm_test \
	tests/unit/counters_again_test \
	tests/unit/counters_test \
	tests/unit/identity_test \
	tests/unit/missed_tasks_test \
	tests/unit/tsd_locator_test \
	tests/unit/error_names_test \
	tests/unit/escape_test \
	tests/unit/json_test \
	tests/unit/message_test \
	tests/unit/render_table_test \
	tests/unit/steady_output_test \
	tests/unit/choose_test \
	tests/unit/debug_file_test \
	tests/unit/dtv_test \
	tests/unit/find_test \
	tests/unit/module_list_test \
	tests/unit/module_tls_test \
	tests/unit/musl_threads_test \
	tests/unit/ptrace_stop_test \
	tests/unit/rtld_tls_test \
	tests/unit/thread_table_test \
	tests/unit/target_test \
	tests/unit/render_json_test \
	tests/unit/render_text_test \
	tests/unit/ctl_code_test \
	tests/unit/ctl_machine_test \
	tests/unit/ctl_tree_test \
	tests/unit/elf_image_test \
	tests/unit/version_test \
	tests/unit/query_test \
	tests/unit/file_maps_test \
	tests/unit/sandbox_test \
	tests/unit/options_test \
	tests/unit/procfs_test \
	tests/unit/remote_read_test \
	tests/unit/elf_file_test \
	tests/unit/robust_list_test \
	tests/unit/tls_address_test \
	tests/unit/tsd_code_test \
	tests/unit/tsd_code_verdict_test \
	tests/unit/tsd_dwarf_test \
	tests/unit/tsd_layout_pre53_test \
	tests/unit/tsd_layout_test
# What a sanitizer's own memory, calls and libraries are in the way of. No isolated child is made there.
plain_unit_tests = tests/unit/sandbox_caller_test tests/unit/sandbox_rights_test
plain_program_tests = \
	tests/program/alone.t \
	tests/program/faults.t \
	tests/program/install.t \
	tests/program/needed.t \
	tests/program/soak.t \
	tests/program/valgrind.t
if !SANITIZERS
probe_unit_tests += $(plain_unit_tests)
endif
if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
if BUILD_PROBE
check_PROGRAMS += $(probe_unit_tests)
TESTS += $(probe_unit_tests)
endif
endif
# Each is one file of the same name, linked with this; program for program that is Automake's default.
AM_DEFAULT_SOURCE_EXT = .c
LDADD = src/libktstr/libktstr_inner.la $(probe_inner) $(CMOCKA_LIBS) -lpthread
tests_unit_arenas_test_SOURCES = tests/unit/arenas_test.c tests/unit/made_heap.h
tests_unit_heap_find_test_SOURCES = tests/unit/heap_find_test.c tests/unit/made_heap.h
tests_unit_extents_test_SOURCES = tests/unit/extents_test.c tests/unit/made_heap.h
tests_unit_page_cache_test_SOURCES = tests/unit/page_cache_test.c $(fake_target)
tests_unit_units_test_SOURCES = tests/unit/units_test.c $(tools_output_sources)
tests_unit_escape_test_SOURCES = tests/unit/escape_test.c src/tools/output/escape.c
tests_unit_render_json_test_SOURCES = tests/unit/render_json_test.c tests/unit/made_snapshot.h $(tools_output_sources) \
	src/tools/probe/render_json.c
tests_unit_render_text_test_SOURCES = tests/unit/render_text_test.c tests/unit/made_snapshot.h $(tools_output_sources) \
	src/tools/probe/render_table.c src/tools/probe/render_text.c
tests_unit_message_test_SOURCES = tests/unit/message_test.c $(tools_output_sources)
tests_unit_render_table_test_SOURCES = tests/unit/render_table_test.c src/tools/probe/render_table.c $(tools_output_sources)
# A made-up process, for all tests that need none of the machine's.
fake_target = tests/unit/fake_target.c tests/unit/fake_target.h
tests_unit_counters_again_test_SOURCES = tests/unit/counters_again_test.c tests/unit/made_session.h tests/unit/made_threads.h \
	$(fake_target)
tests_unit_counters_test_SOURCES = tests/unit/counters_test.c tests/unit/made_session.h tests/unit/made_threads.h $(fake_target)
tests_unit_confirm_test_SOURCES = tests/unit/confirm_test.c tests/unit/made_threads.h $(fake_target)
tests_unit_identity_test_SOURCES = tests/unit/identity_test.c $(fake_target)
tests_unit_missed_tasks_test_SOURCES = tests/unit/missed_tasks_test.c $(fake_target)
tests_unit_tsd_code_test_SOURCES = tests/unit/tsd_code_test.c $(fake_target)
tests_unit_tsd_locator_test_SOURCES = tests/unit/tsd_locator_test.c tests/unit/made_threads.h $(fake_target)
tests_unit_libc_kind_test_SOURCES = tests/unit/libc_kind_test.c $(fake_elf)
tests_unit_query_test_SOURCES = tests/unit/query_test.c $(fake_target)
tests_unit_robust_list_test_SOURCES = tests/unit/robust_list_test.c $(fake_target)
tests_unit_target_test_SOURCES = tests/unit/target_test.c $(fake_target)
fake_elf = $(fake_target) tests/unit/fake_elf.c tests/unit/fake_elf.h
tests_unit_choose_test_SOURCES = tests/unit/choose_test.c $(fake_elf)
tests_unit_dtv_test_SOURCES = tests/unit/dtv_test.c $(fake_target)
tests_unit_find_test_SOURCES = tests/unit/find_test.c $(fake_elf)
tests_unit_module_list_test_SOURCES = tests/unit/module_list_test.c $(fake_elf)
tests_unit_module_tls_test_SOURCES = tests/unit/module_tls_test.c $(fake_elf)
tests_unit_musl_threads_test_SOURCES = tests/unit/musl_threads_test.c $(fake_target)
tests_unit_ptrace_stop_test_SOURCES = tests/unit/ptrace_stop_test.c $(fake_target)
tests_unit_rtld_tls_test_SOURCES = tests/unit/rtld_tls_test.c $(fake_elf)
tests_unit_thread_table_test_SOURCES = tests/unit/thread_table_test.c $(fake_target)
tests_unit_steady_output_test_SOURCES = tests/unit/steady_output_test.c $(tools_output_sources)
tests_unit_json_test_SOURCES = tests/unit/json_test.c $(tools_output_sources)
tests_unit_tsd_layout_pre53_test_SOURCES = tests/unit/tsd_layout_pre53_test.c tests/unit/tsd_images.h
tests_unit_tsd_layout_test_SOURCES = tests/unit/tsd_layout_test.c tests/unit/tsd_images.h
tests_unit_sandbox_caller_test_SOURCES = tests/unit/sandbox_caller_test.c tests/unit/sandbox_runs.h
tests_unit_sandbox_rights_test_SOURCES = tests/unit/sandbox_rights_test.c tests/unit/sandbox_runs.h
tests_unit_sandbox_test_SOURCES = tests/unit/sandbox_test.c tests/unit/sandbox_runs.h
tests_unit_ctl_code_test_SOURCES = tests/unit/ctl_code_test.c tests/unit/ctl_handlers.h
tests_unit_process_facts_test_SOURCES = tests/unit/process_facts_test.c src/tools/heap/process_facts.c
tests_unit_options_test_SOURCES = tests/unit/options_test.c src/tools/probe/options.c

program_tests = \
	tests/program/closed_loop.t \
	tests/program/completion.t \
	tests/program/contract.t \
	tests/program/examples.t \
	tests/program/fuzz_corpus.t \
	tests/program/guest_console.t \
	tests/program/house.t \
	tests/program/heap_capture.t \
	tests/program/heap_completion.t \
	tests/program/heap_real.t \
	tests/program/heap_show.t \
	tests/program/heap_truth.t \
	tests/program/man_pages.t \
	tests/program/pins.t \
	tests/program/probe_access.t \
	tests/program/probe_choice.t \
	tests/program/probe_container.t \
	tests/program/probe_hostile.t \
	tests/program/probe_moved.t \
	tests/program/probe_owner.t \
	tests/program/probe_sandbox.t \
	tests/program/probe_program.t \
	tests/program/probe_real.t \
	tests/program/probe_releases.t \
	tests/program/probe_sessions.t \
	tests/program/probe_starting.t \
	tests/program/probe_states.t \
	tests/program/probe_symbols.t \
	tests/program/probe_tls.t \
	tests/program/probe_truth.t \
	tests/program/public_names.t \
	tests/program/worker.t \
	tests/program/worker_binary.t \
	tests/program/worker_syscalls.t
if !SANITIZERS
program_tests += $(plain_program_tests)
endif
EXTRA_DIST += $(program_tests) $(plain_program_tests) tests/program/HeapTest.pm tests/program/ProbeTest.pm tests/program/TestKtstr.pm tests/targets/heap_histories.c \
	tests/targets/heap_truth.c tests/targets/heap_untouched.c tests/targets/hostile_heap.c \
	tests/targets/late_library.c tests/targets/tls_library.c \
	tests/private_apt.sh tests/targets/fetch_old_jemalloc tests/targets/fetch_suite tests/targets/hidden_image.c tests/targets/late_link.c tests/targets/many_maps.c \
	tests/open_files.h tests/shim/cmocka.h \
	tests/unit/made_directory.h tests/unit/made_image.h tests/unit/payload_children.h tests/unit/waited_children.h \
	tests/targets/refuse_calls.c tests/targets/shared_memory.c tests/targets/shared_tasks.c tests/targets/tell_counters.c tests/targets/thread_states.c \
	tests/targets/tid_reuse.c tests/targets/tid_reuse.h
# They look at what a complete build makes.
if HAVE_PERL
if BUILD_ALL
TESTS += $(program_tests)
endif
endif

# `make check' builds everything that the program tests look at.
check_DATA = $(bin_PROGRAMS) $(lib_LTLIBRARIES)
if BUILD_ALL
check_DATA += tests/targets/probe_rounds$(EXEEXT) tests/targets/reuse_rounds$(EXEEXT) \
	tests/targets/damage_memory$(EXEEXT) tests/targets/many_sessions$(EXEEXT) tests/targets/measure$(EXEEXT) tests/targets/planted_probe$(EXEEXT)
endif
# Driven by a program test; no test of its own.
EXTRA_PROGRAMS += tests/targets/probe_rounds tests/targets/reuse_rounds tests/targets/damage_memory tests/targets/many_sessions tests/targets/measure
tests_targets_measure_LDADD =
tests_targets_reuse_rounds_SOURCES = tests/targets/reuse_rounds.c tests/targets/tid_reuse.h
# The probe, with faults planted where it reads a file: for tests/program/probe_sandbox.t.
EXTRA_PROGRAMS += tests/targets/planted_probe
tests_targets_planted_probe_SOURCES = tests/targets/planted_probe.c $(src_tools_probe_ktstr_jemalloc_probe_SOURCES)
tests_targets_planted_probe_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=elf_file_tsd

# Fuzz targets, as programs that run files; `make fuzz' builds them with clang's libFuzzer.
fuzz_targets = tests/fuzz/fuzz_ctl_code tests/fuzz/fuzz_ctl_tree tests/fuzz/fuzz_elf_file tests/fuzz/fuzz_elf_image tests/fuzz/fuzz_texts tests/fuzz/fuzz_tsd_layout
EXTRA_PROGRAMS += $(fuzz_targets)
if BUILD_ALL
check_DATA += $(fuzz_targets)
endif
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/coverage tests/fuzz/make_seeds tests/fuzz/run tests/fuzz/seed_library.c
tests_fuzz_fuzz_ctl_code_SOURCES = tests/fuzz/fuzz_ctl_code.c tests/fuzz/input_memory.h tests/fuzz/replay.c
tests_fuzz_fuzz_ctl_tree_SOURCES = tests/fuzz/fuzz_ctl_tree.c tests/fuzz/input_memory.h tests/fuzz/replay.c
tests_fuzz_fuzz_elf_file_SOURCES = tests/fuzz/fuzz_elf_file.c tests/fuzz/replay.c
tests_fuzz_fuzz_elf_image_SOURCES = tests/fuzz/fuzz_elf_image.c tests/fuzz/replay.c
tests_fuzz_fuzz_texts_SOURCES = tests/fuzz/fuzz_texts.c tests/fuzz/replay.c $(tools_output_sources) src/tools/probe/options.c
tests_fuzz_fuzz_tsd_layout_SOURCES = tests/fuzz/fuzz_tsd_layout.c tests/fuzz/replay.c
fuzz:
	$(srcdir)/tests/fuzz/run $(builddir)
clean-local:
	rm -rf fuzz
.PHONY: fuzz

# jemallocs that nobody ships, built from Debian's sources and run: each is read rightly or refused.
EXTRA_DIST += tests/builds/check tests/builds/check_heap tests/builds/fetch_sources tests/builds/target.c tests/builds/variants
check-builds: all
	KTSTR_BUILDDIR='$(abs_top_builddir)' $(srcdir)/tests/builds/check `test '$(BUILDS)' != quick || echo --quick`
	KTSTR_SRCDIR='$(srcdir)' KTSTR_BUILDDIR='$(abs_top_builddir)' $(PERL) $(srcdir)/tests/builds/check_heap
.PHONY: check-builds
