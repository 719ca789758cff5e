#!/usr/bin/env bash
# What heed costs its user: the seconds of one processor that a small training script takes to compile, the milliseconds
# it takes to run (the median of 21), and the megabytes it links beyond oneTBB and OpenBLAS with its Fortran, shared
# libraries included.
#
#   tools/bench/cost.sh [COMPILER...]     [g++ clang++, those that are there]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "${1:-}" != --help ] || { sed -n '2,/^set/s/^# \{0,1\}//p' tools/bench/cost.sh; exit; }
compilers=("$@")
[ $# -gt 0 ] || mapfile -t compilers < <(command -v g++ clang++)
for compiler in "${compilers[@]}"; do
  command -v -- "$compiler" >/dev/null || { echo "cost.sh: there is no compiler $compiler (--help)" >&2; exit 2; }
done
said=$(cmake --preset release && cmake --build --preset release --target heed) || { echo "$said" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/hello.cpp" <<'END'
#include <heed/heed.h>
using namespace heed;
int main() {
  Rng rng{1};
  const Linear model{3, 1};
  const Tensor x = randn({64, 3}, rng), y = matmul(x, tensor({{1}, {-2}, {3}})) + 0.5;
  Adam optimizer{.lr = 0.1};
  for (int step = 0; step < 100; ++step) {
    Tensor loss = mse_loss(model(x), y);
    optimizer.step(model, grad(consume(loss), model));
  }
  print(model.weight);
}
END
libraries=(build/release/libheed.a -ltbb -lhwy -lpcre2-8 -lpng -lz -pthread)
TIMEFORMAT=%U
for compiler in "${compilers[@]}"; do
  took=$({ time "$compiler" -std=c++20 -O2 -I build/release/include -c "$work/hello.cpp" -o "$work/hello.o"; } 2>&1) ||
    { echo "$took" >&2; exit 1; }
  "$compiler" "$work/hello.o" "${libraries[@]}" -lopenblas -o "$work/hello"
  runs=$(for _ in {1..21}; do
    from=$(date +%s%N)
    "$work/hello" >/dev/null
    echo $(($(date +%s%N) - from))
  done | sort -n | sed -n 11p)
  size=$({ echo "$work/hello"; ldd "$work/hello" | sed -n 's/.*=> \([^ ]*\).*/\1/p' | grep -v 'blas\|gfortran\|quadmath\|libtbb'; } |
    xargs stat --dereference --format %s | awk '{ sum += $1 } END { print sum }')
  printf '%s: compiles in %s s, runs in %d.%d ms, links %d.%d MB\n' "$(basename "$compiler")" "$took" \
    $((runs / 1000000)) $((runs / 100000 % 10)) $((size / 1000000)) $((size / 100000 % 10))
done
