#!/usr/bin/env bash
# Runs what tests/behaviours.tsv calls `both`, in C, against the Kafka that run.sh started, and reads
# it back with librdkafka's consumer. Expects build/lib (make lib).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
: "${OTTLA_TEST_BOOTSTRAP:?run by tests/kafka/run.sh}"
lib=$PWD/build/lib
out=build/c
mkdir -p $out
failed=0

for source in tests/c/behaviours_*.c; do
  program=$out/kafka-$(basename "$source" .c)
  cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -g -O1 -I include "$source" \
    -o "$program" -L "$lib" -lottla -Wl,-rpath,"$lib" -lrdkafka -lpthread &&
    timeout 300 "$program" >"$program.log" || { failed=1; grep '^FAIL' "$program.log"; }
  grep -E '^(behaviour|test result)' "$program.log"
done
exit $failed
