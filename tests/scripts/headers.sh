#!/bin/sh
# include/gradus/elementwise.h is what tools/elementwise writes from elementwise.def, and every
# public header stands alone, in C11 and in C++17, without a warning.
set -eu
tools/elementwise include/gradus/elementwise.def | diff -u include/gradus/elementwise.h - || {
    echo 'elementwise.h is not what elementwise.def says: run make headers'
    exit 1
}

strict='-Wall -Wextra -pedantic -Werror -Iinclude -fsyntax-only'
for header in gradus.h $(cd include && echo gradus/*.h); do
    program="#include <$header>\nint main(void) { return 0; }\n"
    printf "$program" | ${CC:-cc} -std=c11 -Wstrict-prototypes $strict -x c -
    printf "$program" | g++ -std=c++17 $strict -x c++ -
done
