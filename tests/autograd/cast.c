/* gr_cast, gr_detach, and GR_NO_GRAD. */
#include "tests/common/check.h"

TestSuite(cast, .init = silence);

static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(y, &x, 1, &g), "%s", gr_error_message());
    return g;
}

static gr_tensor *total(gr_tensor *x)
{
    return gr_sum(x, GR_ALL_AXES, false);
}

Test(cast, between_all_dtypes)
{
    static const double x[] = {2.385, -0.771, 3, -8.6e5, 0, 1e-3};
    static const double whole[] = {2, 0, 3, -8.6e5, 0, 0};

    for (gr_dtype from = GR_F32; from <= GR_I64; from++) {
        for (gr_dtype to = GR_F32; to <= GR_I64; to++) {
            bool integers = from == GR_I64 || to == GR_I64;
            double want[6];
            for (int i = 0; i < 6; i++) {
                bool narrow = from == GR_F32 || to == GR_F32;
                want[i] = integers ? whole[i] : narrow ? (float)x[i] : x[i];
            }
            gr_tensor *y = gr_cast(tensor_of(from, GR_SHAPE(3, 1, 2), x), to);
            cr_assert_eq(gr_dtype_of(y), to);
            cr_assert_eq(gr_rank(y), 3);
            expect_near(y, 6, want, 0);
        }
    }
    EXPECT_NO_LEAK();
}

/* What int64 cannot hold becomes the nearest that it can; NaN becomes 0. */
Test(cast, to_integers_saturates)
{
    for (gr_dtype from = GR_F32; from <= GR_F64; from++) {
        gr_tensor *x = tensor(from, GR_SHAPE(7), INFINITY, -INFINITY, NAN, 1e30, -1e30, -0.9,
                              0x1p63);
        const int64_t *y = gr_data_i64(gr_cast(x, GR_I64));
        cr_assert(y);
        const int64_t want[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, INT64_MIN, 0, INT64_MAX};
        expect_bits(GR_I64, 7, y, want, gr_dtype_name(from));
    }
    EXPECT_NO_LEAK();
}

Test(cast, own_dtype_is_itself)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1, 2);

    cr_assert_eq(gr_cast(x, GR_F32), x);
    EXPECT_NO_LEAK();
}

static gr_tensor *through_f64(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_cast(gr_square(gr_cast(x[0], GR_F64)), GR_F64);
}

/* y = sum (x in the other dtype)^2:  dy/dx = 2x in x's dtype */
Test(cast, gradient_has_the_operands_dtype)
{
    for (gr_dtype from = GR_F32; from <= GR_F64; from++) {
        gr_dtype other = from == GR_F32 ? GR_F64 : GR_F32;
        gr_tensor *x = tensor(from, GR_SHAPE(2), 1.5, -2.25);
        gr_tensor *g = slope_of(total(gr_square(gr_cast(x, other))), x);
        cr_assert_eq(gr_dtype_of(g), from);
        expect_numbers(g, 3, -4.5);
        expect_numbers(slope_of(total(gr_square(g)), x), 12, -18);
    }
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3), 1);
    cr_assert(gr_gradcheck(through_f64, NULL, &x, 1, 2), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

Test(cast, nothing_flows_through_integers)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1.5, -2.25);
    gr_tensor *y = gr_cast(gr_cast(x, GR_I64), GR_F64);

    expect_numbers(y, 1, -2);
    expect_numbers(slope_of(total(gr_add(y, x)), x), 1, 1);
    expect_numbers(slope_of(total(y), x), 0, 0);
    EXPECT_NO_LEAK();
}

