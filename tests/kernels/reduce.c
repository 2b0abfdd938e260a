/* The reduction kernels against a plain statement of their order, and argmax and argmin against a
 * loop. */
#include "tests/kernels/help.h"

/* ---- sum, max, min ---- */

/* The fold of a with x; a NaN on either side gives NaN. */
#define OPERATIONS(dtype, T) \
    static T sum_##dtype(T a, T x) \
    { \
        return a + x; \
    } \
    static T max_##dtype(T a, T x) \
    { \
        return a != a ? a : a > x ? a : x; \
    } \
    static T min_##dtype(T a, T x) \
    { \
        return a != a ? a : a < x ? a : x; \
    }

OPERATIONS(f32, float)
OPERATIONS(f64, double)
OPERATIONS(i64, int64_t)

/* The order of the contract: lanes by index, then halves. */
#define IN_ORDER(dtype, T) \
    static T in_order_##dtype(T (*fold)(T, T), T neutral, const T *x, int64_t n) \
    { \
        T lane[16]; \
        for (int j = 0; j < 16; j++) lane[j] = neutral; \
        for (int64_t i = 0; i < n; i++) lane[i % 16] = fold(lane[i % 16], x[i]); \
        for (int j = 0; j < 8; j++) lane[j] = fold(lane[j], lane[j + 8]); \
        for (int j = 0; j < 4; j++) lane[j] = fold(lane[j], lane[j + 4]); \
        for (int j = 0; j < 2; j++) lane[j] = fold(lane[j], lane[j + 2]); \
        return fold(lane[0], lane[1]); \
    }

IN_ORDER(f32, float)
IN_ORDER(f64, double)
IN_ORDER(i64, int64_t)

/* The same block through start and fold alone, rows of 16 at a time. */
static void by_folds(const gr__reduce_kernel *k, size_t size, void *out, const void *x, int64_t n)
{
    double lanes[GR__LANES];
    const char *from = x;

    k->start(lanes, GR__LANES);
    for (; n > 0; n -= GR__LANES, from += GR__LANES * size)
        k->fold(lanes, from, n < GR__LANES ? n : GR__LANES);
    for (int64_t half = GR__LANES / 2; half > 0; half /= 2)
        k->fold(lanes, (char *)lanes + (size_t)half * size, half);
    memcpy(out, lanes, size);
}

/* What of x is special: nothing, a NaN at n / 2, zeros of both signs, infinities. */
static void spoil(gr_dtype dtype, void *x, int64_t n, int kind)
{
    if (kind == 1 && n > 0) set(dtype, x, n / 2, NAN);
    for (int64_t i = 0; i < n && kind == 2; i++) set(dtype, x, i, i % 3 ? -0.0 : 0.0);
    for (int64_t i = 0; i < n && kind == 3; i++) set(dtype, x, i, i % 5 ? -INFINITY : INFINITY);
}

#define CHECK(name, dtype, DTYPE, T, neutral) \
    Test(kernels_reduce, name##_##dtype) \
    { \
        static const int64_t sizes[] = {0, 1, 3, 7, 15, 16, 17, 33, 100, 1008, 1023, 1024}; \
        FOR_EACH_TABLE(t) \
        { \
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) { \
                for (int kind = 0; kind < (DTYPE == GR_I64 ? 1 : 4); kind++) { \
                    T x[1030], got, folded, want; \
                    int64_t n = sizes[s], offset = n % 5; \
                    const gr__reduce_kernel *k = &t->kernels->name[DTYPE]; \
                    fill(DTYPE, x, 1030, -2, 2, 7); \
                    spoil(DTYPE, x + offset, n, kind); \
                    want = in_order_##dtype(name##_##dtype, neutral, x + offset, n); \
                    k->block(&got, x + offset, n); \
                    assert_same_bits(DTYPE, &got, &want, 1, "%s, %d elements", t->isa, (int)n); \
                    by_folds(k, sizeof(T), &folded, x + offset, n); \
                    assert_same_bits(DTYPE, &folded, &want, 1, "%s, %d folded", t->isa, (int)n); \
                    cr_assert(kind != 1 || n == 0 || got != got); \
                } \
            } \
        } \
    }

CHECK(sum, f32, GR_F32, float, 0)
CHECK(sum, f64, GR_F64, double, 0)
CHECK(sum, i64, GR_I64, int64_t, 0)
CHECK(max, f32, GR_F32, float, -INFINITY)
CHECK(max, f64, GR_F64, double, -INFINITY)
CHECK(max, i64, GR_I64, int64_t, INT64_MIN)
CHECK(min, f32, GR_F32, float, INFINITY)
CHECK(min, f64, GR_F64, double, INFINITY)
CHECK(min, i64, GR_I64, int64_t, INT64_MAX)

