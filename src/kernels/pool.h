/* Pooling over planes of elements T. Included once for each T, after T, LANE (an integer of its
 * size) and POOL (a kernel's name) are defined. A plane is the last axis or the last two.
 *
 *   pick    out[window] = y[p] where p is the place of the largest x in the window
 *   place   out[p] += y[window], the adjoint of pick in y
 *   sum     out[window] = sum of x in the window
 *   spread  out[p] += x[window] for all p in the window, the adjoint of sum
 *
 * A maximum is pick with y = x. Places are found anew where they are needed: that reads x once, as
 * much memory as places that were kept would take.
 *
 * The windows of a plane are walked in runs: neighbours along a row of windows that have the same
 * taps inside the plane, so that the loops over a run know no edges. Threads share out planes; what
 * is added up, is so in an order of windows and taps that depends on extents alone. */
#include "src/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "src/kernels/nest.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- runs ---- */

/* An array where a run begins: at its first tap in a plane, or at its first window. */
typedef struct place {
    T *at;
    int64_t row, column; /* strides */
    int64_t step;        /* from window to window */
} place;

typedef struct run {
    int64_t count;         /* of windows */
    int64_t rows, columns; /* of their taps */
    bool disjoint;         /* no element is in two windows */
    place out, x, y;
} run;

typedef void run_kernel(const run *r);

/* An array of planes or of windows; `at` its current plane. */
typedef struct side {
    T *at;
    int64_t row, column;
    bool planes;
} side;

/* Windows along an axis; those from `first` to before `last` need no padding. */
typedef struct axis {
    gr_window window;
    int64_t extent, count, first, last;
} axis;

typedef struct pooling {
    run_kernel *run;
    axis rows, columns;
    side out, x, y;
} pooling;

static axis axis_of(gr_window w, int64_t extent, int64_t count)
{
    int64_t room = extent + w.padding - w.size;

    return (axis){.window = w,
                  .extent = extent,
                  .count = count,
                  .first = (w.padding + w.stride - 1) / w.stride,
                  .last = room < 0 ? 0 : room / w.stride + 1};
}

/* The taps of window i inside the plane; the first is returned. */
static int64_t taps(const axis *a, int64_t i, int64_t *count)
{
    int64_t start = i * a->window.stride - a->window.padding, end = start + a->window.size;
    int64_t first = start < 0 ? 0 : start;

    *count = (end < a->extent ? end : a->extent) - first;
    return first;
}

static place place_of(const side *s, const pooling *p, int64_t i, int64_t j, int64_t top,
                      int64_t left)
{
    int64_t row = s->planes ? top : i, column = s->planes ? left : j;

    return (place){.at = s->at + row * s->row + column * s->column,
                   .row = s->row,
                   .column = s->column,
                   .step = s->column * (s->planes ? p->columns.window.stride : 1)};
}

/* The run that begins with window (i, j). */
static run run_of(const pooling *p, int64_t i, int64_t j)
{
    const axis *a = &p->rows, *b = &p->columns;
    run r = {.count = j >= b->first && j < b->last ? b->last - j : 1,
             .disjoint = a->window.stride >= a->window.size && b->window.stride >= b->window.size};
    int64_t top = taps(a, i, &r.rows), left = taps(b, j, &r.columns);

    r.out = place_of(&p->out, p, i, j, top, left);
    r.x = place_of(&p->x, p, i, j, top, left);
    r.y = place_of(&p->y, p, i, j, top, left);
    return r;
}

static void pool_plane(const pooling *p)
{
    if (p->out.planes) memset(p->out.at, 0, (size_t)(p->rows.extent * p->out.row) * sizeof(T));
    for (int64_t i = 0; i < p->rows.count; i++) {
        for (int64_t j = 0; j < p->columns.count;) {
            run r = run_of(p, i, j);
            p->run(&r);
            j += r.count;
        }
    }
}

static side side_of(const gr__array *a, int axes, bool planes)
{
    return (side){.at = a->data,
                  .row = axes == 2 ? a->strides[a->rank - 2] : a->dims[a->rank - 1],
                  .column = a->strides[a->rank - 1],
                  .planes = planes};
}

