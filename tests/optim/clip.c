/* gr_clip_grad_norm: norm = sqrt(sum g^2) over all gradients; g <- g max_norm / norm if norm is
 * larger. */
#include "tests/losses/expect.h"

static gr_params *params;
static gr_tensor *a, *b, *idle;

static void begin(void)
{
    quiet();
    params = gr_params_new();
    a = gr_param(params, "a", gr_zeros(GR_SHAPE(3)));
    gr_state(params, "statistics", gr_zeros(GR_SHAPE(2)));
    b = gr_param(gr_params_group(params, "group"), "b", gr_zeros(GR_SHAPE(2, 1)));
    idle = gr_param(params, "idle", gr_zeros(GR_SCALAR));
}

static void end(void)
{
    gr_params_free(params);
}

TestSuite(clip, .init = begin, .fini = end);

static const double ga[] = {2.375, -0.75, 4.5}, gb[] = {-1.25, 3.125};

static void give(const double *for_a, const double *for_b)
{
    cr_assert(gr_set_grad(a, tensor_of(GR_F32, GR_SHAPE(3), for_a)));
    cr_assert(gr_set_grad(b, tensor_of(GR_F32, GR_SHAPE(2, 1), for_b)));
}

static double norm_of_both(void)
{
    return sqrt(ga[0] * ga[0] + ga[1] * ga[1] + ga[2] * ga[2] + gb[0] * gb[0] + gb[1] * gb[1]);
}

Test(clip, scales_a_norm_that_is_too_large)
{
    double norm = norm_of_both(), s = 1.5 / norm;

    give(ga, gb);
    gr_tensor *got = gr_clip_grad_norm(params, 1.5);
    EXPECT_SHAPE(got, GR_SCALAR);
    cr_assert_eq(gr_dtype_of(got), GR_F32);
    EXPECT(got, 1e-7, norm);
    EXPECT(gr_grad(a), 1e-7, s * ga[0], s * ga[1], s * ga[2]);
    EXPECT(gr_grad(b), 1e-7, s * gb[0], s * gb[1]);
    EXPECT_SHAPE(gr_grad(b), GR_SHAPE(2, 1));
    cr_assert_null(gr_grad(idle));
    EXPECT(gr_clip_grad_norm(params, INFINITY), 1e-6, 1.5);
}

/* Bit for bit, at the bound too: 3-4-12-84 has norm 85. */
Test(clip, leaves_a_norm_that_is_not)
{
    double pa[] = {3, -4, 12}, pb[] = {84, 0};
    double bounds[] = {85, 86, INFINITY};

    for (int i = 0; i < 3; i++) {
        give(pa, pb);
        EXPECT(gr_clip_grad_norm(params, bounds[i]), 0, 85);
        EXPECT_ARRAY(gr_grad(a), 0, pa);
        EXPECT_ARRAY(gr_grad(b), 0, pb);
    }
}

Test(clip, no_gradient_and_gradients_of_zero)
{
    EXPECT(gr_clip_grad_norm(params, 1), 0, 0);
    cr_assert_null(gr_grad(a));
    give((double[]){0, 0, 0}, (double[]){0, 0});
    EXPECT(gr_clip_grad_norm(params, 1), 0, 0);
    EXPECT(gr_grad(a), 0, 0, 0, 0);
}

/* What is not finite is not made finite. */
Test(clip, hides_nothing)
{
    give((double[]){2.5, NAN, 1}, gb);
    cr_assert(isnan(gr_item(gr_clip_grad_norm(params, 1))));
    cr_assert(isnan(element(gr_grad(a), 1)));
    give((double[]){2.5, INFINITY, 1}, gb);
    cr_assert(isinf(gr_item(gr_clip_grad_norm(params, 1))));
    cr_assert_not(isfinite(element(gr_grad(a), 1)));
}

/* Squares that f32 cannot hold: norm 1e25 sqrt(2). */
Test(clip, squares_do_not_overflow)
{
    give((double[]){1e25, 0, 0}, (double[]){0, -1e25});
    EXPECT(gr_clip_grad_norm(params, 2), 1e-6, 1e25 * sqrt(2));
    EXPECT(gr_grad(a), 1e-6, sqrt(2), 0, 0);
    EXPECT(gr_grad(b), 1e-6, 0, -sqrt(2));
}

Test(clip, gradients_of_both_dtypes)
{
    gr_tensor *wide = gr_param(params, "wide", gr_full(GR_F64, GR_SHAPE(1), 0));
    double norm = sqrt(norm_of_both() * norm_of_both() + 0.6 * 0.6), s = 0.5 / norm;

    give(ga, gb);
    gr_set_grad(wide, gr_full(GR_F64, GR_SHAPE(1), 0.6));
    EXPECT(gr_clip_grad_norm(params, 0.5), 1e-7, norm);
    EXPECT(gr_grad(a), 1e-7, s * ga[0], s * ga[1], s * ga[2]);
    EXPECT(gr_grad(wide), 1e-15, s * 0.6);
}

Test(clip, before_a_step)
{
    gr_optimizer *sgd = gr_sgd(params, (gr_sgd_options){.lr = 1});
    double s = 1.5 / norm_of_both();

    give(ga, gb);
    gr_tensor *norm = gr_clip_grad_norm(params, 1.5);
    cr_assert(gr_step(sgd), "%s", gr_error_message());
    EXPECT(a, 1e-7, -s * ga[0], -s * ga[1], -s * ga[2]);
    EXPECT(norm, 1e-7, norm_of_both());
    gr_optimizer_free(sgd);
}

Test(clip, errors)
{
    give(ga, gb);
    EXPECT_ERROR(gr_clip_grad_norm(params, 0), "gr_clip_grad_norm: max_norm: got 0, want above 0");
    EXPECT_ERROR(gr_clip_grad_norm(params, -1),
                 "gr_clip_grad_norm: max_norm: got -1, want above 0");
    EXPECT_ERROR(gr_clip_grad_norm(params, (double)NAN),
                 "gr_clip_grad_norm: max_norm: got nan, want above 0");
    EXPECT_ARRAY(gr_grad(a), 0, ga);
    EXPECT_ARRAY(gr_grad(b), 0, gb);
}
