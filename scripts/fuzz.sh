#!/usr/bin/env bash
# Fuzzes one target for some seconds: fuzz.sh [target] [seconds]. Stops at the first input that does
# harm, takes more than 512 MB, or takes longer than two seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || { echo "missing: cargo install cargo-fuzz" >&2; exit 1; }
target=${1:-response} seconds=${2:-60}
mkdir -p "fuzz/corpus/$target"
exec cargo +nightly fuzz run "$target" -- "-max_total_time=$seconds" -rss_limit_mb=512 -timeout=2 \
    -max_len=4096
