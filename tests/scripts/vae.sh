#!/bin/sh
# examples/vae as a person runs it: what it leaves behind, what it says when something is wrong, and,
# where GRADUS_MNIST names real digits, the negative ELBO it must reach.
set -eu
example=vae
. "$(dirname "$0")/../common/example.sh"
files='loss.png model.safetensors reconstruction.png samples.png'

run 0 --epochs 1 --out "$dir/drawn"
whole "$dir/drawn" $files
says "9000 + 1000 images of drawn digits"
tail -1 "$dir/log" | grep -Eq '^test negative ELBO: [0-9]+\.[0-9][0-9] nats after 1 epochs$' ||
    fail "the last line is another"

# The same seed gives the same bits.
run 0 --epochs 1 --out "$dir/again"
cmp -s "$dir/drawn/model.safetensors" "$dir/again/model.safetensors" || fail "two runs differ"

# Ctrl-C saves and leaves cleanly.
"$program" --threads 1 --epochs 10000 --out "$dir/stopped" > "$dir/log" 2>&1 &
pid=$!
sleep 4
kill -INT $pid
code=0
wait $pid || code=$?
[ $code = 0 ] || fail "exit code $code after Ctrl-C"
says "(stopped early)"
whole "$dir/stopped" $files

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

gate_or_leave
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
