# The libraries' ABI as it was recorded, held against what is built. Needs abigail-tools, and -g in CFLAGS.
EXTRA_DIST += abi/check abi/libktstr-x86_64.abi abi/libktstr-probe-x86_64.abi
check-abi: $(lib_LTLIBRARIES)
	$(srcdir)/abi/check .
# After a change that was meant; see HACKING.
update-abi: $(lib_LTLIBRARIES)
	$(srcdir)/abi/check . --update
.PHONY: check-abi update-abi
