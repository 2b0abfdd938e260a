/* The reduction kernels against a plain statement of their order, repeat, argmax and argmin against
 * a loop. */
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

/* Neighbours first: the longest power of two from the left, then the rest. */
#define NEIGHBOURS(dtype, T) \
    static T neighbours_##dtype(T (*fold)(T, T), const T *x, int64_t n) \
    { \
        int64_t left = 1; \
        if (n == 1) return *x; \
        while (2 * left < n) left *= 2; \
        return fold(neighbours_##dtype(fold, x, left), \
                    neighbours_##dtype(fold, x + left, n - left)); \
    }

NEIGHBOURS(f32, float)
NEIGHBOURS(f64, double)
NEIGHBOURS(i64, int64_t)

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

/* Rows of these kinds follow each other, so that what one holds is seen not to reach the next. */
static void spoil_rows(gr_dtype dtype, void *x, int64_t rows, int64_t n)
{
    size_t size = dtype_size(dtype);

    for (int64_t r = 0; r < rows && dtype != GR_I64; r++)
        spoil(dtype, (char *)x + (size_t)(r * n) * size, n, (int)(r % 5));
    for (int64_t r = 4; r < rows && n > 0 && dtype != GR_I64; r += 5)
        set(dtype, x, r * n + r * 7 % n, NAN);
}

enum { LEAVES = 4097 };

/* ROWS: short and long ones, from an odd address, each as a block by itself. TREE: what is special
 * at any place. Neither writes beyond its results. */
#define CHECK_MANY(name, dtype, DTYPE, T, neutral) \
    Test(kernels_reduce, name##_rows_##dtype) \
    { \
        static T x[40 * 1024 + 8], got[41], want[41]; \
        FOR_EACH_TABLE(t) \
        { \
            const gr__reduce_kernel *k = &t->kernels->name[DTYPE]; \
            for (int64_t n = 1; n <= 1024; n = n < 70 ? n + 1 : n < 960 ? n + 89 : n + 1) { \
                int64_t rows = n < 70 ? n % 41 : 7, offset = n % 5; \
                fill(DTYPE, x, 40 * 1024 + 8, -2, 2, (uint64_t)n); \
                spoil_rows(DTYPE, x + offset, rows, n); \
                memset(got, 0x5A, sizeof got); \
                memset(want, 0x5A, sizeof want); \
                for (int64_t r = 0; r < rows; r++) \
                    want[r] = in_order_##dtype(name##_##dtype, neutral, x + offset + r * n, n); \
                k->rows(got, x + offset, rows, n); \
                assert_same_bits(DTYPE, got, want, 41, "%s, rows of %d", t->isa, (int)n); \
                for (int64_t r = 0; r < rows; r++) k->block(&got[r], x + offset + r * n, n); \
                assert_same_bits(DTYPE, got, want, 41, "%s, blocks of %d", t->isa, (int)n); \
            } \
        } \
    } \
\
    Test(kernels_reduce, name##_tree_##dtype) \
    { \
        static T x[LEAVES + 1], y[LEAVES + 1]; \
        FOR_EACH_TABLE(t) \
        { \
            for (int64_t n = 1; n <= LEAVES; n = n == 40 ? LEAVES : n + 1) { \
                for (int kind = 0; kind < (DTYPE == GR_I64 ? 1 : 4); kind++) { \
                    fill(DTYPE, x, LEAVES + 1, -2, 2, (uint64_t)n); \
                    spoil(DTYPE, x, n, kind); \
                    memcpy(y, x, sizeof y); \
                    T want = neighbours_##dtype(name##_##dtype, x, n); \
                    t->kernels->name[DTYPE].tree(y, n); \
                    assert_same_bits(DTYPE, y, &want, 1, "%s, %d leaves", t->isa, (int)n); \
                    assert_same_bits(DTYPE, y + n, x + n, LEAVES + 1 - n, "%s, beyond", t->isa); \
                } \
            } \
        } \
    }

#define CHECK_ALL(name, dtype, DTYPE, T, neutral) \
    CHECK(name, dtype, DTYPE, T, neutral) CHECK_MANY(name, dtype, DTYPE, T, neutral)

CHECK_ALL(sum, f32, GR_F32, float, 0)
CHECK_ALL(sum, f64, GR_F64, double, 0)
CHECK_ALL(sum, i64, GR_I64, int64_t, 0)
CHECK_ALL(max, f32, GR_F32, float, -INFINITY)
CHECK_ALL(max, f64, GR_F64, double, -INFINITY)
CHECK_ALL(max, i64, GR_I64, int64_t, INT64_MIN)
CHECK_ALL(min, f32, GR_F32, float, INFINITY)
CHECK_ALL(min, f64, GR_F64, double, INFINITY)
CHECK_ALL(min, i64, GR_I64, int64_t, INT64_MAX)

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

/* ---- repeat ---- */

/* Every number as often as it is wanted, bit for bit, and nothing beyond. */
Test(kernels_repeat, as_a_loop)
{
    static double x[70], got[70 * 70 + 1], want[70 * 70 + 1];

    for (int dtype = 0; dtype < GR__DTYPES; dtype++) {
        size_t size = dtype_size((gr_dtype)dtype);
        fill((gr_dtype)dtype, x, 70, -2, 2, 3);
        for (int64_t i = 0; i < 70 && dtype != GR_I64; i += 3)
            set((gr_dtype)dtype, x, i, i % 2 ? -0.0 : NAN);
        FOR_EACH_TABLE(t)
        {
            for (int64_t n = 0; n <= 70; n += 1 + n % 5) {
                for (int64_t times = 0; times <= 70; times++) {
                    memset(got, 0xA5, sizeof got);
                    memset(want, 0xA5, sizeof want);
                    for (int64_t i = 0; i < n * times; i++)
                        memcpy((char *)want + (size_t)i * size,
                               (char *)x + (size_t)(i / times) * size, size);
                    t->kernels->repeat[dtype](got, x, n, times);
                    cr_assert_eq(memcmp(got, want, sizeof got), 0, "%s %s: %d, %d times", t->isa,
                                 dtype_name((gr_dtype)dtype), (int)n, (int)times);
                }
            }
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
