/* Reductions: the order is part of the contract, so the bits are.
 *
 * The elements of one result, in logical order, go in blocks of 1,024; within a block element i
 * goes to lane i % 16, from the neutral element on; lanes are folded in halves; the blocks as a
 * tree of neighbours. The functions below say the same, one number at a time. */
#include "tests/common/check.h"

#include "src/eval/eval.h"

#include "src/kernels/kernels.h"

typedef enum what { SUM, MAX, MIN } what;

static gr_tensor *(*const function[])(const gr_tensor *, gr_axes, bool) = {gr_sum, gr_max, gr_min};
static const char *const names[] = {"sum", "max", "min"};

#define FOLDS(T, low, high) \
    static T fold_##T(what w, T a, T x) \
    { \
        if (w == SUM) { \
            return (T)(a + x); \
        } \
        if (a != a || x != x) { \
            return a != a ? a : x; \
        } \
        return w == MAX ? (a > x ? a : x) : (a < x ? a : x); \
    } \
\
    static T block_##T(what w, const T *x, int64_t n) \
    { \
        T lane[16]; \
        for (int j = 0; j < 16; j++) { \
            lane[j] = w == SUM ? 0 : w == MAX ? (low) : (high); \
        } \
        for (int64_t i = 0; i < n; i++) { \
            lane[i % 16] = fold_##T(w, lane[i % 16], x[i]); \
        } \
        for (int half = 8; half > 0; half /= 2) { \
            for (int j = 0; j < half; j++) { \
                lane[j] = fold_##T(w, lane[j], lane[j + half]); \
            } \
        } \
        return lane[0]; \
    } \
\
    static T reduce_##T(what w, const T *x, int64_t n) \
    { \
        int64_t blocks = n > 0 ? (n + 1023) / 1024 : 1; \
        T *partial = malloc((size_t)blocks * sizeof *partial); \
        for (int64_t b = 0; b < blocks; b++) { \
            partial[b] = block_##T(w, x + b * 1024, n - b * 1024 < 1024 ? n - b * 1024 : 1024); \
        } \
        for (int64_t step = 1; step < blocks; step *= 2) { \
            for (int64_t b = 0; b + step < blocks; b += 2 * step) { \
                partial[b] = fold_##T(w, partial[b], partial[b + step]); \
            } \
        } \
        T result = partial[0]; \
        free(partial); \
        return result; \
    }

FOLDS(float, -INFINITY, INFINITY)
FOLDS(double, -INFINITY, INFINITY)
FOLDS(int64_t, INT64_MIN, INT64_MAX)

static void reduce_one(what w, gr_dtype dtype, const void *x, int64_t n, void *out, int64_t at)
{
    switch (dtype) {
    case GR_F32: ((float *)out)[at] = reduce_float(w, x, n); break;
    case GR_F64: ((double *)out)[at] = reduce_double(w, x, n); break;
    default: ((int64_t *)out)[at] = reduce_int64_t(w, x, n); break;
    }
}

/* The elements of each result, in logical order, one result after the other: how many results, and
 * in *count the elements of each. */
static int64_t gather(const gr_tensor *t, int mask, char *gathered, int64_t *count)
{
    gr_shape s = gr_shape_of(t);
    size_t size = gr_dtype_size(gr_dtype_of(t));
    const char *data = gr_data(t);
    int64_t results = 1, length = 1;

    for (int i = 0; i < s.rank; i++) {
        *(mask >> i & 1 ? &length : &results) *= s.dims[i];
    }
    for (int64_t n = 0; n < gr_count(t); n++) {
        int64_t left = n, place = 1, row = 0, step = 1, column = 0;
        for (int i = s.rank - 1; i >= 0; i--) {
            int64_t index = left % s.dims[i];
            left /= s.dims[i];
            if (mask >> i & 1) {
                column += index * place;
                place *= s.dims[i];
            } else {
                row += index * step;
                step *= s.dims[i];
            }
        }
        memcpy(gathered + (size_t)(row * length + column) * size, data + (size_t)n * size, size);
    }
    *count = length;
    return results;
}

static gr_axes axes_of(int mask)
{
    gr_axes axes = {.count = 0};

    for (int i = 0; i < GR_MAX_RANK; i++) {
        if (mask >> i & 1) {
            axes.axis[axes.count++] = i;
        }
    }
    return axes;
}

