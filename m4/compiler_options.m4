# KTSTR_COMPILER_OPTIONS
# ----------------------
# The project's warnings, and the switches --enable-werror, --enable-sanitizers=LIST and
# --enable-coverage. Sets AM_CFLAGS and AM_LDFLAGS, never CFLAGS: those are the user's.
AC_DEFUN([KTSTR_COMPILER_OPTIONS], [
AC_ARG_ENABLE([werror],
  [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors (for developers and CI)])],
  [], [enable_werror=no])
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers=LIST], [build with these sanitizers, for example address,undefined])],
  [AS_IF([test "$enableval" = yes], [enable_sanitizers=address,undefined])], [enable_sanitizers=no])
AC_ARG_ENABLE([coverage],
  [AS_HELP_STRING([--enable-coverage], [build for gcov; `make coverage' prints the suite's line coverage, too])],
  [], [enable_coverage=no])

KTSTR_CFLAGS="-std=gnu11 -fvisibility=hidden -Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef"
KTSTR_LDFLAGS=
AS_IF([test "$enable_werror" = yes], [KTSTR_CFLAGS="$KTSTR_CFLAGS -Werror"])
AS_IF([test "$enable_coverage" = yes],
  [KTSTR_CFLAGS="$KTSTR_CFLAGS --coverage -O0"; KTSTR_LDFLAGS="$KTSTR_LDFLAGS --coverage"])

# Sanitizers' runtimes stay out of the worker: they would replace the very heap it shows. Undefined behaviour
# needs none to be noticed: it ends the worker by SIGILL.
SANITIZER_FLAGS= WORKER_SANITIZER_FLAGS=
AS_CASE([,$enable_sanitizers,], [*,undefined,*],
  [WORKER_SANITIZER_FLAGS="-fsanitize=undefined -fsanitize-undefined-trap-on-error"])
AS_IF([test "$enable_sanitizers" != no], [
  SANITIZER_FLAGS="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"
  AC_MSG_CHECKING([whether $CC can link with -fsanitize=$enable_sanitizers])
  saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $SANITIZER_FLAGS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: $CC cannot link with it])])
  CFLAGS=$saved_CFLAGS
])
AC_SUBST([KTSTR_CFLAGS])
AC_SUBST([KTSTR_LDFLAGS])
AC_SUBST([SANITIZER_FLAGS])
AC_SUBST([WORKER_SANITIZER_FLAGS])
AC_SUBST([enable_sanitizers])
AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" != no])
])
