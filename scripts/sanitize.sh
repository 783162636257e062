#!/usr/bin/env bash
# make sanitize: the library under sanitizers, with a nightly compiler.
#   sanitize.sh address   address and leak sanitizer: the C tests, then the unit tests (default)
#   sanitize.sh thread    thread sanitizer: the unit tests and the embedded cluster. The standard
#                         library is built with it too, or it reports races where there are none;
#                         so the compiler must have that library's source (rust-src).
#
# Objects go to build/sanitize. Environment:
#   OTTLA_NIGHTLY     the toolchain (nightly)
#   OTTLA_TSAN_RUSTC  another compiler for `thread`, where the toolchain has no source: a rustc
#                     whose sysroot has it and librustc-stable_rt.tsan.a (and the same file as
#                     librustc_rt.tsan.a). Debian's rustc-web, libstd-rust-web, rust-web-src and
#                     libllvm22, unpacked beside each other, do with the file from rustup's stable.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
nightly=${OTTLA_NIGHTLY:-nightly}
triple=$(rustc -vV | sed -n 's/^host: //p')
out=$PWD/build/sanitize
failed=0

verdict() { # NAME COMMAND…
  local name=$1; shift
  if "$@"; then echo "$name … ok"; else echo "$name … FAILED"; failed=1; fi
}

# Runs cargo with the sanitizer $1. The target is named, so that build scripts and procedural
# macros, which run in the compiler, are left alone. The C of zstd is instrumented by the C compiler,
# and gcc poisons a local constant table that it has made a global one when the table's scope ends.
instrumented() {
  local sanitizer=$1; shift
  CFLAGS=-fno-sanitize-address-use-after-scope \
  RUSTFLAGS="-Zsanitizer=$sanitizer -Cforce-frame-pointers=yes" CARGO_PROFILE_DEV_OPT_LEVEL=1 \
    CARGO_TARGET_DIR=$out/$sanitizer CARGO_BUILD_TARGET=$triple cargo "+$nightly" "$@"
}

c_program() { # SOURCE: the program is instrumented as well, and brings the run time.
  local program=$out/c-$(basename "$1" .c) lib=$out/address/$triple/debug
  cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -g -O1 -fsanitize=address \
    -fno-omit-frame-pointer -I include "$1" -o "$program" -L "$lib" -lottla -Wl,-rpath,"$lib" \
    -Wl,--as-needed -lrdkafka -lpthread &&
    timeout 300 "$program"
}

address() {
  export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
  instrumented address rustc --lib --crate-type cdylib || exit 1
  local source
  for source in tests/c/*.c; do
    verdict "address $(basename "$source" .c)" c_program "$source"
  done
  verdict "address unit tests" instrumented address test --lib -- --test-threads=2
}

thread() {
  local compiler=(rustc "+$nightly") source
  if [ -n "${OTTLA_TSAN_RUSTC:-}" ]; then
    compiler=("$OTTLA_TSAN_RUSTC")
    export RUSTC=$OTTLA_TSAN_RUSTC RUSTC_BOOTSTRAP=1
  fi
  source=$("${compiler[@]}" --print sysroot)/lib/rustlib/src/rust/library
  if [ ! -d "$source" ]; then
    echo "sanitize: the compiler has no source of the standard library: run" \
      "'rustup component add rust-src --toolchain $nightly', or set OTTLA_TSAN_RUSTC" >&2
    exit 1
  fi
  verdict "thread unit tests" instrumented thread test -Zbuild-std --lib -- --test-threads=2
  # What is skipped holds the process to 300 MiB, and the sanitizer's own memory counts there.
  verdict "thread embedded cluster" \
    instrumented thread test -Zbuild-std --test embedded -- --test-threads=2 \
    --skip a_good_producer_suffers_nothing_beside_a_process_with_thousands_of_bad_connections
}

mkdir -p "$out"
case ${1:-address} in
  address) address ;;
  thread) thread ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
exit $failed
