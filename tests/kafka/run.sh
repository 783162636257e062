#!/usr/bin/env bash
# The tests that need a real Kafka: starts three nodes once, runs tests/kafka.rs, tests/cli.rs,
# tests/behaviour.rs, the examples, what users rely on in C (behaviours.sh) and the packages of other
# languages against them, and takes them down again whatever happens; then tests/behaviour.rs
# against one node. Expects build/lib (make lib).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
kafka=tests/kafka/kafka.sh
export KAFKA_VERSION=${KAFKA_VERSION:-4.3.1}
export OTTLA_TEST_KAFKA_DIR=$PWD/build/kafka/test-$KAFKA_VERSION

trap '$kafka down "$OTTLA_TEST_KAFKA_DIR"' EXIT
trap 'exit 130' INT TERM
$kafka fetch || exit 1
OTTLA_TEST_BOOTSTRAP=$($kafka up 3 "$OTTLA_TEST_KAFKA_DIR") || exit 1
export OTTLA_TEST_BOOTSTRAP

status=0
cargo test --features cli --no-fail-fast --test kafka --test cli -- --include-ignored \
  --test-threads="${OTTLA_TEST_THREADS:-4}" || status=1
# What brokers do, as the embedded cluster does it: it plays Kafka 4.3 and no other.
behaviours() {
  [[ $KAFKA_VERSION == 4.3.* ]] || { echo "behaviours are those of Kafka 4.3"; return 0; }
  cargo test --features cli --no-fail-fast --test behaviour "$1::" || status=1
}
behaviours three_brokers
tests/kafka/examples.sh || status=1
tests/kafka/behaviours.sh || status=1
bindings/go/test.sh || status=1
bindings/python/test.sh || status=1
# These kill and pause nodes: one at a time, and when nobody else is there.
cargo test --features cli --no-fail-fast --test kafka_faults -- --include-ignored \
  --test-threads=1 || status=1
behaviours alone
# These need no Kafka, but its jars.
{ tests/foreign/build.sh &&
  cargo test --features cli --no-fail-fast --test foreign -- --ignored --test-threads=1; } ||
  status=1
$kafka down "$OTTLA_TEST_KAFKA_DIR"
OTTLA_TEST_KAFKA_DIR+=-alone
OTTLA_TEST_BOOTSTRAP=$($kafka up 1 "$OTTLA_TEST_KAFKA_DIR") || exit 1
behaviours one_broker
exit $status
