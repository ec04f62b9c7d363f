# KTSTR_STATIC_ARCHIVES
# ---------------------
# How the objects of a static archive become one, in which only the public names are global: by $CC -r, and by
# objcopy, which makes names of hidden visibility local. Sets PARTIAL_LINK, OBJCOPY and the condition STATIC_ARCHIVES.
AC_DEFUN([KTSTR_STATIC_ARCHIVES], [
AC_CHECK_TOOLS([OBJCOPY], [objcopy llvm-objcopy])
PARTIAL_LINK='-r -nostdlib'
AS_IF([test "$enable_static" != no], [
  AS_IF([test -z "$OBJCOPY"],
    [AC_MSG_ERROR([objcopy is missing, by which the static archives keep their inner names to themselves. Install it (Debian: binutils), or build none with --disable-static])])
  # With -flto gcc would leave intermediate code, in which objcopy finds no names.
  AC_MSG_CHECKING([whether $CC -r takes -flinker-output=nolto-rel])
  saved_LDFLAGS=$LDFLAGS saved_LIBS=$LIBS
  LDFLAGS="-r -nostdlib -flinker-output=nolto-rel -Werror" LIBS=
  AC_LINK_IFELSE([AC_LANG_SOURCE([[int one(void) { return 1; }]])],
    [AC_MSG_RESULT([yes])
     PARTIAL_LINK="$PARTIAL_LINK -flinker-output=nolto-rel"],
    [AC_MSG_RESULT([no])])
  LDFLAGS=$saved_LDFLAGS LIBS=$saved_LIBS
])
AC_SUBST([PARTIAL_LINK])
AC_SUBST([enable_static])
AM_CONDITIONAL([STATIC_ARCHIVES], [test "$enable_static" != no])
])
