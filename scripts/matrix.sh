#!/usr/bin/env bash
# make matrix: the Kafka tests against every version of the broker that we claim.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
scripts/lib.sh || exit 1
mkdir -p build/logs
table="" status=0
for version in 4.3.1 4.1.2 3.9.1; do
  printf '\n== Kafka %s\n' $version
  result=ok
  KAFKA_VERSION=$version tests/kafka/run.sh 2>&1 </dev/null | tee "build/logs/kafka-$version.log" ||
    { result=FAILED; status=1; }
  table+="Kafka $version  $result"$'\n'
done
printf '\n%s' "$table"
exit $status
