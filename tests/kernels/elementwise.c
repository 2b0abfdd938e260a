/* The map kernels: each row of elementwise.def in place, at every size and alignment, in every
 * instruction set; its forms for numbers against the form for blocks; floats and integers against
 * doubles. What a row's numbers should be is certified by tests/primitives/elementwise.def, what
 * vmath.h computes by tests/standalone/vmath.c. */
#include "tests/kernels/help.h"

#include <float.h>

typedef struct row {
    const char *name;
    size_t slot;
    int operands;
    double low, high;
    bool orders; /* the first operand is a whole number from 0 on */
} row;

enum { MOST = 1024 + 8 }; /* elements of a buffer: a block and some room for offsets */

static gr__map_kernel *form_of(const table *t, const row *r, int form, gr_dtype dtype)
{
    gr__map_kernel *kernel;
    size_t at = r->slot + (size_t)(form * GR__DTYPES + (int)dtype) * sizeof kernel;

    memcpy(&kernel, (const char *)t->kernels + at, sizeof kernel);
    return kernel;
}

static gr__map_kernel *kernel_of(const table *t, const row *r, gr_dtype dtype)
{
    return form_of(t, r, 0, dtype);
}

/* Operands from the row's domain. */
static void draw(const row *r, gr_dtype dtype, double in[3][MOST], uint64_t seed)
{
    for (int k = 0; k < 3; k++) fill(dtype, in[k], MOST, r->low, r->high, seed + (uint64_t)k);
    for (int64_t i = 0; i < MOST && r->orders; i++) set(dtype, in[0], i, (double)(i * 7 % 5));
}

/* Runs the kernel on n elements from `offset` on, and sees that it wrote there and nowhere else. */
static void run(gr__map_kernel *kernel, gr_dtype dtype, void *out, double in[3][MOST],
                int64_t offset, int64_t n)
{
    size_t size = dtype_size(dtype), first = (size_t)offset * size, last = first + (size_t)n * size;
    char *to = out;

    memset(out, 0xA5, MOST * size);
    kernel(to + first, (char *)in[0] + first, (char *)in[1] + first, (char *)in[2] + first, n);
    for (size_t i = 0; i < MOST * size; i++)
        if ((i < first || i >= last) && to[i] != (char)0xA5)
            cr_assert_fail("%s: byte %zu is out of bounds", dtype_name(dtype), i);
}

/* Whether a row's result is the one that is wanted: off by 4 ulp of it (64 for what is computed by
 * recurrence over orders) and one of the largest operand, where terms cancel. */
static bool close_to(const row *r, gr_dtype dtype, double got, double want, double largest)
{
    double epsilon = dtype == GR_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    double least = dtype == GR_F32 ? (double)FLT_TRUE_MIN : DBL_TRUE_MIN;
    double rounded = dtype == GR_F32 ? (double)(float)want : want;

    if (isnan(want)) return isnan(got);
    if (isinf(rounded) || dtype == GR_I64) return got == rounded;
    if (want == 0) return got == 0 && !signbit(got) == !signbit(want);
    double ulps = r->orders ? 64 : 4;
    return fabs(got - want) <= epsilon * fmax(ulps * fabs(want), largest) + least;
}

/* Numbers of any dtype and instruction set are those of the best one's kernel for doubles. */
static void compare(const table *t, const row *r, gr_dtype dtype, const void *out,
                    double in[3][MOST], int64_t n)
{
    table list[3];
    const table *best = &list[tables(list) - 1];

    for (int64_t i = 0; i < n; i++) {
        double v[3], want, largest = 0, got = get(dtype, out, i);
        for (int k = 0; k < 3; k++) v[k] = get(dtype, in[k], i);
        for (int k = 0; k < r->operands && r->operands > 1; k++)
            largest = isfinite(v[k]) ? fmax(largest, fabs(v[k])) : largest;
        kernel_of(best, r, GR_F64)(&want, &v[0], &v[1], &v[2], 1);
        if (!close_to(r, dtype, got, want, largest))
            cr_assert_fail("%s %s %s(%.9g, %.9g, %.9g) is %.17g, want %.17g", t->isa, r->name,
                           dtype_name(dtype), v[0], v[1], v[2], got, want);
    }
}

/* Every size, from an aligned and from an odd address. */
static void check_values(const table *t, const row *r, gr_dtype dtype)
{
    static double in[3][MOST], out[MOST];
    static const int64_t sizes[] = {0, 1, 3, 7, 16, 33, 1023, 1024};
    gr__map_kernel *kernel = kernel_of(t, r, dtype);

    draw(r, dtype, in, 17);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        run(kernel, dtype, out, in, 0, sizes[s]);
        compare(t, r, dtype, out, in, sizes[s]);
        run(kernel, dtype, out, in, 3, sizes[s]);
    }
}

