/* Scans along an axis: running sum, product and logsumexp, and the linear recurrence.
 *
 * The positions beside the axis are walked side by side, WIDE of them, in tiles: so many steps of
 * all of them are copied from the arrays, whatever their strides, scanned, and copied back. One
 * position is scanned in order by one thread; floats are scanned in double and rounded once. */
#include "src/kernels/kernels.h"

#include <float.h>
#include <string.h>

#include "src/kernels/nest.h"
#include "src/kernels/vmath.h"

/* Positions side by side; elements of a tile, step by step. */
enum { WIDE = 16, TILE = 512 };

/* ---- tiles ----
 * x holds `steps` steps of `width` positions (1 or WIDE) and becomes the result; so does a, another
 * operand. The state of each position, and a second one behind them, goes on from tile to tile. */

#define INLINE static inline __attribute__((always_inline))

/* y is the new state from the old one, c, and the elements x and a. */
#define STEPS(name, C, y) \
    INLINE void name##_steps(C *restrict xs, C *restrict as, C *restrict state, int64_t steps, \
                             int64_t width) \
    { \
        for (int64_t i = 0; i < steps; i++) { \
            _Pragma("omp simd") for (int64_t j = 0; j < width; j++) \
            { \
                C c = state[j], x = xs[i * width + j], a = as[i * width + j]; \
                (void)a; \
                xs[i * width + j] = state[j] = y; \
            } \
        } \
    } \
\
    static void name(C *xs, C *as, C *state, int64_t steps, int64_t width) \
    { \
        if (width == 1) \
            name##_steps(xs, as, state, steps, 1); \
        else \
            name##_steps(xs, as, state, steps, WIDE); \
    }

STEPS(cumsum, double, c + x)
STEPS(cumprod, double, (c * x))
STEPS(cumsum_whole, int64_t, c + x)
STEPS(cumprod_whole, int64_t, (c * x))
STEPS(recurrence, double, x + a * c)

/* x becomes how far it is above the largest so far, which largest then includes. Two infinities are
 * no distance apart. */
INLINE void rise_steps(double *restrict xs, double *restrict largest, double *restrict state,
                       int64_t steps, int64_t width)
{
    for (int64_t i = 0; i < steps; i++) {
        _Pragma("omp simd") for (int64_t j = 0; j < width; j++)
        {
            double m = state[j], x = xs[i * width + j];
            xs[i * width + j] = x == m ? 0 : x - m;
            largest[i * width + j] = state[j] = x > m ? x : m;
        }
    }
}

/* log sum e^x = m + log s with the largest element so far, m, and s = sum e^(x - m): where x is
 * larger, s <- s e^(m - x) + 1, else s <- s + e^(x - m). The states are m, which begins as a number
 * so that -inf does not exceed it, and s. */
static void logcumsumexp(double *xs, double *as, double *state, int64_t steps, int64_t width)
{
    double largest[TILE], decay[TILE];
    int64_t n = steps * width;
    (void)as;

    if (width == 1)
        rise_steps(xs, largest, state, steps, 1);
    else
        rise_steps(xs, largest, state, steps, WIDE);
    for (int64_t i = 0; i < n; i++) {
        double e = v_exp(-fabs(xs[i]));
        decay[i] = xs[i] > 0 ? e : 1;
        xs[i] = xs[i] > 0 ? 1 : e;
    }
    recurrence(xs, decay, state + WIDE, steps, width);
    for (int64_t i = 0; i < n; i++) xs[i] = largest[i] + v_log(xs[i]);
}

/* ---- walks ---- */

/* Where up to WIDE positions begin in the result and in the operands x and a, and their strides
 * from one position to the next and along the axis. */
typedef struct place {
    void *data;
    int64_t aside, along;
} place;

typedef struct walk {
    place out, x, a;
    int64_t columns, extent;
    bool paired; /* there is an a; its element at the first step is not there */
} walk;

typedef void walk_kernel(const walk *w);

/* For each step i and position j, along the array at p. */
#define EACH(statement) \
    if (p.aside == 1) \
        for (int64_t i = 0; i < steps; i++) \
            for (int64_t j = 0; j < columns; j++) statement; \
    else \
        for (int64_t j = 0; j < columns; j++) \
            for (int64_t i = 0; i < steps; i++) statement;

/* What is not loaded is 0: positions that the last walk beside the axis lacks, and a at the first
 * step. */
#define WALK(dtype, T, C) \
    INLINE void load_##dtype(C *restrict tile, place p, int64_t first, int64_t steps, \
                             int64_t columns, int64_t width) \
    { \
        const T *x = (const T *)p.data + first * p.along; \
        EACH(tile[i * width + j] = x[i * p.along + j * p.aside]) \
    } \
\
    INLINE void store_##dtype(const C *restrict tile, place p, int64_t first, int64_t steps, \
                              int64_t columns, int64_t width) \
    { \
        T *x = (T *)p.data + first * p.along; \
        EACH(x[i * p.along + j * p.aside] = (T)tile[i * width + j]) \
    } \
