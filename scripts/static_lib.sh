#!/usr/bin/env bash
# static_lib.sh IN.a IN.so OUT.a: a static library that shows its C API and nothing else.
#
# A static library made by rustc shows the whole Rust standard library, so two of them in one
# program (Go programs tend to have two) are an error of the linker. Here all objects become one,
# what the C API does not reach is dropped, and every other symbol is made local. Section groups
# are dissolved: else the linker would keep one library's copy of a group for both, and the
# other's references, local by now, would lead nowhere. The C API is what IN.so exports. Debug
# information would be 54 of 60 MB, and go into every program; the names of functions stay.
set -euo pipefail

in=$1 shared=$2 out=$3
object=$(mktemp -d)/ottla.o
trap 'rm -rf "$(dirname "$object")"' EXIT

mapfile -t api < <(nm -D --defined-only "$shared" | awk '$3 ~ /^ottla_/ {print $3}')
[ ${#api[@]} != 0 ] || { echo "static_lib: $shared exports no ottla_ function" >&2; exit 1; }

ld -r --force-group-allocation --gc-sections "${api[@]/#/--undefined=}" \
  --whole-archive "$in" -o "$object"
objcopy --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd \
  --wildcard --keep-global-symbol='ottla_*' "$object"

rm -f "$out"
ar rcs "$out" "$object"
if ! diff <(printf '%s\n' "${api[@]}" | sort) \
  <(nm -g --defined-only "$out" | awk 'NF == 3 {print $3}' | sort) >&2; then
  echo "static_lib: $out does not show the same functions as $shared" >&2
  exit 1
fi