/* A number's bits do not depend on its place in the block, nor on which operand is overwritten, nor
 * on neighbours that are huge: some kernels treat a block that has any in another way. */
static void check_places(const table *t, const row *r, gr_dtype dtype, bool huge)
{
    static double in[3][MOST], alone[MOST], out[MOST];
    gr__map_kernel *kernel = kernel_of(t, r, dtype);
    size_t size = dtype_size(dtype);

    draw(r, dtype, in, 29);
    for (int64_t i = 5; i < MOST && huge; i += 97)
        set(dtype, in[r->orders], i, i % 2 ? 1e22 : -1e9);
    for (int64_t i = 0; i < MOST; i++) {
        size_t at = (size_t)i * size;
        kernel((char *)alone + at, (char *)in[0] + at, (char *)in[1] + at, (char *)in[2] + at, 1);
    }
    for (int64_t offset = 0; offset < 8; offset++) {
        int64_t n = 1023 - 5 * offset;
        run(kernel, dtype, out, in, offset, n);
        assert_same_bits(dtype, (char *)out + (size_t)offset * size,
                         (char *)alone + (size_t)offset * size, n, "%s %s, from element %d on",
                         t->isa, r->name, (int)offset);
    }
    for (int k = 0; k < r->operands; k++) {
        const void *operand[3] = {in[0], in[1], in[2]};
        memcpy(out, in[k], sizeof out);
        operand[k] = out;
        kernel(out, operand[0], operand[1], operand[2], 1023);
        assert_same_bits(dtype, out, alone, 1023, "%s %s, over operand %d", t->isa, r->name, k);
    }
}

/* All combinations of these. */
static void check_extremes(const table *t, const row *r, gr_dtype dtype)
{
    static const double x[] = {-INFINITY, -50, -1, -1e-20, -0.0, 0, 1e-20, 1, 50, INFINITY, NAN};
    static double in[3][MOST], out[MOST];
    int n = sizeof x / sizeof *x, count = 1;

    for (int k = 0; k < r->operands; k++) count *= n;
    for (int first = 0; first < count; first += 1024) {
        int64_t size = count - first < 1024 ? count - first : 1024;
        for (int64_t i = 0; i < size; i++) {
            int j = first + (int)i;
            set(dtype, in[0], i, x[j % n]);
            set(dtype, in[1], i, x[j / n % n]);
            set(dtype, in[2], i, x[j / n / n % n]);
        }
        run(kernel_of(t, r, dtype), dtype, out, in, 0, size);
        compare(t, r, dtype, out, in, size);
    }
}

/* Instruction sets that have fma give the same bits. */
static void check_sets(const row *r, gr_dtype dtype)
{
    static double in[3][MOST], out[3][MOST];
    table list[3];
    int n = tables(list);

    draw(r, dtype, in, 41);
    for (int k = 1; k < n; k++) kernel_of(&list[k], r, dtype)(out[k], in[0], in[1], in[2], 1021);
    for (int k = 2; k < n; k++)
        assert_same_bits(dtype, out[k], out[1], 1021, "%s %s against %s", list[k].isa, r->name,
                         list[1].isa);
}

/* Whether operand k is one number in a form. */
static bool is_number(const row *r, int form, int k)
{
    return (k == r->operands - 1 && form & GR__NUMBER_B) ||
           (k == r->operands - 2 && form & GR__NUMBER_A);
}

/* A form on n elements of `in`, whose numbers are the first elements of their blocks: beside its
 * operands and in place of each block it has the bits of the first form, and writes nothing more. */
static void check_form(const table *t, const row *r, gr_dtype dtype, int form, double in[3][MOST],
                       int64_t n)
{
    static double filled[3][MOST], want[MOST], out[MOST];
    size_t size = dtype_size(dtype);
    const void *operand[3] = {in[0], in[1], in[2]};

    for (int k = 0; k < r->operands; k++) {
        for (int64_t i = 0; i < n; i++)
            memcpy((char *)filled[k] + (size_t)i * size,
                   (const char *)in[k] + (is_number(r, form, k) ? 0 : (size_t)i * size), size);
    }
    kernel_of(t, r, dtype)(want, filled[0], filled[1], filled[2], n);
    for (int over = -1; over < r->operands; over++) {
        if (over >= 0 && is_number(r, form, over)) continue;
        const void *p[3] = {operand[0], operand[1], operand[2]};
        memset(out, 0xA5, sizeof out);
        if (over >= 0) p[over] = memcpy(out, in[over], (size_t)n * size);
        form_of(t, r, form, dtype)(out, p[0], p[1], p[2], n);
        assert_same_bits(dtype, out, want, n, "%s %s, form %d over %d, %d elements", t->isa,
                         r->name, form, over, (int)n);
        for (size_t i = (size_t)n * size; i < sizeof out; i++)
            if (((char *)out)[i] != (char)0xA5)
                cr_assert_fail("%s %s, form %d: byte %zu is out of bounds", t->isa, r->name, form,
                               i);
    }
}