/* Every subset of axes of t agrees with the statement above, bit for bit. */
static void check_all_axes(const gr_tensor *t, const char *layout)
{
    GR_SCOPE;
    size_t size = gr_dtype_size(gr_dtype_of(t)), count = (size_t)gr_count(t);
    char *gathered = malloc((count + 1) * size);
    char *want = malloc((count + 100) * size), text[100];

    for (int mask = 0; mask < 1 << gr_rank(t); mask++) {
        int64_t length, results = gather(t, mask, gathered, &length);
        for (what w = SUM; w <= MIN; w++) {
            if (w != SUM && results > 0 && length == 0) {
                continue;
            }
            gr_tensor *y = function[w](t, axes_of(mask), mask % 2);
            for (int64_t r = 0; r < results; r++) {
                reduce_one(w, gr_dtype_of(t), gathered + (size_t)(r * length) * size, length, want,
                           r);
            }
            snprintf(text, sizeof text, "%s of %s, %s, axes %d", names[w],
                     gr_dtype_name(gr_dtype_of(t)), layout, mask);
            cr_assert_eq(gr_count(y), results);
            expect_bits(gr_dtype_of(t), results, gr_data(y), want, text);
        }
    }
    free(gathered);
    free(want);
    expect_ok();
}

static void check_layouts(gr_dtype dtype, int64_t a, int64_t b, int64_t c)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(dtype, GR_SHAPE(a, b, c), 1);
    gr_tensor *big = noise_tensor(dtype, GR_SHAPE(a + 2, b + 3, c + 1), 2);

    check_all_axes(x, "contiguous");
    check_all_axes(gr_permute(x, GR_AXES(2, 0, 1)), "permuted");
    check_all_axes(gr_permute(x, GR_AXES(1, 0, 2)), "permuted, last axis in place");
    check_all_axes(gr_flip(x, GR_AXES(0, 2)), "flipped");
    check_all_axes(gr_slice(gr_slice(gr_slice(big, 0, 1, a + 1), 1, 2, b + 2), 2, 0, c), "sliced");
    check_all_axes(gr_expand(noise_tensor(dtype, GR_SHAPE(b, 1), 3), GR_SHAPE(a, b, c)),
                   "expanded");
    check_all_axes(gr_expand(noise_tensor(dtype, GR_SHAPE(1, c), 4), GR_SHAPE(a, b, c)),
                   "expanded rows");
    check_all_axes(gr_expand(noise_tensor(dtype, GR_SCALAR, 5), GR_SHAPE(a, b, c)), "one number");
}

#define LAYOUTS(name, a, b, c) \
    Test(reduce, order_##name##_f32) \
    { \
        check_layouts(GR_F32, a, b, c); \
    } \
    Test(reduce, order_##name##_f64) \
    { \
        check_layouts(GR_F64, a, b, c); \
    } \
    Test(reduce, order_##name##_i64) \
    { \
        check_layouts(GR_I64, a, b, c); \
    }

LAYOUTS(small, 3, 5, 7)
LAYOUTS(with_ones, 4, 1, 9)
LAYOUTS(lanes, 17, 16, 15)
LAYOUTS(columns, 2, 3, 131)
LAYOUTS(blocks, 65, 7, 33)
LAYOUTS(one_block_exactly, 2, 32, 32)
LAYOUTS(nothing, 3, 0, 5)

/* Lengths around every boundary: lanes, blocks, and trees of 1 to 9 blocks. */
Test(eval_reduce, order_of_every_length)
{
    static const int64_t lengths[] = {1,    2,    15,   16,   17,   31,   33,   1023, 1024,  1025,
                                      2047, 2048, 2049, 3072, 5000, 7168, 8192, 9217, 40000, 70000};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        GR_SCOPE;
        check_all_axes(noise_tensor(GR_F32, GR_SHAPE(lengths[i]), i), "a vector");
        check_all_axes(noise_tensor(GR_F64, GR_SHAPE(lengths[i], 3), i), "columns");
    }
}

Test(eval_reduce, is_the_same_for_any_number_of_threads)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(67, 31, 129), 9);
    static const int threads[] = {1, 2, 3, 4, 7};
    float *want[8] = {NULL};

    gr__set_parallel_from(1);
    for (int i = 0; i < 5; i++) {
        gr_set_threads(threads[i]);
        for (int mask = 0; mask < 8; mask++) {
            GR_SCOPE;
            gr_tensor *y = gr_sum(x, axes_of(mask), false);
            if (!want[mask]) {
                want[mask] = copy_of(y);
            }
            expect_bits(GR_F32, gr_count(y), gr_data(y), want[mask], "threads");
        }
    }
    for (int mask = 0; mask < 8; mask++) {
        free(want[mask]);
    }
}