/* A NaN is found wherever it stands. */
Test(kernels_reduce, nan_at_any_place)
{
    FOR_EACH_TABLE(t)
    {
        for (int64_t at = 0; at < 200; at++) {
            float x[200], y;
            fill(GR_F32, x, 200, -2, 2, 11);
            x[at] = NAN;
            t->kernels->max[GR_F32].block(&y, x, 200);
            cr_assert(isnan(y), "%s: max misses the NaN at %d", t->isa, (int)at);
            t->kernels->min[GR_F32].block(&y, x, 200);
            cr_assert(isnan(y), "%s: min misses the NaN at %d", t->isa, (int)at);
        }
    }
}

/* ---- argmax, argmin ---- */

/* The position along the axis, the first on ties, of the first NaN if there is one. */
static int64_t position(const gr__array *x, int64_t offset, int axis, double sign)
{
    int64_t best = 0;
    double most = sign * get(x->dtype, x->data, offset);

    for (int64_t i = 0; i < x->dims[axis]; i++) {
        double y = sign * get(x->dtype, x->data, offset + i * x->strides[axis]);
        if (isnan(y)) return i;
        if (y > most) most = y, best = i;
    }
    return best;
}

static void check_positions(const table *t, const gr__array *x, int axis)
{
    int64_t at[4096];
    gr_shape shape = {.rank = x->rank};
    gr__along along = {axis};

    for (int d = 0; d < x->rank; d++) shape.dims[d] = d == axis ? 1 : x->dims[d];
    gr__array out = array_of(GR_I64, at, shape), kept = *x;
    kept.dims[axis] = 1;
    for (int sign = 1; sign >= -1; sign -= 2) {
        gr__opaque_kernel *kernel = sign > 0 ? t->kernels->argmax[x->dtype]
                                             : t->kernels->argmin[x->dtype];
        memset(at, 0xA5, sizeof at);
        kernel(&out, x, &along, 2, NULL);
        for (int64_t i = 0; i < out.count; i++) {
            int64_t want = position(x, offset_of(&kept, i), axis, sign);
            cr_assert_eq(at[i], want, "%s, axis %d, sign %d: %lld is %lld, want %lld", t->isa, axis,
                         sign, (long long)i, (long long)at[i], (long long)want);
        }
        cr_assert_eq(at[out.count], (int64_t)0xA5A5A5A5A5A5A5A5, "wrote past the end");
    }
}

enum { TIES = 1, NANS = 2 };

/* All axes of an array and of its permutation; TIES: only 7 different numbers, NANS: some of
 * them. */
static void check_array(gr_dtype dtype, gr_shape shape, int kind)
{
    double data[4096];
    uint64_t seed = 5;
    gr__array x = array_of(dtype, data, shape), turned = x;

    for (int64_t i = 0; i < x.count; i++) {
        double y = random_between(&seed, -1000, 1000);
        set(dtype, data, i, kind & TIES ? rint(y / 300) : y);
        if (kind & NANS && i % 37 == 5) set(dtype, data, i, NAN);
    }
    for (int d = 0; d < x.rank; d++) {
        turned.dims[d] = x.dims[x.rank - 1 - d];
        turned.strides[d] = x.strides[x.rank - 1 - d];
    }
    FOR_EACH_TABLE(t)
    {
        for (int axis = 0; axis < x.rank; axis++) {
            check_positions(t, &x, axis);
            check_positions(t, &turned, axis);
        }
    }
}

Test(kernels_argmax, first_of_the_largest)
{
    static const gr_shape shapes[] = {{1, {1}},          {1, {7}},
                                      {2, {3, 7}},       {2, {1, 100}},
                                      {2, {100, 1}},     {2, {30, 130}},
                                      {3, {5, 7, 11}},   {3, {2, 1, 200}},
                                      {4, {3, 7, 4, 5}}, {8, {2, 1, 3, 2, 1, 2, 2, 3}}};

    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int dtype = 0; dtype < GR__DTYPES; dtype++) {
            check_array((gr_dtype)dtype, shapes[s], 0);
            check_array((gr_dtype)dtype, shapes[s], TIES);
            if (dtype != GR_I64) check_array((gr_dtype)dtype, shapes[s], TIES | NANS);
        }
    }
}

/* Extremes are numbers like others: all -inf, and the ends of int64. */
Test(kernels_argmax, of_extremes)
{
    float x[3] = {-INFINITY, -INFINITY, -INFINITY};
    int64_t n[3] = {INT64_MAX, INT64_MIN, INT64_MAX}, at = -1;
    gr__array out = array_of(GR_I64, &at, GR_SHAPE(1));
    gr__array floats = array_of(GR_F32, x, GR_SHAPE(3)), ints = array_of(GR_I64, n, GR_SHAPE(3));

    FOR_EACH_TABLE(t)
    {
        t->kernels->argmax[GR_F32](&out, &floats, &(gr__along){0}, 1, NULL);
        cr_assert_eq(at, 0);
        t->kernels->argmin[GR_I64](&out, &ints, &(gr__along){0}, 1, NULL);
        cr_assert_eq(at, 1);
        t->kernels->argmax[GR_I64](&out, &ints, &(gr__along){0}, 1, NULL);
        cr_assert_eq(at, 0);
    }
}
