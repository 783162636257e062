#!/usr/bin/env bash
# make chaos MINUTES=10: random faults on a Kafka of three nodes under load, judged by the oracle.
#
# Environment:
#   MINUTES                   how long (10); the round that has begun is ended
#   SEED                      of the first round (random); a failure names the seed to give here
#   OTTLA_CHAOS_LATE_MAX_MS   how much later than delivery.timeout.ms a report may come (250); give
#                             more on a machine that has other work
#   KAFKA_VERSION             4.3.1; 4.1.2 and 3.9.1 are tried too
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
kafka=tests/kafka/kafka.sh
export KAFKA_VERSION=${KAFKA_VERSION:-4.3.1}
export OTTLA_TEST_KAFKA_DIR=$PWD/build/kafka/chaos-$KAFKA_VERSION
export OTTLA_CHAOS_MINUTES=${MINUTES:-10} OTTLA_CHAOS_SEED=${SEED:-}

trap '$kafka down "$OTTLA_TEST_KAFKA_DIR"' EXIT
trap 'exit 130' INT TERM
$kafka fetch || exit 1
OTTLA_TEST_BOOTSTRAP=$($kafka up 3 "$OTTLA_TEST_KAFKA_DIR") || exit 1
export OTTLA_TEST_BOOTSTRAP
cargo test --features cli --test kafka_chaos -- --include-ignored --nocapture
