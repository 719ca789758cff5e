#!/usr/bin/env bash
# Does a program print what a page says it prints?
#
#   prints.sh PAGE EXPECTED PROGRAM
set -euo pipefail
"$3" | diff -u --label "$1 says" --label "it prints" "$2" -