\
    INLINE void walk_##dtype(const walk *w, C start, \
                             void (*scan)(C *, C *, C *, int64_t, int64_t)) \
    { \
        C x[TILE], a[TILE], state[2 * WIDE] = {0}; \
        int64_t width = w->columns == 1 ? 1 : WIDE, size = TILE / width; \
        size_t cleared = w->columns < width ? TILE : (size_t)width; \
        memset(x, 0, cleared * sizeof(C)); \
        memset(a, 0, cleared * sizeof(C)); \
        for (int64_t j = 0; j < WIDE; j++) state[j] = start; \
        for (int64_t first = 0; first < w->extent; first += size) { \
            int64_t steps = w->extent - first < size ? w->extent - first : size; \
            int64_t skip = first == 0; \
            load_##dtype(x, w->x, first, steps, w->columns, width); \
            if (w->paired) \
                load_##dtype(a + skip * width, w->a, first + skip, steps - skip, w->columns, \
                             width); \
            scan(x, a, state, steps, width); \
            store_##dtype(x, w->out, first, steps, w->columns, width); \
        } \
    }

WALK(f32, float, double)
WALK(f64, double, double)
WALK(i64, int64_t, int64_t)

/* An array's part of a walk, whose strides along the axis may be turned round. */
static place place_of(const gr__array *x, int64_t offset, int64_t aside, const gr__scan *s)
{
    int64_t size = gr__size_of(x);
    int64_t along = x->strides[s->axis], last = (x->dims[s->axis] - 1) * along;
    char *data = (char *)x->data + (offset + (s->reverse ? last : 0)) * size;

    return (place){data, aside, s->reverse ? -along : along};
}

/* Side by side are positions behind the axis or, where only one is behind it, before it. */
static void scan(walk_kernel *kernel, const gr__array *out, const gr__array *x, const gr__array *a,
                 const gr__scan *s, int threads)
{
    gr__sides around = gr__sides_of(s->axis, x->rank, x->dims, x->strides, a->strides);
    gr__nest outer = around.before, inner = around.behind;
    int64_t behind = inner.rows * inner.width, extent = x->dims[s->axis];
    const gr__nest *sides = behind == 1 ? &outer : &inner;
    int64_t high = behind == 1 ? WIDE : 1, low = behind == 1 ? 1 : WIDE;

    if (out->count == 0) return;
    int64_t stretches = gr__nest_pieces(&inner, low),
            walks = stretches * gr__nest_pieces(&outer, high);
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < walks; i++) {
        gr__piece o = gr__nest_piece(&outer, high, i / stretches);
        gr__piece p = gr__nest_piece(&inner, low, i % stretches);
        int64_t to = o.first * extent * behind + p.first;
        walk w = {.out = place_of(out, to, behind == 1 ? extent : 1, s),
                  .x = place_of(x, o.offset[0] + p.offset[0], sides->step[0], s),
                  .a = place_of(a, o.offset[1] + p.offset[1], sides->step[1], s),
                  .columns = o.count * p.count,
                  .extent = extent,
                  .paired = a != x};
        kernel(&w);
    }
}

/* ---- kernels ---- */

#define SCAN(name, dtype, start, steps) \
    static void name##_walk_##dtype(const walk *w) \
    { \
        walk_##dtype(w, start, steps); \
    } \
\
    gr__opaque_kernel GR__KERNEL(gr__##name##_##dtype); \
    void GR__KERNEL(gr__##name##_##dtype)(const gr__array *out, const gr__array *in, \
                                          const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        scan(name##_walk_##dtype, out, in, in, detail, threads); \
    }

SCAN(cumsum, f32, 0, cumsum)
SCAN(cumsum, f64, 0, cumsum)
SCAN(cumsum, i64, 0, cumsum_whole)
SCAN(cumprod, f32, 1, cumprod)
SCAN(cumprod, f64, 1, cumprod)
SCAN(cumprod, i64, 1, cumprod_whole)
SCAN(logcumsumexp, f32, -DBL_MAX, logcumsumexp)
SCAN(logcumsumexp, f64, -DBL_MAX, logcumsumexp)

/* Operands a and b. Backwards, a step's coefficient is the one beside it: a's first element, or
 * rather what would be behind its last, is not there. */
#define RECURRENCE(dtype, T) \
    static void recurrence_walk_##dtype(const walk *w) \
    { \
        walk_##dtype(w, 0, recurrence); \
    } \
\
    gr__opaque_kernel GR__KERNEL(gr__recurrence_##dtype); \
    void GR__KERNEL(gr__recurrence_##dtype)(const gr__array *out, const gr__array *in, \
                                            const void *detail, int threads, gr__fault *fault) \
    { \
        const gr__scan *s = detail; \
        gr__array a = in[0]; \
        (void)fault; \
        if (s->reverse) a.data = (T *)a.data + a.strides[s->axis]; \
        scan(recurrence_walk_##dtype, out, &in[1], &a, s, threads); \
    }

RECURRENCE(f32, float)
RECURRENCE(f64, double)
