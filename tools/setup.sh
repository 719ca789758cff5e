#!/usr/bin/env bash
# Installs the packages heed is built from, where they are not there yet. Debian 12 or later, Ubuntu 24.04 or later.
#
#   tools/setup.sh [build|test|all]     build: what programs need; test (the default): and clang, what tools/docs.sh needs, a
#                                       browser for the explainer's page; all: and sanitizers, clang-tidy
set -euo pipefail

packages=(g++ cmake ninja-build libopenblas-dev libtbb-dev libhwy-dev zlib1g-dev libpng-dev libpcre2-dev nlohmann-json3-dev libcli11-dev catch2)
case ${1:-test} in
  build) ;;
  test) packages+=(clang doxygen python3 chromium chromium-driver python3-selenium) ;;
  all) packages+=(clang doxygen python3 chromium chromium-driver python3-selenium clang-tidy libclang-rt-dev) ;;
  --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
  *) echo "usage: tools/setup.sh [build|test|all]" >&2; exit 2 ;;
esac

# Elsewhere the packages have other names: say which programs and headers to look for.
name_what_is_missing() {
  local missing=() compiler=${CXX:-c++} program header spelling spellings
  for program in "$compiler" cmake ninja; do command -v "$program" >/dev/null || missing+=("$program"); done
  if command -v "$compiler" >/dev/null; then
    for header in cblas.h tbb/parallel_for.h hwy/highway.h zlib.h png.h pcre2.h nlohmann/json.hpp CLI/CLI.hpp catch2; do
      case $header in
        cblas.h) spellings='<cblas.h> <openblas/cblas.h>' ;;
        catch2) spellings='<catch2/catch.hpp> <catch2/catch_all.hpp>' ;;
        *) spellings="<$header>" ;;
      esac
      for spelling in $spellings; do printf '#if __has_include(%s)\n#define FOUND\n#endif\n' "$spelling"; done |
        { cat; printf '#ifndef FOUND\n#error\n#endif\n'; } | "$compiler" -x c++ -E - >/dev/null 2>&1 || missing+=("$header")
    done
  fi
  [ ${#missing[@]} = 0 ] || { echo "setup: this is not Debian, and of what heed needs these are missing: ${missing[*]}" >&2; exit 1; }
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  name_what_is_missing
  exit
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit

root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup: as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  root=(sudo)
fi
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1; }
apt update || true  # a source of the user's own may be out of order: installing tells
apt install --yes --no-install-recommends "${missing[@]}" || { cat "$log" >&2; exit 1; }
