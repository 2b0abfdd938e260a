/* gr_adam, followed step by step:
 *     m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
 *     p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) */
#include "tests/optim/follow.h"

TestSuite(adam, .init = quiet);

/* Four steps in each dtype, against the formula written out for one number. */
static void follow(gr_adam_options o)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        double tolerance = dtype == GR_F32 ? 1e-6 : 1e-14;
        double p[SIZE], m[SIZE] = {0}, v[SIZE] = {0};
        gr_params *params = gr_params_new();
        gr_tensor *cell = parameter(params, "w", dtype);
        gr_optimizer *optimizer = gr_adam(params, o);
        memcpy(p, first, sizeof p);

        for (int t = 1; t <= STEPS; t++) {
            cr_assert(step_with(optimizer, cell, gradients[t - 1]), "%s", gr_error_message());
            for (int i = 0; i < SIZE; i++) {
                double g = gradients[t - 1][i] + (o.decoupled ? 0 : o.weight_decay * p[i]);
                double decay = o.decoupled ? o.lr * o.weight_decay * p[i] : 0;
                m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
                v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
                double mean = m[i] / (1 - pow(o.beta1, t)), square = v[i] / (1 - pow(o.beta2, t));
                p[i] -= decay + o.lr * mean / (sqrt(square) + o.eps);
            }
            EXPECT_ARRAY(cell, tolerance, p);
            EXPECT_ARRAY(state_of(optimizer, "exp_avg.w"), tolerance, m);
            EXPECT_ARRAY(state_of(optimizer, "exp_avg_sq.w"), tolerance, v);
            EXPECT(state_of(optimizer, "step.w"), 0, t);
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
}

Test(adam, defaults)
{
    gr_adam_options o = gr_adam_defaults(), w = gr_adamw_defaults();

    cr_assert(o.lr == 0.001 && o.beta1 == 0.9 && o.beta2 == 0.999 && o.eps == 1e-8);
    cr_assert(o.weight_decay == 0 && !o.decoupled);
    cr_assert(w.weight_decay == 0.01 && w.decoupled);
    cr_assert(w.lr == o.lr && w.beta1 == o.beta1 && w.beta2 == o.beta2 && w.eps == o.eps);
}

Test(adam, plain)
{
    follow(gr_adam_defaults());
    follow((gr_adam_options){.lr = 0.3, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-8});
}

/* Zero stays a legal value of every option. */
Test(adam, zeros)
{
    follow((gr_adam_options){.lr = 0.3, .beta1 = 0, .beta2 = 0.95, .eps = 1e-8});
    follow((gr_adam_options){.lr = 0.3, .beta1 = 0.8, .beta2 = 0, .eps = 0});
}

/* eps stands outside the root, after the bias of v is corrected. */
Test(adam, a_large_eps)
{
    follow((gr_adam_options){.lr = 0.3, .beta1 = 0.8, .beta2 = 0.95, .eps = 0.5});
}

Test(adam, weight_decay_in_the_gradient)
{
    follow((gr_adam_options){
        .lr = 0.3, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.2});
}

/* AdamW */
Test(adam, weight_decay_decoupled)
{
    follow(gr_adamw_defaults());
    follow((gr_adam_options){.lr = 0.3,
                             .beta1 = 0.8,
                             .beta2 = 0.95,
                             .eps = 1e-8,
                             .weight_decay = 0.2,
                             .decoupled = true});
}

/* Whatever its gradient's size, the first step is lr. */
Test(adam, the_first_step_is_the_rate)
{
    gr_params *params = gr_params_new();
    gr_tensor *cell = parameter(params, "w", GR_F64);
    gr_optimizer *optimizer = gr_adam(
        params, (gr_adam_options){.lr = 0.25, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-30});

    cr_assert(step_with(optimizer, cell, (double[]){1e-9, -3e6, 0.4}));
    EXPECT(cell, 1e-14, first[0] - 0.25, first[1] + 0.25, first[2] - 0.25);
    gr_optimizer_free(optimizer);
    gr_params_free(params);
}

Test(adam, options_out_of_range)
{
    gr_params *params = gr_params_new();
    gr_adam_options o[6];
    for (int i = 0; i < 6; i++) {
        o[i] = gr_adam_defaults();
    }
    o[0].lr = (double)INFINITY;
    o[1].beta1 = 1.5;
    o[2].beta2 = 1;
    o[3].beta2 = -0.1;
    o[4].eps = (double)NAN;
    o[5].weight_decay = -0.01;
    expect_no_optimizer(gr_adam(params, o[0]), "gr_adam: lr: got inf, want 0 or more, finite");
    expect_no_optimizer(gr_adam(params, o[1]), "gr_adam: beta1: got 1.5, want 0 to less than 1");
    expect_no_optimizer(gr_adam(params, o[2]), "gr_adam: beta2: got 1, want 0 to less than 1");
    expect_no_optimizer(gr_adam(params, o[3]), "gr_adam: beta2: got -0.1, want 0 to less than 1");
    expect_no_optimizer(gr_adam(params, o[4]), "gr_adam: eps: got nan, want 0 or more, finite");
    expect_no_optimizer(gr_adam(params, o[5]),
                        "gr_adam: weight_decay: got -0.01, want 0 or more, finite");
    expect_no_optimizer(gr_adam(NULL, gr_adam_defaults()),
                        "gr_adam: params: got NULL, want a gr_params");
    gr_params_free(params);
}

/* A struct initialiser that names one field sets the others to 0: no Adam that anybody wants. */
Test(adam, a_zeroed_struct_is_no_default)
{
    gr_params *params = gr_params_new();

    gr_optimizer_free(gr_adam(params, (gr_adam_options){.lr = 0.1}));
    cr_assert_str_eq(
        gr_error_message(),
        "gr_adam: eps: got 0, and both betas are 0: where a gradient is 0 the step would "
        "be 0 / 0; options start from gr_adam_defaults()");
    gr_params_free(params);
}
