/* A parameter of three numbers whose gradients are given, so that a test can follow each step. */
#ifndef TESTS_OPTIM_FOLLOW_H
#define TESTS_OPTIM_FOLLOW_H

#include "tests/losses/expect.h"

enum { SIZE = 3, STEPS = 4 };

static const double first[SIZE] = {2.385, -0.771, 0.418};
static const double gradients[STEPS][SIZE] = {
    {0.917, -1.346, 0.0422}, {-2.281, 0.951, 0.613}, {0.35, 0.35, -7.6}, {1.15, -0.26, 0.07}};

static inline gr_tensor *parameter(gr_params *params, const char *name, gr_dtype dtype)
{
    return gr_param(params, name, tensor_of(dtype, GR_SHAPE(SIZE), first));
}

/* Steps with the given gradient, in a scope of its own as a training loop has one. */
static inline bool step_with(gr_optimizer *optimizer, gr_tensor *cell, const double *gradient)
{
    GR_SCOPE;
    return gr_set_grad(cell, tensor_of(gr_dtype_of(cell), GR_SHAPE(SIZE), gradient)) &&
           gr_step(optimizer);
}

static inline gr_tensor *state_of(gr_optimizer *optimizer, const char *name)
{
    gr_tensor *cell = gr_params_find(gr_optimizer_state(optimizer), name);

    cr_assert(cell, "no state %s", name);
    return cell;
}

/* The constructor failed with this message, and what it returned does nothing. */
static inline void expect_no_optimizer(gr_optimizer *optimizer, const char *message)
{
    cr_assert(optimizer);
    expect_message(message, __LINE__);
    cr_assert_not(gr_step(optimizer));
    cr_assert_not(gr_optimizer_set_lr(optimizer, 0.1));
    cr_assert(gr_ok(), "%s", gr_error_message());
    gr_optimizer_free(optimizer);
}

#endif
