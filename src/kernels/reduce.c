/* Reductions: sum, max and min by blocks, the position of a maximum or minimum along an axis, and
 * the spreading of a reduced value over its row.
 *
 * The order of a reduction is part of the contract: element i of a block goes to lane i %
 * GR__LANES, in order and from the neutral element on; then the lanes are folded in halves. The
 * same order can be had from start and fold alone, with the same bits. */
#include "src/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>

#include "src/kernels/nest.h"

/* y is the fold of the lane a with the element x. */
#define FOLD(name, dtype, T, neutral, y) \
    void GR__KERNEL(gr__##name##_start_##dtype)(void *lanes, int64_t n); \
    void GR__KERNEL(gr__##name##_start_##dtype)(void *lanes, int64_t n) \
    { \
        T *lane = lanes; \
        for (int64_t i = 0; i < n; i++) lane[i] = neutral; \
    } \
\
    void GR__KERNEL(gr__##name##_fold_##dtype)(void *lanes, const void *xs, int64_t n); \
    void GR__KERNEL(gr__##name##_fold_##dtype)(void *lanes, const void *xs, int64_t n) \
    { \
        T *lane = lanes; \
        const T *from = xs; \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) \
        { \
            T a = lane[i], x = from[i]; \
            lane[i] = y; \
        } \
    }

#define EACH_LANE _Pragma("omp simd") for (int j = 0; j < GR__LANES; j++)

#define HALVE(T, half, y) \
    _Pragma("omp simd") for (int j = 0; j < half; j++) \
    { \
        T a = lane[j], x = lane[j + half]; \
        lane[j] = y; \
    }

/* y is the fold again. It may be wrong for NaN if `unusual` finds every x that is one: such flags
 * are gathered beside the fold, whose chain of comparisons is then 2.5 times shorter (one
 * instruction of most processors), and a row with one gives `otherwise`. */
#define ROWS(name, dtype, T, neutral, y, flag, unusual, otherwise) \
    void GR__KERNEL(gr__##name##_rows_##dtype)(void *out, const void *xs, int64_t rows, \
                                               int64_t n); \
    void GR__KERNEL(gr__##name##_rows_##dtype)(void *out, const void *xs, int64_t rows, int64_t n) \
    { \
        T *to = out; \
        const T *from = xs; \
        int64_t whole = n / GR__LANES * GR__LANES, rest = n - whole; \
        for (int64_t r = 0; r < rows; r++, from += n) { \
            T lane[GR__LANES]; \
            flag found[GR__LANES], any = 0; \
            EACH_LANE lane[j] = neutral, found[j] = 0; \
            for (int64_t i = 0; i < whole; i += GR__LANES) { \
                EACH_LANE \
                { \
                    T a = lane[j], x = from[i + j]; \
                    lane[j] = y; \
                    found[j] |= unusual; \
                } \
            } \
            const T *last = from + whole; \
            EACH_LANE \
            { \
                T a = lane[j], x = neutral; \
                if (j < rest) x = last[j]; \
                lane[j] = y; \
                found[j] |= unusual; \
            } \
            EACH_LANE any |= found[j]; \
            HALVE(T, 8, y) \
            HALVE(T, 4, y) \
            HALVE(T, 2, y) \
            HALVE(T, 1, y) \
            to[r] = any ? otherwise : lane[0]; \
        } \
    } \
\
    void GR__KERNEL(gr__##name##_block_##dtype)(void *out, const void *xs, int64_t n); \
    void GR__KERNEL(gr__##name##_block_##dtype)(void *out, const void *xs, int64_t n) \
    { \
        GR__KERNEL(gr__##name##_rows_##dtype)(out, xs, 1, n); \
    }

_Static_assert(GR__LANES == 16, "the folds by halves");

/* y is the fold of two neighbours a and x. */
#define TREE(name, dtype, T, y) \
    void GR__KERNEL(gr__##name##_tree_##dtype)(void *xs, int64_t n); \
    void GR__KERNEL(gr__##name##_tree_##dtype)(void *xs, int64_t n) \
    { \
        T *to = xs; \
        for (; n > 1; n = n / 2 + n % 2) { \
            for (int64_t i = 0; i < n / 2; i++) { \
                T a = to[2 * i], x = to[2 * i + 1]; \
                to[i] = y; \
            } \
            if (n % 2) to[n / 2] = to[n - 1]; \
        } \
    }

#define REDUCE(name, dtype, T, neutral, y) \
    FOLD(name, dtype, T, neutral, y) \
    ROWS(name, dtype, T, neutral, y, bool, 0, lane[0]) \
    TREE(name, dtype, T, y)

REDUCE(sum, f32, float, 0, a + x)
REDUCE(sum, f64, double, 0, a + x)
REDUCE(sum, i64, int64_t, 0, a + x)
REDUCE(max, i64, int64_t, INT64_MIN, a > x ? a : x)
REDUCE(min, i64, int64_t, INT64_MAX, a < x ? a : x)

/* A NaN in the lane stays, and one that comes wins, since no comparison with it is true. */
FOLD(max, f32, float, -INFINITY, a > x || a != a ? a : x)
FOLD(max, f64, double, -INFINITY, a > x || a != a ? a : x)
FOLD(min, f32, float, INFINITY, a < x || a != a ? a : x)
FOLD(min, f64, double, INFINITY, a < x || a != a ? a : x)
TREE(max, f32, float, a > x || a != a ? a : x)
TREE(max, f64, double, a > x || a != a ? a : x)
TREE(min, f32, float, a < x || a != a ? a : x)
TREE(min, f64, double, a < x || a != a ? a : x)

ROWS(max, f32, float, -INFINITY, a > x ? a : x, int32_t, x != x, NAN)
ROWS(max, f64, double, -INFINITY, a > x ? a : x, int64_t, x != x, (double)NAN)
ROWS(min, f32, float, INFINITY, a < x ? a : x, int32_t, x != x, NAN)
ROWS(min, f64, double, INFINITY, a < x ? a : x, int64_t, x != x, (double)NAN)

#define REPEAT(dtype, T) \
    gr__repeat_kernel GR__KERNEL(gr__repeat_##dtype); \
    void GR__KERNEL(gr__repeat_##dtype)(void *out, const void *x, int64_t n, int64_t times) \
    { \
        T *to = out; \
        const T *from = x; \
        for (int64_t i = 0; i < n; i++, to += times) { \
            T y = from[i]; \
            _Pragma("omp simd") for (int64_t j = 0; j < times; j++) to[j] = y; \
        } \
    }

REPEAT(f32, float)
REPEAT(f64, double)
REPEAT(i64, int64_t)

/* Positions that are searched side by side. */
enum { COLUMNS = 64 };

/* The searches of `columns` positions that lie `step` apart in x, each over `extent` elements that
 * lie `stride` apart. */
typedef void search_kernel(int64_t *at, const void *x, int64_t columns, int64_t step,
                           int64_t extent, int64_t stride);

static void search(search_kernel *kernel, const gr__array *out, const gr__array *in,
                   const gr__along *along, int threads)
{
    gr__nest n = gr__nest_of(out->rank, out->dims, in->strides, in->strides);
    int64_t extent = in->dims[along->axis], stride = in->strides[along->axis], step = n.step[0];
    int64_t size = gr__size_of(in);
    bool aside = llabs(step) < llabs(stride); /* neighbours first, else one position at a time */

    if (in->count == 0) return;
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < gr__nest_pieces(&n, COLUMNS); i++) {
        gr__piece p = gr__nest_piece(&n, COLUMNS, i);
        int64_t take = aside ? p.count : 1, *at = (int64_t *)out->data + p.first;
        const char *x = (const char *)in->data + p.offset[0] * size;
        for (int64_t j = 0; j < p.count; j += take)
            kernel(at + j, x + j * step * size, take, step, extent, stride);
    }
}

/* Whether x takes the place of the best so far: a NaN beats everything but an earlier NaN. */
#define ABOVE(x, best) (!((x) <= (best)) && (best) == (best))
#define BELOW(x, best) (!((x) >= (best)) && (best) == (best))

#define SEARCH(name, dtype, T, better) \
    static void name##_##dtype(int64_t *at, const void *x, int64_t columns, int64_t step, \
                               int64_t extent, int64_t stride) \
    { \
        const T *from = x; \
        T best[COLUMNS]; \
        for (int64_t j = 0; j < columns; j++) best[j] = from[j * step], at[j] = 0; \
        for (int64_t i = 1; i < extent; i++) { \
            for (int64_t j = 0; j < columns; j++) { \
                T y = from[i * stride + j * step]; \
                bool found = better(y, best[j]); \
                best[j] = found ? y : best[j]; \
                at[j] = found ? i : at[j]; \
            } \
        } \
    } \
\
    gr__opaque_kernel GR__KERNEL(gr__##name##_##dtype); \
    void GR__KERNEL(gr__##name##_##dtype)(const gr__array *out, const gr__array *in, \
                                          const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        search(name##_##dtype, out, in, detail, threads); \
    }

SEARCH(argmax, f32, float, ABOVE)
SEARCH(argmax, f64, double, ABOVE)
SEARCH(argmax, i64, int64_t, ABOVE)
SEARCH(argmin, f32, float, BELOW)
SEARCH(argmin, f64, double, BELOW)
SEARCH(argmin, i64, int64_t, BELOW)
