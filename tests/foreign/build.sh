#!/usr/bin/env bash
# Builds the clients that tests/foreign.rs runs into build/foreign: Java's with the jars that
# tests/kafka/kafka.sh fetched, franz-go's, and librdkafka inside confluent-kafka's Python wheel.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
out=$root/build/foreign
libs=${KAFKA_LIBS:-$root/build/kafka/libs-${KAFKA_VERSION:-4.3.1}}
mkdir -p "$out/java" "$out/python"

echo "foreign clients: Java…"
KAFKA_LIBS=$libs "$root/tests/kafka/kafka.sh" fetch
javac -cp "$libs/*" -d "$out/java" Client.java
echo "$libs" >"$out/libs"

echo "foreign clients: franz-go…"
(cd franz && CGO_ENABLED=0 go build -o "$out/franz" .)

echo "foreign clients: librdkafka…"
if ! compgen -G "$out/python/confluent_kafka" >/dev/null; then
  python3 -m pip download -q --no-deps -d "$out" confluent-kafka
  python3 -m zipfile -e "$out"/confluent_kafka-*.whl "$out/python"
fi
