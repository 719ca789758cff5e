#!/usr/bin/env bash
# Prints how far heed is from PyTorch 2.14 in float64: a line for each op, module and optimizer, with its cases, the
# tensors compared and the worst difference, |heed - PyTorch| / max(1, |PyTorch|), of outputs, gradients and steps.
#
#   tools/parity.sh            against the values stored in tests/parity
#   tools/parity.sh --check    first, whether PyTorch still gives them (Python with torch 2.14 and safetensors)
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  '') ;;
  --check) python3 tools/parity/reference.py --check tests/parity ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' tools/parity.sh; [ "$1" = --help ] || exit 2; exit ;;
esac
tools/setup.sh build
cmake --preset release >/dev/null
said=$(cmake --build --preset release --target heed_tests --parallel "$(nproc)") || { echo "$said" >&2; exit 1; }
build/release/bin/heed_tests '[parity]' --reporter compact | grep -v '^Passed\|^All tests passed\|^$'