/* Numbers of all kinds in the places of numbers, blocks of any length beside them. */
static void check_forms(const table *t, const row *r, gr_dtype dtype)
{
    static const double numbers[] = {0.75, 0, -1.5, 1, -0.0, INFINITY, -INFINITY, NAN};
    static double in[3][MOST];
    int kinds = dtype == GR_I64 ? 4 : 8, last = r->operands - 1;

    for (int form = 1; form <= r->operands && r->operands > 1; form++) {
        for (int64_t n = 0; n <= 1019; n = n == 100 ? 1001 : n + 1) {
            for (int k = 0; k < r->operands; k++)
                fill(dtype, in[k], MOST, r->low, r->high, (uint64_t)(53 + 3 * n + k));
            for (int64_t i = 0; i < n; i += 1 + i % 3) set(dtype, in[0], i, 0);
            set(dtype, in[0], n / 2, numbers[kinds - 1]), set(dtype, in[last], n / 3, -0.0);
            for (int k = 0; k <= last; k++)
                if (is_number(r, form, k)) set(dtype, in[k], 0, numbers[(n + 3 * k) % kinds]);
            check_form(t, r, dtype, form, in, n);
        }
    }
}

static void check(row r, int dtypes)
{
    for (int dtype = 0; dtype < GR__DTYPES; dtype++) {
        FOR_EACH_TABLE(t)
        {
            int forms = r.operands == 1 ? 1 : r.operands + 1;
            for (int form = 0; form < forms; form++)
                cr_assert_eq(form_of(t, &r, form, (gr_dtype)dtype) != NULL, dtype < dtypes);
            if (dtype >= dtypes) continue;
            check_values(t, &r, (gr_dtype)dtype);
            check_places(t, &r, (gr_dtype)dtype, false);
            if (dtype != GR_I64) check_places(t, &r, (gr_dtype)dtype, true);
            if (dtype != GR_I64) check_extremes(t, &r, (gr_dtype)dtype);
            check_forms(t, &r, (gr_dtype)dtype);
        }
        if (dtype < dtypes) check_sets(&r, (gr_dtype)dtype);
    }
}

/* How many dtypes a row takes; more than all: floats, and the first operand is an order. */
#define ALL 3
#define FLOATS 2
#define ORDERS (GR__DTYPES + 2)

