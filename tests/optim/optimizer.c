/* The driver: which cells a step changes, and that it changes all of them or none. */
#include <stdlib.h>

#include "src/core/alloc.h"
#include "tests/optim/follow.h"

static gr_params *params;

static void begin(void)
{
    quiet();
    params = gr_params_new();
}

static void end(void)
{
    gr_params_free(params);
}

TestSuite(optimizer, .init = begin, .fini = end);

static gr_optimizer *adam(void)
{
    return gr_adam(params, (gr_adam_options){.lr = 0.3, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-8});
}

/* ---- state ---- */

/* Zeros, named after moment and parameter; groups and states of params follow along. */
Test(optimizer, state_cells)
{
    parameter(params, "w", GR_F32);
    gr_state(params, "statistics", gr_zeros(GR_SHAPE(2)));
    parameter(gr_params_group(params, "critic"), "w", GR_F64);
    gr_optimizer *o = adam();
    gr_params *state = gr_optimizer_state(o);
    const char *names[] = {"exp_avg.w",        "exp_avg_sq.w",        "step.w",
                           "exp_avg.critic.w", "exp_avg_sq.critic.w", "step.critic.w"};
    gr_dtype dtypes[] = {GR_F32, GR_F32, GR_I64, GR_F64, GR_F64, GR_I64};

    cr_assert_eq(gr_params_count(state), 6);
    for (int i = 0; i < 6; i++) {
        cr_assert_str_eq(gr_params_name(state, i), names[i]);
        cr_assert_eq(gr_dtype_of(gr_params_at(state, i)), dtypes[i]);
        cr_assert_not(gr_is_trained(gr_params_at(state, i)));
    }
    EXPECT(state_of(o, "exp_avg.critic.w"), 0, 0, 0, 0);
    EXPECT(state_of(o, "step.critic.w"), 0, 0);
    EXPECT_SHAPE(state_of(o, "step.critic.w"), GR_SCALAR);
    gr_optimizer_free(o);
}

/* The moments and the count are cells like others: a run continues from what they are given. */
Test(optimizer, continues_from_restored_state)
{
    gr_tensor *w = parameter(params, "w", GR_F64), *copy = parameter(params, "copy", GR_F64);
    gr_optimizer *o = adam();
    const char *parts[] = {"exp_avg", "exp_avg_sq", "step"};

    cr_assert(step_with(o, w, gradients[0]) && step_with(o, w, gradients[1]));
    cr_assert(gr_assign(copy, w));
    for (int i = 0; i < 3; i++) {
        char from[32], to[32];
        snprintf(from, sizeof from, "%s.w", parts[i]);
        snprintf(to, sizeof to, "%s.copy", parts[i]);
        cr_assert(gr_assign(state_of(o, to), state_of(o, from)));
    }
    cr_assert(step_with(o, w, gradients[2]) && step_with(o, copy, gradients[2]));
    cr_assert_eq(memcmp(gr_data(w), gr_data(copy), SIZE * sizeof(double)), 0);
    gr_optimizer_free(o);
}

Test(optimizer, frees_what_it_made)
{
    gr_tensor *w = parameter(params, "w", GR_F32);
    int64_t before = 0;

    for (int i = 0; i < 3; i++) {
        gr_optimizer *o = adam();
        for (int t = 0; t < STEPS; t++) {
            cr_assert(step_with(o, w, gradients[t]));
        }
        cr_assert_not(gr_step(o));
        gr_error_clear();
        gr_optimizer_free(o);
        cr_assert(i == 0 || gr_memory_stats().current == before);
        before = gr_memory_stats().current;
    }
    gr_optimizer_free(NULL);
    cr_assert(gr_ok(), "%s", gr_error_message());
}

/* ---- which cells a step changes ---- */

/* Only cells with a gradient move, count their steps and lose it. */
Test(optimizer, cells_without_a_gradient_are_left_alone)
{
    gr_tensor *w = parameter(params, "w", GR_F64), *idle = parameter(params, "idle", GR_F64);
    gr_optimizer *o = adam();

    cr_assert(step_with(o, idle, gradients[0]));
    double value[SIZE], mean[SIZE];
    memcpy(value, gr_data(idle), sizeof value);
    memcpy(mean, gr_data(state_of(o, "exp_avg.idle")), sizeof mean);

    cr_assert(step_with(o, w, gradients[1]) && step_with(o, w, gradients[2]));
    EXPECT_ARRAY(idle, 0, value);
    EXPECT_ARRAY(state_of(o, "exp_avg.idle"), 0, mean);
    EXPECT(state_of(o, "step.idle"), 0, 1);
    EXPECT(state_of(o, "step.w"), 0, 2);
    cr_assert_null(gr_grad(w));
    gr_optimizer_free(o);
}

