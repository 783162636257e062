#!/usr/bin/env bash
# Builds every C program of this folder against build/lib (make lib) and runs it under valgrind:
# no error, no leak, status 0. The header must also compile as C++.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
lib=$PWD/build/lib
out=build/c
mkdir -p $out
passed=0 failed=0

check() { # NAME COMMAND…
  local name=$1; shift
  if "$@"; then
    echo "c $name … ok"
    passed=$((passed + 1))
  else
    echo "c $name … FAILED"
    failed=$((failed + 1))
  fi
}

run() {
  cc -std=c11 -Wall -Wextra -Werror -g -O1 -I include "$1" -o "$2" \
    -L "$lib" -lottla -Wl,-rpath,"$lib" -lpthread &&
    timeout 300 valgrind -q --error-exitcode=99 --leak-check=full \
      --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$2"
}

check header-as-c++ cc -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only include/ottla.h
for source in tests/c/*.c; do
  name=$(basename "$source" .c)
  check "$name" run "$source" "$out/$name"
done
echo "test result: $([ $failed = 0 ] && echo ok || echo FAILED). $passed passed; $failed failed"
[ $failed = 0 ]
