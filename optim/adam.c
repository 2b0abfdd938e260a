/* Adam and AdamW. Public API only. */
#include <gradus.h>
#include <math.h>

#include "optim/optimizer.h"

gr_adam_options gr_adam_defaults(void)
{
    return (gr_adam_options){.lr = 0.001, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
}

gr_adam_options gr_adamw_defaults(void)
{
    gr_adam_options options = gr_adam_defaults();

    options.weight_decay = 0.01;
    options.decoupled = true;
    return options;
}

static bool check(const void *options)
{
    const gr_adam_options *o = options;

    return gr__check_option("gr_adam", "lr", o->lr, INFINITY) &&
           gr__check_option("gr_adam", "beta1", o->beta1, 1) &&
           gr__check_option("gr_adam", "beta2", o->beta2, 1) &&
           gr__check_option("gr_adam", "eps", o->eps, INFINITY) &&
           gr__check_option("gr_adam", "weight_decay", o->weight_decay, INFINITY) &&
           (o->beta1 > 0 || o->beta2 > 0 || o->eps > 0 ||
            gr_fail(GR_ERROR_VALUE, "gr_adam", "eps",
                    "got 0, and both betas are 0: where a gradient is 0 the step would be 0 / 0; "
                    "options start from gr_adam_defaults()"));
}

/* m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
 * p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), with
 * sqrt(1 - beta2^t) taken out of the fraction */
static void rule(const void *options, gr__update *u)
{
    const gr_adam_options *o = options;
    const gr_tensor *p = u->p, *g = u->g;

    if (o->weight_decay > 0 && o->decoupled) {
        p = gr_mul(1 - u->lr * o->weight_decay, p);
    } else if (o->weight_decay > 0) {
        g = gr_add_mul(g, o->weight_decay, p);
    }
    gr_tensor *m = gr_lerp(u->moments[0], g, 1 - o->beta1);
    gr_tensor *v = gr_lerp(u->moments[1], gr_square(g), 1 - o->beta2);
    double root = sqrt(1 - pow(o->beta2, u->t)), rate = u->lr * root / (1 - pow(o->beta1, u->t));

    u->moments[0] = m;
    u->moments[1] = v;
    u->p = gr_add_mul(p, -rate, gr_div(m, gr_add(gr_sqrt(v), o->eps * root)));
}

static const gr__method adam = {
    .name = "gr_adam",
    .moments = 2,
    .moment = {"exp_avg", "exp_avg_sq"},
    .options_size = sizeof(gr_adam_options),
    .check = check,
    .rule = rule,
};

gr_optimizer *gr_adam(gr_params *params, gr_adam_options options)
{
    return gr__optimizer_new(&adam, params, options.lr, &options);
}
