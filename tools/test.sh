#!/usr/bin/env bash
# Builds heed and tests it: packages, a release build with warnings as errors, an unoptimized one with clang, ctest.
#
#   tools/test.sh [--acceptance] [--all]
#
#   --acceptance   also the tests that train models until they are good; what they measured becomes models/README.md
#   --all          the release build with clang too and its tests, the tests under the address, undefined and thread
#                  sanitizers, and clang-tidy
#   --help         this text
set -euo pipefail
cd "$(dirname "$0")/.."

all=no acceptance=no
for option; do
  case $option in
    --acceptance) acceptance=yes ;;
    --all) all=yes ;;
    --help) sed -n '2,/^set/s/^# \{0,1\}//p' tools/test.sh; exit ;;
    *) echo "test.sh: unknown option $option (--help lists them)" >&2; exit 2 ;;
  esac
done

jobs=$(nproc)
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$jobs} CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$jobs}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

stage() {  # WHAT COMMAND...: a line with the time it took; what the command says only if it fails
  SECONDS=0
  printf '%-60s' "$1"
  "${@:2}" >"$log" 2>&1 || { printf 'failed\n'; cat "$log"; exit 1; }
  printf '%5d s\n' $SECONDS
}
build() {  # PRESET TARGET...
  cmake --preset "$1" && cmake --build --preset "$1" --target "${@:2}"
}
check() {  # PRESET
  ctest --test-dir "build/$1" --output-on-failure --label-exclude acceptance
}
tidy() {
  find core ops nn optim models tools tests -maxdepth 3 -name '*.cpp' -not -path 'tests/refuse/*' -not -path 'tests/consumer/*' -not -path 'tools/bench/peer/*' -not -name mutants.cpp -print0 |
    xargs -0 -n 1 -P "$CMAKE_BUILD_PARALLEL_LEVEL" clang-tidy --quiet -p build/clang
}
compile_seconds() {  # PRESET: the processor time of compiling the README's training script
  local command TIMEFORMAT=%U
  command=$(ninja -C "build/$1" -t commands tests/CMakeFiles/readme_training.dir/readme_training.cpp.o | tail -n 1)
  { time (cd "build/$1" && export CCACHE_DISABLE=1 && eval "$command"); } 2>&1
}

stage "packages" tools/setup.sh $([ $all = yes ] && echo all || echo test)
stage "release build" build release all
echo "the README's training script compiles in $(compile_seconds release) s with g++"
if [ $all = yes ]; then
  stage "clang build" build clang all readme
  echo "the README's training script compiles in $(compile_seconds clang) s with clang++"
  stage "clang tests" check clang
  stage "clang-tidy" tidy
  for sanitizer in asan tsan; do
    stage "$sanitizer build" build $sanitizer all
    stage "$sanitizer tests" check $sanitizer
  done
elif command -v clang++ >/dev/null; then
  stage "clang build of the library, the programs and the README" build clang-quick programs readme
fi
check release
if [ $acceptance = yes ]; then
  rm -rf build/release/acceptance
  SECONDS=0 passed=yes
  ctest --test-dir build/release --output-on-failure --label-regex acceptance || passed=no
  build/release/bin/acceptance_table build/release/acceptance | tee "$log"
  echo "the acceptance tests took $((SECONDS / 60)) minutes"
  [ $passed = yes ]
  cp "$log" models/README.md
fi
