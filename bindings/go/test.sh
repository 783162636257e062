#!/usr/bin/env bash
# Tests the Go package: format and vet, its tests, the same under the race detector, the examples,
# and the link to a shared library. Expects build/lib (make lib). With OTTLA_TEST_BOOTSTRAP only
# what that cluster is needed for runs, on it.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
root=$(cd ../.. && pwd)
suite=go
. "$root/scripts/check.sh"

# Tests of a folder, counted one by one; their subtests are theirs.
tests() { # NAME FOLDER FLAG…
  local name=$1 folder=$2 log ok bad status=0; shift 2
  log=$(mktemp)
  echo "go $name…"
  (cd "$folder" && go test -v -count=1 -timeout 600s "$@" ./...) >"$log" 2>&1 || status=1
  ok=$(grep -c '^--- PASS' "$log") bad=$(grep -c '^--- FAIL' "$log")
  grep -E '^--- (PASS|FAIL)' "$log" |
    sed -E 's/^--- PASS: (.*) \(.*/go \1 … ok/; s/^--- FAIL: /go FAILED /'
  if [ $status != 0 ]; then
    cat "$log"
    [ "$bad" != 0 ] || bad=1
  fi
  rm "$log"
  passed=$((passed + ok)) failed=$((failed + bad))
}

formatted() {
  local files
  files=$(gofmt -l . ../../examples ../../bench)
  [ -z "$files" ] || { echo "$files"; false; }
}

vetted() {
  go vet ./... && go vet ../../examples/produce.go && (cd tests && go vet ./...) &&
    (cd bench && go vet ./ottla) &&
    (cd ../../bench/peers/frame && go vet ./...) && (cd ../../bench/peers/franz && go vet ./...)
}

# A program against libottla.so, found as a system would: by pkg-config and the dynamic linker.
dynamic() {
  local folder=$root/build/go-dynamic
  mkdir -p "$folder"
  printf '%s\n' 'Name: ottla' 'Description: a Kafka producer' 'Version: 0' \
    "Libs: -L$root/build/lib -lottla" "Cflags: -I$root/include" >"$folder/ottla.pc"
  PKG_CONFIG_PATH=$folder LD_LIBRARY_PATH=$root/build/lib go test -count=1 -tags dynamic . &&
    PKG_CONFIG_PATH=$folder go build -tags dynamic -o "$folder/produce" ../../examples/produce.go &&
    LD_LIBRARY_PATH=$root/build/lib ldd "$folder/produce" |
    grep -q "libottla.so.* => $root/build/lib"
}

if [ -n "${OTTLA_TEST_BOOTSTRAP:-}" ]; then
  tests "on $OTTLA_TEST_BOOTSTRAP" tests -run '/^kafka$'
else
  check format formatted
  check vet vetted
  tests "package" .
  tests "behaviours" tests
  check dynamic dynamic
  tests "package under the race detector" . -race
  tests "behaviours under the race detector" tests -race
fi
verdict
