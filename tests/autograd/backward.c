/* The walk: gr_backward and gr_gradients on graphs of every form, and what they refuse. */
#include "tests/common/check.h"

#include "autograd/autograd.h"
#include "src/core/alloc.h"

TestSuite(backward, .init = silence);

static gr_tensor *total(gr_tensor *x)
{
    return gr_sum(x, GR_ALL_AXES, false);
}

static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(y, &x, 1, &g), "%s", gr_error_message());
    return g;
}

static gr_tensor *number(double x)
{
    return tensor(GR_F64, GR_SCALAR, x);
}

static gr_tensor *parameter(gr_params *params, const char *name, double x)
{
    return gr_param(params, name, number(x));
}

/* ---- graphs ---- */

/* a b + a with a = x^2, b = e^x:  2x e^x + x^2 e^x + 2x */
Test(backward, diamond)
{
    gr_tensor *x = number(0.75), *a = gr_square(x), *b = gr_exp(x);

    expect_near(slope_of(gr_add(gr_mul(a, b), a), x), 1,
                (&(double){1.5 * exp(0.75) + 0.5625 * exp(0.75) + 1.5}), 1e-15);
    EXPECT_NO_LEAK();
}

/* x_(k+1) = x_k + x_k doubles: 2^40 paths, 40 nodes. */
Test(backward, paths_are_counted_not_walked)
{
    gr_tensor *x = number(3), *y = x;

    for (int i = 0; i < 40; i++) {
        y = gr_add(y, y);
    }
    expect_numbers(slope_of(y, x), 0x1p40);
    EXPECT_NO_LEAK();
}

Test(backward, chain_of_a_million)
{
    enum { MANY = 1000000 };
    gr_tensor *x = number(2), *y = x;

    for (int i = 0; i < MANY; i++) {
        y = gr_add(y, 0x1p-20);
    }
    gr_tensor *loss = gr_square(y), *g = slope_of(loss, x);
    double at = 2 + MANY * 0x1p-20;
    expect_numbers(g, 2 * at);
    expect_numbers(loss, at * at);
    expect_numbers(slope_of(g, x), 2);
    EXPECT_NO_LEAK();
}

/* One use of each of many tensors, in order of creation and against it. */
Test(backward, wide_graph)
{
    enum { MANY = 500 };
    gr_tensor *xs[MANY], *g[MANY], *y = number(0);

    for (int i = 0; i < MANY; i++) {
        xs[i] = number(i * 0.25);
    }
    for (int i = MANY - 1; i >= 0; i--) {
        y = gr_add(y, gr_square(xs[i]));
    }
    cr_assert(gr_gradients(y, xs, MANY, g));
    for (int i = 0; i < MANY; i++) {
        expect_numbers(g[i], i * 0.5);
    }
    EXPECT_NO_LEAK();
}

/* ---- gr_gradients: targets ---- */

Test(backward, unused_targets_get_zeros)
{
    gr_tensor *x = number(3), *unused = noise_tensor(GR_F32, GR_SHAPE(2, 3), 1), *late;
    gr_tensor *y = gr_square(x);
    gr_tensor *xs[] = {unused, x, late = gr_exp(y)}, *g[3];

    cr_assert(gr_gradients(y, xs, 3, g));
    expect_numbers(g[0], 0, 0, 0, 0, 0, 0);
    cr_assert_eq(gr_dtype_of(g[0]), GR_F32);
    cr_assert_eq(gr_dim(g[0], 1), 3);
    expect_numbers(g[1], 6);
    expect_numbers(g[2], 0);
    EXPECT_NO_LEAK();
}

Test(backward, the_root_as_target)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(1, 1), 3), *y = gr_square(x);
    gr_tensor *xs[] = {y, x}, *g[2];

    cr_assert(gr_gradients(y, xs, 2, g));
    expect_numbers(g[0], 1);
    expect_numbers(g[1], 6);
    cr_assert(gr_rank(g[0]) == 2 && gr_dtype_of(g[0]) == GR_F32);
    expect_numbers(slope_of(x, x), 1);
    EXPECT_NO_LEAK();
}

