/* gr_sgd, followed step by step:
 *     g <- g + weight_decay p;   b <- momentum b + (1 - dampening) g   (first step: b = g)
 *     p <- p - lr b        (nesterov: p - lr (g + momentum b)) */
#include "tests/optim/follow.h"

TestSuite(sgd, .init = quiet);

/* Four steps in each dtype, against the formula written out for one number. */
static void follow(gr_sgd_options o)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        double tolerance = dtype == GR_F32 ? 1e-6 : 1e-14, p[SIZE], b[SIZE];
        gr_params *params = gr_params_new();
        gr_tensor *cell = parameter(params, "w", dtype);
        gr_optimizer *optimizer = gr_sgd(params, o);
        memcpy(p, first, sizeof p);

        for (int t = 1; t <= STEPS; t++) {
            cr_assert(step_with(optimizer, cell, gradients[t - 1]), "%s", gr_error_message());
            for (int i = 0; i < SIZE; i++) {
                double g = gradients[t - 1][i] + o.weight_decay * p[i];
                b[i] = t == 1 ? g : o.momentum * b[i] + (1 - o.dampening) * g;
                double direction = o.nesterov ? g + o.momentum * b[i] : o.momentum > 0 ? b[i] : g;
                p[i] -= o.lr * direction;
            }
            EXPECT_ARRAY(cell, tolerance, p);
            if (o.momentum > 0) {
                EXPECT_ARRAY(state_of(optimizer, "momentum_buffer.w"), tolerance, b);
            }
            EXPECT(state_of(optimizer, "step.w"), 0, t);
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
}

Test(sgd, defaults)
{
    gr_sgd_options o = gr_sgd_defaults();

    cr_assert(o.lr == 0.01 && o.momentum == 0 && o.dampening == 0 && o.weight_decay == 0);
    cr_assert_not(o.nesterov);
}

Test(sgd, plain)
{
    follow((gr_sgd_options){.lr = 0.3});
}

Test(sgd, momentum)
{
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85});
}

/* The first step is not dampened. */
Test(sgd, dampening)
{
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85, .dampening = 0.4});
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85, .dampening = 1});
}

Test(sgd, nesterov)
{
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85, .nesterov = true});
}

Test(sgd, weight_decay)
{
    follow((gr_sgd_options){.lr = 0.3, .weight_decay = 0.07});
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85, .weight_decay = 0.07});
    follow((gr_sgd_options){.lr = 0.3, .momentum = 0.85, .weight_decay = 0.07, .nesterov = true});
}

Test(sgd, a_rate_of_0_moves_nothing)
{
    follow((gr_sgd_options){.lr = 0, .momentum = 0.85});
}

Test(sgd, options_out_of_range)
{
    gr_params *params = gr_params_new();
    gr_sgd_options o[6];
    for (int i = 0; i < 6; i++) {
        o[i] = gr_sgd_defaults();
    }
    o[0].lr = -0.1;
    o[1].lr = (double)NAN;
    o[2].momentum = -0.5;
    o[3].dampening = -1;
    o[4].weight_decay = (double)INFINITY;
    o[5].nesterov = true;
    expect_no_optimizer(gr_sgd(params, o[0]), "gr_sgd: lr: got -0.1, want 0 or more, finite");
    expect_no_optimizer(gr_sgd(params, o[1]), "gr_sgd: lr: got nan, want 0 or more, finite");
    expect_no_optimizer(gr_sgd(params, o[2]), "gr_sgd: momentum: got -0.5, want 0 or more, finite");
    expect_no_optimizer(gr_sgd(params, o[3]), "gr_sgd: dampening: got -1, want 0 or more, finite");
    expect_no_optimizer(gr_sgd(params, o[4]),
                        "gr_sgd: weight_decay: got inf, want 0 or more, finite");
    expect_no_optimizer(gr_sgd(params, o[5]), "gr_sgd: nesterov: got momentum 0 and dampening 0, "
                                              "want momentum above 0 and dampening 0");
    o[5].momentum = 0.9;
    o[5].dampening = 0.1;
    expect_no_optimizer(gr_sgd(params, o[5]),
                        "gr_sgd: nesterov: got momentum 0.9 and dampening 0.1, want momentum above "
                        "0 and dampening 0");
    gr_params_free(params);
}