/* A NaN wins wherever it stands. */
Test(eval_reduce, nan_anywhere)
{
    static const int64_t n = 2500;

    for (int64_t at = 0; at < n; at += 83) {
        GR_SCOPE;
        double *numbers = malloc((size_t)n * sizeof *numbers);
        for (int64_t i = 0; i < n; i++) {
            numbers[i] = i == at ? NAN : noise((uint64_t)i);
        }
        gr_tensor *x = tensor_of(GR_F32, GR_SHAPE(n), numbers);
        gr_tensor *rows = gr_transpose(gr_reshape(x, GR_SHAPE(50, 50)), 0, 1);
        free(numbers);
        for (what w = SUM; w <= MIN; w++) {
            cr_assert(isnan(gr_item(function[w](x, GR_ALL_AXES, false))), "%s, NaN at %lld",
                      names[w], (long long)at);
            double *y = numbers_of(function[w](rows, GR_AXES(0), false));
            for (int64_t i = 0; i < 50; i++) {
                cr_assert_eq(isnan(y[i]), i == at / 50, "%s, NaN at %lld", names[w], (long long)at);
            }
            free(y);
        }
    }
}

Test(eval_reduce, infinities)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(4), -INFINITY, 1, 2, INFINITY);
    gr_tensor *low = tensor(GR_F64, GR_SHAPE(2), -INFINITY, -INFINITY);

    cr_assert(isnan(gr_item(gr_sum(x, GR_ALL_AXES, false))));
    cr_assert_eq(gr_item(gr_max(x, GR_ALL_AXES, false)), INFINITY);
    cr_assert_eq(gr_item(gr_min(x, GR_ALL_AXES, false)), -INFINITY);
    cr_assert_eq(gr_item(gr_max(low, GR_ALL_AXES, false)), -INFINITY);
    cr_assert_eq(gr_item(gr_min(gr_neg(low), GR_ALL_AXES, false)), INFINITY);
}

Test(eval_reduce, of_nothing, .init = silence)
{
    gr_tensor *x = gr_zeros(GR_SHAPE(0, 3)), *y = gr_zeros(GR_SHAPE(3, 0));

    cr_assert_eq(gr_item(gr_sum(x, GR_ALL_AXES, false)), 0);
    expect_numbers(gr_sum(x, GR_AXES(0), false), 0, 0, 0);
    cr_assert_eq(gr_count(gr_sum(x, GR_AXES(1), false)), 0);
    expect_numbers(gr_mean(y, GR_AXES(1), true), 0, 0, 0);
    cr_assert_eq(gr_count(gr_max(x, GR_AXES(1), false)), 0);
    cr_assert(gr_is_error(gr_max(x, GR_AXES(0), false)));
    expect_error(GR_ERROR_SHAPE, "gr_max: x: got (0,3), want at least one element to choose");
    cr_assert(gr_is_error(gr_min(x, GR_ALL_AXES, false)));
    expect_error(GR_ERROR_SHAPE, "gr_min: x: got (0,3), want at least one element to choose");
    expect_ok();
}

Test(eval_reduce, integers_to_their_bounds)
{
    int64_t numbers[] = {INT64_MIN, -1, 0, INT64_MAX};
    gr_tensor *x = gr_from_data(GR_I64, GR_SHAPE(4), numbers);

    cr_assert_eq(gr_data_i64(gr_max(x, GR_ALL_AXES, false))[0], INT64_MAX);
    cr_assert_eq(gr_data_i64(gr_min(x, GR_ALL_AXES, false))[0], INT64_MIN);
    cr_assert_eq(gr_data_i64(gr_sum(x, GR_ALL_AXES, false))[0], -2);
}

Test(eval_reduce, mean_is_the_sum_divided)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(7, 300), 1);
    float sum = gr_data_f32(gr_sum(x, GR_ALL_AXES, false))[0];

    cr_assert_eq(gr_data_f32(gr_mean(x, GR_ALL_AXES, false))[0], sum / 2100);
}