/* A late parameter starts with its own first step, uncorrected by the others' count. */
Test(optimizer, parameters_made_after_the_optimizer)
{
    gr_tensor *w = parameter(params, "w", GR_F64);
    gr_optimizer *o = adam();
    cr_assert(step_with(o, w, gradients[0]) && step_with(o, w, gradients[1]));

    gr_state(params, "statistics", gr_zeros(GR_SHAPE(2)));
    gr_tensor *late = parameter(gr_params_group(params, "head"), "w", GR_F64);
    cr_assert(step_with(o, late, gradients[0]), "%s", gr_error_message());
    EXPECT(late, 1e-6, first[0] - 0.3, first[1] + 0.3, first[2] - 0.3);
    EXPECT(state_of(o, "step.head.w"), 0, 1);
    EXPECT(state_of(o, "step.w"), 0, 2);
    gr_optimizer_free(o);
}

Test(optimizer, gradients_of_other_params_stay)
{
    gr_params *others = gr_params_new();
    gr_tensor *w = parameter(params, "w", GR_F64), *other = parameter(others, "w", GR_F64);
    gr_optimizer *o = adam();

    cr_assert(gr_set_grad(other, tensor_of(GR_F64, GR_SHAPE(SIZE), gradients[3])));
    cr_assert(step_with(o, w, gradients[0]));
    EXPECT_ARRAY(gr_grad(other), 0, gradients[3]);
    EXPECT_ARRAY(other, 0, first);
    gr_optimizer_free(o);
    gr_params_free(others);
}

/* Several backward passes before one step add up: the gradient of c . w is c. */
Test(optimizer, gradients_accumulate)
{
    gr_tensor *w = parameter(params, "w", GR_F64);
    gr_optimizer *o = gr_sgd(params, (gr_sgd_options){.lr = 1});

    for (int i = 0; i < 2; i++) {
        GR_SCOPE;
        gr_tensor *c = tensor_of(GR_F64, GR_SHAPE(SIZE), gradients[i]);
        cr_assert(gr_backward(gr_sum(gr_mul(c, w), GR_ALL_AXES, false), params));
    }
    cr_assert(gr_step(o), "%s", gr_error_message());
    EXPECT(w, 1e-15, first[0] - gradients[0][0] - gradients[1][0],
           first[1] - gradients[0][1] - gradients[1][1],
           first[2] - gradients[0][2] - gradients[1][2]);
    gr_optimizer_free(o);
}

/* A step does not change what was computed from the old value. */
Test(optimizer, earlier_reads_keep_the_earlier_value)
{
    gr_tensor *w = parameter(params, "w", GR_F64);
    gr_optimizer *o = gr_sgd(params, (gr_sgd_options){.lr = 1});
    gr_tensor *before = gr_mul(w, 2);

    cr_assert(step_with(o, w, gradients[0]));
    EXPECT(before, 0, 2 * first[0], 2 * first[1], 2 * first[2]);
    gr_optimizer_free(o);
}

Test(optimizer, learning_rate)
{
    gr_tensor *w = parameter(params, "w", GR_F64);
    gr_optimizer *o = gr_sgd(params, (gr_sgd_options){.lr = 0.25});

    cr_assert_eq(gr_optimizer_lr(o), 0.25);
    cr_assert(gr_optimizer_set_lr(o, 0.5));
    cr_assert_eq(gr_optimizer_lr(o), 0.5);
    cr_assert_not(gr_optimizer_set_lr(o, -1));
    expect_message("gr_optimizer_set_lr: lr: got -1, want 0 or more, finite", __LINE__);
    cr_assert_eq(gr_optimizer_lr(o), 0.5);
    cr_assert(step_with(o, w, (double[]){1, -2, 4}));
    EXPECT(w, 1e-15, first[0] - 0.5, first[1] + 1, first[2] - 2);
    gr_optimizer_free(o);
}

/* ---- all or nothing ---- */

/* The bytes of all cells of a set, one after the other. */
static char *bytes_of(gr_params *set, size_t *size)
{
    char *bytes = malloc(1 << 16);

    *size = 0;
    for (int i = 0; i < gr_params_count(set); i++) {
        gr_tensor *cell = gr_params_at(set, i);
        size_t n = (size_t)gr_count(cell) * gr_dtype_size(gr_dtype_of(cell));
        cr_assert(*size + n <= 1 << 16);
        memcpy(bytes + *size, gr_data(cell), n);
        *size += n;
    }
    return bytes;
}

