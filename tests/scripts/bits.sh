#!/bin/sh
# The same bits wherever they are promised: random graphs without matrix products for each
# instruction set with fma and for the other compiler; a whole training for any number of threads,
# and without fusion or laziness by the environment's switches.
set -eu
programs=$(cd "$BUILD/tests/standalone" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# More threads than cores: those that wait may not keep the others from working.
export GOMP_SPINCOUNT=1000 KMP_BLOCKTIME=0

fail() { echo "$*"; cat "$dir/log"; exit 1; }

same() { # the line to compare, what runs, the command: its checksum is that of the first one
    line=$1 name=$2
    shift 2
    "$@" >"$dir/log" 2>&1 || fail "$name: it fails"
    got=$(sed -n "s/^$line //p" "$dir/log")
    [ -n "$got" ] || fail "$name: it prints no $line"
    want=${want:-$got}
    echo "$name: $got"
    [ "$got" = "$want" ] || fail "$name: want $want"
}

want=
for threads in 1 2 3 4 7; do
    same checksum "training by $threads threads" "$programs/training" --threads $threads
done
same checksum 'training unfused' env GRADUS_FUSE=0 "$programs/training" --threads 1
same checksum 'training eagerly' env GRADUS_EAGER=1 "$programs/training" --threads 1

want=
line='checksum without matrix products'
graphs=1500
[ "${SAN:-0}" = 0 ] || graphs=200
has() { grep -qw "$1" /proc/cpuinfo 2>/dev/null; }
sets=
! has fma || ! has avx2 || sets=v3
! has avx512vl || ! has avx512dq || sets="$sets v4"
for set in $sets; do
    same "$line" "graphs by $set" env GRADUS_ISA=$set "$programs/graphs" --graphs $graphs
done

case ${CC:-cc} in
*clang*) other=gcc ;;
*) other=clang ;;
esac
[ "${SAN:-0}" = 0 ] || { echo 'sanitizer builds are not made by two compilers'; exit 77; }
command -v $other >/dev/null || { echo "$other is not installed; the rest agrees"; exit 77; }
printf 'int main(void) { return 0; }\n' >"$dir/try.c"
$other -fopenmp "$dir/try.c" -o "$dir/try" 2>/dev/null ||
    { echo "$other has no OpenMP; the rest agrees"; exit 77; }
env -u MAKEFLAGS -u MAKELEVEL make -s CC=$other BUILD="$dir/$other" \
    "$dir/$other/tests/standalone/graphs" >"$dir/log" 2>&1 || fail "$other does not build it"
for set in ${sets:-default}; do
    [ $set = default ] || export GRADUS_ISA=$set
    same "$line" "graphs of $other by $set" "$dir/$other/tests/standalone/graphs" --graphs $graphs
done
[ "$sets" = 'v3 v4' ] || { echo "this machine has not both v3 and v4; the rest agrees"; exit 77; }
