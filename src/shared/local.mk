# What both libraries are compiled with. Needs libc alone. The names begin with ktstr_; neither library exports them.
noinst_LTLIBRARIES += src/shared/libshared.la
src_shared_libshared_la_SOURCES = \
	src/shared/extensible_struct.c src/shared/extensible_struct.h
