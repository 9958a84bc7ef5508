#!/usr/bin/env bash
# How long does a program that includes all of costate take to compile, beside one that includes <Eigen/Dense>?
#
#   compile_time.sh <include> <Eigen's include> <compiler>…        RUNS=7 by default; HEADER=costate/ode/solve.hpp for another header
#
# An empty main after the one #include, checked only (-fsyntax-only) and compiled (-O2 -c); both in turn, so that what else the machine
# does hits both alike. Processor seconds, medians; the ratio is the median of each round's.
set -euo pipefail

include=$1 eigen=$2
shift 2
runs=${RUNS:-7}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#include <%s>\nint main() {}\n' "${HEADER:-costate/costate.hpp}" > "$scratch/ours.cpp"
printf '#include <Eigen/Dense>\nint main() {}\n' > "$scratch/eigen.cpp"

seconds() {  # processor time of a command
  local TIMEFORMAT='%U %S'
  { time "$@" > /dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }'
}
median() { sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }

for compiler in "$@"; do
  for mode in "-fsyntax-only" "-O2 -c"; do
    # shellcheck disable=SC2206
    command=("$compiler" -std=c++20 $mode -I"$include" -isystem "$eigen" -o "$scratch/out")
    for program in ours eigen; do "${command[@]}" "$scratch/$program.cpp"; done  # errors are seen here; warms the disk's cache
    for (( run = 0; run < runs; ++run )); do
      echo "$(seconds "${command[@]}" "$scratch/ours.cpp") $(seconds "${command[@]}" "$scratch/eigen.cpp")"
    done > "$scratch/times"
    ours=$(awk '{ print $1 }' "$scratch/times" | median)
    theirs=$(awk '{ print $2 }' "$scratch/times" | median)
    ratio=$(awk '{ print $1 / $2 }' "$scratch/times" | median)
    printf '%-10s %-14s ours %5.2f s   Eigen/Dense %5.2f s   ratio %5.2f\n' "${compiler##*/}" "$mode" "$ours" "$theirs" "$ratio"
  done
done
