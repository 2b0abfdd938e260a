/* Convolutions against their definition: forward and input gradient bit for bit, each result one
 * chain of multiply-adds over channels, rows and columns of the kernel; the weight gradient, whose
 * sums are the kernel's own, within rounding. For sizes around every edge of tiles, vectors, blocks
 * and strips, operands of any layout, with pages around all memory that nobody may touch. */
#include "tests/kernels/help.h"

#include "src/kernels/conv.h"

#ifdef __x86_64__
#define FUSED false
#else
#define FUSED true
#endif

static const bool fused[] = {FUSED, true, true}; /* of the tables */

typedef struct test {
    int64_t n, c, h, w, o, kh, kw;
    gr__conv conv;
    int64_t more[2]; /* rows and columns of y beyond what fits: output padding seen from x */
} test;

/* Layouts: in order, channels last, backward with gaps, one image for all. */
enum { ORDER, LAST, BACKWARD, SAME, LAYOUTS };

typedef struct block {
    gr__array array;
    void *memory;
    size_t bytes;
    bool at_end;
} block;

static block block_new(gr_dtype dtype, const int64_t dims[4], int layout, bool at_end,
                       uint64_t seed)
{
    block b = {.array = array_of(dtype, NULL, GR_SHAPE(dims[0], dims[1], dims[2], dims[3])),
               .at_end = at_end};
    gr__array *a = &b.array;
    int64_t first = 0, last = 0;

    if (layout == LAST)
        memcpy(a->strides, (int64_t[]){dims[1] * dims[2] * dims[3], 1, dims[1] * dims[3], dims[1]},
               sizeof(int64_t[4]));
    if (layout == SAME) a->strides[0] = 0;
    for (int d = 0; d < 4; d++) {
        if (layout == BACKWARD) a->strides[d] *= d % 2 ? -2 : 2;
        int64_t reach = (dims[d] - 1) * a->strides[d];
        *(reach < 0 ? &first : &last) += reach;
    }
    int64_t count = a->count == 0 ? 0 : last - first + 1;
    b.bytes = (size_t)count * dtype_size(dtype);
    b.memory = guarded(b.bytes, at_end);
    fill(dtype, b.memory, count, -2, 2, seed);
    a->data = (char *)b.memory - first * (int64_t)dtype_size(dtype);
    return b;
}

static void block_free(block *b)
{
    release_guarded(b->memory, b->bytes, b->at_end);
}

static int64_t extent(int64_t in, int64_t taps, const gr__conv *conv, int d)
{
    return (in + 2 * conv->padding[d] - conv->dilation[d] * (taps - 1) - 1) / conv->stride[d] + 1;
}

static double element(const gr__array *a, int64_t n, int64_t c, int64_t i, int64_t j)
{
    return get(a->dtype, a->data,
               n * a->strides[0] + c * a->strides[1] + i * a->strides[2] + j * a->strides[3]);
}

static double zero_beside(const gr__array *a, int64_t n, int64_t c, int64_t i, int64_t j)
{
    bool inside = i >= 0 && i < a->dims[2] && j >= 0 && j < a->dims[3];

    return inside ? element(a, n, c, i, j) : 0;
}

/* A step of a chain in the dtype's own rounding. */
static double step(gr_dtype dtype, bool fuse, double x, double y, double sum)
{
    if (dtype == GR_F64) return fuse ? fma(x, y, sum) : x * y + sum;
    float product = (float)x * (float)y;
    return (double)(fuse ? fmaf((float)x, (float)y, (float)sum) : product + (float)sum);
}

static double define_y(const test *t, bool fuse, const gr__array *x, const gr__array *w, int64_t n,
                       int64_t o, int64_t i, int64_t j)
{
    const gr__conv *v = &t->conv;
    int64_t in = t->c / v->groups, first = o / (t->o / v->groups) * in;
    double sum = 0;

    for (int64_t c = 0; c < in; c++)
        for (int64_t a = 0; a < t->kh; a++)
            for (int64_t b = 0; b < t->kw; b++)
                sum = step(x->dtype, fuse, element(w, o, c, a, b),
                           zero_beside(x, n, first + c,
                                       i * v->stride[0] + a * v->dilation[0] - v->padding[0],
                                       j * v->stride[1] + b * v->dilation[1] - v->padding[1]),
                           sum);
    return sum;
}

