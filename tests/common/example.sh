# For the tests of examples as a person runs them: sourced with `example` set to the name.
program=$(cd "$BUILD/examples" && pwd)/$example
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() { echo "$example: $1"; sed 's/^/    /' "$dir/log"; exit 1; }

# run CODE ARGS...: the program, its output in $dir/log; it must leave with CODE.
run() {
    want=$1
    shift
    code=0
    "$program" --threads 1 "$@" > "$dir/log" 2>&1 < /dev/null || code=$?
    [ $code = "$want" ] || fail "exit code $code, want $want: $*"
}

says() { grep -qF -- "$1" "$dir/log" || fail "no line says: $1"; }

# whole DIR FILES...: these are there, in this order, and nothing else; pictures are PNG.
whole() {
    folder=$1
    shift
    [ "$(ls "$folder" | tr '\n' ' ')" = "$* " ] || fail "left behind: $(ls "$folder")"
    for picture in "$folder"/*.png; do
        [ "$(head -c 4 "$picture" | od -An -c | tr -d ' ')" = "211PNG" ] || fail "$picture is no PNG"
    done
}

# Without real digits, or with sanitizers, there is no gate.
gate_or_leave() {
    [ -n "${GRADUS_MNIST:-}" ] || { echo "without real digits: GRADUS_MNIST is not set"; exit 0; }
    [ "${SAN:-0}" = 0 ] || { echo "without the gate on real digits: it takes long with sanitizers"; exit 0; }
}
