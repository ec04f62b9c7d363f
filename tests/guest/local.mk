# `make check-guest': the closed loop in a Linux guest under qemu. Nothing here is part of `make check'.
# GUEST_ARCH=aarch64 configures a build for that architecture in a directory of its own and checks there.
GUEST_ARCH = $(host_cpu)

EXTRA_PROGRAMS += tests/guest/driver examples/guest_test tests/guest/static_worker
# The body of a test that the examples show: a program that the driver runs by its name.
examples_guest_test_SOURCES = examples/guest_test.c
examples_guest_test_LDADD = src/libktstr/libktstr.la src/libktstr-probe/libktstr-probe.la
tests_guest_driver_SOURCES = \
	tests/guest/driver.c \
	tests/guest/guest_probe.c \
	tests/guest/guest_test.c tests/guest/guest_test.h \
	tests/guest/helpers.c \
	tests/guest/loop_tests.c \
	tests/guest/namespace_tests.c \
	tests/guest/report.c tests/guest/report.h \
	tests/guest/scarcity_tests.c \
	tests/guest/yama_tests.c
tests_guest_driver_LDADD = src/shared/libshared.la src/libktstr/libktstr.la
tests_guest_static_worker_SOURCES = $(worker_ktstr_jemalloc_alloc_worker_SOURCES)
tests_guest_static_worker_CFLAGS = $(worker_ktstr_jemalloc_alloc_worker_CFLAGS)
tests_guest_static_worker_LDFLAGS = $(KTSTR_LDFLAGS) -all-static -pthread
tests_guest_static_worker_LDADD = $(JEMALLOC_LIBS)
CLEANFILES += tests/guest/driver$(EXEEXT) examples/guest_test$(EXEEXT) tests/guest/static_worker$(EXEEXT) tests/guest/initramfs.cpio.gz

guest_tests = tests/guest/guest.t tests/guest/guest_faults.t
EXTRA_DIST += $(guest_tests) tests/guest/Guest.pm tests/guest/fetch tests/guest/initramfs
AM_T_LOG_FLAGS += -I$(srcdir)/tests/guest

guest_programs = \
	init=tests/guest/driver$(EXEEXT) \
	bin/guest_test=examples/guest_test$(EXEEXT) \
	bin/ktstr-jemalloc-probe=src/tools/probe/ktstr-jemalloc-probe$(EXEEXT) \
	bin/ktstr-jemalloc-alloc-worker=worker/ktstr-jemalloc-alloc-worker$(EXEEXT) \
	bin/ktstr-jemalloc-alloc-worker-static=tests/guest/static_worker$(EXEEXT)

check-guest-here: src/libktstr/libktstr.la src/libktstr-probe/libktstr-probe.la tests/guest/driver$(EXEEXT) \
		examples/guest_test$(EXEEXT) \
		tests/guest/static_worker$(EXEEXT) src/tools/probe/ktstr-jemalloc-probe$(EXEEXT) \
		worker/ktstr-jemalloc-alloc-worker$(EXEEXT)
	@CC='$(CC)' KTSTR_LIBRARY_PATH="src/libktstr/.libs:src/libktstr-probe/.libs:$(GUEST_LIBRARY_PATH)" \
		$(srcdir)/tests/guest/initramfs tests/guest/initramfs.cpio.gz $(guest_programs)
	@kernel=$${KTSTR_GUEST_KERNEL:-`$(srcdir)/tests/guest/fetch kernel $(host_cpu)`} && \
	KTSTR_GUEST_KERNEL=$$kernel KTSTR_GUEST_ARCH=$(host_cpu) \
	KTSTR_GUEST_INITRAMFS='$(abs_builddir)/tests/guest/initramfs.cpio.gz' \
		$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(guest_tests)' TEST_SUITE_LOG=check-guest.log

# The other architecture: its libraries are Debian's packages in the cache, its compiler is Debian's.
configure-there:
	@sysroot=`$(srcdir)/tests/guest/fetch sysroot $(GUEST_ARCH)` && \
	source=`cd $(srcdir) && pwd` && libs=$$sysroot/usr/lib/$(GUEST_ARCH)-linux-gnu && \
	$(MKDIR_P) guest-$(GUEST_ARCH) && cd guest-$(GUEST_ARCH) && \
	{ test -f config.status || "$$source/configure" --quiet --host=$(GUEST_ARCH)-linux-gnu \
		--enable-werror='$(enable_werror)' PKG_CONFIG_LIBDIR="$$libs/pkgconfig" \
		CPPFLAGS="-I$$sysroot/usr/include" LDFLAGS="-L$$libs -Wl,-rpath-link,$$libs"; }
check-guest-there: configure-there
	@sysroot=`$(srcdir)/tests/guest/fetch sysroot $(GUEST_ARCH)` && \
	cd guest-$(GUEST_ARCH) && $(MAKE) $(AM_MAKEFLAGS) check-guest-here GUEST_ARCH=$(GUEST_ARCH) \
		GUEST_LIBRARY_PATH="$$sysroot/usr/lib/$(GUEST_ARCH)-linux-gnu"

check-guest:
	@if test '$(GUEST_ARCH)' = '$(host_cpu)'; then target=here; else target=there; fi; \
	$(MAKE) $(AM_MAKEFLAGS) check-guest-$$target
clean-local: clean-guest-there
clean-guest-there:
	rm -rf guest-aarch64 guest-x86_64
.PHONY: configure-there check-guest check-guest-here check-guest-there clean-guest-there
