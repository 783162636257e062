#!/usr/bin/env bash
# make test: every test. A part that fails does not stop the others; the table at the end says
# which failed, and the status is 1. Output goes to the terminal and to build/logs.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
logs=build/logs
mkdir -p $logs
rm -f $logs/*.log
table="" passed=0 failed=0

# part NAME COMMAND…: counts the tests that cargo reports in it, or the part itself as one test.
part() {
  local name=$1 t0=$SECONDS status=0 ok bad; shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 </dev/null | tee "$logs/$name.log" || status=1
  read -r ok bad < <(awk '/^test result:/ {p += $4; f += $6} END {print p + 0, f + 0}' \
    "$logs/$name.log")
  # A part whose filter names no test any more would pass for ever.
  if [ "$ok$bad" = 00 ] && grep -q '^test result:' "$logs/$name.log"; then
    echo "no test of $name was run"
    status=1
  fi
  [ "$ok" != 0 ] || [ $status != 0 ] || ok=1
  [ $status = 0 ] || [ "$bad" != 0 ] || bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
  table+=$(printf '%-10s %5d passed %5d failed %5d s' "$name" "$ok" "$bad" $((SECONDS - t0)))$'\n'
}

# All that needs no broker: tests/kafka.rs is run by the last part.
rust_tests() {
  local targets=() file
  for file in tests/*.rs; do
    [ "$file" = tests/kafka.rs ] || [ ! -f "$file" ] || targets+=(--test "$(basename "$file" .rs)")
  done
  cargo test --features cli,simulation --no-fail-fast --lib --bins "${targets[@]}" &&
    cargo test --features cli,simulation --doc
}

part format cargo fmt --check
part clippy cargo clippy --all-targets --features cli,simulation -- -D warnings
part rust rust_tests
part schedules cargo test --lib --features shuttle schedules::
# Features as above but for the codecs, so that the library alone is built again.
part codecs cargo test --no-default-features --features lz4,cli,simulation --test configuration \
  a_codec
part library scripts/lib.sh
part c tests/c/run.sh
part install tests/install.sh
part cost bench/cost.py
part go bindings/go/test.sh
part python bindings/python/test.sh
part kafka tests/kafka/run.sh

printf '\n%s%d s in all\n%d passed, %d failed\n' "$table" $SECONDS $passed $failed
[ $failed = 0 ]