Test(backward, tensors_in_between_as_targets)
{
    gr_tensor *x = number(3), *a = gr_square(x), *b = gr_mul(a, x);
    gr_tensor *xs[] = {b, a, x, a}, *g[4];

    cr_assert(gr_gradients(gr_mul(a, b), xs, 4, g));
    expect_numbers(g[0], 9);
    expect_numbers(g[1], 27 + 27);
    expect_numbers(g[2], 5 * 81);
    expect_numbers(g[3], 54);
    EXPECT_NO_LEAK();
}

/* A cell stands for every value of it that the graph captured. */
Test(backward, a_cell_as_target)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 3), *state = gr_state(params, "s", number(5));
    gr_tensor *first = gr_square(w);

    cr_assert(gr_assign(w, number(4)));
    gr_tensor *y = gr_add(gr_mul(first, w), gr_mul(w, state));
    gr_tensor *xs[] = {w, state, w}, *g[3];
    cr_assert(gr_gradients(y, xs, 3, g));
    expect_numbers(y, 9 * 4 + 4 * 5);
    expect_numbers(g[0], 6 * 4 + 9 + 5);
    expect_numbers(g[1], 4);
    expect_numbers(g[2], 38);
    cr_assert_null(gr_grad(w));
    expect_numbers(slope_of(w, w), 1);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(backward, gradients_leave_cells_alone)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 3);

    slope_of(gr_square(w), w);
    cr_assert_null(gr_grad(w));
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(backward, across_scopes)
{
    gr_tensor *x = number(3), *y = gr_square(x), *g;

    {
        GR_SCOPE;
        gr_tensor *z = gr_mul(y, gr_exp(gr_mul(x, 0)));
        g = gr_keep(slope_of(z, x));
        expect_numbers(g, 6);
    }
    expect_numbers(g, 6);
    expect_numbers(slope_of(gr_mul(g, x), x), 6);
    EXPECT_NO_LEAK();
}

/* ---- gr_backward ---- */

Test(backward, calls_accumulate)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 3, -1));

    cr_assert(gr_backward(total(gr_square(w)), params));
    expect_numbers(gr_grad(w), 6, -2);
    cr_assert(gr_backward(total(gr_mul(w, 5)), params));
    expect_numbers(gr_grad(w), 11, 3);
    for (int i = 0; i < 3; i++) {
        GR_SCOPE;
        cr_assert(gr_backward(total(gr_mul(w, i)), params));
    }
    expect_numbers(gr_grad(w), 14, 6);
    cr_assert(gr_set_grad(w, NULL));
    cr_assert(gr_backward(total(w), params));
    expect_numbers(gr_grad(w), 1, 1);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(backward, one_loss_twice)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 3), *loss = gr_square(w);

    cr_assert(gr_backward(loss, params));
    cr_assert(gr_backward(loss, params));
    expect_numbers(gr_grad(w), 12);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* w stands in the graph with three nodes: two values and one value twice. */
Test(backward, a_cell_captured_several_times)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 3), *a = gr_mul(w, w), *b = gr_exp(gr_mul(w, 0));

    cr_assert(gr_assign(w, number(10)));
    cr_assert(gr_backward(gr_add(gr_mul(a, b), w), params));
    expect_numbers(gr_grad(w), 6 + 1);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* Only the cells of params get gradients: those of a group for the group, all for the parent. */
Test(backward, is_pruned_to_params)
{
    gr_params *all = gr_params_new(), *critic = gr_params_group(all, "critic");
    gr_params *inner = gr_params_group(critic, "inner"), *other = gr_params_new();
    gr_tensor *a = parameter(all, "a", 2), *b = parameter(critic, "b", 3);
    gr_tensor *c = parameter(inner, "c", 5), *d = parameter(other, "d", 7);
    gr_tensor *s = gr_state(all, "s", number(11));
    gr_tensor *loss = gr_mul(gr_mul(gr_mul(a, b), gr_mul(c, d)), s);

    cr_assert(gr_backward(loss, critic));
    cr_assert(gr_grad(a) == NULL && gr_grad(d) == NULL && gr_grad(s) == NULL);
    expect_numbers(gr_grad(b), 2 * 5 * 7 * 11);
    expect_numbers(gr_grad(c), 2 * 3 * 7 * 11);
    cr_assert(gr_backward(loss, inner));
    expect_numbers(gr_grad(b), 770);
    expect_numbers(gr_grad(c), 2 * 462);
    cr_assert(gr_backward(loss, all));
    expect_numbers(gr_grad(a), 3 * 5 * 7 * 11);
    cr_assert_null(gr_grad(d));
    cr_assert(gr_backward(loss, NULL));
    expect_numbers(gr_grad(d), 2 * 3 * 5 * 11);
    expect_numbers(gr_grad(a), 2 * 1155);
    cr_assert_null(gr_grad(s));
    gr_params_free(all);
    gr_params_free(other);
    EXPECT_NO_LEAK();
}

