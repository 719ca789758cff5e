#!/usr/bin/env bash
# A text to train on, when there is none at hand: the licences and the manuals of this system, 1 MB of them.
#
#   tools/corpus.sh FILE [BYTES]
set -euo pipefail
case ${1:-} in
  '' | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; [ -n "${1:-}" ] || exit 2; exit ;;
  -*) echo "corpus.sh: unknown option $1 (--help)" >&2; exit 2 ;;
esac
[[ ${2:-1} =~ ^[1-9][0-9]*$ ]] || { echo "corpus.sh: BYTES is a whole number of at least 1, not $2" >&2; exit 2; }

pages() {
  find /usr/share/common-licenses -type f | sort | xargs -r cat
  find /usr/share/man/man1 -name '*.gz' -type f 2>/dev/null | sort | xargs -r zcat | grep -v '^[.'\'']\\"'
  find /usr/share/doc -name copyright -type f | sort | xargs -r cat
}
pages 2>/dev/null | head -c "${2:-1000000}" | iconv -c -f UTF-8 -t UTF-8 >"$1" || [ -s "$1" ]
echo "$1: $(wc -c <"$1") bytes"