Test(cast, errors)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1, 2), *broken;

    cr_assert(gr_is_error(broken = gr_cast(x, (gr_dtype)7)));
    expect_error(GR_ERROR_DTYPE, "gr_cast: dtype: got 7, want GR_F32, GR_F64 or GR_I64");
    cr_assert(gr_is_error(gr_cast(NULL, GR_F32)));
    expect_error(GR_ERROR_VALUE, "gr_cast: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_detach(NULL)));
    expect_error(GR_ERROR_VALUE, "gr_detach: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_cast(broken, GR_F64)));
    cr_assert(gr_is_error(gr_detach(broken)));
    expect_ok();
    EXPECT_NO_LEAK();
}

/* ---- detach ---- */

/* y = x detach(x) + x:  dy/dx = detach(x) + 1 */
Test(cast, detach_cuts_the_history)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1.5, -2.25);

    expect_numbers(gr_detach(x), 1.5, -2.25);
    gr_tensor *g = slope_of(total(gr_add(gr_mul(x, gr_detach(x)), x)), x);
    expect_numbers(g, 2.5, -1.25);
    expect_numbers(slope_of(total(g), x), 0, 0);
    EXPECT_NO_LEAK();
}

/* A detached tensor begins a history of its own. */
Test(cast, detached_tensor_as_target)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1.5, -2.25), *d = gr_detach(gr_square(x));
    gr_tensor *y = total(gr_square(d));

    expect_numbers(slope_of(y, d), 4.5, 10.125);
    expect_numbers(slope_of(y, x), 0, 0);
    EXPECT_NO_LEAK();
}

Test(cast, detach_of_integers)
{
    gr_tensor *d = gr_detach(tensor(GR_I64, GR_SHAPE(2), 3, -4));

    cr_assert_eq(gr_dtype_of(d), GR_I64);
    expect_numbers(d, 3, -4);
    EXPECT_NO_LEAK();
}

/* ---- GR_NO_GRAD ---- */

Test(cast, no_grad_stops_what_its_block_makes)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1.5, -2.25), *a, *b;

    {
        GR_NO_GRAD;
        a = gr_square(x);
        {
            GR_NO_GRAD;
            b = gr_exp(a);
        }
        b = gr_mul(b, 2.0);
    }
    gr_tensor *c = gr_square(x);
    expect_numbers(a, 2.25, 5.0625);
    expect_numbers(slope_of(total(gr_add(a, b)), x), 0, 0);
    expect_numbers(slope_of(total(gr_mul(a, c)), x), 2.25 * 3, 5.0625 * -4.5);
    EXPECT_NO_LEAK();
}

/* Its end is the end of its block, whatever way that is left. */
static gr_tensor *constant_square(const gr_tensor *x)
{
    GR_NO_GRAD;
    return gr_square(x);
}

Test(cast, no_grad_ends_with_its_block)
{
    gr_tensor *x = tensor(GR_F64, GR_SCALAR, 3);

    expect_numbers(slope_of(constant_square(x), x), 0);
    expect_numbers(slope_of(gr_square(x), x), 6);
    gr_no_grad outer = gr_no_grad_begin();
    gr_no_grad inner = gr_no_grad_begin();
    gr_no_grad_end(&inner);
    gr_tensor *still = gr_square(x);
    gr_no_grad_end(&outer);
    expect_numbers(slope_of(still, x), 0);
    EXPECT_NO_LEAK();
}

Test(cast, gradients_made_under_no_grad_are_constants)
{
    gr_tensor *x = tensor(GR_F64, GR_SCALAR, 3), *y = gr_mul(gr_square(x), x), *g;

    {
        GR_NO_GRAD;
        g = slope_of(y, x);
    }
    expect_numbers(g, 27);
    expect_numbers(slope_of(gr_mul(g, x), x), 27);
    EXPECT_NO_LEAK();
}

/* A cell read under GR_NO_GRAD counts as detached. */
Test(cast, no_grad_and_cells)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SCALAR, 3)), *y;

    {
        GR_NO_GRAD;
        y = gr_square(w);
    }
    cr_assert(gr_backward(gr_mul(y, w), params));
    expect_numbers(gr_grad(w), 9);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}
