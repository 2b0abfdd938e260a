/* The driver of all optimizers: it keeps each trained cell's moments and count of steps as cells of
 * its own, builds the updates of a method, and hands them to gr_assign_all at once. It knows no
 * method. Public API only. */
#include "optim/optimizer.h"

#include <gradus.h>
#include <math.h>
#include <string.h>

/* moments[k] and steps are groups of state; the i-th cell of each belongs to the i-th trained cell
 * of params. */
struct gr_optimizer {
    const gr__method *method;
    gr_params *params, *state;
    gr_params *moments[GR__MAX_MOMENTS], *steps;
    double lr;
    double options[]; /* a copy of the method's struct */
};

static gr_optimizer nothing; /* what a failed constructor returns */

bool gr__check_option(const char *function, const char *name, double value, double upper)
{
    if (value >= 0 && value < upper) {
        return true;
    }
    if (isinf(upper)) {
        return gr_fail(GR_ERROR_VALUE, function, name, "got %g, want 0 or more, finite", value);
    }
    return gr_fail(GR_ERROR_VALUE, function, name, "got %g, want 0 to less than %g", value, upper);
}

/* ---- state ---- */

static bool add_state(gr_params *group, const char *name, gr_dtype dtype, gr_shape shape)
{
    GR_SCOPE;
    return !gr_is_error(gr_state(group, name, gr_full(dtype, shape, 0)));
}

/* Zeros for the i-th trained cell where they are missing. Each group's count says how far it is, so
 * that a failure half-way is made good the next time. */
static bool add_states(gr_optimizer *o, const gr_tensor *cell, const char *name, int i)
{
    for (int k = 0; k < o->method->moments; k++) {
        if (gr_params_count(o->moments[k]) <= i &&
            !add_state(o->moments[k], name, gr_dtype_of(cell), gr_shape_of(cell))) {
            return false;
        }
    }
    return gr_params_count(o->steps) > i || add_state(o->steps, name, GR_I64, GR_SCALAR);
}

/* The same for all trained cells: params may have grown. */
static bool complete_state(gr_optimizer *o)
{
    int trained = 0;

    for (int i = 0; i < gr_params_count(o->params); i++) {
        const gr_tensor *cell = gr_params_at(o->params, i);
        if (gr_is_trained(cell) && !add_states(o, cell, gr_params_name(o->params, i), trained++)) {
            return false;
        }
    }
    return true;
}

/* ---- life ---- */

static bool usable(const char *function, const gr_optimizer *optimizer)
{
    if (!optimizer) {
        return gr_fail(GR_ERROR_VALUE, function, "optimizer", "got NULL, want a gr_optimizer");
    }
    return optimizer != &nothing;
}

gr_optimizer *gr__optimizer_new(const gr__method *method, gr_params *params, double lr,
                                const void *options)
{
    if (!params) {
        gr_fail(GR_ERROR_VALUE, method->name, "params", "got NULL, want a gr_params");
        return &nothing;
    }
    if (!method->check(options)) {
        return &nothing;
    }
    gr_optimizer *o = gr_alloc(sizeof *o + method->options_size);
    if (!o) {
        gr_fail(GR_ERROR_MEMORY, method->name, NULL, "no memory for an optimizer");
        return &nothing;
    }
    *o = (gr_optimizer){.method = method, .params = params, .state = gr_params_new(), .lr = lr};
    memcpy(o->options, options, method->options_size);
    for (int k = 0; k < method->moments; k++) {
        o->moments[k] = gr_params_group(o->state, method->moment[k]);
    }
    o->steps = gr_params_group(o->state, "step");
    if (!complete_state(o)) {
        gr_optimizer_free(o);
        return &nothing;
    }
    return o;
}

void gr_optimizer_free(gr_optimizer *optimizer)
{
    if (optimizer && optimizer != &nothing) {
        gr_params_free(optimizer->state);
        gr_free(optimizer);
    }
}

