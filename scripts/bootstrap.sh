#!/usr/bin/env bash
# Makes sure that the tools named as arguments are there; installs the missing ones as root on a
# Debian-like machine, else says what to install. Does nothing, and asks nobody, if all are there.
set -euo pipefail

declare -A package=(
  [cc]=gcc\ libc6-dev [c++]=g++ [objcopy]=binutils [java]=default-jdk-headless [mvn]=maven
  [valgrind]=valgrind [strace]=strace [cmake]=cmake [pkg-config]=pkg-config [python3]=python3
  [Python.h]=python3-dev\ python3-venv [go]=golang-go
  [rdkafka.h]=librdkafka-dev [lz4.h]=liblz4-dev
)

has() {
  case $1 in
    java) command -v javac >/dev/null && java -version >/dev/null 2>&1 ;;
    rdkafka.h) [ -f /usr/include/librdkafka/rdkafka.h ] ;;
    Python.h)
      python3 -c 'import ensurepip, os, sysconfig, venv
os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ;;
    lz4.h) [ -f /usr/include/lz4.h ] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing=()
for tool in "$@"; do has "$tool" || missing+=("$tool"); done
[ ${#missing[@]} != 0 ] || exit 0

packages=()
for tool in "${missing[@]}"; do
  if [ "$tool" = cargo ]; then
    echo "bootstrap: cargo is missing: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' \
      "$(dirname "$0")/../Cargo.toml") or newer, with rustfmt and clippy" >&2
    exit 1
  fi
  read -ra names <<<"${package[$tool]}"
  packages+=("${names[@]}")
done

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "bootstrap: missing: ${missing[*]}. On Debian: sudo apt-get install ${packages[*]}" >&2
  exit 1
fi

echo "bootstrap: installing ${packages[*]}…"
log=$(mktemp)
{ apt-get update -q && DEBIAN_FRONTEND=noninteractive \
  apt-get install -qy --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 || {
  tail -20 "$log" >&2
  echo "bootstrap: could not install ${packages[*]}: see $log" >&2
  exit 1
}
rm -f "$log"
for tool in "${missing[@]}"; do
  has "$tool" || { echo "bootstrap: $tool is still missing after the installation" >&2; exit 1; }
done
