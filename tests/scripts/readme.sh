#!/bin/sh
# Each whole program in README.md and docs/ (a block of C with a main) compiles, strictly, and runs.
set -eu
[ "${SAN:-0}" = 0 ] || { echo 'programs of users are not built with sanitizers'; exit 77; }
[ -e README.md ] || { echo 'there is no README.md'; exit 77; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
find README.md docs -name '*.md' 2>/dev/null | xargs awk -v dir="$dir" '
    /^```c$/ { inside = 1; text = "#line " FNR + 1 " \"" FILENAME "\"\n"; next }
    /^```/ && inside {
        inside = 0
        if (text ~ /int main/) printf "%s", text > (dir "/" ++n ".c")
    }
    inside { text = text $0 "\n" }'

lib=$(cd "$BUILD" && pwd)
for program in "$dir"/*.c; do
    [ -e "$program" ] || { echo 'README.md shows no program'; exit 1; }
    ${CC:-cc} -std=c11 -Wall -Wextra -pedantic -Werror -Iinclude "$program" \
        -L"$lib" -lgradus -Wl,-rpath,"$lib" -o "${program%.c}"
    (cd "$dir" && "${program%.c}") || { sed 1q "$program"; echo "it fails"; exit 1; }
done
