#!/usr/bin/env bash
# Builds every C and C++ program of this folder against build/lib (make lib) and runs it under
# valgrind: no error, no leak, status 0. The headers must compile as what they are and warn of
# nothing. The snippets of the documents are built and run, too. What must be installed:
# librdkafka-dev, whose consumer reads records back.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
lib=$PWD/build/lib
out=build/c
mkdir -p $out
suite=c
. scripts/check.sh

run() { # PROGRAM COMPILER…
  local program=$1; shift
  "$@" -Wall -Wextra -Wpedantic -Werror -g -O1 -I include -o "$program" \
    -L "$lib" -lottla -Wl,-rpath,"$lib" -Wl,--as-needed -lrdkafka -lpthread &&
    timeout 300 valgrind -q --error-exitcode=99 --leak-check=full \
      --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$program"
}

compilers=(c++)
if command -v clang++ >/dev/null; then compilers+=(clang++); else echo "c: there is no clang++"; fi

check header-as-c++ cc -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only include/ottla.h
for compiler in "${compilers[@]}"; do
  for header in include/ottla.hpp include/ottla/*.hpp; do
    for standard in 17 20; do
      check "$compiler-$standard-$header" $compiler -x c++ -std=c++$standard -Wall -Wextra \
        -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only "$header"
    done
  done
done
for source in tests/c/*.c; do
  name=$(basename "$source" .c)
  check "$name" run "$out/$name" cc -std=c11 -D_GNU_SOURCE "$source"
done
for compiler in "${compilers[@]}"; do
  for standard in 17 20; do
    check wrapper-$compiler$standard run "$out/wrapper-$compiler$standard" \
      $compiler -std=c++$standard tests/c/wrapper.cpp
  done
done
check documents python3 tests/c/documented.py "$lib" build/documented docs/c.md README.md
verdict
