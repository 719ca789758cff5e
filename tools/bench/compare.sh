#!/usr/bin/env bash
# Times heed and PyTorch in turn on this machine and says how many times as fast heed is: PyTorch's time divided by
# heed's, the median over rounds, and how much memory each takes above what it starts with.
#
#   tools/bench/compare.sh [ITEM...]
#
#   ITEM           as for bench: a name, a pattern in quotes or a group; none: the workloads. What one ITEM names runs
#                  in one process, of the groups workloads and projected each name by itself.
#   --rounds N     [3] of heed, PyTorch, heed, PyTorch ..
#   --seconds S    [4] that an item takes at least
#   --threads N    [all cores]
#   --compile      PyTorch also compiled, if it can (Debian: libtorch-dev, python3-dev): its best is then the faster one
#   --best         PyTorch only at its best, not also as Debian installs it: its own thread pool, glibc's malloc as it is,
#                  AdamW as it is
#   --out FOLDER   [build/compare] for results.jsonl, table.md and ratios.svg
#   --help         this text
#
# PyTorch comes from ../shared/peers beside this repository, or $HEED_SHARED/peers: run.sh makes its settings the best,
# torch_bench.py has its side of the workloads. A clone has neither. The machine should have nothing else to do.
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/../.."

items=() rounds=3 seconds=4 threads=$(nproc) settings=(eager) installed=yes out=build/compare
while [ $# -gt 0 ]; do
  case $1 in
    --rounds | --seconds | --threads | --out) [ $# -gt 1 ] || { echo "compare.sh: $1 of what? (--help)" >&2; exit 2; } ;;&
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --threads) threads=$2; shift ;;
    --out) out=$(cd "$from" && realpath -m "$2"); shift ;;
    --compile) settings+=(compile) ;;
    --best) installed=no ;;
    --help) sed -n '2,/^set/s/^# \{0,1\}//p' tools/bench/compare.sh; exit ;;
    --*) echo "compare.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
    *) items+=("$1") ;;
  esac
  shift
done
[ $installed = no ] || settings+=(installed)
peers=$(realpath -m "${HEED_SHARED:-../shared}/peers")
for file in run.sh torch_bench.py; do
  [ -e "$peers/$file" ] && continue
  echo "compare.sh: there is no $peers/$file, which runs PyTorch: set HEED_SHARED to the folder that peers is in" >&2
  exit 1
done
bench=build/release/bin/bench
said=$(cmake --preset release && cmake --build --preset release --target bench) || { echo "$said" >&2; exit 1; }

units=()
for item in "${items[@]:-workloads}"; do
  case $item in
    workloads | projected) mapfile -t -O ${#units[@]} units < <($bench --list "$item") ;;
    *) $bench --list "$item" >/dev/null; units+=("$item") ;;
  esac
done

peer() {  # SETTING NAME...: in the folder of peer.py, which is what run.sh shows to it
  local setting=$1 best=(--opt fused) kept=()
  shift
  case $setting in
    eager) ;;
    compile)  # its vector code wants its own maths library, and to be told that the compiler has AVX
      kept=(TORCHINDUCTOR_VEC_ISA_OK=1 "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0 /usr/lib/x86_64-linux-gnu/libsleef.so.3")
      best+=(--mode compile) ;;
    installed)
      kept=(-u LD_PRELOAD -u OPENBLAS_NUM_THREADS -u MALLOC_MMAP_MAX_ -u MALLOC_TRIM_THRESHOLD_ -u MALLOC_TOP_PAD_)
      best=(--opt default) ;;
  esac
  (cd tools/bench && HEED_THREADS=$threads "$peers/run.sh" env "${kept[@]}" python3 peer.py "$@" "${best[@]}" \
    --seconds "$seconds" --label "$setting")
}
measure() {  # SIDE COMMAND...: keeps its lines, and says what the first of them took
  local lines
  if ! lines=$("${@:2}" 2>"$out/$1.log"); then
    printf '\n%s failed: %s\n' "$1" "$(grep -m1 'error: ' "$out/$1.log" || tail -n 1 "$out/$1.log")" >&2
    [ "$1" = compile ] || exit 1  # PyTorch compiles where it finds its headers and Python's
    return 0
  fi
  echo "$lines" >>"$results"
  printf '  %s %s' "$1" "$(sed -n 's/.*"median_ms": *\([0-9.]*\).*/\1 ms/p' <<<"$lines" | head -3 | paste -sd ' ')" >&2
}

mkdir -p "$out"
results=$out/results.jsonl
: >"$results"
table() {  # also of a run that was cut off
  [ -s "$results" ] || return 0
  $bench --table "$results" --threads "$threads" --svg "$out/ratios.svg" | tee "$out/table.md"
  echo "wrote $results, $out/table.md and $out/ratios.svg" >&2
}
trap table EXIT
trap 'exit 130' INT TERM
number=0
for unit in "${units[@]}"; do
  number=$((number + 1))
  mapfile -t names < <($bench --list "$unit")
  for ((round = 1; round <= rounds; ++round)); do
    printf '[%d/%d] %s, round %d of %d:' $number ${#units[@]} "$unit" $round "$rounds" >&2
    measure heed $bench "$unit" --seconds "$seconds" --threads "$threads"
    for setting in "${settings[@]}"; do measure "$setting" peer "$setting" "${names[@]}"; done
    echo >&2
  done
done
