#!/usr/bin/env bash
# Runs every example against the Kafka that run.sh started, and compares what Kafka's own consumer
# reads with examples.jsonl: the examples are the same small program in several languages.
#
# An example takes two arguments: the bootstrap addresses and the topic.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
kafka=tests/kafka/kafka.sh
dir=${OTTLA_TEST_KAFKA_DIR:?run by tests/kafka/run.sh}
bootstrap=${OTTLA_TEST_BOOTSTRAP:?run by tests/kafka/run.sh}
lib=$PWD/build/lib
out=build/examples
mkdir -p $out
failed=0

# try NAME COMMAND…: the command sends the records, the reader compares.
try() {
  local name=$1 topic=example-$1; shift
  if $kafka topic "$topic" 3 3 "$dir" && timeout 60 "$@" "$bootstrap" "$topic" &&
    $kafka read "$topic" "$dir" >"$out/$name.jsonl" &&
    python3 tests/kafka/compare.py tests/kafka/examples.jsonl "$out/$name.jsonl"; then
    echo "example $name … ok"
  else
    echo "example $name … FAILED"
    failed=1
  fi
}

flags=(-std=c11 -Wall -Wextra -Werror -O1 -I include)
cc "${flags[@]}" examples/produce.c -o $out/c-shared -L "$lib" -lottla -Wl,-rpath,"$lib" &&
  try c-shared $out/c-shared || failed=1
cc "${flags[@]}" examples/produce.c -o $out/c-static "$lib/libottla.a" -lpthread -ldl -lm &&
  try c-static $out/c-static || failed=1

c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -I include examples/produce.cpp -o $out/cpp \
  -L "$lib" -lottla -Wl,-rpath,"$lib" && try cpp $out/cpp || failed=1

cargo build --features cli --example produce &&
  try rust "${CARGO_TARGET_DIR:-target}/debug/examples/produce" || failed=1

export LD_LIBRARY_PATH=$lib
try python-ctypes python3 examples/produce_ctypes.py
bindings/python/test.sh --install && try python build/python/env/bin/python examples/produce.py ||
  failed=1

rm -f $out/go # Go does not look whether libottla.a is another one.
(cd bindings/go && go build -o ../../$out/go ../../examples/produce.go) && try go $out/go || failed=1

exit $failed
