/* Cells: values that change, gradients that accumulate, one thread at a time. */
#include "src/core/params.h"

#include "tests/common/check.h"

#include "src/core/alloc.h"
#include "src/core/scope.h"

static gr_tensor *pair(double a, double b)
{
    return tensor(GR_F64, GR_SHAPE(2), a, b);
}

/* sum(t x) */
static gr_tensor *dot(const gr_tensor *t, const gr_tensor *x)
{
    return gr_sum(gr_mul(t, x), GR_ALL_AXES, false);
}

/* Rows that pending indices name: what is wrong with them shows when they are computed. */
static gr_tensor *taken(double i, double j)
{
    return gr_take(pair(1, 2), 0, gr_add(tensor(GR_I64, GR_SHAPE(2), i, j), 0));
}

/* ---- values ---- */

Test(cell, an_operation_captures_the_value_of_that_moment)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));

    gr_tensor *before = gr_mul(w, 10);
    cr_assert(gr_assign(w, pair(3, 4)));
    gr_tensor *between = gr_mul(w, 10);
    cr_assert(gr_assign(w, pair(5, 6)));
    gr_tensor *after = gr_mul(w, 10);
    expect_numbers(after, 50, 60);
    expect_numbers(before, 10, 20);
    expect_numbers(between, 30, 40);
    gr_params_free(params);
    expect_numbers(after, 50, 60);
}

Test(cell, assign_holds_for_later_reads_and_after_the_scope)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    {
        GR_SCOPE;
        gr_tensor *x = pair(10, 20);
        cr_assert(gr_assign(w, gr_add(w, x)));
        cr_assert(gr_assign(w, gr_add(w, x)));
        expect_numbers(w, 21, 42);
    }
    expect_numbers(w, 21, 42);
    gr_params_free(params);
}

Test(cell, pending_assignment_of_an_inner_scope)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    {
        GR_SCOPE;
        gr_tensor *early = gr_mul(w, 1);
        {
            GR_SCOPE;
            cr_assert(gr_assign(w, gr_mul(w, 3)));
        }
        gr_tensor *late = gr_mul(w, 1);
        {
            GR_SCOPE;
            cr_assert(gr_assign(w, late)); /* a tensor of the outer scope */
        }
        cr_assert(gr_assign(w, gr_add(w, 1)));
        expect_numbers(early, 1, 2);
        expect_numbers(late, 3, 6);
        expect_numbers(w, 4, 7);
    }
    expect_numbers(w, 4, 7);
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(cell, assigned_numbers_belong_to_the_cell)
{
    double mine[] = {8, 9};
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    {
        GR_SCOPE;
        cr_assert(gr_assign(w, gr_borrow(GR_F64, GR_SHAPE(2), mine)));
    }
    mine[0] = 0;
    expect_numbers(w, 8, 9);
    {
        GR_SCOPE;
        cr_assert(gr_assign(w, gr_flip(pair(1, 2), GR_AXES(0))));
    }
    expect_numbers(w, 2, 1);
    gr_params_free(params);
}

Test(cell, assigning_a_cell_copies_its_value)
{
    gr_params *params = gr_params_new();
    gr_tensor *a = gr_param(params, "a", pair(1, 2)), *b = gr_param(params, "b", pair(3, 4));
    {
        GR_SCOPE;
        cr_assert(gr_assign(b, a));
        cr_assert(gr_assign(a, pair(5, 6)));
        expect_numbers(b, 1, 2);
        expect_numbers(a, 5, 6);
    }
    expect_numbers(b, 1, 2);
    expect_numbers(a, 5, 6);
    cr_assert(gr_assign_all(2, (gr_tensor *[]){a, b}, (gr_tensor *[]){b, a}));
    expect_numbers(a, 1, 2);
    expect_numbers(b, 5, 6);
    gr_params_free(params);
}

/* Assignments carry no history into a later scope, but do within their own. */
Test(cell, gradients_flow_through_an_assignment_of_the_same_scope)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *x = pair(3, 5), *g;
    {
        GR_SCOPE;
        cr_assert(gr_assign(w, gr_mul(w, 4)));
        cr_assert(gr_gradients(dot(w, x), &x, 1, &g));
        expect_numbers(g, 4, 8);
    }
    gr_params_free(params);
}

