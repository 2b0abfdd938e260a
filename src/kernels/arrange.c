/* Arrays placed inside larger ones: at start, start + step, ... along an axis. Every kernel here is a
 * list of parts, each a copy, a fill or an addition between two arrays of the same extents. */
#include "src/kernels/kernels.h"

#include <string.h>

#include "src/kernels/nest.h"

/* n elements to `to`, steps[0] apart, from `from`, steps[1] apart. */
typedef void run_kernel(void *to, const void *from, int64_t n, const int64_t *steps);

/* Numbers of any dtype, by size. */
typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;

#define COPY(bits) \
    static void copy_##bits(void *to, const void *from, int64_t n, const int64_t *steps) \
    { \
        word##bits *y = to; \
        const word##bits *x = from; \
        if (steps[0] == 1 && steps[1] == 1) \
            memcpy(y, x, (size_t)n * sizeof *y); \
        else if (steps[0] == 1 && steps[1] == 0) \
            for (int64_t i = 0; i < n; i++) y[i] = *x; \
        else \
            for (int64_t i = 0; i < n; i++) y[i * steps[0]] = x[i * steps[1]]; \
    }

COPY(32)
COPY(64)

#define ADD(dtype, T) \
    static void add_##dtype(void *to, const void *from, int64_t n, const int64_t *steps) \
    { \
        T *y = to; \
        const T *x = from; \
        if (steps[0] == 1 && steps[1] == 1) \
            for (int64_t i = 0; i < n; i++) y[i] += x[i]; \
        else \
            for (int64_t i = 0; i < n; i++) y[i * steps[0]] += x[i * steps[1]]; \
    }

ADD(f32, float)
ADD(f64, double)
ADD(i64, int64_t)

typedef struct part {
    gr__nest nest; /* strides of `to` and of `from` */
    char *to;
    const char *from;
    run_kernel *run;
} part;

/* Rows shorter than this are written column by column, so that loops are long. */
enum { SHORT = 8 };

/* `rows` whole rows, or a stretch of one. */
static void write_rows(const part *p, int64_t size, const int64_t *at, int64_t rows, int64_t width)
{
    const gr__nest *n = &p->nest;
    const int64_t *row_step = rows > 1 ? n->strides[n->rank - 2] : n->step;
    bool turned = width < SHORT && rows >= SHORT;
    const int64_t *inner = turned ? row_step : n->step, *outer = turned ? n->step : row_step;
    int64_t count = turned ? width : rows, length = turned ? rows : width;

    for (int64_t i = 0; i < count; i++)
        p->run(p->to + (at[0] + i * outer[0]) * size, p->from + (at[1] + i * outer[1]) * size,
               length, inner);
}

