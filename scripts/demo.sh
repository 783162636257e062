#!/usr/bin/env bash
# make demo: builds the library and the command line, starts a one-node Kafka, sends records from
# the command line and from C, shows what became of each, and stops Kafka.
set -euo pipefail
cd "$(dirname "$0")/.."
kafka=tests/kafka/kafka.sh
dir=$PWD/build/kafka/demo
lib=$PWD/build/lib
target=${CARGO_TARGET_DIR:-target}/release

title() { printf '\n== %s\n' "$*"; }

title "Building (the first time takes some minutes)"
cargo build --release --features cli --bin ottla
scripts/lib.sh
mkdir -p build/examples
cc -O2 -Wall -I include examples/produce.c -o build/examples/produce \
  -L "$lib" -lottla -Wl,-rpath,"$lib"

title "Starting a Kafka of one node"
trap '$kafka down "$dir"' EXIT
trap 'exit 130' INT TERM
$kafka fetch
bootstrap=$($kafka up 1 "$dir")
$kafka topic letters 3 1 "$dir"
$kafka topic example 3 1 "$dir"

title "ottla produce: three lines, each 'key:value', sent one by one"
printf '%s\n' 'Milena:Dear Milena' 'Felice:Dearest Felice' 'Ottla:Dear Ottla' |
  "$target/ottla" produce --bootstrap-servers "$bootstrap" --topic letters --key-separator : --sync

title "examples/produce.c: what it says of each record"
build/examples/produce "$bootstrap" example

title "What Kafka's own console consumer reads back"
$kafka console letters "$dir"
$kafka console example "$dir"

title "Done; stopping Kafka"
