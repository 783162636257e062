#!/usr/bin/env bash
# make lib: the release libraries in build/lib.
#   libottla.so.VERSION   with the links libottla.so.MAJOR (its SONAME) and libottla.so
#   libottla.so.VERSION.debug  its debug information (28 MB of line tables): debuggers and valgrind
#                         find it beside the library, or in LIBDIR/.debug
#   libottla.a            one object in which only the C API is visible (static_lib.sh)
#
# The libraries themselves are without it: 3.5 MB, the same bytes that `make install` copies.
#
# The crate types are named here because cargo leaves link-time optimization out when the same
# compilation also makes an rlib.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
soname=libottla.so.${version%%.*}
target=${CARGO_TARGET_DIR:-target}/release
out=build/lib

echo "building libottla.so and libottla.a $version (release)…"
cargo rustc --release --lib --crate-type cdylib,staticlib -- -C "link-arg=-Wl,-soname,$soname"

mkdir -p $out
rm -f $out/libottla.*
objcopy --only-keep-debug "$target/libottla.so" "$out/libottla.so.$version.debug"
objcopy --strip-unneeded --add-gnu-debuglink="$out/libottla.so.$version.debug" \
  "$target/libottla.so" "$out/libottla.so.$version"
ln -s "libottla.so.$version" "$out/$soname"
ln -s "$soname" $out/libottla.so
scripts/static_lib.sh "$target/libottla.a" "$target/libottla.so" $out/libottla.a
