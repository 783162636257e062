#!/usr/bin/env bash
# make bench: the producers side by side, on a null broker and on a real Kafka, into build/bench.
#   RUNS=5    runs of each producer in each case
#   ONLY=…    of: sink threads growth kafka latency
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-3}
only=${ONLY:-sink threads growth kafka latency}
out=build/bench/runs.jsonl
# Apart, so that what Ottla does alone is not compared with what the others did at another time.
growth=build/bench/growth.jsonl
data=build/kafka/bench
rm -f $out $growth

run() { bench/run.py --runs "$runs" --out $out "$@" >/dev/null || failed=1; }
wanted() { [[ " $only " == *" $1 "* ]]; }
say() { echo "bench: $* ($((SECONDS / 60)) min)"; }
failed=0

if wanted sink; then
  say "on the null broker, one thread"
  run --sizes 100,1000 --codecs none,lz4 --batches 16384,1048576
  run --keyed 1
  run --peers ottla --headers 3
  run --peers ottla --keyed 1 --key-size 16
fi
if wanted threads; then
  say "with both cores, one thread and four"
  run --no-pin --threads 1,4
fi
if wanted growth; then
  say "what growth costs Ottla"
  alone=(--peers ottla --out $growth)
  run "${alone[@]}" --partitions 1,12,120,1000,10000 --keyed 1
  run "${alone[@]}" --topics 1,10,100,1000
  run "${alone[@]}" --no-pin --threads 1,2,4,8,16
  run "${alone[@]}" --sizes 10,1000,10000,100000
  run "${alone[@]}" --sizes 1000000 --batches 1048576
  run "${alone[@]}" --brokers 1,3,10,50 --partitions 100
  run "${alone[@]}" --target cluster --brokers 1,3,10,50 --partitions 100
fi
if wanted kafka || wanted latency; then
  say "starting Kafka"
  trap 'tests/kafka/kafka.sh down $data >/dev/null' EXIT
  KAFKA_CPUS=1 tests/kafka/kafka.sh up 1 $data
  tests/kafka/kafka.sh topic bench12 12 1 $data
  kafka=(--target "$(cat $data/bootstrap)" --broker-pid "$(cat $data/n1/pid)")
  # Whoever comes first would pay for what the broker's compiler has yet to do.
  say "warming Kafka up"
  bench/run.py "${kafka[@]}" --runs 3 --peers franz --sizes 100,1000 >/dev/null
fi
if wanted kafka; then
  say "on Kafka, as fast as it goes"
  run "${kafka[@]}" --sizes 100,1000 --batches 16384,1048576
fi
if wanted latency; then
  say "on Kafka, at a rate"
  run "${kafka[@]}" --rates 1000,20000 --lingers 0,5
fi
if [ -s $out ]; then bench/report.py $out build/bench/report; fi
if wanted growth; then bench/curves.py $growth build/bench/growth; fi
exit $failed
