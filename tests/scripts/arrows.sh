#!/bin/sh
# tools/arrows accepts this tree, and finds each of the faults planted in a small tree of its own.
set -eu
tools/arrows

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# file, the line that is planted there as its second, and whether it is right or wrong
while IFS='|' read -r verdict file line; do
    mkdir -p "$dir/$(dirname "$file")"
    printf '/* fine */\n%s\n' "$line" >"$dir/$file"
    found=right
    output=$(tools/arrows "$dir") || found=wrong
    case $found:$output in
    right: | wrong:"$file:2: "*) ;;
    *) echo "$file: $line: $found, says \"$output\"" >&2; exit 1 ;;
    esac
    [ "$found" = "$verdict" ] || { echo "$file: $line: found $found, want $verdict" >&2; exit 1; }
    rm "$dir/$file"
done <<'END'
right|src/core/x.c|#include "src/core/tensor.h"
right|src/core/x.c|#include <gradus/tensor.h>
right|src/core/x.c|#include "tensor.h"
right|src/core/x.c|#include "src/kernels/map.h"
wrong|src/core/x.c|#include "src/eval/schedule.h"
wrong|src/core/x.c|#include "autograd/backward.h"
wrong|src/core/x.c|#include "../eval/schedule.h"
wrong|src/core/x.c|  #  include <src/eval/schedule.h>
right|src/core/x.c|/* #include "autograd/backward.h" */
right|src/kernels/x.c|#include "src/kernels/vmath.h"
wrong|src/kernels/x.c|#include "src/core/tensor.h"
right|src/eval/x.c|#include "src/core/tensor.h"
right|src/eval/x.c|#include "src/kernels/map.h"
wrong|src/eval/x.c|#include "src/io/npy.h"
wrong|src/eval/x.c|#include "autograd/backward.h"
right|src/io/x.c|#include "src/core/tensor.h"
wrong|src/io/x.c|#include "src/eval/schedule.h"
right|autograd/x.c|#include "src/core/tensor.h"
right|autograd/x.c|#include "src/kernels/map.h"
wrong|autograd/x.c|#include "src/eval/schedule.h"
wrong|autograd/x.c|#include "layers/linear.h"
right|losses/x.c|#include "losses/check.h"
wrong|layers/x.c|#include "src/core/tensor.h"
wrong|losses/x.c|#include "layers/linear.h"
wrong|optim/x.c|#include "autograd/backward.h"
wrong|training/x.c|#include "src/core/tensor.h"
wrong|include/gradus/x.h|#include "src/core/tensor.h"
right|examples/vae/x.c|#include "examples/common/plot.h"
right|examples/vae/x.c|#include "examples/vae/model.h"
wrong|examples/vae/x.c|#include "examples/gan/model.h"
wrong|examples/common/x.c|#include "examples/vae/model.h"
wrong|examples/vae/x.c|#include "src/core/tensor.h"
right|tests/core/x.c|#include "src/core/tensor.h"
right|src/core/alloc.c|p = malloc(n);
wrong|src/core/x.c|p = malloc(n);
wrong|losses/x.c|free (p);
wrong|src/io/x.c|s = strdup(name);
right|src/core/x.c|gr__free(p); hook->free(p); hook.malloc(n);
right|src/core/x.c|say("malloc(n)"); /* free(p) */
right|examples/vae/x.c|p = malloc(n);
wrong|src/core/x.c|exit(1);
wrong|src/core/x.c|if (!p) abort();
wrong|src/core/x.c|assert(p);
right|src/core/x.c|static_assert(1, "");
right|src/core/x.c|gr__exit(1);
right|examples/vae/x.c|exit(1);
wrong|src/kernels/x.c|#pragma omp parallel for reduction(+ : s)
wrong|tests/x.c|_Pragma("omp parallel for reduction(+ : s)")
right|src/kernels/x.c|#pragma omp parallel for schedule(static)
END

printf '#pragma omp parallel for \\\n    reduction(+ : s)\n' >"$dir/src/core/x.c"
! tools/arrows "$dir" >/dev/null || { echo 'a reduction on a continued line is not found'; exit 1; }