#define CHECK(name, types, low, high, operands) \
    Test(kernels_map, name) \
    { \
        check((row){#name, offsetof(gr__kernels, name), operands, low, high, types == ORDERS}, \
              types == ORDERS ? FLOATS : types); \
    }
#define GR_UNARY(name, types, low, high, ...) CHECK(name, types, low, high, 1)
#define GR_BINARY(name, types, low, high, ...) CHECK(name, types, low, high, 2)
#define GR_TERNARY(name, first, types, low, high, ...) CHECK(name, types, low, high, 3)
#include <gradus/elementwise.def>

static double remainder_in(gr_dtype dtype, double a, double b)
{
    double r = fmod(a, b), moved = (r < 0) != (b < 0) ? r + b : r;

    moved = dtype == GR_F32 ? (double)(float)moved : moved;
    return r == 0 ? copysign(r, b) : moved;
}

/* A remainder is exact, or rounded once where a and b have other signs. Quotients are whole numbers
 * and their neighbours, of up to 2^bits; beyond some 2^22 and 2^50 kernels have another way. */
static void check_remainders(const table *t, gr_dtype dtype, int bits)
{
    static double a[1024], b[1024], y[1024];
    uint64_t state = (uint64_t)bits;
    int ulp = dtype == GR_F32 ? -23 : -52;

    for (int64_t i = 0; i < 1024; i++) {
        double tiny = ldexp(1, ulp), near = 1 + tiny * ((double)(random_bits(&state) % 3) - 1);
        double size = ldexp(1, (int)(random_bits(&state) % 20));
        set(dtype, b, i, random_between(&state, -1, 1) * size);
        double k = rint(random_between(&state, -1, 1) *
                        ldexp(1, (int)(random_bits(&state) % (uint64_t)bits)));
        set(dtype, a, i, k * get(dtype, b, i) * near);
    }
    t->kernels->gr_remainder[0][dtype](y, a, b, NULL, 1024);
    for (int64_t i = 0; i < 1024; i++) {
        double want = remainder_in(dtype, get(dtype, a, i), get(dtype, b, i));
        cr_assert_eq(get(dtype, y, i), want, "%s %s: the remainder of %a and %a is %a, want %a",
                     t->isa, dtype_name(dtype), get(dtype, a, i), get(dtype, b, i),
                     get(dtype, y, i), want);
    }
}

Test(kernels_map, remainders_are_exact)
{
    FOR_EACH_TABLE(t)
    {
        for (int bits = 1; bits < 80; bits++) {
            check_remainders(t, GR_F32, bits);
            check_remainders(t, GR_F64, bits);
        }
    }
}

Test(kernels_map, integers_wrap)
{
    FOR_EACH_TABLE(t)
    {
        int64_t least = INT64_MIN, one = 1, y;
        t->kernels->gr_neg[0][GR_I64](&y, &least, NULL, NULL, 1);
        cr_assert_eq(y, INT64_MIN);
        t->kernels->gr_sub[0][GR_I64](&y, &least, &one, NULL, 1);
        cr_assert_eq(y, INT64_MAX);
        t->kernels->gr_square[0][GR_I64](&y, &least, NULL, NULL, 1);
        cr_assert_eq(y, 0);
    }
}

/* ---- casts ---- */

/* Numbers that all three dtypes hold exactly come through every pair of casts. */
Test(kernels_cast, keep_what_fits)
{
    FOR_EACH_TABLE(t)
    {
        for (int from = 0; from < GR__DTYPES; from++) {
            for (int to = 0; to < GR__DTYPES; to++) {
                double x[259], y[259], back[259];
                for (int i = 0; i < 259; i++) set((gr_dtype)from, x, i, (i - 129) * 65537.0);
                t->kernels->cast[from][to](y, x, NULL, NULL, 259);
                for (int i = 0; i < 259; i++)
                    cr_assert_eq(get((gr_dtype)to, y, i), (i - 129) * 65537.0);
                t->kernels->cast[to][from](back, y, NULL, NULL, 259);
                assert_same_bits((gr_dtype)from, back, x, 259, "%s by way of %s", t->isa,
                                 dtype_name((gr_dtype)to));
            }
        }
    }
}

static const struct {
    double x;
    int64_t y;
} truncations[] = {
    {2.9, 2},
    {-2.9, -2},
    {-0.0, 0},
    {NAN, 0},
    {INFINITY, INT64_MAX},
    {-INFINITY, INT64_MIN},
    {0x1p63, INT64_MAX},
    {0x1.fffffep62, INT64_C(0x7fffff8000000000)},
    {-0x1p63, INT64_MIN},
    {-0x1.000002p63, INT64_MIN},
    {1e30, INT64_MAX},
};

Test(kernels_cast, to_integers_truncate_and_saturate)
{
    enum { COUNT = sizeof truncations / sizeof *truncations };

    FOR_EACH_TABLE(t)
    {
        for (int dtype = GR_F32; dtype <= GR_F64; dtype++) {
            double x[COUNT];
            int64_t y[COUNT];
            for (int i = 0; i < COUNT; i++) set((gr_dtype)dtype, x, i, truncations[i].x);
            t->kernels->cast[dtype][GR_I64](y, x, NULL, NULL, COUNT);
            for (int i = 0; i < COUNT; i++)
                cr_assert_eq(y[i], truncations[i].y, "%s %s: %g gives %lld, want %lld", t->isa,
                             dtype_name((gr_dtype)dtype), truncations[i].x, (long long)y[i],
                             (long long)truncations[i].y);
        }
    }
}

Test(kernels_cast, round_to_nearest)
{
    FOR_EACH_TABLE(t)
    {
        double x = 1 + 0x1.8p-24, huge = 1e300;
        int64_t odd = (INT64_C(1) << 53) + 3;
        float y;
        double z;
        t->kernels->cast[GR_F64][GR_F32](&y, &x, NULL, NULL, 1);
        cr_assert_eq(y, 1 + 0x1p-23f);
        t->kernels->cast[GR_F64][GR_F32](&y, &huge, NULL, NULL, 1);
        cr_assert(isinf(y));
        t->kernels->cast[GR_I64][GR_F64](&z, &odd, NULL, NULL, 1);
        cr_assert_eq(z, 0x1p53 + 4);
    }
}
