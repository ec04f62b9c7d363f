# The libraries' ABI as it was recorded, held against what is built. Needs abigail-tools, and -g in CFLAGS.
# GUEST_ARCH=aarch64: that of a build for the other architecture, configured as for check-guest.
EXTRA_DIST += abi/check \
	abi/libktstr-aarch64.abi abi/libktstr-probe-aarch64.abi \
	abi/libktstr-x86_64.abi abi/libktstr-probe-x86_64.abi
check-abi-here: $(lib_LTLIBRARIES)
	$(srcdir)/abi/check .
update-abi-here: $(lib_LTLIBRARIES)
	$(srcdir)/abi/check . --update
# update-abi: after a change that was meant; see HACKING.
check-abi update-abi:
	@if test '$(GUEST_ARCH)' = '$(host_cpu)'; then \
		$(MAKE) $(AM_MAKEFLAGS) $@-here; \
	else \
		$(MAKE) $(AM_MAKEFLAGS) configure-there && \
		cd guest-$(GUEST_ARCH) && $(MAKE) $(AM_MAKEFLAGS) $@-here GUEST_ARCH=$(GUEST_ARCH); \
	fi
.PHONY: check-abi check-abi-here update-abi update-abi-here
