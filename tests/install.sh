#!/usr/bin/env bash
# make install as a user meets it: into a prefix of his own and into a package's DESTDIR; C and C++
# programs that know nothing of this folder are built with pkg-config and CMake, shared and static,
# and send to an embedded cluster; make uninstall leaves what was there before. Expects build/lib.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
soname=libottla.so.${version%%.*}
prefix=$work/prefix
suite=install
. scripts/check.sh

# strict COMMAND…: fails at the first step that fails, and shows only then what was said.
strict() {
  (set -e; "$@") >"$work/log" 2>&1
  local status=$?
  [ $status = 0 ] || cat "$work/log"
  return $status
}

same() { [ "$1" = "$2" ] || { printf '%s\nis not\n%s\n' "$1" "$2"; return 1; }; }

# fails TEXT COMMAND…: the command does not succeed and says the text.
fails() {
  local text=$1 said; shift
  if said=$("$@" 2>&1); then echo "succeeded: $*"; return 1; fi
  grep -qF "$text" <<<"$said" || { echo "$said"; return 1; }
}

# Every file and link under a folder, sorted.
files() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }

expected=$(printf './%s\n' \
  include/ottla.h include/ottla.hpp include/ottla/detail.hpp include/ottla/values.hpp \
  lib/cmake/ottla/ottla-config{,-version}.cmake lib/libottla.a lib/libottla.so "lib/$soname" \
  "lib/libottla.so.$version" lib/pkgconfig/ottla{,-static}.pc share/man/man3/ottla.3 |
  LC_ALL=C sort)

installs() {
  make -s install PREFIX="$prefix"
  same "$(files "$prefix")" "$expected"
  # The same again changes nothing.
  make -s install PREFIX="$prefix"
  same "$(files "$prefix")" "$expected"
}

# What the loader and the linker see.
libraries_are_as_promised() {
  local lib=$prefix/lib so=$prefix/lib/libottla.so.$version dynamic api
  same "$(readlink "$lib/libottla.so") $(readlink "$lib/$soname")" "$soname libottla.so.$version"
  dynamic=$(readelf -d "$so")
  same "$(sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' <<<"$dynamic")" "$soname"
  same "$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" |
    grep -vE '^(libc|libm|libgcc_s|ld-linux-x86-64|ld-linux-aarch64)\.so\.[0-9]+$' || true)" ""
  [ "$(stat -c %s "$so")" -le 4000000 ] || { stat "$so"; return 1; }
  same "$(stat -c %a "$so" "$lib/libottla.a" | xargs)" "755 644"
  # Shared and static show the functions of the header, and nothing else.
  api=$(sed -n 's/^[a-z].*[ *]\(ottla_[a-z0-9_]*\)(.*/\1/p' "$prefix/include/ottla.h" | sort)
  [ "$(wc -l <<<"$api")" -gt 40 ]
  same "$(nm -D --defined-only "$so" | awk '{print $3}' | sort)" "$api"
  same "$(nm -g --defined-only "$lib/libottla.a" | awk 'NF == 3 {print $3}' | sort)" "$api"
  # Nothing tells where it was built.
  same "$(grep -rlF "$root" "$prefix" || true)" ""
}

manual_is_one() {
  command -v man >/dev/null || return 0
  local page=$prefix/share/man/man3/ottla.3
  same "$(man --warnings -l "$page" 2>&1 >/dev/null)" ""
  man -l "$page" 2>/dev/null | grep 'ottla_producer_send' >/dev/null
}

# Runs a program against a cluster that lives as long as it, and looks at what arrived.
sends() {
  "$work/host" "$@" >"$work/arrived"
  same "$(python3 tests/install/arrived.py <"$work/arrived")" "as the examples say"
}

# by_pkg_config LANGUAGE PACKAGE [FLAG]: built where this project's folders are not known.
by_pkg_config() {
  local language=$1 package=$2 flag=${3:-} program=$work/program compiler cflags libs linked
  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
  compiler=(cc -std=c11 -Wall -Wextra -Werror)
  [ "$language" = c ] || compiler=(c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror)
  read -ra cflags <<<"$(pkg-config --cflags "$package")"
  read -ra libs <<<"$(pkg-config ${flag:+-$flag} --libs "$package")"
  cd "$work/app"
  "${compiler[@]}" "${cflags[@]}" "$language.$language" -o "$program" $flag "${libs[@]}"
  cd "$root"
  linked=$(readelf -d "$program" | grep -c 'NEEDED.*libottla' || true)
  if [ "$package$flag" = ottla ]; then same "$linked" 1; else same "$linked" 0; fi
  LD_LIBRARY_PATH=$prefix/lib sends "$program"
}

by_cmake() { # PREFIX
  rm -rf "$work/cmake"
  cmake -S "$work/app" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Release
  cmake --build "$work/cmake"
  local program
  for program in c_shared c_static cpp_shared cpp_static; do
    sends "$work/cmake/$program" # The run path that CMake gives finds the shared library.
  done
  readelf -d "$work/cmake/cpp_shared" | grep "NEEDED.*$soname"
  same "$(readelf -d "$work/cmake/cpp_static" | grep 'NEEDED.*libottla' || true)" ""
}

