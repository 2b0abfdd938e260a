/* gather, scatter_add and scatter_max. An index is checked as a whole before anything is read or written through
 * it, so the loops behind the check need no second thought. */
#include "src/kernels/kernels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/kernels/nest.h"

static void report(gr__fault *fault, const gr__array *index, int64_t position, int64_t value,
                   int64_t extent)
{
    char where[60];

    gr__print_position(where, sizeof where, index->rank, index->dims, position);
    fault->found = true;
    fault->argument = "index";
    snprintf(fault->text, sizeof fault->text,
             extent > 0 ? "got %" PRId64 " at %s, want 0 to %" PRId64
                        : "got %" PRId64 " at %s, but the axis is empty",
             value, where, extent - 1);
}

gr__index_check GR__KERNEL(gr__check_index);

/* Every index is in 0 .. extent - 1; else reports the first in logical order that is not.
 * Axes along which the index is only repeated are looked at once. */
void GR__KERNEL(gr__check_index)(const gr__array *index, int64_t extent, gr__fault *fault)
{
    int64_t dims[GR_MAX_RANK], logical[GR_MAX_RANK], count = 1;
    const int64_t *values = index->data;

    if (index->count == 0) return;
    for (int d = index->rank - 1; d >= 0; d--) {
        dims[d] = index->strides[d] == 0 ? 1 : index->dims[d];
        logical[d] = count;
        count *= index->dims[d];
    }
    gr__nest n = gr__nest_of(index->rank, dims, index->strides, logical);
    for (int64_t row = 0; row < n.rows; row++) {
        gr__piece p = gr__nest_piece(&n, n.width, row);
        for (int64_t i = 0; i < n.width; i++) {
            int64_t value = values[p.offset[0] + i * n.step[0]];
            if (value >= 0 && value < extent) continue;
            report(fault, index, p.offset[1] + i * n.step[1], value, extent);
            return;
        }
    }
}

/* How many of the last axes of x can be copied at once: they lie together and share one index. */
static int whole_axes(const gr__array *x, const gr__array *index, int axis, int64_t *elements)
{
    int d = index->rank;

    *elements = 1;
    for (; d > axis + 1; d--) {
        bool together = x->strides[d - 1] == *elements && index->strides[d - 1] == 0;
        if (index->dims[d - 1] != 1 && !together) break;
        *elements *= index->dims[d - 1];
    }
    return index->rank - d;
}

static inline void copy(char *to, const char *from, size_t bytes)
{
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, bytes);
}

/* Positions that a thread takes at a time. */
enum { PIECE = 64 };

static void gather(const gr__array *out, const gr__array *in, int axis, int threads,
                   gr__fault *fault, int64_t size)
{
    const gr__array *x = &in[0], *index = &in[1];
    int64_t strides[GR_MAX_RANK], jump = x->strides[axis] * size, elements;
    int whole = whole_axes(x, index, axis, &elements);

    GR__KERNEL(gr__check_index)(index, x->dims[axis], fault);
    if (fault->found || out->count == 0) return;
    for (int d = 0; d < x->rank; d++) strides[d] = d == axis ? 0 : x->strides[d];
    gr__nest n = gr__nest_of(index->rank - whole, index->dims, strides, index->strides);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < gr__nest_pieces(&n, PIECE); i++) {
        gr__piece p = gr__nest_piece(&n, PIECE, i);
        char *to = (char *)out->data + p.first * elements * size;
        const char *from = (const char *)x->data + p.offset[0] * size;
        const int64_t *at = (const int64_t *)index->data + p.offset[1];
        for (int64_t j = 0; j < p.count; j++)
            copy(to + j * elements * size, from + j * n.step[0] * size + at[j * n.step[1]] * jump,
                 (size_t)(elements * size));
    }
}

