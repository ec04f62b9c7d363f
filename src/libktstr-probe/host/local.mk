# Every process of a host: from /proc to sessions.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/host/host.c \
	src/libktstr-probe/host/host.h \
	src/libktstr-probe/host/host_scan.c
