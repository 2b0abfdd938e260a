/* The table of one instruction set's kernels. */
#include "src/kernels/kernels.h"

#define DECLARE_FLOATS(type, name) extern type GR__KERNEL(name##_f32), GR__KERNEL(name##_f64);
#define DECLARE_ORDERS DECLARE_FLOATS
#define DECLARE_ALL(type, name) DECLARE_FLOATS(type, name) extern type GR__KERNEL(name##_i64);

#define GR_UNARY(name, types, ...) DECLARE_##types(gr__map_kernel, name)
#define GR_BINARY(name, types, ...) \
    DECLARE_##types(gr__map_kernel, name) DECLARE_##types(gr__map_kernel, name##_number_a) \
        DECLARE_##types(gr__map_kernel, name##_number_b)
#define GR_TERNARY(name, first, types, ...) \
    GR_BINARY(name, types, ) DECLARE_##types(gr__map_kernel, name##_numbers)
#include <gradus/elementwise.def>
#undef GR_UNARY
#undef GR_BINARY
#undef GR_TERNARY

DECLARE_ALL(gr__map_kernel, gr__cast_f32)
DECLARE_ALL(gr__map_kernel, gr__cast_f64)
DECLARE_ALL(gr__map_kernel, gr__cast_i64)

#define DECLARE_REDUCE(name, dtype) \
    extern void GR__KERNEL(name##_start_##dtype)(void *lanes, int64_t n); \
    extern void GR__KERNEL(name##_fold_##dtype)(void *lanes, const void *x, int64_t n); \
    extern void GR__KERNEL(name##_block_##dtype)(void *out, const void *x, int64_t n); \
    extern void GR__KERNEL(name##_tree_##dtype)(void *x, int64_t n); \
    extern void GR__KERNEL(name##_rows_##dtype)(void *out, const void *x, int64_t rows, int64_t n);
#define DECLARE_REDUCES(name) \
    DECLARE_REDUCE(name, f32) DECLARE_REDUCE(name, f64) DECLARE_REDUCE(name, i64)

DECLARE_REDUCES(gr__sum)
DECLARE_REDUCES(gr__max)
DECLARE_REDUCES(gr__min)

DECLARE_ALL(gr__repeat_kernel, gr__repeat)
extern gr__stream_kernel GR__KERNEL(gr__stream);
extern gr__fence_kernel GR__KERNEL(gr__fence);
DECLARE_ALL(gr__source_kernel, gr__constant)
DECLARE_FLOATS(gr__source_kernel, gr__uniform)
DECLARE_FLOATS(gr__source_kernel, gr__normal)
DECLARE_FLOATS(gr__source_kernel, gr__bernoulli)
extern gr__source_kernel GR__KERNEL(gr__integers_i64);

extern gr__opaque_kernel GR__KERNEL(gr__permutation_i64);
DECLARE_ALL(gr__opaque_kernel, gr__argmax)
DECLARE_ALL(gr__opaque_kernel, gr__argmin)
DECLARE_FLOATS(gr__opaque_kernel, gr__matmul)
DECLARE_FLOATS(gr__opaque_kernel, gr__cholesky)
DECLARE_FLOATS(gr__opaque_kernel, gr__triangular_solve)
DECLARE_FLOATS(gr__opaque_kernel, gr__lu)
DECLARE_FLOATS(gr__opaque_kernel, gr__lu_solve)
DECLARE_FLOATS(gr__opaque_kernel, gr__distance2)
DECLARE_FLOATS(gr__opaque_kernel, gr__rfft)
DECLARE_FLOATS(gr__opaque_kernel, gr__irfft)
DECLARE_FLOATS(gr__opaque_kernel, gr__convolve)
DECLARE_FLOATS(gr__opaque_kernel, gr__spread)
DECLARE_FLOATS(gr__opaque_kernel, gr__weigh)
DECLARE_ALL(gr__row_kernel, gr__pick)
DECLARE_ALL(gr__row_kernel, gr__place)
extern gr__index_check GR__KERNEL(gr__check_index);
DECLARE_ALL(gr__opaque_kernel, gr__gather)
DECLARE_ALL(gr__opaque_kernel, gr__scatter_add)
DECLARE_ALL(gr__opaque_kernel, gr__pad)
DECLARE_ALL(gr__opaque_kernel, gr__put)
DECLARE_ALL(gr__opaque_kernel, gr__put_add)
DECLARE_FLOATS(gr__opaque_kernel, gr__pool_pick)
DECLARE_FLOATS(gr__opaque_kernel, gr__pool_place)
DECLARE_FLOATS(gr__opaque_kernel, gr__pool_sum)
DECLARE_FLOATS(gr__opaque_kernel, gr__pool_spread)
DECLARE_ALL(gr__opaque_kernel, gr__overlap_add)
DECLARE_FLOATS(gr__opaque_kernel, gr__scatter_max)
DECLARE_ALL(gr__opaque_kernel, gr__cumsum)
DECLARE_ALL(gr__opaque_kernel, gr__cumprod)
DECLARE_FLOATS(gr__opaque_kernel, gr__logcumsumexp)
DECLARE_FLOATS(gr__opaque_kernel, gr__recurrence)
DECLARE_ALL(gr__opaque_kernel, gr__argsort)

/* clang-format off */
#define FLOATS(name) {GR__KERNEL(name##_f32), GR__KERNEL(name##_f64), NULL}
#define ORDERS(name) FLOATS(name)
#define ALL(name) {GR__KERNEL(name##_f32), GR__KERNEL(name##_f64), GR__KERNEL(name##_i64)}
#define I64(name) {NULL, NULL, GR__KERNEL(name##_i64)}
#define REDUCE(name, dtype) \
    {GR__KERNEL(name##_start_##dtype), GR__KERNEL(name##_fold_##dtype), \
     GR__KERNEL(name##_block_##dtype), GR__KERNEL(name##_tree_##dtype), \
     GR__KERNEL(name##_rows_##dtype)}
#define REDUCES(name) {REDUCE(name, f32), REDUCE(name, f64), REDUCE(name, i64)}
/* clang-format on */

const gr__kernels GR__KERNEL(gr__kernels) = {
#define GR_UNARY(name, types, ...) .name = {types(name)},
#define GR_BINARY(name, types, ...) \
    .name = {types(name), types(name##_number_a), types(name##_number_b)},
#define GR_TERNARY(name, first, types, ...) \
    .name = {types(name), types(name##_number_a), types(name##_number_b), types(name##_numbers)},
#include <gradus/elementwise.def>
    .cast = {ALL(gr__cast_f32), ALL(gr__cast_f64), ALL(gr__cast_i64)},
    .sum = REDUCES(gr__sum),
    .max = REDUCES(gr__max),
    .min = REDUCES(gr__min),
    .repeat = ALL(gr__repeat),
    .stream = GR__KERNEL(gr__stream),
    .fence = GR__KERNEL(gr__fence),
    .constant = ALL(gr__constant),
    .uniform = FLOATS(gr__uniform),
    .normal = FLOATS(gr__normal),
    .bernoulli = FLOATS(gr__bernoulli),
    .integers = I64(gr__integers),
    .permutation = I64(gr__permutation),
    .argmax = ALL(gr__argmax),
    .argmin = ALL(gr__argmin),
    .matmul = FLOATS(gr__matmul),
    .cholesky = FLOATS(gr__cholesky),
    .triangular_solve = FLOATS(gr__triangular_solve),
    .lu = FLOATS(gr__lu),
    .lu_solve = FLOATS(gr__lu_solve),
    .distance2 = FLOATS(gr__distance2),
    .rfft = FLOATS(gr__rfft),
    .irfft = FLOATS(gr__irfft),
    .convolve = FLOATS(gr__convolve),
    .spread = FLOATS(gr__spread),
    .weigh = FLOATS(gr__weigh),
    .gather = ALL(gr__gather),
    .pick = ALL(gr__pick),
    .place = ALL(gr__place),
    .check_index = GR__KERNEL(gr__check_index),
    .scatter_add = ALL(gr__scatter_add),
    .pad = ALL(gr__pad),
    .put = ALL(gr__put),
    .put_add = ALL(gr__put_add),
    .pool_pick = FLOATS(gr__pool_pick),
    .pool_place = FLOATS(gr__pool_place),
    .pool_sum = FLOATS(gr__pool_sum),
    .pool_spread = FLOATS(gr__pool_spread),
    .overlap_add = ALL(gr__overlap_add),
    .scatter_max = FLOATS(gr__scatter_max),
    .cumsum = ALL(gr__cumsum),
    .cumprod = ALL(gr__cumprod),
    .logcumsumexp = FLOATS(gr__logcumsumexp),
    .recurrence = FLOATS(gr__recurrence),
    .argsort = ALL(gr__argsort),
};