/* x, y and out have a plane (or the windows of one) for each place of their leading axes. */
static void pool(run_kernel *kernel, const gr__array *out, bool out_planes, const gr__array *x,
                 bool x_planes, const gr__array *y, bool y_planes, const gr__pool *detail,
                 int threads)
{
    int axes = detail->axes, lead = out->rank - axes, last = out->rank - 1;
    const gr__array *planes = out_planes ? out : x, *windows = out_planes ? y : out;
    pooling p = {.run = kernel,
                 .rows = axis_of(detail->window[0], axes == 2 ? planes->dims[lead] : 1,
                                 axes == 2 ? windows->dims[lead] : 1),
                 .columns = axis_of(detail->window[1], planes->dims[last], windows->dims[last]),
                 .out = side_of(out, axes, out_planes),
                 .x = side_of(x, axes, x_planes),
                 .y = side_of(y, axes, y_planes)};
    gr__nest n = gr__nest_of(lead, out->dims, x->strides, y->strides);
    int64_t size = (axes == 2 ? out->dims[lead] : 1) * out->dims[last];

    if (out->count == 0) return;
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < gr__nest_pieces(&n, 1); i++) {
        gr__piece at = gr__nest_piece(&n, 1, i);
        pooling own = p;
        own.out.at += i * size;
        own.x.at += at.offset[0];
        own.y.at += at.offset[1];
        pool_plane(&own);
    }
}

/* ---- what is done in a run ---- */

/* Four windows at a time, whatever the machine: rows of windows are short. */
enum { LANES = 4 };

typedef T vector __attribute__((vector_size(LANES * sizeof(T))));
typedef T anywhere __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef LANE mask __attribute__((vector_size(LANES * sizeof(T))));

/* Elements 0, step, 2 step, 3 step; nothing is read beyond them. */
#define LOAD(x, step) \
    ((step) == 1   ? (vector)(*(const anywhere *)(x)) \
     : (step) == 2 ? (vector)EVEN(*(const anywhere *)(x), *(const anywhere *)((x) + 3)) \
                   : (vector){(x)[0], (x)[step], (x)[2 * (step)], (x)[3 * (step)]})
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 5, 7)

#define SELECT(m, a, b) (vector)(((mask)(a) & (m)) | ((mask)(b) & ~(m)))

/* Whether x takes the place of the largest so far: a NaN beats everything but an earlier NaN. */
#define BEATS(x, best) (~((x) <= (best)) & ((best) == (best)))

/* A piece is four lanes: windows first .. first + 3, whose first taps lie at x and on, `step` apart.
 * The first `done` lanes are not to be stored. */
typedef void piece(const run *r, const T *x, int64_t step, int64_t first, int done);

/* A run by pieces; the last one overlaps the one before it. Fewer than four windows are each the
 * last lane of a piece, and the other lanes the same. */
INLINE void by_pieces(const run *r, int64_t step, piece *p)
{
    for (int64_t j = 0; j < r->count && r->count >= LANES; j += LANES) {
        int done = j + LANES > r->count ? (int)(j + LANES - r->count) : 0;
        p(r, r->x.at + (j - done) * step, step, j - done, done);
    }
    for (int64_t j = 0; j < r->count && r->count < LANES; j++)
        p(r, r->x.at + j * step, 0, j - LANES + 1, LANES - 1);
}

/* The same, with the common steps known to the compiler. */
INLINE void by_step(const run *r, piece *p)
{
    if (r->x.step == 1)
        by_pieces(r, 1, p);
    else if (r->x.step == 2)
        by_pieces(r, 2, p);
    else
        by_pieces(r, r->x.step, p);
}

/* The taps of the windows folded in C order; y is the fold of the value a with the tap x. */
#define FOLD(name, start, y) \
    INLINE void name##_piece(const run *r, const T *from, int64_t step, int64_t first, int done) \
    { \
        vector a = (vector){0} + start; \
        for (int64_t k = 0; k < r->rows; k++) { \
            for (int64_t l = 0; l < r->columns; l++) { \
                vector x = LOAD(from + k * r->x.row + l * r->x.column, step); \
                a = y; \
            } \
        } \
        if (done == 0) \
            *(anywhere *)(r->out.at + first) = a; \
        else \
            for (int i = done; i < LANES; i++) r->out.at[first + i] = a[i]; \
    } \
