/* Stochastic gradient descent with momentum. Public API only. */
#include <gradus.h>
#include <math.h>

#include "optim/optimizer.h"

gr_sgd_options gr_sgd_defaults(void)
{
    return (gr_sgd_options){.lr = 0.01};
}

static bool check(const void *options)
{
    const gr_sgd_options *o = options;

    if (!gr__check_option("gr_sgd", "lr", o->lr, INFINITY) ||
        !gr__check_option("gr_sgd", "momentum", o->momentum, INFINITY) ||
        !gr__check_option("gr_sgd", "dampening", o->dampening, INFINITY) ||
        !gr__check_option("gr_sgd", "weight_decay", o->weight_decay, INFINITY)) {
        return false;
    }
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0)) {
        return gr_fail(GR_ERROR_VALUE, "gr_sgd", "nesterov",
                       "got momentum %g and dampening %g, want momentum above 0 and dampening 0",
                       o->momentum, o->dampening);
    }
    return true;
}

/* g <- g + weight_decay p;   p <- p - lr g */
static void plain_rule(const void *options, gr__update *u)
{
    const gr_sgd_options *o = options;

    if (o->weight_decay > 0) {
        u->g = gr_add_mul(u->g, o->weight_decay, u->p);
    }
    u->p = gr_add_mul(u->p, -u->lr, u->g);
}

/* g <- g + weight_decay p;   b <- momentum b + (1 - dampening) g   (first step: b = g)
 * p <- p - lr b        (nesterov: p - lr (g + momentum b)) */
static void momentum_rule(const void *options, gr__update *u)
{
    const gr_sgd_options *o = options;
    const gr_tensor *g = u->g, *b = u->moments[0];

    if (o->weight_decay > 0) {
        g = gr_add_mul(g, o->weight_decay, u->p);
    }
    b = u->t == 1 ? g : gr_add_mul(gr_mul(o->momentum, b), 1 - o->dampening, g);
    u->moments[0] = b;
    u->p = gr_add_mul(u->p, -u->lr, o->nesterov ? gr_add_mul(g, o->momentum, b) : b);
}

static const gr__method plain = {
    .name = "gr_sgd",
    .options_size = sizeof(gr_sgd_options),
    .check = check,
    .rule = plain_rule,
};

static const gr__method with_momentum = {
    .name = "gr_sgd",
    .moments = 1,
    .moment = {"momentum_buffer"},
    .options_size = sizeof(gr_sgd_options),
    .check = check,
    .rule = momentum_rule,
};

gr_optimizer *gr_sgd(gr_params *params, gr_sgd_options options)
{
    const gr__method *method = options.momentum == 0 ? &plain : &with_momentum;

    return gr__optimizer_new(method, params, options.lr, &options);
}
