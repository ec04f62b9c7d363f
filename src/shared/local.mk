# What the libraries and the programs share: the lowest floor, on libc alone, without a public name.
shared_decimal_sources = src/shared/decimal.c src/shared/decimal.h
shared_clock_sources = src/shared/clock.c src/shared/clock.h

noinst_LTLIBRARIES += src/shared/libshared.la
src_shared_libshared_la_SOURCES = \
	$(shared_clock_sources) \
	$(shared_decimal_sources) \
	src/shared/extensible_struct.c src/shared/extensible_struct.h \
	src/shared/proc_stat.c src/shared/proc_stat.h \
	src/shared/proc_status.c src/shared/proc_status.h \
	src/shared/thread_start.c src/shared/thread_start.h
src_shared_libshared_la_CFLAGS = $(AM_CFLAGS) -pthread
