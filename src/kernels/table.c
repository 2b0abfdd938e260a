/* The table of one instruction set's kernels, from elementwise.def and slots.def. */
#include "src/kernels/kernels.h"

#define DECLARE_I64(type, name) extern type GR__KERNEL(name##_i64);
#define DECLARE_FLOATS(type, name) extern type GR__KERNEL(name##_f32), GR__KERNEL(name##_f64);
#define DECLARE_ORDERS DECLARE_FLOATS
#define DECLARE_ALL(type, name) DECLARE_FLOATS(type, name) DECLARE_I64(type, name)

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

extern gr__stream_kernel GR__KERNEL(gr__stream);
extern gr__fence_kernel GR__KERNEL(gr__fence);
extern gr__index_check GR__KERNEL(gr__check_index);

#define GR__SLOT(types, kind, name) DECLARE_##types(kind, gr__##name)
#include "src/kernels/slots.def"
#undef GR__SLOT

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
    .stream = GR__KERNEL(gr__stream),
    .fence = GR__KERNEL(gr__fence),
    .check_index = GR__KERNEL(gr__check_index),
#define GR__SLOT(types, kind, name) .name = types(gr__##name),
#include "src/kernels/slots.def"
};
