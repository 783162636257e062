#!/usr/bin/env bash
# make demo: builds the library and the command line, starts a cluster of three brokers (ottla
# cluster), sends records from the command line and from C, kills a broker, sends again, shows what
# became of each record, and ends the cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
lib=$PWD/build/lib
target=${CARGO_TARGET_DIR:-target}/release

title() { printf '\n== %s\n' "$*"; }

produce() {
  "$target/ottla" produce --bootstrap-servers "$bootstrap" --topic letters --key-separator : --sync
}

# A command on the control port, and its answer: `ok COUNT` and as many lines.
ask() {
  local status count line
  echo "$1" >&"$commands"
  read -r status count <&"$commands"
  echo "$1: $status"
  [ "$status" = ok ] || { echo "$count" >&2; exit 1; }
  for ((; count > 0; count--)); do
    read -r line <&"$commands"
    echo "  $line"
  done
}

title "Building (the first time takes some minutes)"
cargo build --release --features cli --bin ottla
scripts/lib.sh
mkdir -p build/examples
cc -O2 -Wall -I include examples/produce.c -o build/examples/produce \
  -L "$lib" -lottla -Wl,-rpath,"$lib"

title "ottla cluster: three brokers in one process"
exec {lines}< <(exec "$target/ottla" cluster --brokers 3 --topic letters:3 --topic example:3 \
  --control-port 0)
cluster=$!
trap 'kill "$cluster" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
read -r bootstrap <&"$lines"
read -r control <&"$lines"
echo "$bootstrap"
bootstrap=${bootstrap#bootstrap.servers=}

title "ottla produce: three lines, each 'key:value', sent one by one"
printf '%s\n' 'Milena:Dear Milena' 'Felice:Dearest Felice' 'Ottla:Dear Ottla' | produce

title "examples/produce.c: what it says of each record"
build/examples/produce "$bootstrap" example

title "A broker dies: 'kill 1' on the control port; the same lines, a record each, go on"
exec {commands}<>"/dev/tcp/127.0.0.1/${control#control.port=}"
for command in 'kill 1' 'brokers' 'partition letters 0'; do ask "$command"; done
printf '%s\n' 'Milena:Dear Milena' 'Felice:Dearest Felice' 'Ottla:Dear Ottla' | produce

title "What the cluster has of it: 'records letters 0'"
ask 'records letters 0'

title "Done. Your own: $target/ottla cluster --brokers 3, see README.md"
