#!/usr/bin/env bash
# What must compile does, what must not does not and says why (its first line: `// expect: text of the message`).
#
#   compile.sh INCLUDE_FOLDER COMPILER...
set -euo pipefail
cd "$(dirname "$0")/.."
include=$1
shift

check() {  # INCLUDE_FOLDER COMPILER FILE
  local expected said
  expected=$(sed -n '1s,^// expect: ,,p' "$3")
  said=$("$2" -std=c++20 -Wall -Wextra -Wconversion -Werror -fsyntax-only -I "$1" "$3" 2>&1) && compiles=yes || compiles=no
  case $3 in
    accept/*) [ $compiles = yes ] && return ;;
    refuse/*) [ $compiles = no ] && [ -n "$expected" ] && grep -qF -- "$expected" <<<"$said" && return ;;
  esac
  echo "$2 $3: ${expected:+not refused with \"$expected\"}" $'\n'"$said" >&2
  return 1
}
export -f check

for compiler; do
  command -v "$compiler" >/dev/null || { echo "$compiler is not here"; continue; }
  printf '%s\0' accept/*.cpp refuse/*.cpp | xargs -0 -n 1 -P 2 bash -c 'check "$@"' _ "$include" "$compiler"
  echo "$compiler: $(ls accept/*.cpp | wc -l) accepted, $(ls refuse/*.cpp | wc -l) refused"
done
