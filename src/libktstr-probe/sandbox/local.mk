# The child that reads foreign files.
src_libktstr_probe_libktstr_probe_inner_la_SOURCES += \
	src/libktstr-probe/sandbox/sandbox.c \
	src/libktstr-probe/sandbox/sandbox.h \
	src/libktstr-probe/sandbox/sandbox_child.c \
	src/libktstr-probe/sandbox/sandbox_child.h \
	src/libktstr-probe/sandbox/sandbox_work.h \
	src/libktstr-probe/sandbox/seccomp_rules.c \
	src/libktstr-probe/sandbox/seccomp_rules.h
