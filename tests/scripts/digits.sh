#!/bin/sh
# examples/digits as a person runs it, and, where GRADUS_MNIST names real digits, the share of the last
# 1,000 that it must read rightly.
set -eu
example=digits
. "$(dirname "$0")/../common/example.sh"
files='accuracy.png mistakes.png model.safetensors'

run 0 --epochs 1 --out "$dir/drawn"
whole "$dir/drawn" $files
says "9000 + 1000 images of drawn digits, 9098 parameters"
tail -1 "$dir/log" | grep -Eq '^test accuracy: [0-9]+\.[0-9][0-9] % after 1 epochs$' ||
    fail "the last line is another"

# The same seed gives the same bits.
run 0 --epochs 1 --out "$dir/again"
cmp -s "$dir/drawn/model.safetensors" "$dir/again/model.safetensors" || fail "two runs differ"

run 2 --lr much
says "--lr: got 'much'"

gate_or_leave
for seed in 0 1 2; do
    run 0 --seed $seed --mnist "$GRADUS_MNIST" --out "$dir/real"
    says "9000 + 1000 images of MNIST"
    awk -v seed=$seed '
        /^test accuracy: / { share = $3 }
        END {
            print "seed " seed ": " share " % after 10 epochs, want at least 97"
            exit !(share >= 97)
        }' "$dir/log" || fail "the gate is missed"
done