Test(cell, assign_refusals, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *t = pair(3, 4);

    cr_assert_not(gr_assign(t, t));
    expect_error(GR_ERROR_VALUE, "gr_assign: cell: got an ordinary tensor, want a cell made by "
                                 "gr_param or gr_state");
    cr_assert_not(gr_assign(w, gr_zeros(GR_SHAPE(3))));
    expect_error(GR_ERROR_SHAPE, "gr_assign: value: got (3), want (2) as \"w\"");
    cr_assert_not(gr_assign(w, gr_zeros(GR_SHAPE(2))));
    expect_error(GR_ERROR_DTYPE, "gr_assign: value: got f32, want f64 as \"w\"");
    cr_assert_not(gr_assign(w, NULL));
    expect_error(GR_ERROR_VALUE, "gr_assign: value: got NULL, want a tensor");
    gr_tensor *bad = gr_zeros(GR_SHAPE(-1));
    gr_error_clear();
    cr_assert_not(gr_assign(w, bad));
    cr_assert_not(gr_assign(bad, t));
    expect_ok();
    cr_assert_not(
        gr_assign_all(2, (gr_tensor *[]){w, w}, (gr_tensor *[]){t, gr_zeros(GR_SHAPE(3))}));
    expect_error(GR_ERROR_SHAPE, "gr_assign_all: value: got (3), want (2) as \"w\"");
    expect_numbers(w, 1, 2);
    gr_params_free(params);
}

Test(cell, a_value_that_cannot_be_computed_leaves_the_cell, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *v = gr_param(params, "v", pair(3, 4));
    {
        GR_SCOPE;
        gr_tensor *bad = taken(5, 0);
        cr_assert_not(gr_assign_all(2, (gr_tensor *[]){v, w}, (gr_tensor *[]){pair(7, 7), bad}));
        cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
        gr_error_clear();
        expect_numbers(v, 3, 4);
        bad = taken(-1, 0);
        cr_assert(gr_assign(w, bad), "its numbers are not known yet");
    }
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    expect_numbers(w, 1, 2);
    gr_params_free(params);
}

/* ---- the atomic form ---- */

typedef struct model {
    gr_params *params;
    gr_tensor *cells[3];
    double *values[3];
} model;

static model model_new(void)
{
    GR_SCOPE;
    model m = {.params = gr_params_new()};

    m.cells[0] = gr_param(m.params, "a", noise_tensor(GR_F64, GR_SHAPE(30, 4), 1));
    m.cells[1] = gr_param(m.params, "b", noise_tensor(GR_F64, GR_SHAPE(4, 30), 2));
    m.cells[2] = gr_state(m.params, "c", noise_tensor(GR_F64, GR_SHAPE(5000), 3));
    for (int i = 0; i < 3; i++) {
        m.values[i] = copy_of(m.cells[i]);
    }
    expect_ok();
    return m;
}

static void model_free(model *m)
{
    gr_params_free(m->params);
    for (int i = 0; i < 3; i++) {
        free(m->values[i]);
    }
}

static bool change_all(model *m)
{
    GR_SCOPE;
    gr_tensor *a = m->cells[0], *b = m->cells[1], *c = m->cells[2];
    gr_tensor *values[3] = {gr_transpose(b, 0, 1), gr_transpose(a, 0, 1),
                            gr_add(gr_flip(c, GR_AXES(0)), gr_sum(a, GR_ALL_AXES, false))};

    return gr_assign_all(3, m->cells, values);
}

