#!/bin/sh
# examples/vae as a person runs it: what it leaves behind, what it says when something is wrong, and,
# where GRADUS_MNIST names real digits, the negative ELBO it must reach.
set -eu
vae=$(cd "$BUILD/examples" && pwd)/vae
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() { echo "vae: $1"; sed 's/^/    /' "$dir/log"; exit 1; }

# run CODE ARGS...: the program, its output in $dir/log; it must leave with CODE.
run() {
    want=$1
    shift
    code=0
    "$vae" --threads 1 "$@" > "$dir/log" 2>&1 < /dev/null || code=$?
    [ $code = "$want" ] || fail "exit code $code, want $want: $*"
}

says() { grep -qF -- "$1" "$dir/log" || fail "no line says: $1"; }

whole() { # every file of a run is there, and nothing else
    [ "$(ls "$1" | tr '\n' ' ')" = "loss.png model.safetensors reconstruction.png samples.png " ] ||
        fail "left behind: $(ls "$1")"
    for picture in "$1"/*.png; do
        [ "$(head -c 4 "$picture" | od -An -c | tr -d ' ')" = "211PNG" ] || fail "$picture is no PNG"
    done
}

run 0 --epochs 1 --out "$dir/drawn"
whole "$dir/drawn"
says "9000 + 1000 images of drawn digits"
tail -1 "$dir/log" | grep -Eq '^test negative ELBO: [0-9]+\.[0-9][0-9] nats after 1 epochs$' ||
    fail "the last line is another"

# The same seed gives the same bits.
run 0 --epochs 1 --out "$dir/again"
cmp -s "$dir/drawn/model.safetensors" "$dir/again/model.safetensors" || fail "two runs differ"

# Ctrl-C saves and leaves cleanly.
"$vae" --threads 1 --epochs 10000 --out "$dir/stopped" > "$dir/log" 2>&1 &
pid=$!
sleep 4
kill -INT $pid
code=0
wait $pid || code=$?
[ $code = 0 ] || fail "exit code $code after Ctrl-C"
says "(stopped early)"
whole "$dir/stopped"

# What is wrong is said in one line, and nothing is half written.
: > "$dir/file"
run 1 --epochs 1 --out "$dir/file/out"
says "gradus-example: "
run 1 --epochs 1 --mnist "$dir/nowhere" --out "$dir/none"
says "no file t10k-images-idx3-ubyte"
mkdir "$dir/bad"
printf '\000\000\010\003\000\000\000\012\000\000\000\034\000\000\000\034abc' \
    > "$dir/bad/t10k-images-idx3-ubyte"
run 1 --epochs 1 --mnist "$dir/bad" --out "$dir/none"
says "gradus: gr_idx_read: "
[ "$(wc -l < "$dir/log")" = 1 ] || fail "more than one line"
[ -z "$(ls "$dir/none")" ] || fail "left behind: $(ls "$dir/none")"
run 2 --epochs ten
says "--epochs: got 'ten'"

[ -n "${GRADUS_MNIST:-}" ] || { echo "without real digits: GRADUS_MNIST is not set"; exit 0; }
[ "${SAN:-0}" = 0 ] || { echo "without the gate on real digits: it takes long with sanitizers"; exit 0; }
for seed in 0 1 2; do
    run 0 --epochs 10 --seed $seed --mnist "$GRADUS_MNIST" --out "$dir/real"
    says "9000 + 1000 images of MNIST"
    awk -v seed=$seed '
        /^test negative ELBO: / { elbo = $4 }
        END {
            print "seed " seed ": " elbo " nats after 10 epochs, want at most 125.5"
            exit !(elbo > 0 && elbo <= 125.5)
        }' "$dir/log" || fail "the gate is missed"
done
