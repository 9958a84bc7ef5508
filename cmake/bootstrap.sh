#!/bin/sh
# Installs what costate needs beside a compiler, CMake and git. Does nothing, quickly, where nothing is missing.
#   --run    to run the examples: Ninja, Eigen, CLI11, gnuplot
#   --test   to run the tests: Ninja, Eigen, CLI11, Catch2
#   --bench  to run the benchmarks: Ninja, Eigen, Google Benchmark, Boost's headers (for comparison)
#   --ci     all of these, and clang with its sanitizers
set -eu

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }

packages="ninja-build libeigen3-dev libcli11-dev"
fedora="ninja-build eigen3-devel cli11-devel" arch="ninja eigen cli11" brew="ninja eigen cli11"
run() { packages="$packages gnuplot-nox"; fedora="$fedora gnuplot"; arch="$arch gnuplot"; brew="$brew gnuplot"; }
test_() { packages="$packages catch2"; fedora="$fedora catch-devel"; arch="$arch catch2"; brew="$brew catch2"; }
bench() {
  packages="$packages libbenchmark-dev libboost-dev"
  fedora="$fedora google-benchmark-devel boost-devel" arch="$arch benchmark boost" brew="$brew google-benchmark boost"
}
clang() { packages="$packages clang libclang-rt-dev"; fedora="$fedora clang compiler-rt"; arch="$arch clang compiler-rt"; }

[ $# -gt 0 ] || set -- --test
for what in "$@"; do
  case $what in
    --run) run ;;
    --test) test_ ;;
    --bench) bench ;;
    --ci) run; test_; bench; clang ;;
    -h | --help) usage; exit 0 ;;
    *) echo "bootstrap: unknown argument $what" >&2; usage >&2; exit 2 ;;
  esac
done

# Presets that run a whole workflow came with CMake 3.25.
have=$(cmake --version 2>/dev/null | sed -n '1s/.* version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
if ! echo "${have:-0 0}" | { read -r major minor; [ "$major" -gt 3 ] || { [ "$major" = 3 ] && [ "$minor" -ge 25 ]; }; }; then
  echo "bootstrap: the presets need CMake 3.25 or later (found: ${have:-none}). Without them:" >&2
  echo "  cmake -S . -B build && cmake --build build && ctest --test-dir build" >&2
  exit 1
fi

if ! command -v apt-get >/dev/null 2>&1; then
  # Not Debian or Ubuntu: say what to install, and go on if the program that no build can do without is there.
  echo "bootstrap: no apt-get here. CMake looks for what is installed; if it misses something:" >&2
  echo "  Fedora:  sudo dnf install $fedora" >&2
  echo "  Arch:    sudo pacman -S --needed $arch" >&2
  echo "  macOS:   brew install $brew" >&2
  command -v ninja >/dev/null 2>&1 || exit 1
  exit 0
fi

missing=
for package in $packages; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    *" installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "bootstrap: ask root to run: apt-get install$missing" >&2
  exit 1
fi

echo "bootstrap: installing$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086  # both are lists
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing </dev/null