/* Of y at position i of x by tap a; outside where the stride does not meet it. */
static int64_t window_of(const gr__conv *v, int d, int64_t i, int64_t a)
{
    int64_t place = i + v->padding[d] - a * v->dilation[d];

    return place % v->stride[d] == 0 ? place / v->stride[d] : -1;
}

static double define_x(const test *t, bool fuse, const gr__array *y, const gr__array *w, int64_t n,
                       int64_t c, int64_t i, int64_t j)
{
    const gr__conv *v = &t->conv;
    int64_t in = t->c / v->groups, out = t->o / v->groups, group = c / in;
    double sum = 0;

    for (int64_t o = group * out; o < (group + 1) * out; o++)
        for (int64_t a = 0; a < t->kh; a++)
            for (int64_t b = 0; b < t->kw; b++)
                sum = step(y->dtype, fuse, element(w, o, c % in, a, b),
                           zero_beside(y, n, o, window_of(v, 0, i, a), window_of(v, 1, j, b)), sum);
    return sum;
}

/* Sums of products and of their sizes, in double. */
static double define_w(const test *t, const gr__array *x, const gr__array *y, int64_t o, int64_t c,
                       int64_t a, int64_t b, double *size)
{
    const gr__conv *v = &t->conv;
    int64_t channel = o / (t->o / v->groups) * (t->c / v->groups) + c;
    double sum = *size = 0;

    for (int64_t n = 0; n < t->n; n++) {
        for (int64_t i = 0; i < y->dims[2]; i++) {
            for (int64_t j = 0; j < y->dims[3]; j++) {
                double p = element(y, n, o, i, j) *
                           zero_beside(x, n, channel,
                                       i * v->stride[0] + a * v->dilation[0] - v->padding[0],
                                       j * v->stride[1] + b * v->dilation[1] - v->padding[1]);
                sum += p;
                *size += fabs(p);
            }
        }
    }
    return sum;
}

static void run(gr__opaque_kernel *kernel, block *out, const block *a, const block *b,
                const test *t, size_t bytes, int threads)
{
    void *scratch = guarded(bytes, bytes % 64 == 0);
    gr__array in[3] = {a->array, b->array, {.data = scratch, .count = (int64_t)bytes}};

    memset(scratch, 0xFF, bytes);
    memset(out->memory, 0xFF, out->bytes);
    kernel(&out->array, in, &t->conv, threads, NULL);
    release_guarded(scratch, bytes, bytes % 64 == 0);
}

static void name_test(char *text, size_t size, const test *t, const char *what)
{
    const gr__conv *v = &t->conv;

    snprintf(text, size, "%s: x (%d,%d,%d,%d) w (%d,*,%d,%d) / %d stride %d,%d pad %d,%d dil %d,%d",
             what, (int)t->n, (int)t->c, (int)t->h, (int)t->w, (int)t->o, (int)t->kh, (int)t->kw,
             (int)v->groups, (int)v->stride[0], (int)v->stride[1], (int)v->padding[0],
             (int)v->padding[1], (int)v->dilation[0], (int)v->dilation[1]);
}

typedef struct operands {
    block x, w, y;
} operands;

static operands operands_new(const test *t, gr_dtype dtype, int layout, bool at_end)
{
    int64_t x[] = {t->n, t->c, t->h, t->w}, w[] = {t->o, t->c / t->conv.groups, t->kh, t->kw};
    int64_t y[] = {t->n, t->o, extent(t->h, t->kh, &t->conv, 0) + t->more[0],
                   extent(t->w, t->kw, &t->conv, 1) + t->more[1]};

    return (operands){block_new(dtype, x, layout % LAYOUTS, at_end, 11),
                      block_new(dtype, w, layout / 2 % LAYOUTS, at_end, 12),
                      block_new(dtype, y, layout / 3 % LAYOUTS, at_end, 13)};
}

static void operands_free(operands *o)
{
    block_free(&o->x);
    block_free(&o->w);
    block_free(&o->y);
}

