#!/bin/sh
# What small work costs in instructions, which do not depend on what else the machine does. The bounds
# are some 15 % above what was measured with gcc 12 for AVX2.
set -eu
[ "${SAN:-0}" = 0 ] || { echo 'sanitizer builds cost what they cost'; exit 77; }
command -v valgrind >/dev/null || { echo 'valgrind is not installed'; exit 77; }
grep -qw avx2 /proc/cpuinfo 2>/dev/null || { echo 'this machine has no AVX2'; exit 77; }
case ${CC:-cc} in
*clang*) echo 'the bounds are for gcc'; exit 77 ;;
esac
program=$BUILD/tests/standalone/cost
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export OMP_NUM_THREADS=1 GRADUS_ISA=v3

count() { # work, steps
    valgrind --tool=callgrind --callgrind-out-file="$dir/out" "$program" "$1" "$2" 2>"$dir/log" ||
        { cat "$dir/log"; exit 1; }
    sed -n 's/^summary: //p; s/^totals: //p' "$dir/out" | head -n 1
}

bad=0
check() { # work, bound for one step
    few=$(count "$1" 20) many=$(count "$1" 60)
    each=$(((many - few) / 40))
    echo "$1: $each instructions, at most $2"
    [ "$each" -le "$2" ] || bad=1
}

check loss 14700
check chain 920000
check step 258000
exit $bad
