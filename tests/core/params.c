/* Cells: names and sets, values that change, gradients that accumulate. */
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

/* ---- sets ---- */

Test(params, listed_in_the_order_they_were_made)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    gr_tensor *s = gr_state(params, "s", tensor(GR_I64, GR_SCALAR, 3));

    cr_assert_eq(gr_params_count(params), 2);
    cr_assert_eq(gr_params_at(params, 0), w);
    cr_assert_eq(gr_params_at(params, 1), s);
    cr_assert_str_eq(gr_params_name(params, 0), "w");
    cr_assert_str_eq(gr_params_name(params, 1), "s");
    cr_assert_eq(gr_params_find(params, "s"), s);
    cr_assert_null(gr_params_find(params, "x"));
    cr_assert_eq(gr_params_elements(params), 2);
    cr_assert(gr_is_trained(w));
    cr_assert_not(gr_is_trained(s));
    cr_assert_not(gr_is_trained(pair(1, 2)));
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, cells_copy_their_value)
{
    double mine[2] = {1, 2};
    gr_params *params = gr_params_new();
    gr_tensor *w, *v;
    {
        GR_SCOPE;
        w = gr_param(params, "w", gr_borrow(GR_F64, GR_SHAPE(2), mine));
        v = gr_param(params, "v", gr_transpose(noise_tensor(GR_F32, GR_SHAPE(3, 4), 1), 0, 1));
    }
    mine[0] = 77;
    expect_numbers(w, 1, 2);
    cr_assert_eq(gr_dim(v, 0), 4);
    cr_assert_eq(gr_data_f32(v)[1], (float)noise(1000003 + 4));
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, refusals, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_param(params, "w", pair(1, 2));

    cr_assert(gr_is_error(gr_param(params, "w", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: \"w\" is taken");
    cr_assert(gr_is_error(gr_state(params, "w", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_state: name: \"w\" is taken");
    cr_assert(gr_is_error(gr_param(params, "", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: got none, want a name");
    cr_assert(gr_is_error(gr_param(params, NULL, pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: got none, want a name");
    cr_assert(gr_is_error(gr_param(params, "i", tensor(GR_I64, GR_SHAPE(1), 1))));
    expect_error(GR_ERROR_DTYPE,
                 "gr_param: value: got i64, want f32 or f64; gr_state takes what is not trained");
    cr_assert(gr_is_error(gr_param(params, "x", NULL)));
    expect_error(GR_ERROR_VALUE, "gr_param: value: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_params_at(params, 1)));
    expect_error(GR_ERROR_VALUE, "gr_params_at: index: got 1, want 0 to 0");
    cr_assert_str_eq(gr_params_name(params, -1), "");
    expect_error(GR_ERROR_VALUE, "gr_params_name: index: got -1, want 0 to 0");
    cr_assert_eq(gr_params_count(NULL), 0);
    expect_error(GR_ERROR_VALUE, "gr_params_count: params: got NULL, want a gr_params");
    cr_assert_eq(gr_params_count(params), 1);
    gr_params_free(params);
    gr_params_free(NULL);
    expect_ok();
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, a_value_that_cannot_be_computed_makes_no_cell, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *bad = taken(0, 2);

    cr_assert(gr_is_error(gr_param(params, "w", bad)));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert_eq(gr_params_count(params), 0);
    gr_params_free(params);
}

Test(params, groups_are_listed_in_their_parents)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "generator");
    gr_params *inner = gr_params_group(g, "first");
    gr_tensor *a = gr_param(all, "a", pair(1, 2)), *b = gr_param(g, "b", pair(3, 4));
    gr_tensor *c = gr_param(inner, "c", pair(5, 6));

    cr_assert_eq(gr_params_count(all), 3);
    cr_assert_eq(gr_params_count(g), 2);
    cr_assert_eq(gr_params_count(inner), 1);
    cr_assert_str_eq(gr_params_name(all, 0), "a");
    cr_assert_str_eq(gr_params_name(all, 1), "generator.b");
    cr_assert_str_eq(gr_params_name(all, 2), "generator.first.c");
    cr_assert_str_eq(gr_params_name(g, 1), "first.c");
    cr_assert_str_eq(gr_params_name(inner, 0), "c");
    cr_assert_eq(gr_params_find(all, "generator.first.c"), c);
    cr_assert_eq(gr_params_find(g, "first.c"), c);
    cr_assert_eq(gr_params_find(all, "a"), a);
    cr_assert_eq(gr_params_at(g, 0), b);
    cr_assert_eq(gr_params_elements(all), 6);
    expect_ok();
    gr_params_free(all);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, group_refusals, .init = silence)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "g");

    gr_params *twice = gr_params_group(all, "g");
    cr_assert(twice);
    expect_error(GR_ERROR_VALUE, "gr_params_group: name: \"g\" is taken");
    cr_assert(gr_is_error(gr_param(twice, "w", pair(1, 2))), "what is given an error object fails");
    expect_ok();
    cr_assert_eq(gr_params_count(twice), 0);
    gr_params_free(twice);
    expect_ok();
    cr_assert(gr_params_group(all, ""));
    expect_error(GR_ERROR_VALUE, "gr_params_group: name: got none, want a name");
    cr_assert(gr_params_group(NULL, "g"));
    expect_error(GR_ERROR_VALUE, "gr_params_group: params: got NULL, want a gr_params");
    gr_params_free(g);
    expect_error(GR_ERROR_STATE,
                 "gr_params_free: params: the group \"g\" is freed with the set it belongs to");
    gr_params_free(all);
    gr_thread_end();
}

/* ---- values ---- */

Test(params, an_operation_captures_the_value_of_that_moment)
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

Test(params, assign_holds_for_later_reads_and_after_the_scope)
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

Test(params, pending_assignment_of_an_inner_scope)
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

Test(params, assigned_numbers_belong_to_the_cell)
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

Test(params, assigning_a_cell_copies_its_value)
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
Test(params, gradients_flow_through_an_assignment_of_the_same_scope)
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

Test(params, assign_refusals, .init = silence)
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

Test(params, a_value_that_cannot_be_computed_leaves_the_cell, .init = silence)
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
Test(params, assign_all_is_atomic_whatever_fails, .init = silence)
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
Test(params, survives_every_failed_allocation, .init = silence)
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

Test(params, gradients_accumulate)
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

Test(params, gradient_of_an_outer_scope_survives_inner_ones)
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

Test(params, set_grad, .init = silence)
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
                 "gr_grad: cell: got an ordinary tensor, want a cell made by gr_param");
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, backward_leaves_other_groups_alone, .init = silence)
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
        expect_error(GR_ERROR_STATE, "gr_backward: loss: depends on no trained cell of params; was "
                                     "it made under GR_NO_GRAD, or cut off by gr_detach?");
    }
    expect_numbers(gr_grad(w), 9, 12);
    expect_numbers(gr_grad(v), 3, 6);
    gr_params_free(all);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, states_get_no_gradient)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *s = gr_state(params, "s", pair(3, 4));

    cr_assert(gr_backward(dot(w, s), params));
    expect_numbers(gr_grad(w), 3, 4);
    cr_assert_null(gr_grad(s));
    gr_params_free(params);
}

/* A backward call that fails leaves every gradient as it was. */
Test(params, backward_that_fails_changes_no_gradient, .init = silence)
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

Test(params, freed_with_a_gradient_and_an_assignment_waiting)
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
