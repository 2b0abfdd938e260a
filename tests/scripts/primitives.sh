#!/bin/sh
# Every public primitive is certified and has its line in docs/primitives.md; a missing one is seen.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

tools/rows docs/primitives.md

cp -r --parents tools/rows include/gradus tests/primitives docs/primitives.md "$dir"
cd "$dir"
sees() { # the message that the last change must cause
    if tools/rows docs/primitives.md > log; then echo "not seen: $1"; exit 1; fi
    [ "$(cat log)" = "$1" ] || { echo "want: $1"; echo "got:"; cat log; exit 1; }
}
sed -i '/`gr_cumsum(/d' docs/primitives.md
sees "docs/primitives.md: gr_cumsum is missing: make primitives"
sed -i '/^CASE(gr_cumsum,/d' tests/primitives/scan.def
sees "include/gradus/scan.h: gr_cumsum has no CASE row in tests/primitives"
sed -i '/\*gr_cumsum(/d' include/gradus/scan.h
sees "tests/primitives/scan.def: gr_cumsum is in no public header"