/* Positions first .. first + count - 1 of a part, in logical order: whole rows where possible. */
static void walk(const part *p, int64_t size, int64_t first, int64_t count)
{
    const gr__nest *n = &p->nest;
    int last = n->rank - 1;
    int64_t index[GR_MAX_RANK], at[2] = {0, 0};

    if (last < 0 && count > 0) p->run(p->to, p->from, 1, n->step);
    for (int d = last; d >= 0 && count > 0; d--) {
        index[d] = first % n->dims[d];
        first /= n->dims[d];
        for (int k = 0; k < 2; k++) at[k] += index[d] * n->strides[d][k];
    }
    while (last >= 0 && count > 0) {
        bool whole = last > 0 && index[last] == 0 && count >= n->width;
        int axis = whole ? last - 1 : last;
        int64_t unit = whole ? n->width : 1, left = n->dims[axis] - index[axis];
        int64_t steps = count / unit < left ? count / unit : left;
        write_rows(p, size, at, whole ? steps : 1, whole ? n->width : steps);
        count -= steps * unit;
        index[axis] += steps;
        for (int k = 0; k < 2; k++) at[k] += steps * n->strides[axis][k];
        for (int d = axis; d > 0 && index[d] == n->dims[d]; d--) {
            for (int k = 0; k < 2; k++) at[k] += n->strides[d - 1][k] - index[d] * n->strides[d][k];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

/* Elements that a thread takes at a time. */
enum { CHUNK = 1 << 14 };

/* Writes all parts, which do not overlap. Each task has the same share of each, so that it meets
 * neighbours in memory where parts alternate. */
static void write_parts(const part *parts, int n, int64_t size, int threads)
{
    int64_t total = 0;

    for (int i = 0; i < n; i++) total += parts[i].nest.rows * parts[i].nest.width;
    int64_t tasks = (total + CHUNK - 1) / CHUNK;
#pragma omp parallel for num_threads(threads) if (threads > 1 && tasks > 1)
    for (int64_t t = 0; t < tasks; t++) {
        for (int i = 0; i < n; i++) {
            int64_t count = parts[i].nest.rows * parts[i].nest.width;
            int64_t share = count / tasks, more = count % tasks;
            int64_t first = t * share + (t < more ? t : more);
            walk(&parts[i], size, first, share + (t < more));
        }
    }
}

/* Where x goes in out. */
static part placed(const gr__array *out, const gr__array *x, const gr__placed *d, int64_t size,
                   run_kernel *run)
{
    int64_t strides[GR_MAX_RANK];

    memcpy(strides, out->strides, sizeof strides);
    part p = {
        .to = (char *)out->data + d->start * strides[d->axis] * size, .from = x->data, .run = run};
    strides[d->axis] *= d->step;
    p.nest = gr__nest_of(x->rank, x->dims, strides, x->strides);
    return p;
}

/* The rest of out, before, between and after the elements of x, filled with the number at `fill`.
 * Returns how many parts that is. */
static int filled(part *parts, const gr__array *out, const gr__array *x, const gr__placed *d,
                  const void *fill, int64_t size, run_kernel *run)
{
    int64_t inner = out->strides[d->axis], extent = out->dims[d->axis], n = x->dims[d->axis];
    int64_t row = extent * inner, end = n > 0 ? d->start + (n - 1) * d->step + 1 : d->start;
    int64_t none[3] = {0};
    struct {
        int64_t start, groups, width; /* in a row: groups of `width` elements, step * inner apart */
    } gaps[] = {{0, 1, d->start * inner},
                {(d->start + 1) * inner, n - 1, (d->step - 1) * inner},
                {end * inner, 1, (extent - end) * inner}};
    int count = 0;

    for (int i = 0; i < 3; i++) {
        int64_t dims[] = {row > 0 ? out->count / row : 0, gaps[i].groups, gaps[i].width};
        int64_t strides[] = {row, d->step * inner, 1};
        if (dims[0] <= 0 || dims[1] <= 0 || dims[2] <= 0) continue;
        parts[count++] = (part){.nest = gr__nest_of(3, dims, strides, none),
                                .to = (char *)out->data + gaps[i].start * size,
                                .from = fill,
                                .run = run};
    }
    return count;
}

/* x in an array of one number, or (open) in one whose other elements are still to be written. */
static void pad(const gr__array *out, const gr__array *x, const gr__placed *d, const void *fill,
                int threads, int64_t size, run_kernel *copy)
{
    part parts[4];
    int n = d->open ? 0 : filled(parts, out, x, d, fill, size, copy);

    parts[n++] = placed(out, x, d, size, copy);
    write_parts(parts, n, size, threads);
}

/* in[1] copied or added onto in[0], whose memory out may have. */
static void onto(const gr__array *out, const gr__array *in, const gr__placed *d, int threads,
                 int64_t size, run_kernel *copy, run_kernel *run)
{
    if (out->data != in[0].data) {
        part base = {.nest = gr__nest_of(out->rank, out->dims, out->strides, in[0].strides),
                     .to = out->data,
                     .from = in[0].data,
                     .run = copy};
        write_parts(&base, 1, size, threads);
    }
    part x = placed(out, &in[1], d, size, run);
    write_parts(&x, 1, size, threads);
}

#define PLACE(dtype, T, bits) \
    gr__opaque_kernel GR__KERNEL(gr__pad_##dtype), GR__KERNEL(gr__put_##dtype), \
        GR__KERNEL(gr__put_add_##dtype); \
\
    void GR__KERNEL(gr__pad_##dtype)(const gr__array *out, const gr__array *in, \
                                     const void *detail, int threads, gr__fault *fault) \
    { \
        const gr__placed *d = detail; \
        T fill = (T)d->fill; \
        (void)fault; \
        pad(out, in, d, &fill, threads, sizeof(T), copy_##bits); \
    } \
\
    void GR__KERNEL(gr__put_##dtype)(const gr__array *out, const gr__array *in, \
                                     const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        onto(out, in, detail, threads, sizeof(T), copy_##bits, copy_##bits); \
    } \
\
    void GR__KERNEL(gr__put_add_##dtype)(const gr__array *out, const gr__array *in, \
                                         const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        onto(out, in, detail, threads, sizeof(T), copy_##bits, add_##dtype); \
    }

PLACE(f32, float, 32)
PLACE(f64, double, 64)
PLACE(i64, int64_t, 64)