# snippet LANGUAGE: the first of a language in docs/c.md.
snippet() { awk -v first="\`\`\`$1" '/^```$/ && on {exit} on; $0 == first {on = 1}' docs/c.md; }

# Whether a program takes the shared library.
needs() { readelf -d "$1" | grep "NEEDED.*$soname"; }

# What docs/c.md says about linking, with the program at its beginning. Its C and C++ are run by
# tests/c; here it is linked as a reader would.
documented() {
  local program=$work/documented command
  mkdir -p "$program"
  snippet c >"$program/letters.c"
  snippet sh >"$program/commands"
  [ "$(wc -l <"$program/commands")" = 2 ]
  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
  while read -r command; do
    (cd "$program" && rm -f a.out && bash -euc "$command")
    case $command in
      *"inside the program") fails "" needs "$program/a.out" ;;
      *) needs "$program/a.out" ;;
    esac
  done <"$program/commands"
  {
    printf 'cmake_minimum_required(VERSION 3.13)\nproject(letters C)\n'
    echo 'add_executable(letters letters.c)'
    snippet cmake
  } >"$program/CMakeLists.txt"
  grep -q find_package "$program/CMakeLists.txt"
  cmake -S "$program" -B "$program/build" -DCMAKE_PREFIX_PATH="$prefix"
  cmake --build "$program/build"
  needs "$program/build/letters"
}

# Each snippet is one that some test takes.
documents_have_no_other_snippets() {
  same "$(sed -n 's/^```\(.\)/\1/p' docs/c.md | LC_ALL=C sort -u | xargs)" "c cmake cpp sh text"
  same "$(grep -cE '^```(sh|cmake)$' docs/c.md)" 2
  same "$(sed -n 's/^```\(.\)/\1/p' docs/python.md bindings/python/README.md | sort -u)" python
}

# cmake_finds VERSION: what a project gets that asks for this one.
cmake_finds() {
  rm -rf "$work/version"
  mkdir -p "$work/version"
  printf 'cmake_minimum_required(VERSION 3.13)\nproject(v C)\nfind_package(ottla %s REQUIRED)\n' \
    "$1" >"$work/version/CMakeLists.txt"
  cmake -S "$work/version" -B "$work/version/build" -DCMAKE_PREFIX_PATH="$prefix"
}

cmake_knows_versions() {
  local wanted
  for wanted in "" "${version%.*}" "$version" "$version EXACT"; do cmake_finds "$wanted"; done
  for wanted in 0.0.9 "${version%.*}.99" 1.0 9; do
    fails "version: $version" cmake_finds "$wanted"
  done
}

# The same for versions to come: this one, the one that is asked for, and whether it does.
cmake_will_know_versions() {
  local this wanted verdict major minor
  while read -r this wanted verdict; do
    IFS=. read -r major minor _ <<<"$this"
    sed "s/@VERSION@/$this/g; s/@MAJOR@/$major/g; s/@MINOR@/$minor/g" \
      packaging/ottla-config-version.cmake.in >"$work/version.cmake"
    IFS=. read -r major minor _ <<<"$wanted"
    {
      echo "set(PACKAGE_FIND_VERSION $wanted)"
      echo "set(PACKAGE_FIND_VERSION_MAJOR $major)"
      echo "set(PACKAGE_FIND_VERSION_MINOR ${minor:-0})"
      echo "set(PACKAGE_FIND_VERSION_COUNT $(tr . '\n' <<<"$wanted" | wc -l))"
      echo "set(CMAKE_SIZEOF_VOID_P 8)"
      echo "include($work/version.cmake)"
      echo "message(\"$this for $wanted: \${PACKAGE_VERSION_COMPATIBLE}\")"
    } >"$work/asks.cmake"
    same "$(cmake -P "$work/asks.cmake" 2>&1)" "$this for $wanted: $verdict"
  done <<<"0.3.1 0.3 TRUE
0.3.1 0.3.0 TRUE
0.3.1 0 TRUE
0.3.1 0.3.2 FALSE
0.3.1 0.2 FALSE
0.3.1 1 FALSE
1.4.2 1.3 TRUE
1.4.2 1.5 FALSE
1.4.2 0.9 FALSE
1.4.2 2 FALSE"
}

