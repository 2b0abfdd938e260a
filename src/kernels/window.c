/* Adding up windows along an axis, the adjoint of looking at them. */
#include "src/kernels/kernels.h"

#include <string.h>

#include "src/kernels/nest.h"

/* A band of places beside the axis: `windows` windows of `size` elements go to rows of out, each of
 * which is `width` elements and holds `count` of the band. Strides of the source: from window to
 * window, from element to element, from place to place. */
typedef struct band {
    int64_t windows, size, step, count, width;
    int64_t window, element, place;
} band;

typedef void add_kernel(void *out, const void *source, const band *b);

/* From the last element of a window to its first, so that an element of out gets its addends in the
 * order of the windows. The longer of the inner loops is the innermost. */
#define ADD(dtype, T) \
    static void add_##dtype(void *out, const void *source, const band *b) \
    { \
        for (int64_t k = b->size - 1; k >= 0; k--) { \
            T *to = (T *)out + k * b->width; \
            const T *from = (const T *)source + k * b->element; \
            int64_t hop = b->step * b->width; \
            if (b->count == 1) \
                for (int64_t i = 0; i < b->windows; i++) to[i * hop] += from[i * b->window]; \
            else \
                for (int64_t i = 0; i < b->windows; i++) \
                    for (int64_t j = 0; j < b->count; j++) \
                        to[i * hop + j] += from[i * b->window + j * b->place]; \
        } \
    }

ADD(f32, float)
ADD(f64, double)
ADD(i64, int64_t)

/* Places that a thread takes at a time. */
enum { PIECE = 64 };

/* Threads share out the places beside the axis, so that each element of out is one thread's. */
static void overlap_add(const gr__array *out, const gr__array *x, const gr__hops *hops, int threads,
                        int64_t size, add_kernel *add)
{
    int axis = hops->axis;
    gr__sides around = gr__sides_of(axis, out->rank, x->dims, x->strides, x->strides);
    gr__nest outer = around.before, inner = around.behind;
    int64_t width = inner.rows * inner.width, slice = out->dims[axis] * width;

    memset(out->data, 0, (size_t)(out->count * size));
    if (x->count == 0) return;
    int64_t pieces = gr__nest_pieces(&inner, PIECE), slices = gr__nest_pieces(&outer, 1);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < slices * pieces; i++) {
        gr__piece o = gr__nest_piece(&outer, 1, i / pieces);
        gr__piece p = gr__nest_piece(&inner, PIECE, i % pieces);
        band b = {.windows = x->dims[axis],
                  .size = x->dims[x->rank - 1],
                  .step = hops->stride,
                  .count = p.count,
                  .width = width,
                  .window = x->strides[axis],
                  .element = x->strides[x->rank - 1],
                  .place = inner.step[0]};
        add((char *)out->data + (o.first * slice + p.first) * size,
            (const char *)x->data + (o.offset[0] + p.offset[0]) * size, &b);
    }
}

#define OVERLAP_ADD(dtype, T) \
    gr__opaque_kernel GR__KERNEL(gr__overlap_add_##dtype); \
    void GR__KERNEL(gr__overlap_add_##dtype)(const gr__array *out, const gr__array *in, \
                                             const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        overlap_add(out, in, detail, threads, sizeof(T), add_##dtype); \
    }

OVERLAP_ADD(f32, float)
OVERLAP_ADD(f64, double)
OVERLAP_ADD(i64, int64_t)