/* Every allocation fails in turn: all cells change or none does. */
Test(cell, assign_all_is_atomic_whatever_fails, .init = silence)
{
    model m = model_new();
    int64_t n = 1;

    for (bool done = false; !done; n++) {
        gr_memory_trim();
        gr__fail_allocation(n);
        done = change_all(&m);
        gr__fail_allocation(0);
        cr_assert_eq(done, gr_ok(), "%lld: %s", (long long)n, gr_error_message());
        cr_assert(done || gr_error_code() == GR_ERROR_MEMORY);
        gr_error_clear();
        for (int i = 0; i < 3 && !done; i++) {
            const double *now = gr_data_f64(m.cells[i]);
            expect_bits(GR_F64, gr_count(m.cells[i]), now, m.values[i], "after a failure");
        }
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 8, "only %lld allocations were tried", (long long)n);
    cr_assert_eq(gr_data_f64(m.cells[0])[1], m.values[1][30]);
    cr_assert_eq(gr_data_f64(m.cells[1])[1], m.values[0][4]);
    model_free(&m);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

static double assign_and_backward(void)
{
    GR_SCOPE;
    gr_params *params = gr_params_new(), *group = gr_params_group(params, "g");
    gr_tensor *w = gr_param(group, "w", pair(1, 2)), *s = gr_state(params, "s", pair(0, 0));
    double result = NAN;

    if (gr_ok()) {
        {
            GR_SCOPE;
            gr_backward(dot(w, w), params);
            gr_assign(s, gr_mul(w, 3));
        }
        gr_backward(dot(w, s), params);
        gr_tensor *g = gr_grad(w);
        result = gr_ok() ? gr_item(dot(g, pair(1, 100))) : NAN;
    }
    gr_params_free(params);
    return result;
}

/* The gradient is 2 w + 3 w. */
Test(cell, survives_every_failed_allocation, .init = silence)
{
    int64_t n = 1;

    for (bool done = false; !done; n++) {
        gr_thread_end();
        gr_memory_trim();
        gr__fail_allocation(n);
        double got = assign_and_backward();
        gr__fail_allocation(0);
        done = gr_ok();
        cr_assert(done ? got == 1005 : gr_error_code() == GR_ERROR_MEMORY, "%lld: %g %s",
                  (long long)n, got, gr_error_message());
        gr_error_clear();
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 20);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- gradients ---- */

Test(cell, gradients_accumulate)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));

    cr_assert_null(gr_grad(w));
    for (int i = 1; i <= 4; i++) {
        GR_SCOPE;
        cr_assert(gr_backward(dot(w, pair(i, 10 * i)), params));
        cr_assert(gr_backward(dot(w, pair(100, 100)), params));
    }
    expect_numbers(gr_grad(w), 410, 500);
    gr_tensor *g = gr_grad(w);
    cr_assert(gr_backward(dot(w, pair(1, 1)), params));
    expect_numbers(gr_grad(w), 411, 501);
    expect_numbers(g, 410, 500);
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(cell, gradient_of_an_outer_scope_survives_inner_ones)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    {
        GR_SCOPE;
        cr_assert(gr_backward(dot(w, pair(1, 2)), params));
        {
            GR_SCOPE;
            (void)gr_mul(w, 2);
        }
        expect_numbers(gr_grad(w), 1, 2);
        {
            GR_SCOPE;
            cr_assert(gr_backward(dot(w, pair(10, 10)), params));
        }
        expect_numbers(gr_grad(w), 11, 12);
    }
    expect_numbers(gr_grad(w), 11, 12);
    gr_params_free(params);
}

Test(cell, set_grad, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *other = gr_param(params, "v", pair(5, 6));
    {
        GR_SCOPE;
        cr_assert(gr_set_grad(w, gr_mul(pair(3, 4), 2)));
        cr_assert(gr_set_grad(other, w), "a cell's value may be a gradient");
        cr_assert(gr_assign(w, pair(0, 0)));
    }
    expect_numbers(gr_grad(w), 6, 8);
    expect_numbers(gr_grad(other), 1, 2);
    cr_assert_not(gr_set_grad(w, gr_zeros(GR_SHAPE(3))));
    expect_error(GR_ERROR_SHAPE, "gr_set_grad: value: got (3), want (2) as \"w\"");
    expect_numbers(gr_grad(w), 6, 8);
    cr_assert(gr_set_grad(w, NULL));
    cr_assert_null(gr_grad(w));
    cr_assert(gr_set_grad(w, NULL));
    cr_assert_null(gr_grad(w));
    cr_assert(gr_is_error(gr_grad(pair(1, 2))));
    expect_error(GR_ERROR_VALUE,
                 "gr_grad: cell: got an ordinary tensor, want a cell made by gr_param or "
                 "gr_state");
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(cell, backward_leaves_other_groups_alone, .init = silence)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "g"),
              *c = gr_params_group(all, "c");
    gr_tensor *w = gr_param(g, "w", pair(1, 2)), *v = gr_param(c, "w", pair(3, 4));
    {
        GR_SCOPE;
        cr_assert(gr_backward(dot(w, v), c));
    }
    cr_assert_null(gr_grad(w));
    expect_numbers(gr_grad(v), 1, 2);
    {
        GR_SCOPE;
        cr_assert(gr_backward(dot(w, v), g));
    }
    expect_numbers(gr_grad(w), 3, 4);
    expect_numbers(gr_grad(v), 1, 2);
    {
        GR_SCOPE;
        cr_assert(gr_backward(dot(w, v), all));
        cr_assert(gr_backward(dot(w, v), NULL));
        cr_assert_not(gr_backward(dot(w, w), c));
        expect_error(GR_ERROR_STATE,
                     "gr_backward: loss: depends on no trained cell of params; was "
                     "it made under GR_NO_GRAD, cut off by gr_detach or a scope that "
                     "ended, or from another model?");
    }
    expect_numbers(gr_grad(w), 9, 12);
    expect_numbers(gr_grad(v), 3, 6);
    gr_params_free(all);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(cell, states_get_no_gradient)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *s = gr_state(params, "s", pair(3, 4));

    cr_assert(gr_backward(dot(w, s), params));
    expect_numbers(gr_grad(w), 3, 4);
    cr_assert_null(gr_grad(s));
    gr_params_free(params);
}