bool gr_optimizer_set_lr(gr_optimizer *optimizer, double lr)
{
    if (!usable("gr_optimizer_set_lr", optimizer) ||
        !gr__check_option("gr_optimizer_set_lr", "lr", lr, INFINITY)) {
        return false;
    }
    optimizer->lr = lr;
    return true;
}

double gr_optimizer_lr(const gr_optimizer *optimizer)
{
    return usable("gr_optimizer_lr", optimizer) ? optimizer->lr : NAN;
}

gr_params *gr_optimizer_state(gr_optimizer *optimizer)
{
    return usable("gr_optimizer_state", optimizer) ? optimizer->state : gr_error_params();
}

/* ---- the step ---- */

/* The cells that a step changes, and what they become; the trained cell before its own states. */
typedef struct changes {
    gr_tensor **cells, **values;
    int count;
} changes;

static void change(changes *plan, gr_tensor *cell, const gr_tensor *value)
{
    plan->cells[plan->count] = cell;
    plan->values[plan->count++] = (gr_tensor *)value;
}

/* Plans the step of the i-th trained cell, if it has a gradient. */
static bool plan_cell(gr_optimizer *o, changes *plan, gr_tensor *cell, const char *name, int i)
{
    gr_tensor *step = gr_params_at(o->steps, i);
    gr__update u = {.p = cell, .g = gr_grad(cell), .lr = o->lr};

    if (!u.g) {
        return true;
    }
    if (gr_is_error(u.g)) {
        return gr_fail(GR_ERROR_STATE, "gr_step", "optimizer",
                       "the gradient of %s is an error tensor", name);
    }
    u.t = gr_item(step) + 1;
    if (!(u.t >= 1)) {
        return gr_fail(GR_ERROR_VALUE, "gr_step", "optimizer", "step.%s: got %g, want 0 or more",
                       name, u.t - 1);
    }
    for (int k = 0; k < o->method->moments; k++) {
        u.moments[k] = gr_params_at(o->moments[k], i);
    }
    o->method->rule(o->options, &u);
    change(plan, cell, u.p);
    for (int k = 0; k < o->method->moments; k++) {
        change(plan, gr_params_at(o->moments[k], i), u.moments[k]);
    }
    change(plan, step, gr_full(GR_I64, GR_SCALAR, u.t));
    return true;
}

static bool plan_all(gr_optimizer *o, changes *plan)
{
    int trained = 0;

    for (int i = 0; i < gr_params_count(o->params); i++) {
        gr_tensor *cell = gr_params_at(o->params, i);
        const char *name = gr_params_name(o->params, i);
        if (gr_is_trained(cell) && !plan_cell(o, plan, cell, name, trained++)) {
            return false;
        }
    }
    return plan->count > 0 ||
           gr_fail(GR_ERROR_STATE, "gr_step", "optimizer",
                   "no parameter has a gradient; was gr_backward called with these params?");
}

/* Room for a step of all trained cells, in one block. */
static bool reserve(const gr_optimizer *o, changes *plan)
{
    size_t most = (size_t)gr_params_count(o->steps) * (size_t)(o->method->moments + 2);

    plan->cells = gr_alloc(2 * most * sizeof *plan->cells);
    plan->values = plan->cells + (plan->cells ? most : 0);
    return plan->cells || gr_fail(GR_ERROR_MEMORY, "gr_step", NULL, "no memory for the updates");
}

bool gr_step(gr_optimizer *optimizer)
{
    changes plan = {0};

    if (!usable("gr_step", optimizer) || !complete_state(optimizer) || !reserve(optimizer, &plan)) {
        return false;
    }
    GR_SCOPE;
    GR_NO_GRAD;
    GR_TRANSIENT;
    bool done = plan_all(optimizer, &plan) && gr_assign_all(plan.count, plan.cells, plan.values);
    for (int i = 0; done && i < plan.count; i += optimizer->method->moments + 2) {
        gr_set_grad(plan.cells[i], NULL);
    }
    gr_free(plan.cells);
    return done;
}