static void expect_same_bytes(gr_params *set, const char *want, size_t size, const char *what)
{
    size_t n;
    char *got = bytes_of(set, &n);

    cr_assert(n == size && memcmp(got, want, n) == 0, "%s changed", what);
    free(got);
}

Test(optimizer, a_step_without_gradients)
{
    parameter(params, "w", GR_F64);
    gr_optimizer *o = adam();

    cr_assert_not(gr_step(o));
    cr_assert_eq(gr_error_code(), GR_ERROR_STATE);
    expect_message("gr_step: optimizer: no parameter has a gradient; was gr_backward called with "
                   "these params?",
                   __LINE__);
    cr_assert_not(gr_step(NULL));
    expect_message("gr_step: optimizer: got NULL, want a gr_optimizer", __LINE__);
    gr_optimizer_free(o);
}

/* Labels that wait for their numbers are found out of range when those are computed: in the step,
 * or at once with GRADUS_EAGER=1. */
Test(optimizer, a_gradient_that_fails_changes_nothing)
{
    gr_set_default_dtype(GR_F64);
    gr_rng *rng = gr_rng_new(5);
    gr_linear layer = gr_linear_new(params, "layer", 2, 3, rng);
    gr_optimizer *o = adam();
    gr_tensor *x = gr_normal(rng, GR_SHAPE(4, 2), 0, 1);
    gr_tensor *labels = TENSOR(GR_I64, GR_SHAPE(4), 2, 0, 1, 1);
    gr_tensor *good = gr_loss_cross_entropy(gr_linear_apply(&layer, x), labels, GR_MEAN);
    cr_assert(gr_backward(good, params) && gr_step(o));
    size_t size, state_size;
    char *values = bytes_of(params, &size);
    char *state = bytes_of(gr_optimizer_state(o), &state_size);

    gr_tensor *beyond = gr_add(labels, 1);
    gr_tensor *bad = gr_loss_cross_entropy(gr_linear_apply(&layer, x), beyond, GR_MEAN);
    bool pending = !gr_is_error(bad);
    cr_assert_eq(gr_backward(bad, params), pending, "%s", gr_error_message());
    for (int i = 0; i < 2; i++) {
        cr_assert_not(gr_step(o));
        cr_assert_not(gr_ok());
        gr_error_clear();
        expect_same_bytes(params, values, size, "a value");
        expect_same_bytes(gr_optimizer_state(o), state, state_size, "a moment");
        cr_assert_eq(gr_grad(layer.weight) != NULL, pending);
    }
    free(values);
    free(state);
    gr_optimizer_free(o);
    gr_rng_free(rng);
}

/* A count that cannot be, as a damaged file may hold it. */
Test(optimizer, a_negative_count_changes_nothing)
{
    gr_tensor *w = parameter(params, "w", GR_F64);
    gr_optimizer *o = adam();

    cr_assert(gr_assign(state_of(o, "step.w"), gr_full(GR_I64, GR_SCALAR, -3)));
    cr_assert_not(step_with(o, w, gradients[0]));
    expect_message("gr_step: optimizer: step.w: got -3, want 0 or more", __LINE__);
    EXPECT_ARRAY(w, 0, first);
    EXPECT_ARRAY(gr_grad(w), 0, gradients[0]);
    gr_optimizer_free(o);
}

/* One step of a small model, whose n-th allocation fails. */
typedef struct run {
    gr_params *params;
    gr_rng *rng;
    gr_linear layers[2];
    gr_optimizer *optimizer;
} run;

static run start(void)
{
    run r = {.params = gr_params_new(), .rng = gr_rng_new(11)};

    r.layers[0] = gr_linear_new(r.params, "hidden", 2, 7, r.rng);
    r.layers[1] = gr_linear_new(r.params, "out", 7, 1, r.rng);
    r.optimizer = gr_adam(r.params, gr_adam_defaults());
    return r;
}

static void finish(run *r)
{
    gr_optimizer_free(r->optimizer);
    gr_params_free(r->params);
    gr_rng_free(r->rng);
}

static void backward(run *r)
{
    gr_tensor *x = gr_uniform(r->rng, GR_SHAPE(13, 2), -1, 1);
    gr_tensor *y = gr_mul(gr_slice(x, 1, 0, 1), gr_slice(x, 1, 1, 2));
    gr_tensor *h = gr_tanh(gr_linear_apply(&r->layers[0], x));
    gr_tensor *loss = gr_loss_mse(gr_linear_apply(&r->layers[1], h), y, GR_MEAN);

    cr_assert(gr_backward(loss, r->params), "%s", gr_error_message());
}