#define GATHER(dtype, T) \
    gr__opaque_kernel GR__KERNEL(gr__gather_##dtype); \
    void GR__KERNEL(gr__gather_##dtype)(const gr__array *out, const gr__array *in, \
                                        const void *detail, int threads, gr__fault *fault) \
    { \
        gather(out, in, ((const gr__along *)detail)->axis, threads, fault, sizeof(T)); \
    }

GATHER(f32, float)
GATHER(f64, double)
GATHER(i64, int64_t)

/* A band of columns along the axis: `extent` rows of `count` elements of source go to those rows of
 * out, `width` elements apart, that index names. Strides, of source and of index: `along` the axis
 * and from column to column. */
typedef struct band {
    int64_t extent, count, width;
    int64_t along[2], step[2];
} band;

typedef void fold_kernel(void *out, const void *source, const int64_t *index, const band *b);

/* y is the fold of what is there, a, with the element x. */
#define FOLD(name, dtype, T, y) \
    static void name##_##dtype(void *out, const void *source, const int64_t *index, const band *b) \
    { \
        bool rows = b->step[1] == 0 && b->step[0] == 1; \
        for (int64_t i = 0; i < b->extent; i++) { \
            const T *from = (const T *)source + i * b->along[0]; \
            const int64_t *at = index + i * b->along[1]; \
            if (rows) { \
                T *to = (T *)out + *at * b->width; \
                for (int64_t j = 0; j < b->count; j++) { \
                    T a = to[j], x = from[j]; \
                    to[j] = y; \
                } \
            } else { \
                for (int64_t j = 0; j < b->count; j++) { \
                    T *to = (T *)out + at[j * b->step[1]] * b->width + j; \
                    T a = *to, x = from[j * b->step[0]]; \
                    *to = y; \
                } \
            } \
        } \
    }

FOLD(add, f32, float, a + x)
FOLD(add, f64, double, a + x)
FOLD(add, i64, int64_t, a + x)

/* A NaN stays, and one that comes wins, since no comparison with it is true. */
FOLD(max, f32, float, a > x || a != a ? a : x)
FOLD(max, f64, double, a > x || a != a ? a : x)

/* Threads share out the positions beside the axis, never the axis: each element of out, which holds
 * the neutral one, meets its operands in one thread, in index order. */
static void scatter(const gr__array *out, const gr__array *in, int axis, int threads,
                    gr__fault *fault, int64_t size, fold_kernel *fold)
{
    const gr__array *source = &in[0], *index = &in[1];
    gr__sides around = gr__sides_of(axis, source->rank, source->dims, source->strides,
                                    index->strides);
    gr__nest outer = around.before, inner = around.behind;
    int64_t width = inner.rows * inner.width, slice = out->dims[axis] * width;

    GR__KERNEL(gr__check_index)(index, out->dims[axis], fault);
    if (fault->found || source->count == 0) return;
    int64_t pieces = gr__nest_pieces(&inner, PIECE), slices = gr__nest_pieces(&outer, 1);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < slices * pieces; i++) {
        gr__piece o = gr__nest_piece(&outer, 1, i / pieces);
        gr__piece p = gr__nest_piece(&inner, PIECE, i % pieces);
        band b = {.extent = source->dims[axis],
                  .count = p.count,
                  .width = width,
                  .along = {source->strides[axis], index->strides[axis]},
                  .step = {inner.step[0], inner.step[1]}};
        fold((char *)out->data + (o.first * slice + p.first) * size,
             (const char *)source->data + (o.offset[0] + p.offset[0]) * size,
             (const int64_t *)index->data + o.offset[1] + p.offset[1], &b);
    }
}

#define SCATTER(name, dtype, T, neutral) \
    gr__opaque_kernel GR__KERNEL(gr__scatter_##name##_##dtype); \
    void GR__KERNEL(gr__scatter_##name##_##dtype)(const gr__array *out, const gr__array *in, \
                                                  const void *detail, int threads, \
                                                  gr__fault *fault) \
    { \
        int axis = ((const gr__along *)detail)->axis; \
        T *to = out->data; \
        for (int64_t i = 0; i < out->count; i++) to[i] = neutral; \
        scatter(out, in, axis, threads, fault, sizeof(T), name##_##dtype); \
    }

SCATTER(add, f32, float, 0)
SCATTER(add, f64, double, 0)
SCATTER(add, i64, int64_t, 0)
SCATTER(max, f32, float, -INFINITY)
SCATTER(max, f64, double, -INFINITY)

#define ROWS(dtype, T) \
    gr__row_kernel GR__KERNEL(gr__pick_##dtype), GR__KERNEL(gr__place_##dtype); \
\
    void GR__KERNEL(gr__pick_##dtype)(void *out, const void *x, const int64_t *index, \
                                      int64_t rows, int64_t length) \
    { \
        T *to = out; \
        const T *from = x; \
        for (int64_t i = 0; i < rows; i++) to[i] = from[i * length + index[i]]; \
    } \
\
    void GR__KERNEL(gr__place_##dtype)(void *out, const void *x, const int64_t *index, \
                                       int64_t rows, int64_t length) \
    { \
        T *to = out; \
        const T *from = x; \
        memset(out, 0, (size_t)(rows * length) * sizeof(T)); \
        for (int64_t i = 0; i < rows; i++) to[i * length + index[i]] += from[i]; \
    }

ROWS(f32, float)
ROWS(f64, double)
ROWS(i64, int64_t)
