#!/usr/bin/env bash
# The scripts of tools/ say what they are, and what they cannot begin with, before they do anything; those that build
# quietly show why a build fails.
#
#   tools.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wrong=0
ends() {  # CODE TEXT COMMAND...: with that exit code, and that text in what it says
  local code=0 said
  said=$("${@:3}" 2>&1 </dev/null) || code=$?
  [ $code = "$1" ] && grep -qF -- "$2" <<<"$said" && return
  echo "${*:3}: not exit code $1 and \"$2\", but $code: $said" >&2
  wrong=1
}
for script in tools/*.sh tools/bench/*.sh; do
  ends 0 "  $script" $script --help
  ends 2 "${script##*/}" $script --bogus
done
ends 1 "there is no $work/peers/run.sh" env HEED_SHARED="$work" tools/bench/compare.sh
ends 2 'there is no compiler nowhere++' tools/bench/cost.sh nowhere++

mkdir "$work/peers" "$work/bin"
touch "$work/peers/run.sh" "$work/peers/torch_bench.py"
printf '#!/bin/sh\n[ "$1" != --build ] || { echo an error of the compiler; exit 1; }\n' >"$work/bin/cmake"
chmod +x "$work/bin/cmake"
for script in compare cost; do
  ends 1 'an error of the compiler' env PATH="$work/bin:$PATH" HEED_SHARED="$work" tools/bench/$script.sh
done

echo text >"$work/text"
for bytes in -5 0 many; do ends 2 "not $bytes" tools/corpus.sh "$work/text" $bytes; done
[ "$(cat "$work/text")" = text ] || { echo "corpus.sh wrote a file before it looked at BYTES" >&2; wrong=1; }
[ ! -e --bogus ] || { echo "there is a file --bogus" >&2; wrong=1; }
exit $wrong
