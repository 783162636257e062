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
for command in 'kill 1' 'partition letters 0' 'partition letters 1' 'partition letters 2'; do
  echo "$command" >&"$commands"
  read -r answer <&"$commands"
  printf '%-20s %s\n' "$command" "$answer"
done
printf '%s\n' 'Milena:Dear Milena' 'Felice:Dearest Felice' 'Ottla:Dear Ottla' | produce

title "Done"
