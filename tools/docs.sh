#!/usr/bin/env bash
# The reference: every public name of the headers with what its comment says, and every error text, in build/docs.
# Fails if a public name is not documented. Needs doxygen and python3.
#
#   tools/docs.sh [FOLDER]
set -euo pipefail
case ${1:-} in
  --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
  -*) echo "docs.sh: unknown option $1 (--help)" >&2; exit 2 ;;
esac
out=$(realpath -m "${1:-$(dirname "$0")/../build/docs}")
cd "$(dirname "$0")/.."
mkdir -p "$out"
rm -rf "$out/headers" "$out/xml"

# What heed.h brings, and the headers of models/; without those that only help others.
mapfile -t headers < <({
  ${CXX:-c++} -std=c++20 -MM heed.h | tr -s ' \\' '\n' | grep '/' | xargs realpath --relative-to=.
  ls models/*.h models/*/*.h core/gradcheck_matcher.h
} | sort -u | grep -vE '^core/(function_ref|reflect|reflect_table)\.h$|^models/draw/(axis|text)\.h$')
python3 tools/docs/headers.py "$out/headers" "${headers[@]}"

cat >"$out/Doxyfile" <<EOF
PROJECT_NAME = heed
INPUT = $out/headers
RECURSIVE = YES
STRIP_FROM_PATH = $out/headers
OUTPUT_DIRECTORY = $out
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
GENERATE_HTML = NO
GENERATE_LATEX = NO
EXCLUDE_SYMBOLS = heed::detail* heed::kernels*
QUIET = YES
EOF
doxygen "$out/Doxyfile" >"$out/warnings" 2>&1 || { cat "$out/warnings" >&2; exit 1; }
# Fields are documented by the comment of their type; Doxygen would want one for each.
undocumented=$(grep -vE '\(variable\) of (struct|class) ' "$out/warnings" | sed "s,^$out/headers/,," | sort -u) || true
if [ -n "$undocumented" ]; then
  echo "$undocumented" >&2
  exit 1
fi
python3 tools/docs/page.py "$out" "${headers[@]}"
echo "$out/index.html"