typedef double define(const test *t, bool fuse, const gr__array *a, const gr__array *w, int64_t n,
                      int64_t c, int64_t i, int64_t j);

static void expect_chains(const test *t, const char *what, const block *got, const block *a,
                          const block *w, define *want, bool fuse)
{
    const gr__array *r = &got->array;
    char text[200];

    name_test(text, sizeof text, t, what);
    for (int64_t i = 0; i < r->count; i++) {
        int64_t column = i % r->dims[3], row = i / r->dims[3] % r->dims[2];
        int64_t c = i / r->dims[3] / r->dims[2] % r->dims[1],
                n = i / r->dims[3] / r->dims[2] / r->dims[1];
        double x = get(r->dtype, r->data, i),
               y = want(t, fuse, &a->array, &w->array, n, c, row, column);
        if (x != y)
            cr_assert_fail("%s, %s: (%d,%d,%d,%d) is %.17g, want %.17g", text, dtype_name(r->dtype),
                           (int)n, (int)c, (int)row, (int)column, x, y);
    }
}

static void expect_sums(const test *t, const char *what, const block *got, const block *x,
                        const block *y)
{
    const gr__array *w = &got->array;
    double epsilon = w->dtype == GR_F32 ? 0x1p-24 : 0x1p-53;
    char text[200];

    name_test(text, sizeof text, t, what);
    for (int64_t i = 0; i < w->count; i++) {
        int64_t b = i % w->dims[3], a = i / w->dims[3] % w->dims[2];
        int64_t c = i / w->dims[3] / w->dims[2] % w->dims[1],
                o = i / w->dims[3] / w->dims[2] / w->dims[1];
        double size, want = define_w(t, &x->array, &y->array, o, c, a, b, &size);
        double value = get(w->dtype, w->data, i);
        if (!(fabs(value - want) <= epsilon * size * (4 + sqrt((double)x->array.count))))
            cr_assert_fail("%s, %s: (%d,%d,%d,%d) is %.17g, want %.17g", text, dtype_name(w->dtype),
                           (int)o, (int)c, (int)a, (int)b, value, want);
    }
}

static block result_of(const block *like, bool at_end)
{
    return block_new(like->array.dtype, like->array.dims, ORDER, at_end, 1);
}

/* All three kernels of all tables. */
static void check(const test *t, gr_dtype dtype, int layout, bool at_end)
{
    operands o = operands_new(t, dtype, layout, at_end);
    block x = result_of(&o.x, at_end), w = result_of(&o.w, at_end), y = result_of(&o.y, at_end);
    const int64_t *dx = x.array.dims, *dw = w.array.dims, *dy = y.array.dims;
    size_t size = dtype_size(dtype);
    table list[3];

    for (int v = 0; v < tables(list); v++) {
        const gr__kernels *k = list[v].kernels;
        int threads = 1 + layout % 3;
        run(k->convolve[dtype], &y, &o.x, &o.w, t,
            gr__convolve_bytes(&t->conv, dx, dw, dy, size, threads), threads);
        expect_chains(t, list[v].isa, &y, &o.x, &o.w, define_y, fused[v]);
        run(k->spread[dtype], &x, &o.y, &o.w, t,
            gr__spread_bytes(&t->conv, dx, dw, dy, size, threads), threads);
        expect_chains(t, list[v].isa, &x, &o.y, &o.w, define_x, fused[v]);
        run(k->weigh[dtype], &w, &o.x, &o.y, t,
            gr__weigh_bytes(&t->conv, dx, dw, dy, size, threads), threads);
        expect_sums(t, list[v].isa, &w, &o.x, &o.y);
    }
    operands_free(&o);
    block_free(&x);
    block_free(&w);
    block_free(&y);
}

#define CONV(s0, s1, p0, p1, d0, d1, g) \
    { \
        {s0, s1}, {p0, p1}, {d0, d1}, g \
    }
#define PLAIN CONV(1, 1, 1, 1, 1, 1, 1)

