#!/usr/bin/env bash
# From a clone to a model that attends: packages, a release build, a minute of training, and where to go from there.
#
#   tools/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  '') ;;
  --help) sed -n '2,/^set/s/^# \{0,1\}//p' tools/quickstart.sh; exit ;;
  *) echo "quickstart.sh: unknown option $1 (--help)" >&2; exit 2 ;;
esac
tools/setup.sh build
echo "building heed (a few minutes the first time)"
cmake --preset release >/dev/null
cmake --build --preset release --target programs --parallel "$(nproc)"

echo
echo "training a model to read dates as people write them and to write them as ISO 8601"
build/release/bin/train_dates
echo
echo "writing down how a gradient goes through that model"
build/release/bin/explain --model seq2seq --run runs/dates --out runs/dates/explain.html

cat <<'EOT'

What to try next
  open runs/dates/alignment.svg and runs/dates/loss.svg                the pictures, in a browser
  build/release/bin/train_dates --attention none --out runs/plain      the same model without attention
  build/release/bin/train_reverse                                      the task where that shows
  build/release/bin/train_gpt --text FILE                              a GPT on your own text (tools/corpus.sh makes one)
  build/release/bin/gradcheck --op softmax                             are its gradients right, and how sure is that?
  build/release/bin/lesson 07                                          write the backward of attention yourself, and be told what is wrong
  README.md, "A training script" and "Is my gradient right?"           a script, and an op, of your own

Open runs/dates/explain.html in a browser: every value and gradient of the model you have just trained, and how they came about
EOT