/* The walk makes no node for what leads nowhere. */
Test(backward, visits_only_what_leads_to_params)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 2), *x = number(3);

    for (int i = 0; i < 1000; i++) {
        x = gr_tanh(x);
    }
    gr_tensor *loss = gr_mul(x, w);
    int64_t before = gr_work_stats().nodes;
    cr_assert(gr_backward(loss, params));
    cr_assert_lt(gr_work_stats().nodes - before, 10);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(backward, broadcasting_is_undone)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2, 1), 3, 5));
    gr_tensor *b = parameter(params, "b", 1);
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 1, 3), 1, 2, 3, 4, 5, 6);

    cr_assert(gr_backward(total(gr_add(gr_mul(w, x), b)), params));
    expect_numbers(gr_grad(w), 21, 21);
    expect_numbers(gr_grad(b), 12);
    cr_assert_eq(gr_rank(gr_grad(b)), 0);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* A gradient left behind by a scope is a plain number. */
Test(backward, gradients_outlive_the_scope)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = parameter(params, "w", 3);

    {
        GR_SCOPE;
        cr_assert(gr_backward(gr_square(w), params));
    }
    {
        GR_SCOPE;
        expect_numbers(gr_grad(w), 6);
        cr_assert(gr_backward(gr_mul(gr_square(w), w), params));
        expect_numbers(gr_grad(w), 33);
    }
    expect_numbers(gr_grad(w), 33);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* ---- derivatives of derivatives ---- */

/* x^5: 5x^4, 20x^3, 60x^2, 120x, 120, 0 */
Test(backward, derivatives_of_every_order)
{
    gr_tensor *x = number(1.5), *y = gr_mul(gr_square(gr_square(x)), x);
    const double want[] = {25.3125, 67.5, 135, 180, 120, 0, 0};

    for (int k = 0; k < 7; k++) {
        y = slope_of(y, x);
        expect_numbers(y, want[k]);
    }
    EXPECT_NO_LEAK();
}

/* mean (|grad_x D(x)| - 1)^2 with D(x) = v tanh(W x + b), differentiated by W, b, v and x. */
static gr_tensor *gradient_penalty(gr_tensor *const *p, int n, void *context)
{
    gr_tensor *x = p[3], *g;

    (void)n, (void)context;
    gr_tensor *hidden = gr_tanh(gr_add(gr_matmul(x, gr_transpose(p[0], 0, 1)), p[1]));
    if (!gr_gradients(total(gr_matmul(hidden, p[2])), &x, 1, &g)) {
        return g;
    }
    gr_tensor *norm = gr_sqrt(gr_sum(gr_square(g), GR_AXES(1), false));
    return gr_mean(gr_square(gr_sub(norm, 1)), GR_ALL_AXES, false);
}