static const test tests[] = {
    {2, 1, 28, 28, 8, 3, 3, PLAIN, {0, 0}},
    {3, 8, 14, 14, 16, 3, 3, PLAIN, {0, 0}},
    {2, 3, 7, 7, 10, 3, 3, PLAIN, {0, 0}},
    {1, 2, 1, 1, 3, 1, 1, CONV(1, 1, 0, 0, 1, 1, 1), {0, 0}},
    {5, 2, 4, 3, 7, 4, 3, CONV(1, 1, 0, 0, 1, 1, 1), {0, 0}},
    {1, 1, 2, 700, 2, 1, 5, CONV(1, 1, 0, 2, 1, 1, 1), {0, 0}},
    {2, 4, 9, 33, 6, 3, 2, CONV(1, 1, 2, 1, 1, 1, 2), {0, 0}},
    {2, 6, 10, 17, 6, 3, 3, CONV(1, 1, 1, 1, 1, 1, 6), {0, 0}},
    {2, 3, 16, 16, 5, 4, 4, CONV(2, 2, 1, 1, 1, 1, 1), {0, 0}},
    {2, 3, 17, 19, 5, 3, 3, CONV(2, 2, 1, 1, 1, 1, 1), {0, 0}},
    {1, 2, 23, 21, 3, 3, 3, CONV(3, 2, 2, 0, 2, 3, 1), {0, 0}},
    {1, 2, 23, 40, 3, 2, 3, CONV(4, 6, 0, 5, 2, 4, 1), {0, 0}},
    {1, 2, 11, 9, 2, 2, 2, CONV(5, 4, 0, 0, 1, 1, 2), {0, 0}},
    {1, 1, 12, 13, 2, 3, 3, CONV(1, 1, 5, 4, 1, 1, 1), {0, 0}},
    {1, 2, 6, 5, 3, 3, 3, CONV(1, 1, 7, 9, 4, 5, 1), {0, 0}},
    {2, 1, 20, 20, 1, 3, 3, CONV(1, 1, 9, 9, 9, 9, 1), {0, 0}},
    {2, 2, 8, 8, 4, 1, 1, CONV(2, 1, 0, 0, 1, 1, 1), {0, 0}},
    {1, 2, 5, 30, 2, 3, 3, CONV(1, 2, 1, 1, 1, 1, 1), {0, 0}},
    {1, 2, 30, 5, 2, 3, 3, CONV(2, 1, 1, 1, 1, 1, 1), {0, 0}},
    {1, 2, 6, 6, 3, 3, 3, CONV(1, 1, 0, 0, 2, 2, 1), {1, 1}},
    {1, 33, 12, 12, 17, 3, 3, PLAIN, {0, 0}},
    {1, 3, 3, 3, 4, 1, 1, CONV(9, 9, 0, 0, 1, 1, 1), {0, 0}},
    {70, 2, 4, 4, 9, 3, 3, PLAIN, {0, 0}},
    {3, 40, 6, 6, 64, 3, 3, PLAIN, {0, 0}},
    {2, 3, 10, 10, 40, 3, 3, PLAIN, {0, 0}},
    {5, 3, 9, 9, 40, 3, 3, CONV(2, 2, 1, 1, 1, 1, 1), {0, 0}},
    {2, 40, 20, 20, 3, 4, 4, CONV(2, 2, 1, 1, 1, 1, 1), {0, 0}},
    {30, 40, 5, 7, 3, 3, 3, CONV(3, 2, 1, 1, 1, 1, 1), {0, 0}},
};

static void check_all(gr_dtype dtype)
{
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        for (int layout = 0; layout < 12; layout += 1 + (int)i % 3)
            check(&tests[i], dtype, layout, (layout + (int)i) % 2);
    }
}

Test(kernels_conv, f32)
{
    check_all(GR_F32);
}

Test(kernels_conv, f64)
{
    check_all(GR_F64);
}

