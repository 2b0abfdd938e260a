/* The constant source: element i is start + i step, wherever the block begins. */
#include "tests/kernels/help.h"

static void check(const table *t, gr_dtype dtype, gr__constant d, int64_t first, int64_t n)
{
    double out[1024];

    t->kernels->constant[dtype](out, &d, first, n);
    for (int64_t i = 0; i < n; i++) {
        double want = d.start + (double)(first + i) * d.step;
        if (dtype == GR_F32) want = (double)(float)want;
        cr_assert_eq(get(dtype, out, i), want, "%s %s: element %lld is %.17g, want %.17g", t->isa,
                     dtype_name(dtype), (long long)(first + i), get(dtype, out, i), want);
    }
}

Test(kernels_constant, ramps)
{
    FOR_EACH_TABLE(t)
    {
        for (int dtype = 0; dtype < GR__DTYPES; dtype++) {
            check(t, (gr_dtype)dtype, (gr__constant){7, 0}, 0, 1024);
            check(t, (gr_dtype)dtype, (gr__constant){-3, 2}, 0, 0);
            check(t, (gr_dtype)dtype, (gr__constant){-3, 2}, 5, 1);
            check(t, (gr_dtype)dtype, (gr__constant){-3, 2}, 1023, 1021);
            if (dtype == GR_I64) continue;
            check(t, (gr_dtype)dtype, (gr__constant){2.385, -0.1}, 1 << 20, 1024);
            check(t, (gr_dtype)dtype, (gr__constant){-INFINITY, 0}, 0, 3);
        }
    }
}

/* A constant -0 keeps its sign: no 0 times 0 is added to it. */
Test(kernels_constant, negative_zero)
{
    FOR_EACH_TABLE(t)
    {
        float x;
        double y;
        t->kernels->constant[GR_F32](&x, &(gr__constant){-0.0, 0}, 5, 1);
        t->kernels->constant[GR_F64](&y, &(gr__constant){-0.0, 0}, 5, 1);
        cr_assert(signbit(x) && signbit(y), "%s", t->isa);
    }
}

/* Doubles would lose the last bits of these. */
Test(kernels_constant, integers_are_exact)
{
    FOR_EACH_TABLE(t)
    {
        int64_t out[3], first = INT64_C(1) << 60;
        t->kernels->constant[GR_I64](out, &(gr__constant){1, 3}, first, 3);
        for (int i = 0; i < 3; i++) cr_assert_eq(out[i], 3 * (first + i) + 1);
    }
}
