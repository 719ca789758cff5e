#!/usr/bin/env bash
# A project of its own uses heed: installed, by find_package, and as a folder, by add_subdirectory.
#
#   consumer.sh BUILD_FOLDER COMPILER
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
compiler=$2
work=$build/consumer

rm -rf "$work"
mkdir "$work"
cp -r "$source/tests/consumer" "$work/project"
cmake --install "$build" --prefix "$work/somewhere" >/dev/null
mv "$work/somewhere" "$work/prefix"  # an installation may be moved

configure() {  # FOLDER OPTION...
  cmake -S "$work/project" -B "$work/$1" -G Ninja -D CMAKE_CXX_COMPILER="$compiler" -D CMAKE_BUILD_TYPE=Release "${@:2}" >/dev/null
}
configure installed -D CMAKE_PREFIX_PATH="$work/prefix"
cmake --build "$work/installed" >/dev/null
"$work/installed/train"

# The library itself has just been built: what is new as a folder is that the project finds its headers.
configure folder -D HEED_SOURCE="$source"
cmake --build "$work/folder" --target CMakeFiles/train.dir/train.cpp.o >/dev/null
if grep -qE 'heed_tests|train_dates' "$work/folder/build.ninja"; then
  echo "as a folder, heed builds its tests or programs too" >&2
  exit 1
fi