Test(backward, gradient_penalty)
{
    gr_tensor *p[] = {
        noise_tensor(GR_F64, GR_SHAPE(4, 3), 61), noise_tensor(GR_F64, GR_SHAPE(4), 62),
        noise_tensor(GR_F64, GR_SHAPE(4, 1), 63), noise_tensor(GR_F64, GR_SHAPE(5, 3), 64)};

    cr_assert(gr_gradcheck(gradient_penalty, NULL, p, 4, 2), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

/* The penalty again, through cells and gr_backward. */
Test(backward, gradient_penalty_of_cells)
{
    gr_params *params = gr_params_new();
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(5, 3), 64), *p[4], *g[3];
    gr_tensor *cells[] = {gr_param(params, "W", noise_tensor(GR_F64, GR_SHAPE(4, 3), 61)),
                          gr_param(params, "b", noise_tensor(GR_F64, GR_SHAPE(4), 62)),
                          gr_param(params, "v", noise_tensor(GR_F64, GR_SHAPE(4, 1), 63))};

    for (int i = 0; i < 3; i++) {
        p[i] = noise_tensor(GR_F64, gr_shape_of(cells[i]), (uint64_t)(61 + i));
    }
    p[3] = x;
    cr_assert(gr_gradients(gradient_penalty(p, 4, NULL), p, 3, g));
    gr_tensor *q[] = {cells[0], cells[1], cells[2], x};
    cr_assert(gr_backward(gradient_penalty(q, 4, NULL), params));
    for (int i = 0; i < 3; i++) {
        double *want = numbers_of(g[i]);
        expect_near(gr_grad(cells[i]), gr_count(g[i]), want, 0);
        free(want);
    }
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

Test(backward, losses_refused)
{
    gr_params *params = gr_params_new(), *other = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F32, GR_SHAPE(2, 3), 1, 2, 3, 4, 5, 6)), *stale;
    static const char cut_off[] =
        "gr_backward: loss: depends on no trained cell of params; was it made under GR_NO_GRAD, "
        "cut off by gr_detach or a scope that ended, or from another model?";

    cr_assert_not(gr_backward(gr_square(w), params));
    expect_error(GR_ERROR_SHAPE, "gr_backward: loss: got (2,3), want one element; reduce it with "
                                 "gr_sum or gr_mean");
    cr_assert_not(gr_backward(gr_argmax(gr_reshape(w, GR_SHAPE(6)), 0, false), params));
    expect_error(GR_ERROR_DTYPE, "gr_backward: loss: got i64, want f32 or f64");
    cr_assert_not(gr_backward(number(3), params));
    expect_error(GR_ERROR_STATE, cut_off);
    cr_assert_not(gr_backward(total(gr_detach(w)), params));
    expect_error(GR_ERROR_STATE, cut_off);
    {
        GR_NO_GRAD;
        stale = total(gr_square(w));
    }
    cr_assert_not(gr_backward(stale, params));
    expect_error(GR_ERROR_STATE, cut_off);
    cr_assert_not(gr_backward(total(w), other));
    expect_error(GR_ERROR_STATE, cut_off);
    {
        GR_SCOPE;
        stale = total(w);
    }
    cr_assert_not(gr_backward(stale, params));
    expect_error(GR_ERROR_STALE,
                 "gr_backward: loss: this tensor's scope has ended; keep it with gr_keep");
    cr_assert_not(gr_backward(NULL, params));
    expect_error(GR_ERROR_VALUE, "gr_backward: loss: got NULL, want a tensor");
    gr_tensor *broken = gr_reshape(w, GR_SHAPE(5));
    gr_error_clear();
    cr_assert_not(gr_backward(broken, params));
    expect_ok();
    cr_assert_null(gr_grad(w));
    gr_params_free(params);
    gr_params_free(other);
    EXPECT_NO_LEAK();
}

Test(backward, gradients_refused)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1, 2), *y = total(x), *stale, *g[2];
    gr_tensor *whole = tensor(GR_I64, GR_SHAPE(2), 1, 2);

    cr_assert_not(gr_gradients(x, &x, 1, g));
    expect_error(GR_ERROR_SHAPE,
                 "gr_gradients: y: got (2), want one element; reduce it with gr_sum "
                 "or gr_mean");
    cr_assert(gr_is_error(g[0]));
    cr_assert_not(gr_gradients(gr_sum(whole, GR_ALL_AXES, false), &x, 1, g));
    expect_error(GR_ERROR_DTYPE, "gr_gradients: y: got i64, want f32 or f64");
    cr_assert_not(gr_gradients(y, (gr_tensor *[]){x, whole}, 2, g));
    expect_error(GR_ERROR_DTYPE, "gr_gradients: xs: got i64, want f32 or f64");
    cr_assert(gr_is_error(g[0]) && gr_is_error(g[1]));
    cr_assert_not(gr_gradients(y, (gr_tensor *[]){NULL}, 1, g));
    expect_error(GR_ERROR_VALUE, "gr_gradients: xs: got NULL, want a tensor");
    {
        GR_SCOPE;
        stale = gr_square(x);
    }
    cr_assert_not(gr_gradients(y, &stale, 1, g));
    expect_error(GR_ERROR_STALE,
                 "gr_gradients: xs: this tensor's scope has ended; keep it with gr_keep");
    cr_assert_not(gr_gradients(NULL, &x, 1, g));
    expect_error(GR_ERROR_VALUE, "gr_gradients: y: got NULL, want a tensor");
    gr_tensor *broken = gr_reshape(x, GR_SHAPE(5));
    gr_error_clear();
    cr_assert_not(gr_gradients(y, &broken, 1, g));
    cr_assert_not(gr_gradients(broken, &x, 1, g));
    cr_assert(gr_is_error(g[0]));
    expect_ok();
    EXPECT_NO_LEAK();
}

