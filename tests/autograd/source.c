/* Constants and progressions: gr_full, gr_zeros, gr_ones, gr_arange. */
#include "tests/common/check.h"

TestSuite(source, .init = silence);

Test(source, full)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
        expect_numbers(gr_full(dtype, GR_SHAPE(2, 1, 2), -3), -3, -3, -3, -3);
        expect_numbers(gr_full(dtype, GR_SCALAR, 7), 7);
        cr_assert_eq(gr_count(gr_full(dtype, GR_SHAPE(3, 0), 7)), 0);
        cr_assert_eq(gr_dtype_of(gr_full(dtype, GR_SCALAR, 7)), dtype);
    }
    expect_numbers(gr_full(GR_F64, GR_SCALAR, 2.385), 2.385);
    expect_numbers(gr_full(GR_F32, GR_SCALAR, 2.385), 2.385f);
    expect_numbers(gr_full(GR_F64, GR_SHAPE(2), NAN), NAN, NAN);
    expect_numbers(gr_full(GR_F32, GR_SHAPE(2), -INFINITY), -INFINITY, -INFINITY);
    EXPECT_NO_LEAK();
}

Test(source, full_of_many)
{
    enum { MANY = 100003 };
    double *want = malloc(MANY * sizeof *want);

    for (int i = 0; i < MANY; i++) {
        want[i] = 0.418;
    }
    expect_near(gr_full(GR_F64, GR_SHAPE(MANY), 0.418), MANY, want, 0);
    free(want);
    EXPECT_NO_LEAK();
}

Test(source, zeros_and_ones_have_the_default_dtype)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_set_default_dtype(dtype);
        expect_numbers(gr_zeros(GR_SHAPE(3)), 0, 0, 0);
        expect_numbers(gr_ones(GR_SHAPE(1, 2)), 1, 1);
        cr_assert_eq(gr_dtype_of(gr_zeros(GR_SCALAR)), dtype);
        cr_assert_eq(gr_dtype_of(gr_ones(GR_SCALAR)), dtype);
    }
    EXPECT_NO_LEAK();
}

/* start + i step, rounded once */
Test(source, arange)
{
    enum { MANY = 70001 };
    double *want = malloc(MANY * sizeof *want);

    for (int i = 0; i < MANY; i++) {
        want[i] = 0.5 + i * -0.3;
    }
    expect_near(gr_arange(GR_F64, MANY, 0.5, -0.3), MANY, want, 0);
    for (int i = 0; i < MANY; i++) {
        want[i] = (float)want[i];
    }
    expect_near(gr_arange(GR_F32, MANY, 0.5, -0.3), MANY, want, 0);
    for (int i = 0; i < MANY; i++) {
        want[i] = 12 - 7.0 * i;
    }
    expect_near(gr_arange(GR_I64, MANY, 12, -7), MANY, want, 0);
    cr_assert_eq(gr_count(gr_arange(GR_I64, 0, 5, 1)), 0);
    free(want);
    EXPECT_NO_LEAK();
}

Test(source, integers_beyond_doubles)
{
    const int64_t want[] = {INT64_C(1) << 53, (INT64_C(1) << 53) + 1, (INT64_C(1) << 53) + 2};

    expect_bits(GR_I64, 3, gr_data_i64(gr_arange(GR_I64, 3, 0x1p53, 1)), want, "from 2^53");
    EXPECT_NO_LEAK();
}

Test(source, no_gradient_flows_into_constants)
{
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(2), 3), *g;

    cr_assert(gr_gradients(gr_sum(gr_square(x), GR_ALL_AXES, false), &x, 1, &g));
    expect_numbers(g, 6, 6);
    EXPECT_NO_LEAK();
}

Test(source, errors)
{
    cr_assert(gr_is_error(gr_full((gr_dtype)5, GR_SCALAR, 1)));
    expect_error(GR_ERROR_DTYPE, "gr_full: dtype: got 5, want GR_F32, GR_F64 or GR_I64");
    cr_assert(gr_is_error(gr_full(GR_F32, GR_SHAPE(2, -3), 1)));
    expect_error(GR_ERROR_SHAPE, "gr_full: shape: axis 1: got -3, want 0 or more");
    cr_assert(gr_is_error(gr_zeros((gr_shape){.rank = 9})));
    expect_error(GR_ERROR_SHAPE, "gr_zeros: shape: got rank 9, want 0 to 8");
    cr_assert(gr_is_error(gr_ones(GR_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40))));
    expect_error(GR_ERROR_MEMORY, "gr_ones: shape: the product of the extents overflows");
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SCALAR, 1.5)));
    expect_error(GR_ERROR_VALUE,
                 "gr_full: got 1.5, want whole numbers that fit i64; use GR_F64 for others");
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SCALAR, NAN)));
    expect_error(GR_ERROR_VALUE,
                 "gr_full: got nan, want whole numbers that fit i64; use GR_F64 for others");
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SCALAR, INFINITY)));
    gr_error_clear();
    cr_assert(gr_is_error(gr_arange(GR_I64, 4, 1, 0.25)));
    expect_error(GR_ERROR_VALUE,
                 "gr_arange: got 0.25, want whole numbers that fit i64; use GR_F64 for others");
    cr_assert(gr_is_error(gr_arange(GR_I64, 4, 0x1p62, 0x1p62)));
    gr_error_clear();
    EXPECT_NO_LEAK();
}
