# KTSTR_JEMALLOC_OPTIONS, KTSTR_JEMALLOC
# --------------------------------------
# Finds the jemalloc that the worker links. The static archive is the default, so that jemalloc's
# TLS lies in the worker's own PT_TLS segment. Sets JEMALLOC_CFLAGS, JEMALLOC_LIBS and WORKER_LDFLAGS.
AC_DEFUN([KTSTR_JEMALLOC_OPTIONS], [
AC_ARG_WITH([jemalloc],
  [AS_HELP_STRING([--with-jemalloc=PREFIX], [use the jemalloc installed below PREFIX (default: pkg-config's)])],
  [], [with_jemalloc=yes])
AC_ARG_ENABLE([shared-jemalloc],
  [AS_HELP_STRING([--enable-shared-jemalloc], [link the worker against libjemalloc.so (default: the static archive)])],
  [], [enable_shared_jemalloc=no])
AC_ARG_ENABLE([static-worker],
  [AS_HELP_STRING([--enable-static-worker], [link the worker fully static, for an initramfs])],
  [], [enable_static_worker=no])
AS_IF([test "$enable_static_worker$enable_shared_jemalloc" = yesyes],
  [AC_MSG_ERROR([--enable-static-worker and --enable-shared-jemalloc exclude each other])])
# The tests want to know.
AC_SUBST([enable_shared_jemalloc])
AC_SUBST([enable_static_worker])
AC_SUBST([JEMALLOC_CFLAGS])
AC_SUBST([JEMALLOC_LIBS])
AC_SUBST([WORKER_LDFLAGS])
])

AC_DEFUN([KTSTR_JEMALLOC], [
AS_CASE([$with_jemalloc],
  [no], [AC_MSG_ERROR([the worker cannot be built without jemalloc: --disable-worker leaves it out])],
  [yes], [
    PKG_CHECK_MODULES([JEMALLOC], [jemalloc], [],
      [AC_MSG_ERROR([jemalloc was not found by $PKG_CONFIG. Install its development files (Debian: libjemalloc-dev), name its prefix with --with-jemalloc=PREFIX, or leave the worker out with --disable-worker])])
    jemalloc_libdir=`$PKG_CONFIG --variable=libdir jemalloc`
    jemalloc_version=`$PKG_CONFIG --modversion jemalloc`],
  [ JEMALLOC_CFLAGS="-I$with_jemalloc/include"
    jemalloc_libdir=$with_jemalloc/lib
    for dir in "$with_jemalloc/lib/`$CC -print-multiarch 2>/dev/null`" "$with_jemalloc/lib64"; do
      AS_IF([test -f "$dir/libjemalloc.a" || test -f "$dir/libjemalloc.so"], [jemalloc_libdir=$dir])
    done
    JEMALLOC_LIBS="-L$jemalloc_libdir -Wl,-rpath,$jemalloc_libdir -ljemalloc"
    jemalloc_version="below $with_jemalloc"])

# libjemalloc.a needs libm (its profiler) and, before glibc 2.34, libpthread and libdl. What an
# archive does not need costs nothing under --as-needed.
AS_IF([test "$enable_shared_jemalloc" = yes],
  [jemalloc_summary="$jemalloc_version, shared"],
  [JEMALLOC_LIBS="$jemalloc_libdir/libjemalloc.a -Wl,--as-needed -lm -lpthread -ldl"
   jemalloc_summary="$jemalloc_version, static archive"])
WORKER_LDFLAGS=
AS_IF([test "$enable_static_worker" = yes], [WORKER_LDFLAGS=-all-static])

saved_LIBS=$LIBS saved_CFLAGS=$CFLAGS
LIBS="$JEMALLOC_LIBS $LIBS"
CFLAGS="$CFLAGS $JEMALLOC_CFLAGS"
AS_IF([test "$enable_static_worker" = yes], [LIBS="-static $LIBS"])
AC_MSG_CHECKING([whether the worker can link jemalloc ($jemalloc_summary)])
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stddef.h>
#include <jemalloc/jemalloc.h>]],
    [[size_t n; return mallctl("version", NULL, &n, NULL, 0);]])],
  [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([cannot link jemalloc with: $JEMALLOC_LIBS. See config.log; --enable-shared-jemalloc uses the shared library, --with-jemalloc=PREFIX another build])])
LIBS=$saved_LIBS CFLAGS=$saved_CFLAGS
])