/* ---- rules that do not fit ---- */

static gr_tensor *wrong_dtype(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)y, (void)input;
    return gr_cast(g, GR_F32);
}

static gr_tensor *failing(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)y, (void)input;
    return gr_reshape(g, GR_SHAPE(77));
}

static gr_tensor *planted(const gr__primitive *op, const gr_tensor *x)
{
    return gr__node1(op, NULL, x->shape, (gr_dtype)x->dtype, x, NULL);
}

static const gr__primitive dtype_primitive = {
    .name = "gr_planted", .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL, .rule = wrong_dtype};
static const gr__primitive failing_primitive = {
    .name = "gr_planted", .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL, .rule = failing};

Test(backward, a_rule_that_does_not_fit_is_an_error)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 1, 2)), *g;
    gr_tensor *a = gr_square(w);

    cr_assert_not(gr_backward(total(planted(&dtype_primitive, a)), params));
    expect_error(GR_ERROR_STATE, "gr_backward: the derivative rule of gr_planted gives a gradient "
                                 "that does not fit its operand");
    cr_assert_null(gr_grad(w));
    cr_assert_not(gr_gradients(total(planted(&dtype_primitive, a)), &w, 1, &g));
    expect_error(GR_ERROR_STATE, "gr_gradients: the derivative rule of gr_planted gives a gradient "
                                 "that does not fit its operand");
    cr_assert(gr_is_error(g));
    cr_assert_not(gr_backward(total(planted(&failing_primitive, a)), params));
    expect_error(GR_ERROR_SHAPE, "gr_reshape: shape: got (77), want 2 elements as x has in (2)");
    cr_assert_null(gr_grad(w));
    cr_assert(gr_backward(total(a), params));
    expect_numbers(gr_grad(w), 2, 4);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* ---- no memory ---- */

/* Each allocation in turn fails, until none does: false, a message, and no gradient. */
Test(backward, without_memory)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", number(3));
    bool walk = false, gradients = false, good = false;

    for (int n = 1; !good; n++) {
        GR_SCOPE;
        cr_assert_lt(n, 1000);
        gr_memory_trim();
        gr_tensor *loss = gr_square(w);
        gr__fail_allocation(n);
        good = gr_backward(loss, params);
        gr__fail_allocation(0);
        cr_assert(good || (gr_error_code() == GR_ERROR_MEMORY && !gr_grad(w)));
        walk = walk || !strcmp(gr_error_message(), "gr_backward: no memory for the walk");
        gradients = gradients ||
                    !strcmp(gr_error_message(), "gr_backward: no memory for the gradients");
        gr_error_clear();
    }
    cr_assert(walk && gradients);
    expect_numbers(gr_grad(w), 6);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(backward, gradients_without_memory)
{
    gr_tensor *x = number(3);
    bool good = false;

    for (int n = 1; !good; n++) {
        GR_SCOPE;
        cr_assert_lt(n, 1000);
        gr_memory_trim();
        gr_tensor *y = gr_square(x), *g = NULL;
        gr__fail_allocation(n);
        good = gr_gradients(y, &x, 1, &g);
        gr__fail_allocation(0);
        cr_assert(n > 1 || !strcmp(gr_error_message(), "gr_gradients: no memory for the walk"));
        cr_assert(good || (gr_error_code() == GR_ERROR_MEMORY && gr_is_error(g)));
        gr_error_clear();
    }
    EXPECT_NO_LEAK();
}
