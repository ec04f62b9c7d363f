# Fault injection. tests/program/faults.t runs a selection in `make check', `make check-faults' all of it.
EXTRA_PROGRAMS += tests/faults/inject tests/faults/driver
tests_faults_inject_SOURCES = tests/faults/inject.c tests/faults/calls.c tests/faults/calls.h tests/faults/mark.h \
	tests/faults/registers.c tests/faults/registers.h
tests_faults_inject_LDADD =
tests_faults_driver_SOURCES = tests/faults/driver.c tests/faults/heap_count.c tests/faults/heap_count.h \
	tests/faults/mark.h
tests_faults_driver_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc
tests_faults_driver_LDADD = src/libktstr/libktstr_inner.la $(probe_inner) -lpthread
faults_programs = tests/faults/inject$(EXEEXT) tests/faults/driver$(EXEEXT)
# The injector knows the registers and the calls of x86_64 alone.
if HOST_X86_64
if BUILD_ALL
check_DATA += $(faults_programs)
endif
endif
EXTRA_DIST += tests/faults/Faults.pm tests/faults/run
AM_T_LOG_FLAGS += -I$(srcdir)/tests/faults
CLEANFILES += $(faults_programs) faults.tsv

# The table of what was injected and what came of it is left in faults.tsv.
check-faults: $(faults_programs) $(bin_PROGRAMS) $(lib_LTLIBRARIES)
	@$(AM_TESTS_ENVIRONMENT) $(PERL) -w -I$(srcdir)/tests/program -I$(srcdir)/tests/faults \
		$(srcdir)/tests/faults/run faults.tsv '$(FAULTS)'
.PHONY: check-faults
