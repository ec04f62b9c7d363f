# What every other room stands on: the machine's architecture, and what was found out so far.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/base/arch.h \
	src/libktstr-probe/base/arch_aarch64.c \
	src/libktstr-probe/base/arch_x86_64.c \
	src/libktstr-probe/base/diagnostics.c \
	src/libktstr-probe/base/diagnostics.h \
	src/libktstr-probe/base/page_cache.c src/libktstr-probe/base/page_cache.h \
	src/libktstr-probe/base/target.c src/libktstr-probe/base/target.h