# The tool runs from where it is installed, with its manual pages, and goes with the rest. It is the
# one that the other tests run, as a build of its own takes long.
installs_the_tool() {
  local bin=$prefix/bin/ottla pages=$prefix/share/man/man1 page servers
  cargo build --features cli,simulation --bin ottla
  OTTLA_CLI=${CARGO_TARGET_DIR:-target}/debug/ottla make -s install-cli PREFIX="$prefix"
  same "$(files "$prefix" | grep -E 'bin/|man1/')" \
    "$(printf '%s\n' ./bin/ottla ./share/man/man1/ottla{-cluster,-perf,-produce,}.1)"
  same "$("$bin" --version)" "ottla $version"
  mkfifo "$work/said"
  "$bin" cluster --topic letters:1 >"$work/said" &
  IFS== read -r _ servers <"$work/said"
  same "$(echo hello | "$bin" produce --bootstrap-servers "$servers" --topic letters --sync)" \
    letters-0@0
  kill -TERM $!
  wait $!
  command -v man >/dev/null || return 0
  for page in "$pages"/*; do
    same "$(man --warnings -l "$page" 2>&1 >/dev/null)" ""
  done
  man -l "$pages/ottla-perf.1" 2>/dev/null | grep -e '--record-size <BYTES>' >/dev/null
}

uninstalls() {
  echo theirs >"$prefix/lib/theirs"
  echo theirs >"$prefix/include/ottla/theirs"
  make -s uninstall PREFIX="$prefix"
  same "$(files "$prefix")" $'./include/ottla/theirs\n./lib/theirs'
  [ ! -e "$prefix/lib/cmake/ottla" ]
}

staged() {
  local stage=$work/stage
  make -s install PREFIX=/opt/ottla DESTDIR="$stage"
  same "$(files "$stage/opt/ottla")" "$expected"
  same "$(ls "$stage")" opt
  same "$(grep -rlF "$work" "$stage" || true)" ""
  # Moved elsewhere as a whole: CMake finds it from where it is, pkg-config is told to.
  mv "$stage/opt/ottla" "$work/moved"
  by_cmake "$work/moved"
  export PKG_CONFIG_PATH=$work/moved/lib/pkgconfig
  same "$(pkg-config --variable=libdir ottla)" /opt/ottla/lib
  same "$(pkg-config --define-prefix --variable=libdir ottla)" "$work/moved/lib"
  mv "$work/moved" "$stage/opt/ottla"
  make -s uninstall PREFIX=/opt/ottla DESTDIR="$stage"
  same "$(files "$stage")" ""
}

other_folders() {
  local p=$work/other folders
  folders=(PREFIX="$p" LIBDIR="$p/lib/x86_64-linux-gnu" INCLUDEDIR="$p/include/kafka"
    MANDIR="$p/man")
  make -s install "${folders[@]}"
  [ -f "$p/man/man3/ottla.3" ] && [ -f "$p/include/kafka/ottla/values.hpp" ]
  export PKG_CONFIG_PATH=$p/lib/x86_64-linux-gnu/pkgconfig
  same "$(pkg-config --cflags --libs ottla | xargs)" \
    "-I$p/include/kafka -L$p/lib/x86_64-linux-gnu -lottla"
  # CMake looks into lib/ARCHITECTURE where it is used; elsewhere it is told where to look.
  cmake -S "$work/app" -B "$work/told" -Dottla_DIR="$p/lib/x86_64-linux-gnu/cmake/ottla"
  cmake --build "$work/told" --target c_shared
  sends "$work/told/c_shared"
  make -s uninstall "${folders[@]}"
  same "$(files "$p")" ""
}

# Signs that mean something to sed, in a prefix.
odd_folders() {
  local p="$work/a|b&c,d"
  make -s install PREFIX="$p"
  same "$(files "$p")" "$expected"
  export PKG_CONFIG_PATH=$p/lib/pkgconfig
  same "$(pkg-config --variable=prefix ottla)" "$p"
  same "$(sed -n 's/^libdir=//p' "$p/lib/pkgconfig/ottla-static.pc")" "\${prefix}/lib"
  make -s uninstall PREFIX="$p"
  same "$(files "$p")" ""
}

paths_that_cannot_be() {
  fails "PREFIX=here" make -s install PREFIX=here
  fails "blanks" make -s install PREFIX="$work/a b"
  [ ! -e here ] && [ ! -e "$work/a b" ]
}

# The examples as strangers' programs, and one that has a cluster for them in its own process.
mkdir -p "$work/app"
cp examples/produce.c "$work/app/c.c"
cp examples/produce.cpp "$work/app/cpp.cpp"
cp tests/install/CMakeLists.txt "$work/app/"
cc -std=c11 -Wall -Wextra -Werror -I include tests/install/host.c -o "$work/host" \
  build/lib/libottla.a -lpthread -ldl -lm || exit 1

check files strict installs
check libraries strict libraries_are_as_promised
check manual strict manual_is_one
for language in c cpp; do
  check pkg-config-shared-$language strict by_pkg_config $language ottla
  check pkg-config-static-$language strict by_pkg_config $language ottla-static
done
# Without any shared library, even libc: what Libs.private is for.
check pkg-config-all-static strict by_pkg_config c ottla -static
check cmake strict by_cmake "$prefix"
check documented strict documented
check snippets strict documents_have_no_other_snippets
check cmake-versions strict cmake_knows_versions
check cmake-versions-to-come strict cmake_will_know_versions
check tool strict installs_the_tool
check uninstall strict uninstalls
check destdir strict staged
check folders strict other_folders
check odd-folders strict odd_folders
check bad-paths strict paths_that_cannot_be
verdict
