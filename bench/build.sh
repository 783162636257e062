#!/usr/bin/env bash
# Builds the sink, the peers, Ottla's own driver, the command line (for `ottla cluster`) and the
# limit program into build/bench.
# RDKAFKA: prefix of an installed librdkafka (include/, lib/); without it the current one inside
# confluent-kafka's Python wheel, with the system's header.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd .. && pwd)
out=$root/build/bench
libs=${KAFKA_LIBS:-$root/build/kafka/libs-${KAFKA_VERSION:-4.3.1}}
mkdir -p "$out"

echo "bench: sink and franz-go…"
(cd sink && CGO_ENABLED=0 go build -o "$out/sink" .)
(cd peers/franz && CGO_ENABLED=0 go build -o "$out/franz" .)

echo "bench: Ottla and librdkafka in Go…"
rm -f "$out/ottla-go" # Go does not look whether libottla.a is another one.
(cd ../bindings/go/bench && go build -o "$out/ottla-go" ./ottla &&
  go build -o "$out/confluent-go" ./confluent)

echo "bench: librdkafka…"
flags=(-O2 -Wall -Ipeers)
if [ -n "${RDKAFKA:-}" ]; then
  rdkafka=(-I"$RDKAFKA/include" -L"$RDKAFKA/lib" "-Wl,-rpath,$RDKAFKA/lib" -lrdkafka)
else
  folder=$out/wheel/confluent_kafka.libs
  if ! compgen -G "$folder/librdkafka-*" >/dev/null; then
    mkdir -p "$out/wheel"
    python3 -m pip download -q --no-deps -d "$out/wheel" confluent-kafka
    python3 -m zipfile -e "$out"/wheel/confluent_kafka-*.whl "$out/wheel"
  fi
  rdkafka=("$(compgen -G "$folder/librdkafka-*" | head -1)" "-Wl,-rpath,$folder")
fi
gcc "${flags[@]}" -o "$out/rdk" peers/rdk.c "${rdkafka[@]}" -lpthread

if [ -f ottla.c ]; then
  echo "bench: Ottla…"
  gcc "${flags[@]}" -I"$root/include" -o "$out/ottla" ottla.c \
    -L"$root/build/lib" -lottla -Wl,-rpath,"$root/build/lib" -lpthread
fi

echo "bench: the embedded cluster…"
(cd "$root" && cargo build --release --features cli --bin ottla &&
  cp "${CARGO_TARGET_DIR:-target}/release/ottla" "$out/ottla-cli")

echo "bench: Java…"
KAFKA_LIBS=$libs "$root/tests/kafka/kafka.sh" fetch
javac -cp "$libs/*" -d "$out" peers/JavaPeer.java

gcc -O3 -march=native -Wall -o "$out/limit" limit.c limit_rate.c -llz4 -lpthread
[ -f "$out/payload.bin" ] || python3 payload.py "$out/payload.bin"
echo "bench: built into $out"
