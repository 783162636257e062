#!/usr/bin/env bash
# make install, make uninstall: the files of build/lib and include where compilers look for them;
# make install-cli: the command line tool.
#   install.sh install|install-cli|uninstall
#
#   BINDIR       ottla, by install-cli alone: it takes a build of its own
#   LIBDIR       libottla.so.VERSION, its links libottla.so.MAJOR and libottla.so, libottla.a,
#                pkgconfig/ottla.pc and ottla-static.pc, cmake/ottla/
#   INCLUDEDIR   ottla.h, ottla.hpp and what that includes, ottla/
#   MANDIR       man3/ottla.3, and by install-cli man1/ottla.1 and one for each command
#
# Environment: PREFIX (/usr/local), BINDIR, LIBDIR, INCLUDEDIR and MANDIR, which follow from it;
# DESTDIR: a folder that stands for the root, for packages; OTTLA_CLI: a tool that is built already.
# Uninstall takes the same variables, removes the files named above, the tool included, and no
# folder but those two that are ottla's own.
#
# The libraries have no debug information, as `make lib` keeps it apart: what is installed is what
# the tests ran.
set -euo pipefail
cd "$(dirname "$0")/.."

PREFIX=${PREFIX:-/usr/local}
BINDIR=${BINDIR:-$PREFIX/bin}
LIBDIR=${LIBDIR:-$PREFIX/lib}
INCLUDEDIR=${INCLUDEDIR:-$PREFIX/include}
MANDIR=${MANDIR:-$PREFIX/share/man}
DESTDIR=${DESTDIR:-}

for name in PREFIX LIBDIR INCLUDEDIR MANDIR; do
  case ${!name} in
    /*[[:space:]]*) echo "install: $name=${!name}: pkg-config wants no blanks in it" >&2; exit 1 ;;
    /*) ;;
    *) echo "install: $name=${!name}: a path from the root is needed, such as $PWD/${!name}" >&2
       exit 1 ;;
  esac
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
IFS=. read -r major minor _ <<<"$version"
soname=libottla.so.$major
cmake=$LIBDIR/cmake/ottla

# put SOURCE TARGET [MODE]
put() { install -D -m "${3:-644}" "$1" "$DESTDIR$2"; }

# literal TEXT: for sed, between bars, as what is put in.
literal() { sed 's/[\\&|]/\\&/g' <<<"$1"; }

# from_prefix PATH: with ${prefix} in front where it can be.
from_prefix() {
  if [[ $1 == "$PREFIX"/* ]]; then literal "\${prefix}${1#"$PREFIX"}"; else literal "$1"; fi
}

# fill TEMPLATE TARGET: with the template's @NAME@s filled in. In pkg-config's files paths begin
# with ${prefix} where they can, so that --define-prefix works.
fill() {
  local text from_here
  text=$(mktemp)
  from_here=$(realpath -ms --relative-to="$cmake" "$INCLUDEDIR")
  sed -e "s|@PREFIX@|$(literal "$PREFIX")|g" \
    -e "s|@LIBDIR@|$(from_prefix "$LIBDIR")|g" \
    -e "s|@INCLUDEDIR@|$(from_prefix "$INCLUDEDIR")|g" \
    -e "s|@VERSION@|$version|g; s|@MAJOR@|$major|g; s|@MINOR@|$minor|g; s|@SONAME@|$soname|g" \
    -e "s|@INCLUDEDIR_FROM_HERE@|$(literal "$from_here")|" \
    "$1" >"$text"
  put "$text" "$2"
  rm -f "$text"
}

install_all() {
  [ -f "build/lib/libottla.so.$version" ] && [ -f build/lib/libottla.a ] || scripts/lib.sh
  put "build/lib/libottla.so.$version" "$LIBDIR/libottla.so.$version" 755
  ln -sf "libottla.so.$version" "$DESTDIR$LIBDIR/$soname"
  ln -sf "$soname" "$DESTDIR$LIBDIR/libottla.so"
  put build/lib/libottla.a "$LIBDIR/libottla.a"
  put include/ottla.h "$INCLUDEDIR/ottla.h"
  put include/ottla.hpp "$INCLUDEDIR/ottla.hpp"
  put include/ottla/values.hpp "$INCLUDEDIR/ottla/values.hpp"
  put include/ottla/detail.hpp "$INCLUDEDIR/ottla/detail.hpp"
  fill packaging/ottla.pc.in "$LIBDIR/pkgconfig/ottla.pc"
  fill packaging/ottla-static.pc.in "$LIBDIR/pkgconfig/ottla-static.pc"
  fill packaging/ottla-config.cmake.in "$cmake/ottla-config.cmake"
  fill packaging/ottla-config-version.cmake.in "$cmake/ottla-config-version.cmake"
  put packaging/ottla.3 "$MANDIR/man3/ottla.3"
  echo "installed ottla $version: $DESTDIR$LIBDIR, $DESTDIR$INCLUDEDIR, $DESTDIR$MANDIR"
  # So that programs find the library where the loader looks anyway; elsewhere this does nothing.
  [ -n "$DESTDIR" ] || [ "$(id -u)" != 0 ] || ! command -v ldconfig >/dev/null || ldconfig
}

install_cli() {
  local tool=${OTTLA_CLI:-} bare page
  if [ -z "$tool" ]; then
    cargo build --release --features cli --bin ottla
    tool=${CARGO_TARGET_DIR:-target}/release/ottla
  fi
  bare=$(mktemp)
  objcopy --strip-unneeded "$tool" "$bare"
  put "$bare" "$BINDIR/ottla" 755
  rm -f "$bare"
  for page in packaging/*.1; do
    put "$page" "$MANDIR/man1/${page##*/}"
  done
  echo "installed $DESTDIR$BINDIR/ottla"
}

uninstall_all() {
  local file
  for file in "$LIBDIR/libottla.so.$version" "$LIBDIR/$soname" "$LIBDIR/libottla.so" \
    "$LIBDIR/libottla.a" "$LIBDIR/pkgconfig/ottla.pc" "$LIBDIR/pkgconfig/ottla-static.pc" \
    "$cmake/ottla-config.cmake" "$cmake/ottla-config-version.cmake" \
    "$INCLUDEDIR/ottla.h" "$INCLUDEDIR/ottla.hpp" "$INCLUDEDIR/ottla/values.hpp" \
    "$INCLUDEDIR/ottla/detail.hpp" "$MANDIR/man3/ottla.3" \
    "$BINDIR/ottla" packaging/*.1; do
    case $file in packaging/*) file=$MANDIR/man1/${file##*/} ;; esac
    rm -f "$DESTDIR$file"
  done
  for file in "$cmake" "$INCLUDEDIR/ottla"; do
    [ ! -d "$DESTDIR$file" ] || rmdir --ignore-fail-on-non-empty "$DESTDIR$file"
  done
  echo "removed ottla $version from $DESTDIR$LIBDIR, $DESTDIR$INCLUDEDIR, $DESTDIR$MANDIR"
}

case ${1:-} in
  install) install_all ;;
  install-cli) install_cli ;;
  uninstall) uninstall_all ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
