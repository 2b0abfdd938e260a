#!/bin/sh
# The shared library exports the public names and nothing else, and no object of ours asks libc for
# memory (but alloc.c) or for the end of the process.
set -eu
[ "${SAN:-0}" = 0 ] || { echo 'sanitizer builds export more'; exit 77; }

exported=$(nm -D --defined-only "$BUILD/libgradus.so" | awk '{ print $NF }')
[ -n "$exported" ] || { echo 'libgradus.so exports nothing'; exit 1; }
if echo "$exported" | grep -v '^gr_[a-z0-9]'; then
    echo 'libgradus.so exports the names above: hide them, or call them gr_'
    exit 1
fi

leaves='^(exit|_exit|_Exit|quick_exit|abort|__assert_fail)$'
allocates='^(malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|memalign|'\
'strdup|__strdup|strndup|asprintf|__asprintf_chk|vasprintf|getline|getdelim|open_memstream)$'
nm -A -u "$BUILD/libgradus.a" | awk -v leaves="$leaves" -v allocates="$allocates" '
    { sub(/@.*/, "", $NF) }
    $NF ~ leaves || ($NF ~ allocates && !/:alloc\.o:/) { print; bad = 1 }
    END { exit bad }' || { echo 'the library must not call these'; exit 1; }

missing=$(ldd -r "$BUILD/libgradus.so" 2>&1 | grep 'undefined symbol') || exit 0
echo "$missing"
echo 'libgradus.so lacks what it declares'
exit 1
