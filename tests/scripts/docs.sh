#!/usr/bin/env bash
# The reference is complete, a public name that is not documented is refused, and so is what Doxygen fails at.
#
#   docs.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1/docs
tools/docs.sh "$out" >/dev/null

missing=0
want() {  # FILE TEXT
  grep -qF -- "$2" "$out/$1" || { echo "$1 does not have: $2" >&2; missing=1; }
}
# A class with its fields, a function with the comment above and one with the comment behind it, a section, an operator.
want index.html '<section id="nn/linear.h">'
want index.html '<pre>int64_t <b>in</b>, out</pre>'
want index.html 'y = x weight^T + bias      x [.., in] -&gt; [.., out]'
want index.html '<pre>Tensor <b>softmax</b>(In x, int dim = -1)</pre><div class="doc">e^x / sum e^x</div>'
want index.html '<h3>products</h3>'
want index.html '<b>operator*</b>(In a, In b)'
# An error that a test asserts, with the call, and one that none does.
want errors.html 'cannot multiply … by …: use * with a number'
want errors.html 'matmul: cannot multiply [] by [2, 3]: use * with a number'
want errors.html 'cannot read …: it is a folder'
for name in detail OpNode Sweep summary_text; do
  ! grep -q "<b>$name</b>" "$out/index.html" || { echo "index.html has $name" >&2; missing=1; }
done
[ $missing = 0 ]

copy=$out/copy
rm -rf "$copy"
mkdir "$copy"
cp -r core ops nn optim models tests tools heed.h "$copy"
sed -i 's|^Tensor stop_gradient(In x);.*|&\n\nTensor forgotten(In x);|' "$copy/core/tensor.h"
if said=$(cd "$out" && copy/tools/docs.sh copy/docs 2>&1) || ! grep -q 'core/tensor.h:[0-9]*: .*forgotten(In x).* is not documented' <<<"$said"; then
  echo "a function without a comment is not refused: $said" >&2
  exit 1
fi
printf '#!/bin/sh\necho it has crashed >&2\nexit 3\n' >"$copy/doxygen"
chmod +x "$copy/doxygen"
if said=$(cd "$out" && PATH=$PWD/copy:$PATH copy/tools/docs.sh copy/docs 2>&1) || [ "$said" != 'it has crashed' ]; then
  echo "what Doxygen says when it fails is not shown: $said" >&2
  exit 1
fi
[ -e "$copy/docs/warnings" ] || { echo "a folder is not taken from where docs.sh is called" >&2; exit 1; }
rm -rf "$copy"
grep -o '<b>[^<]*</b>' "$out/index.html" | sort -u | wc -l | xargs printf "%s names\n"

