#!/usr/bin/env bash
# Do the checks of the ops have teeth? Changes the text of rules, backward, kernels and definitions in thousands of ways,
# one at a time, and says which changes no check notices: tools/mutants/mutate.py says what is changed, tests/mutants.cpp
# how a mutant is killed, tools/mutants/equivalent.txt which ones cannot be, and why.
#
#   tools/mutants.sh [--op NAME] [--list]
#
#   --op NAME   only mutants of the op; (NAME) for those of a helper or a kernel
#   --list      writes the mutants, and runs nothing
#   --help      this text
#
# A run takes the better part of an hour of two processors. The exit code is 1 if a survivor is not explained.
set -euo pipefail
cd "$(dirname "$0")/.."

op= list=no
while [ $# -gt 0 ]; do
  case $1 in
    --op) op=${2:?--op needs a name}; shift ;;
    --list) list=yes ;;
    --help) sed -n '2,/^set/s/^# \{0,1\}//p' tools/mutants.sh; exit ;;
    *) echo "mutants.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
  esac
  shift
done

build=build/release
cmake --preset release >/dev/null
tools/mutants/mutate.py $build "$op"
if [ $list = yes ]; then
  exec tools/mutants/report.py $build/mutants --list "$op"
fi
cmake --preset release >/dev/null  # finds the copies
said=$(cmake --build --preset release --target mutants) || { echo "$said" >&2; exit 1; }
tools/mutants/report.py $build/mutants --numbers "$op" >$build/mutants/numbers
$build/bin/mutants $build/mutants/numbers >$build/mutants/results
tools/mutants/report.py $build/mutants
