# Where a module's TLS block is in each thread.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/tls/dtv.c \
	src/libktstr-probe/tls/dtv.h \
	src/libktstr-probe/tls/module_tls.c \
	src/libktstr-probe/tls/module_tls.h \
	src/libktstr-probe/tls/musl_threads.c \
	src/libktstr-probe/tls/musl_threads.h \
	src/libktstr-probe/tls/stopped_thread.h \
	src/libktstr-probe/tls/ptrace_stop.c \
	src/libktstr-probe/tls/ptrace_stop.h \
	src/libktstr-probe/tls/robust_list.c \
	src/libktstr-probe/tls/robust_list.h \
	src/libktstr-probe/tls/rtld_tls.c \
	src/libktstr-probe/tls/rtld_tls.h \
	src/libktstr-probe/tls/tls_address.c \
	src/libktstr-probe/tls/tls_address.h