\
    static void name##_run(const run *r) \
    { \
        by_step(r, name##_piece); \
    }

FOLD(sum, 0, a + x)
FOLD(largest, (T)-INFINITY, SELECT((x > a) | (x != x), x, a))

/* Which taps of four windows are the largest. */
typedef struct taken {
    mask row, column;
} taken;

INLINE void find(const run *r, const T *x, int64_t step, taken *t)
{
    mask row = (mask){0}, column = (mask){0};
    vector best = LOAD(x, step);

    for (LANE k = 0; k < r->rows; k++) {
        for (LANE l = 0; l < r->columns; l++) {
            vector tap = LOAD(x + k * r->x.row + l * r->x.column, step);
            mask found = BEATS(tap, best);
            best = SELECT(found, tap, best);
            row = (row & ~found) | (((mask){0} + k) & found);
            column = (column & ~found) | (((mask){0} + l) & found);
        }
    }
    *t = (taken){row, column};
}

INLINE T *tap_of(const place *p, int64_t window, const taken *t, int lane)
{
    return p->at + window * p->step + t->row[lane] * p->row + t->column[lane] * p->column;
}

INLINE void pick_piece(const run *r, const T *x, int64_t step, int64_t first, int done)
{
    taken t;

    find(r, x, step, &t);
    for (int i = done; i < LANES; i++) r->out.at[first + i] = *tap_of(&r->y, first + i, &t, i);
}

static void pick_run(const run *r)
{
    by_step(r, pick_piece);
}

INLINE void place_piece(const run *r, const T *x, int64_t step, int64_t first, int done)
{
    taken t;

    find(r, x, step, &t);
    for (int i = done; i < LANES; i++) {
        T *to = tap_of(&r->out, first + i, &t, i), y = r->y.at[(first + i) * r->y.step];
        *to = r->disjoint ? y : *to + y;
    }
}

/* Windows of 2 x 2 that do not overlap, in contiguous rows. */
INLINE void place_pairs(const run *r, const T *x, int64_t step, int64_t first, int done)
{
    T *out = r->out.at + first * 2, *below = out + r->out.row;
    vector a = LOAD(x, 2), b = LOAD(x + 1, 2);
    vector c = LOAD(x + r->x.row, 2), d = LOAD(x + r->x.row + 1, 2);
    mask right = BEATS(b, a), right_below = BEATS(d, c);
    mask down = BEATS(SELECT(right_below, d, c), SELECT(right, b, a));
    mask y = (mask)LOAD(r->y.at + first, 1);
    mask a_to = y & ~down & ~right, b_to = y & ~down & right;
    mask c_to = y & down & ~right_below, d_to = y & down & right_below;

    (void)step, (void)done;
    *(anywhere *)out = (anywhere)__builtin_shufflevector(a_to, b_to, 0, 4, 1, 5);
    *(anywhere *)(out + LANES) = (anywhere)__builtin_shufflevector(a_to, b_to, 2, 6, 3, 7);
    *(anywhere *)below = (anywhere)__builtin_shufflevector(c_to, d_to, 0, 4, 1, 5);
    *(anywhere *)(below + LANES) = (anywhere)__builtin_shufflevector(c_to, d_to, 2, 6, 3, 7);
}

static void place_run(const run *r)
{
    if (r->disjoint && r->rows == 2 && r->columns == 2 && r->count >= LANES && r->x.step == 2 &&
        r->x.column == 1 && r->y.step == 1)
        by_pieces(r, 2, place_pairs);
    else
        by_step(r, place_piece);
}

static void spread_run(const run *r)
{
    for (int64_t k = 0; k < r->rows; k++) {
        for (int64_t l = 0; l < r->columns; l++) {
            T *to = r->out.at + k * r->out.row + l;
            for (int64_t i = 0; i < r->count; i++) {
                T g = r->x.at[i * r->x.step];
                to[i * r->out.step] = r->disjoint ? g : to[i * r->out.step] + g;
            }
        }
    }
}

/* ---- kernels ---- */

gr__opaque_kernel POOL(pick), POOL(place), POOL(sum), POOL(spread);

void POOL(pick)(const gr__array *out, const gr__array *in, const void *detail, int threads,
                gr__fault *fault)
{
    size_t strides = (size_t)out->rank * sizeof(int64_t);
    bool same = in[0].data == in[1].data && !memcmp(in[0].strides, in[1].strides, strides);

    (void)fault;
    pool(same ? largest_run : pick_run, out, false, &in[0], true, &in[1], true, detail, threads);
}

void POOL(place)(const gr__array *out, const gr__array *in, const void *detail, int threads,
                 gr__fault *fault)
{
    (void)fault;
    pool(place_run, out, true, &in[0], true, &in[1], false, detail, threads);
}

void POOL(sum)(const gr__array *out, const gr__array *in, const void *detail, int threads,
               gr__fault *fault)
{
    (void)fault;
    pool(sum_run, out, false, &in[0], true, &in[0], true, detail, threads);
}

void POOL(spread)(const gr__array *out, const gr__array *in, const void *detail, int threads,
                  gr__fault *fault)
{
    (void)fault;
    pool(spread_run, out, true, &in[0], false, &in[0], false, detail, threads);
}
