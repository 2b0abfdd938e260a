#!/bin/sh
# What a user of an installed Gradus does: the program that opens gradus.h, in C11 and in C++17,
# strict and without a warning, found through pkg-config, against the shared and the static library.
# After uninstall nothing is left.
set -eu
[ "${SAN:-0}" = 0 ] || { echo 'sanitizer builds are not installed'; exit 77; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s -j1 install PREFIX=/usr DESTDIR="$dir"
export PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dir"
export LD_LIBRARY_PATH="$dir/usr/lib"

sed '/\*\//q' include/gradus.h | sed -n 's/^ \* \{5\}//p; s/^ \*$//p' |
    sed -n '/^#include/,/^}/p' >"$dir/program.c"
grep -q 'int main' "$dir/program.c" || { echo 'gradus.h opens without a program'; exit 1; }
cp "$dir/program.c" "$dir/program.cc"

case ${CC:-cc} in
*clang*) cxx=clang++ ;;
*) cxx=g++ ;;
esac
strict='-Wall -Wextra -pedantic -Werror'
flags=$(pkg-config --cflags gradus)
shared=$(pkg-config --libs gradus)
static=$(pkg-config --static --libs gradus | sed 's/-lgradus/-l:libgradus.a/')

try() { # name, the libraries it must and must not load at run time, command
    out=$dir/$1 loads=$2
    shift 2
    "$@" -o "$out"
    found=$(ldd "$out" | grep -c libgradus.so.0) || true
    [ "$found" = "$loads" ] || { echo "$out: wrong library"; exit 1; }
    "$out" >"$out.txt"
}

try c-shared 1 ${CC:-cc} -std=c11 $strict $flags "$dir/program.c" $shared
try c-static 0 ${CC:-cc} -std=c11 $strict $flags "$dir/program.c" $static
try c++-shared 1 $cxx -std=c++17 $strict $flags "$dir/program.cc" $shared
try c++-static 0 $cxx -std=c++17 $strict $flags "$dir/program.cc" $static
for each in c-static c++-shared c++-static; do
    cmp "$dir/c-shared.txt" "$dir/$each.txt"
done

make -s -j1 uninstall PREFIX=/usr DESTDIR="$dir"
left=$(find "$dir/usr" ! -type d)
[ -z "$left" ] || { echo "uninstall left $left"; exit 1; }