/* A backward call that fails leaves every gradient as it was. */
Test(cell, backward_that_fails_changes_no_gradient, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *v = gr_param(params, "v", pair(3, 4));
    int64_t n = 1;

    cr_assert(gr_backward(dot(w, v), params));
    for (bool done = false; !done; n++) {
        GR_SCOPE;
        gr_tensor *loss = gr_mul(dot(w, v), 10);
        gr_memory_trim();
        gr__fail_allocation(n);
        done = gr_backward(loss, params);
        gr__fail_allocation(0);
        cr_assert_eq(done, gr_ok());
        gr_error_clear();
        expect_near(gr_grad(w), 2, ((double[]){done ? 33 : 3, done ? 44 : 4}), 0);
        expect_near(gr_grad(v), 2, ((double[]){done ? 11 : 1, done ? 22 : 2}), 0);
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 3);
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(cell, freed_with_a_gradient_and_an_assignment_waiting)
{
    {
        GR_SCOPE;
        gr_params *params = gr_params_new();
        gr_tensor *w = gr_param(params, "w", pair(1, 2)), *v = gr_param(params, "v", pair(1, 2));
        cr_assert(gr_backward(dot(w, v), params));
        cr_assert(gr_assign(w, gr_mul(v, 2)));
        gr_params_free(params);
    }
    expect_ok();
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- one thread at a time ---- */

/* A set that another thread is changing refuses reads and changes. A refusal is complete: no cell
 * has changed, and the sets claimed before it are free again. */
Test(cell, changes_of_two_threads_at_once_are_errors, .init = silence)
{
    gr_params *mine = gr_params_new(), *theirs = gr_params_new();
    gr_tensor *w = gr_param(mine, "w", pair(1, 2)), *v = gr_param(theirs, "v", pair(3, 4));
    gr_tensor *loss = dot(w, v), *cells[] = {w, v}, *values[] = {pair(5, 6), pair(7, 8)};
    const char *refusal = "another thread is changing the set of \"v\"; one at a time may";
    char message[200];
    static gr__thread other;

    atomic_store(&theirs->writer, &other);
    cr_assert_not(gr_assign(v, pair(5, 6)));
    snprintf(message, sizeof message, "gr_assign: %s", refusal);
    expect_error(GR_ERROR_STATE, message);
    cr_assert_not(gr_assign_all(2, cells, values));
    snprintf(message, sizeof message, "gr_assign_all: %s", refusal);
    expect_error(GR_ERROR_STATE, message);
    cr_assert_not(gr_backward(loss, NULL));
    snprintf(message, sizeof message, "gr_backward: %s", refusal);
    expect_error(GR_ERROR_STATE, message);
    cr_assert(gr_is_error(gr_mul(v, 2)));
    cr_assert_eq(gr_error_code(), GR_ERROR_STATE);
    gr_error_clear();
    cr_assert_null(atomic_load(&mine->writer));
    atomic_store(&theirs->writer, NULL);
    cr_assert_null(gr_grad(w));
    cr_assert_null(gr_grad(v));
    expect_numbers(w, 1, 2);
    expect_numbers(v, 3, 4);
    cr_assert(gr_assign_all(2, cells, values));
    expect_numbers(w, 5, 6);
    gr_params_free(mine);
    gr_params_free(theirs);
    gr_thread_end();
    EXPECT_NO_LEAK();
}
