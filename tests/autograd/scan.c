/* What the certification table cannot say of scans: how they round, where their second derivatives
 * could be NaN, and the other direction. */
#include "tests/common/check.h"

TestSuite(scan, .init = silence);

enum { LONG = 100003 };

/* f32 is added in double and rounded once for each element: after 100,003 addends of 0.1, f32 by
 * itself would be off by 0.02 %. */
Test(scan, a_sum_in_f32_is_rounded_once)
{
    GR_SCOPE;
    const float *y = gr_data_f32(gr_cumsum(gr_full(GR_F32, GR_SHAPE(LONG), 0.1), 0));
    double sum = 0;

    for (int64_t i = 0; i < LONG; i++) {
        sum += (double)0.1f;
        cr_assert_eq(y[i], (float)sum, "element %lld", (long long)i);
    }
    EXPECT_NO_LEAK();
}

/* On a ramp each element is the largest so far, so each step rescales the sum:
 * y_i = log((e^((i+1) s) - 1) / (e^s - 1)). */
Test(scan, logcumsumexp_keeps_its_accuracy_on_a_ramp)
{
    double s = 0x1p-14;
    GR_SCOPE;
    const double *y = gr_data_f64(gr_logcumsumexp(gr_arange(GR_F64, LONG, 0, s), 0));

    for (int64_t i = 0; i < LONG; i++) {
        double want = log(expm1((double)(i + 1) * s) / expm1(s));
        cr_assert_leq(fabs(y[i] - want), 1e-13 * (1 + fabs(want)),
                      "element %lld: got %.17g, want %.17g", (long long)i, y[i], want);
    }
    EXPECT_NO_LEAK();
}

/* The gradients of |gradient of sum y^2|^2, without the elements of -inf. */
static gr_tensor *second_order(gr_tensor *x)
{
    gr_tensor *y = gr_logcumsumexp(x, 0), *g, *h;

    y = gr_where(gr_equal(y, -INFINITY), 0, y);
    cr_assert(gr_gradients(gr_sum(gr_square(y), GR_ALL_AXES, false), &x, 1, &g));
    cr_assert(gr_gradients(gr_sum(gr_square(g), GR_ALL_AXES, false), &x, 1, &h));
    return h;
}

Test(scan, elements_of_minus_infinity_leave_second_derivatives_alone)
{
    GR_SCOPE;
    gr_tensor *bare = tensor(GR_F64, GR_SHAPE(3), 1.25, -0.5, 2);
    gr_tensor *mixed = tensor(GR_F64, GR_SHAPE(6), -INFINITY, -INFINITY, 1.25, -0.5, 2, -INFINITY);
    gr_tensor *once = tensor(GR_F64, GR_SHAPE(4), -INFINITY, 1.25, -0.5, 2);
    double *want = numbers_of(second_order(bare)), *got = numbers_of(second_order(once));

    for (int i = 0; i < 3; i++) {
        cr_assert_leq(fabs(got[i + 1] - want[i]), 1e-14 * fabs(want[i]));
    }
    cr_assert_eq(got[0], 0);
    free(got);
    got = numbers_of(second_order(mixed));
    for (int i = 0; i < 6; i++) {
        cr_assert(isfinite(got[i]), "element %d", i);
        cr_assert(i >= 2 && i < 5 ? got[i] != 0 : got[i] == 0, "element %d: %g", i, got[i]);
    }
    free(got);
    free(want);
    EXPECT_NO_LEAK();
}

/* Discounted returns: R_t = r_t + gamma R_(t+1), the recurrence of rewards turned round. */
Test(scan, returns_are_a_recurrence_turned_round)
{
    GR_SCOPE;
    gr_tensor *reward = tensor(GR_F64, GR_SHAPE(2, 3), 1, 2, 4, 0.5, 0, 8);
    gr_axes time = GR_AXES(1);
    gr_tensor *returns = gr_flip(gr_recurrence(0.5, gr_flip(reward, time), 1), time);

    expect_numbers(returns, 3, 4, 4, 2.5, 4, 8);
    EXPECT_NO_LEAK();
}
