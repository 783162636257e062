# Sourced by suites that are written in shell: `check` runs one test of $suite and counts it, and
# `verdict` ends the suite with the line that scripts/test.sh counts.
passed=0 failed=0

check() { # NAME COMMAND…
  local name=$1; shift
  "$@" # Not a condition itself: in one, a command's own `set -e` would have no effect.
  if [ $? = 0 ]; then
    echo "$suite $name … ok"
    passed=$((passed + 1))
  else
    echo "$suite $name … FAILED"
    failed=$((failed + 1))
  fi
}

verdict() {
  echo "test result: $([ $failed = 0 ] && echo ok || echo FAILED). $passed passed; $failed failed"
  [ $failed = 0 ]
}