/* Every small size beside every other. */
Test(kernels_conv, small)
{
    uint64_t seed = 5;

    for (int i = 0; i < 1500; i++) {
        int64_t r[14];
        for (int k = 0; k < 14; k++) r[k] = (int64_t)(random_bits(&seed) % 97);
        int64_t groups = 1 + (r[0] % 5 == 0) * (r[1] % 3);
        test t = {1 + r[2] % 2,
                  groups * (1 + r[3] % 4),
                  1 + r[4] % 20,
                  1 + r[5] % 36,
                  groups * (1 + r[6] % 9),
                  1 + r[7] % 4,
                  1 + r[8] % 4,
                  CONV(1 + r[9] % 3, 1 + r[10] % 3, r[11] % 4, r[12] % 4, 1 + r[13] % 2,
                       1 + r[13] / 2 % 3, groups),
                  {0, 0}};
        bool fits = t.h + 2 * t.conv.padding[0] > (t.kh - 1) * t.conv.dilation[0] &&
                    t.w + 2 * t.conv.padding[1] > (t.kw - 1) * t.conv.dilation[1];
        if (fits) check(&t, i % 2 ? GR_F32 : GR_F64, i % 12, i % 3 == 0);
    }
}

/* Nothing to read gives zeros, nothing to compute touches nothing. */
Test(kernels_conv, empty)
{
    static const test empty[] = {{0, 2, 5, 5, 3, 3, 3, PLAIN, {0, 0}},
                                 {2, 0, 5, 5, 3, 3, 3, PLAIN, {0, 0}},
                                 {2, 2, 5, 5, 0, 3, 3, PLAIN, {0, 0}},
                                 {2, 2, 0, 5, 3, 1, 3, PLAIN, {0, 0}},
                                 {2, 2, 5, 0, 3, 3, 2, PLAIN, {0, 0}}};

    for (int i = 0; i < 5; i++) {
        check(&empty[i], GR_F32, ORDER, true);
        check(&empty[i], GR_F64, ORDER, false);
    }
}

/* Large enough for several blocks, strips and chunks: the same bits on 1 to 7 threads. */
static void check_threads(const test *t, gr_dtype dtype)
{
    operands o = operands_new(t, dtype, 0, true);
    block *operand[3][2] = {{&o.x, &o.w}, {&o.y, &o.w}, {&o.x, &o.y}};
    block one[3] = {result_of(&o.y, true), result_of(&o.x, true), result_of(&o.w, true)};
    block many[3] = {result_of(&o.y, true), result_of(&o.x, true), result_of(&o.w, true)};
    const int64_t *x = o.x.array.dims, *w = o.w.array.dims, *y = o.y.array.dims;

    FOR_EACH_TABLE(isa)
    {
        const gr__kernels *k = isa->kernels;
        gr__opaque_kernel *kernel[] = {k->convolve[dtype], k->spread[dtype], k->weigh[dtype]};
        for (int threads = 1; threads <= 7; threads++) {
            size_t size = dtype_size(dtype),
                   bytes[] = {gr__convolve_bytes(&t->conv, x, w, y, size, threads),
                              gr__spread_bytes(&t->conv, x, w, y, size, threads),
                              gr__weigh_bytes(&t->conv, x, w, y, size, threads)};
            for (int i = 0; i < 3; i++) {
                block *into = threads == 1 ? &one[i] : &many[i];
                run(kernel[i], into, operand[i][0], operand[i][1], t, bytes[i], threads);
                assert_same_bits(dtype, into->memory, one[i].memory, one[i].array.count,
                                 "%s, kernel %d, %d threads", isa->isa, i, threads);
            }
        }
        if (isa == list_) continue;
        expect_sums(t, isa->isa, &one[2], &o.x, &o.y);
    }
    operands_free(&o);
    for (int i = 0; i < 3; i++) {
        block_free(&one[i]);
        block_free(&many[i]);
    }
}

Test(kernels_conv, threads)
{
    static const test large[] = {{30, 4, 28, 28, 8, 3, 3, PLAIN, {0, 0}},
                                 {1, 2, 300, 400, 4, 3, 3, PLAIN, {0, 0}},
                                 {1, 3, 190, 230, 4, 4, 4, CONV(2, 2, 1, 1, 1, 1, 1), {0, 0}},
                                 {2, 16, 1, 9000, 8, 1, 9, CONV(1, 1, 0, 4, 1, 1, 1), {0, 0}},
                                 {3, 200, 40, 50, 2, 1, 1, CONV(1, 1, 0, 0, 1, 1, 1), {0, 0}}};

    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        check_threads(&large[i], i % 2 ? GR_F64 : GR_F32);
}
