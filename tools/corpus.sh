#!/usr/bin/env bash
# A text to train on, when there is none at hand: the licences and the manuals of this system, 1 MB of them.
#
#   tools/corpus.sh FILE [BYTES]
set -euo pipefail
[ $# -ge 1 ] && [ "$1" != --help ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }

pages() {
  find /usr/share/common-licenses -type f | sort | xargs -r cat
  find /usr/share/man/man1 -name '*.gz' -type f 2>/dev/null | sort | xargs -r zcat | grep -v '^[.'\'']\\"'
  find /usr/share/doc -name copyright -type f | sort | xargs -r cat
}
pages 2>/dev/null | head -c "${2:-1000000}" | iconv -c -f UTF-8 -t UTF-8 >"$1" || [ -s "$1" ]
echo "$1: $(wc -c <"$1") bytes"
