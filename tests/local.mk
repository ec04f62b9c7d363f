# TAP tests: C units with cmocka, programs from outside with Perl's Test::More.
TEST_EXTENSIONS = .t
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
T_LOG_DRIVER = $(LOG_DRIVER)
T_LOG_COMPILER = $(PERL)
AM_T_LOG_FLAGS = -w -I$(srcdir)/tests/program
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	KTSTR_SRCDIR='$(abs_top_srcdir)'; export KTSTR_SRCDIR; \
	KTSTR_BUILDDIR='$(abs_top_builddir)'; export KTSTR_BUILDDIR; \
	KTSTR_WORKER='$(abs_top_builddir)/worker/ktstr-jemalloc-alloc-worker$(EXEEXT)'; export KTSTR_WORKER; \
	CC='$(CC)'; CXX='$(CXX)'; NM='$(NM)'; VALGRIND='$(VALGRIND)'; export CC CXX NM VALGRIND;

# Unit tests link the objects, not the shared library, so that inner functions can be reached.
if HAVE_CMOCKA
unit_tests = \
	tests/unit/worker_ready_test
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
UNIT_CFLAGS = $(AM_CFLAGS) $(SANITIZER_FLAGS) $(CMOCKA_CFLAGS)
UNIT_LIBS = src/libktstr_inner.la $(CMOCKA_LIBS)

tests_unit_worker_ready_test_SOURCES = tests/unit/worker_ready_test.c
tests_unit_worker_ready_test_CFLAGS = $(UNIT_CFLAGS)
tests_unit_worker_ready_test_LDADD = $(UNIT_LIBS)
tests_unit_worker_ready_test_LDFLAGS = $(AM_LDFLAGS) $(SANITIZER_FLAGS)

program_tests =
TESTS += $(program_tests)
EXTRA_DIST += $(program_tests)