static void steps(run *r, int n)
{
    for (int i = 0; i < n; i++) {
        GR_SCOPE;
        backward(r);
        cr_assert(gr_step(r->optimizer), "%s", gr_error_message());
    }
}

Test(optimizer, a_failed_allocation_changes_nothing)
{
    run r = start(), twin = start();
    size_t size, state_size, n = 0;

    steps(&r, 2);
    steps(&twin, 3);
    char *values = bytes_of(r.params, &size);
    char *state = bytes_of(gr_optimizer_state(r.optimizer), &state_size);
    bool done = false;
    for (n = 1; !done && n < 1000; n++) {
        gr_rng_state place = gr_rng_get_state(r.rng);
        GR_SCOPE;
        backward(&r);
        gr__fail_allocation((int64_t)n);
        done = gr_step(r.optimizer);
        gr__fail_allocation(0);
        if (!done) {
            cr_assert_eq(gr_error_code(), GR_ERROR_MEMORY, "%zu: %s", n, gr_error_message());
            gr_error_clear();
            expect_same_bytes(r.params, values, size, "a value");
            expect_same_bytes(gr_optimizer_state(r.optimizer), state, state_size, "a moment");
            for (int i = 0; i < gr_params_count(r.params); i++) {
                gr_tensor *cell = gr_params_at(r.params, i);
                cr_assert(gr_grad(cell), "allocation %zu: a gradient went", n);
                gr_set_grad(cell, NULL);
            }
            gr_rng_set_state(r.rng, place);
        }
    }
    cr_assert(done && n > 3, "%zu allocations", n);
    char *want = bytes_of(twin.params, &size);
    expect_same_bytes(r.params, want, size, "the step after the failures");
    free(want);
    want = bytes_of(gr_optimizer_state(twin.optimizer), &state_size);
    expect_same_bytes(gr_optimizer_state(r.optimizer), want, state_size, "a moment after them");
    free(want);
    free(values);
    free(state);
    finish(&r);
    finish(&twin);
}

/* The same gradients serve once there is memory again. */
Test(optimizer, a_failed_step_can_be_repeated)
{
    run r = start(), twin = start();
    size_t size;
    bool done = false;

    steps(&twin, 1);
    GR_SCOPE;
    backward(&r);
    for (int n = 1; !done && n < 1000; n++) {
        gr__fail_allocation(n);
        done = gr_step(r.optimizer);
        gr__fail_allocation(0);
        gr_error_clear();
    }
    cr_assert(done);
    char *want = bytes_of(twin.params, &size);
    expect_same_bytes(r.params, want, size, "the repeated step");
    free(want);
    finish(&r);
    finish(&twin);
}

/* The constructor, likewise: it returns nothing usable, and what it had made is free again. */
Test(optimizer, a_constructor_that_runs_out_of_memory)
{
    parameter(params, "w", GR_F32);
    gr_optimizer_free(adam());
    int64_t before = gr_memory_stats().current;
    bool done = false;
    int n;

    for (n = 1; !done && n < 1000; n++) {
        gr__fail_allocation(n);
        gr_optimizer *o = adam();
        gr__fail_allocation(0);
        done = gr_ok();
        gr_error_clear();
        if (!done) {
            cr_assert_not(gr_step(o));
            cr_assert(gr_ok());
        }
        gr_optimizer_free(o);
        cr_assert_eq(gr_memory_stats().current, before, "allocation %d", n);
    }
    cr_assert(done && n > 3);
}

/* ---- the whole ---- */

/* The program of gradus.h. */
Test(optimizer, learns_to_multiply)
{
    run r = start();
    double loss = 1;

    gr_optimizer_set_lr(r.optimizer, 0.05);
    for (int step = 0; step < 500 && gr_ok(); step++) {
        GR_SCOPE;
        gr_tensor *x = gr_uniform(r.rng, GR_SHAPE(64, 2), -1, 1);
        gr_tensor *y = gr_mul(gr_slice(x, 1, 0, 1), gr_slice(x, 1, 1, 2));
        gr_tensor *h = gr_tanh(gr_linear_apply(&r.layers[0], x));
        gr_tensor *error = gr_loss_mse(gr_linear_apply(&r.layers[1], h), y, GR_MEAN);
        gr_backward(error, r.params);
        gr_step(r.optimizer);
        loss = gr_item(error);
    }
    cr_assert(gr_ok(), "%s", gr_error_message());
    cr_assert(loss < 0.01, "loss %g", loss);
    finish(&r);
}
