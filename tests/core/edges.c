/* Edges of scopes, cells and schedules: where one thing outlives another, and where nothing is
 * given. */
#include "tests/common/check.h"

#include <pthread.h>

#include "src/core/alloc.h"
#include "src/core/scope.h"

static gr_tensor *pair(double a, double b)
{
    return tensor(GR_F64, GR_SHAPE(2), a, b);
}

static gr_tensor *dot(const gr_tensor *t, const gr_tensor *x)
{
    return gr_sum(gr_mul(t, x), GR_ALL_AXES, false);
}

/* A set is freed with its groups and their cells. */
Test(core_edges, freeing_a_set_with_a_group)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "g");

    gr_param(g, "w", pair(1, 2));
    gr_params_free(all);
}

/* A name is unique in every set that lists it. */
Test(core_edges, a_group_takes_no_name_of_its_parent, .init = silence)
{
    gr_params *all = gr_params_new();

    gr_param(all, "g.w", pair(1, 2));
    gr_params *g = gr_params_group(all, "g");
    gr_tensor *w = gr_param(g, "w", pair(3, 4));
    cr_assert(gr_is_error(w), "the parent lists \"%s\" and \"%s\"", gr_params_name(all, 0),
              gr_params_name(all, 1));
    gr_params_free(all);
}

/* A gradient left in one thread is of no concern to another once it is gone. */
typedef struct turn {
    gr_params *params;
    gr_tensor *w;
} turn;

static void *train(void *argument)
{
    turn *t = argument;
    {
        GR_SCOPE;
        gr_backward(dot(t->w, t->w), t->params);
    }
    gr_thread_end();
    return NULL;
}

Test(core_edges, gradient_left_by_another_thread, .init = silence)
{
    turn t = {.params = gr_params_new()};
    pthread_t thread;
    GR_SCOPE;

    t.w = gr_param(t.params, "w", pair(1, 2));
    gr_assign(t.w, pair(3, 4));  /* notes the cell for this thread */
    cr_assert(gr_eval(1, &t.w)); /* nothing waits any more */
    pthread_create(&thread, NULL, train, &t);
    pthread_join(thread, NULL);
    gr_tensor *g = gr_grad(t.w); /* reads the other thread's freed arena */
    expect_ok();
    expect_numbers(g, 6, 8);
}

/* A stale tensor given as a cell is recognised as stale. */
static gr_tensor *stale(void)
{
    GR_SCOPE;
    return pair(1, 2);
}

Test(core_edges, stale_as_cell_of_assign, .init = silence)
{
    cr_assert_not(gr_assign(stale(), pair(1, 2)));
    expect_error(GR_ERROR_STALE,
                 "gr_assign: cell: this tensor's scope has ended; keep it with gr_keep");
}

Test(core_edges, stale_as_cell_of_grad, .init = silence)
{
    cr_assert(gr_is_error(gr_grad(stale())));
    expect_error(GR_ERROR_STALE,
                 "gr_grad: cell: this tensor's scope has ended; keep it with gr_keep");
}

Test(core_edges, stale_as_cell_of_set_grad, .init = silence)
{
    cr_assert_not(gr_set_grad(stale(), pair(1, 2)));
    expect_error(GR_ERROR_STALE,
                 "gr_set_grad: cell: this tensor's scope has ended; keep it with gr_keep");
}

Test(core_edges, stale_as_cell_of_is_trained, .init = silence)
{
    cr_assert_not(gr_is_trained(stale()));
}

/* gr_where checks its operands under its own name. */
Test(core_edges, stale_operand_of_where, .init = silence)
{
    gr_tensor *s = stale(), *live = pair(1, 2);

    cr_assert(gr_is_error(gr_where(live, s, 0)));
    expect_error(GR_ERROR_STALE,
                 "gr_where: a: this tensor's scope has ended; keep it with gr_keep");
}

Test(core_edges, stale_condition_of_where, .init = silence)
{
    gr_tensor *s = stale(), *live = pair(1, 2);

    cr_assert(gr_is_error(gr_where(s, live, 0)));
    expect_error(GR_ERROR_STALE,
                 "gr_where: c: this tensor's scope has ended; keep it with gr_keep");
}

/* What is kept under GR_NO_GRAD carries no gradient. */
Test(core_edges, keep_under_no_grad)
{
    GR_SCOPE;
    gr_tensor *x = pair(3, 5), *k, *g;
    {
        GR_NO_GRAD;
        k = gr_keep(x);
    }
    cr_assert(gr_gradients(dot(k, x), &x, 1, &g));
    expect_numbers(g, 3, 5);
}

/* No values are a legal assignment. */
Test(core_edges, assign_all_of_nothing, .init = silence)
{
    cr_assert(gr_assign_all(0, NULL, NULL), "%s", gr_error_message());
}

/* The message shows the number that does not fit. */
Test(core_edges, too_large_for_i64, .init = silence)
{
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SHAPE(2), 1e30)));
    expect_error(GR_ERROR_VALUE,
                 "gr_full: got 1e+30, want whole numbers that fit i64; use GR_F64 for others");
}

/* The message names the function that was called. */
Test(core_edges, broadcast_that_overflows, .init = silence)
{
    gr_tensor *a = gr_zeros(GR_SHAPE((int64_t)1 << 31, 1)),
              *b = gr_zeros(GR_SHAPE(1, (int64_t)1 << 31));

    cr_assert(gr_is_error(gr_add(a, b)));
    cr_assert_eq(strncmp(gr_error_message(), "gr_add: ", 8), 0, "%s", gr_error_message());
}

/* A schedule that could not be listed leaves no scratch behind. */
Test(core_edges, scratch_after_a_schedule_that_failed, .init = silence)
{
    gr_tensor *x = pair(1, 2), *list[40];

    for (int i = 0; i < 40; i++) {
        list[i] = gr_add(i ? list[i - 1] : x, 1);
    }
    for (int64_t n = 1; n < 6; n++) {
        gr_memory_trim();
        gr__fail_allocation(n);
        gr_eval(40, list);
        gr__fail_allocation(0);
        gr_error_clear();
        const gr__thread *thread = gr__self();
        for (int64_t i = 0; i < thread->count; i++) {
            cr_assert(thread->nodes[i]->mark == 0, "allocation %lld, node %lld is marked",
                      (long long)n, (long long)i);
            cr_assert((thread->nodes[i]->flags & GR__REQUESTED) == 0, "allocation %lld, node %lld",
                      (long long)n, (long long)i);
        }
    }
}

/* A tensor made under GR_NO_GRAD is a legal target. */
Test(core_edges, target_made_without_gradient)
{
    gr_tensor *x, *g;
    {
        GR_NO_GRAD;
        x = gr_add(pair(3, 5), 0);
    }
    cr_assert(gr_gradients(dot(x, x), &x, 1, &g));
    expect_numbers(g, 6, 10);
}

/* Another thread's tensor is a legal target. */
typedef struct foreign {
    gr_tensor *x;
    double got[2];
} foreign;

static void *differentiate(void *argument)
{
    foreign *f = argument;
    gr_tensor *g;

    if (gr_gradients(dot(f->x, f->x), &f->x, 1, &g)) {
        f->got[0] = gr_data_f64(g)[0];
        f->got[1] = gr_data_f64(g)[1];
    }
    gr_thread_end();
    return NULL;
}

Test(core_edges, target_of_another_thread)
{
    foreign f = {.x = pair(3, 5)};
    pthread_t thread;

    pthread_create(&thread, NULL, differentiate, &f);
    pthread_join(thread, NULL);
    cr_assert(f.got[0] == 6 && f.got[1] == 10, "got %g %g", f.got[0], f.got[1]);
}

/* A captured value outlives the cell, or the foreign scope, it came from. */
Test(core_edges, backward_after_a_cell_was_freed)
{
    gr_params *one = gr_params_new(), *two = gr_params_new();
    gr_tensor *w = gr_param(one, "w", pair(1, 2)), *v = gr_param(two, "v", pair(3, 4));
    gr_tensor *loss = dot(w, v);

    gr_params_free(two);
    cr_assert(gr_backward(loss, one));
    expect_numbers(gr_grad(w), 3, 4);
    gr_params_free(one);
}

static void *make_foreign(void *argument)
{
    *(gr_tensor **)argument = pair(3, 4);
    return NULL;
}

Test(core_edges, backward_after_a_foreign_scope_has_ended)
{
    /* the same in one thread: held gradients are captured with &cell->held as their origin */
    gr_params *one = gr_params_new(), *two = gr_params_new();
    gr_tensor *w = gr_param(one, "w", pair(1, 2)), *v = gr_param(two, "v", pair(3, 4));
    {
        GR_SCOPE;
        gr_backward(dot(v, v), two);
    }
    gr_tensor *loss = dot(w, gr_grad(v));
    gr_params_free(two);
    cr_assert(gr_backward(loss, one));
    expect_numbers(gr_grad(w), 6, 8);
    gr_params_free(one);
    (void)make_foreign;
}

/* A power of two of bytes costs no quarter more. */
Test(core_edges, powers_of_two)
{
    int64_t before = gr_memory_stats().current;
    gr__buffer *b = gr__buffer_new(1 << 20);
    int64_t taken = gr_memory_stats().current - before;

    gr__buffer_drop(b);
    cr_assert(taken < (1 << 20) + 4096, "1048576 bytes take %lld", (long long)taken);
}

/* An assigned gradient is computed once. */
Test(core_edges, assigned_gradient_is_computed_once)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2)), *v = gr_param(params, "v", pair(1, 2));
    gr_tensor *s = gr_state(params, "s", pair(0, 0));
    {
        GR_SCOPE;
        cr_assert(gr_backward(dot(gr_mul(w, w), v), params));
        cr_assert(gr_assign(s, gr_grad(w)));
        gr_tensor *value = gr_sub(w, gr_grad(w));
        cr_assert(gr_assign_all(1, &w, &value));
    }
    expect_numbers(s, 2, 8);
    cr_assert_eq(gr_work_stats().recomputed, 0, "%lld recomputed",
                 (long long)gr_work_stats().recomputed);
    gr_params_free(params);
}

/* An empty set has no index. */
Test(core_edges, index_into_an_empty_set, .init = silence)
{
    gr_params *params = gr_params_new();

    gr_params_at(params, 0);
    cr_assert(!strstr(gr_error_message(), "to -1"), "%s", gr_error_message());
    gr_params_free(params);
}

/* An error handler may look at a tensor in the middle of a schedule. */
static gr_tensor *looked_at;

static void look(gr_code code, const char *message, void *context)
{
    (void)code;
    (void)message;
    *(double *)context = gr_item(looked_at);
}

Test(core_edges, handler_that_evaluates)
{
    double seen = 0;
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    gr_tensor *index = gr_add(tensor(GR_I64, GR_SHAPE(1), 5), 0);

    gr_error_handler(look, &seen);
    cr_assert(gr_backward(dot(gr_mul(w, w), w), params));
    gr_tensor *g = gr_grad(w);
    gr_tensor *bad = gr_take(pair(1, 2), 0, index);
    looked_at = gr_sum(g, GR_ALL_AXES, false);
    gr_tensor *list[] = {bad, g};
    gr_eval(2, list);
    cr_assert_eq(seen, 15, "seen %g", seen);
    cr_assert(g->buffer != NULL, "requested, and thrown away by the handler's look");
}

/* A cell that is not trained takes no gradient. */
Test(core_edges, a_state_takes_a_gradient, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *s = gr_state(params, "s", pair(0, 0));

    cr_assert_not(gr_set_grad(s, pair(1, 1)));
    gr_params_free(params);
}

/* NULL is no cell. */
Test(core_edges, null_as_a_cell, .init = silence)
{
    gr_grad(NULL);
    expect_error(GR_ERROR_VALUE, "gr_grad: cell: got NULL, want a tensor");
}

/* Gradients by nothing are an error. */
Test(core_edges, gradients_by_nothing, .init = silence)
{
    bool good = gr_gradients(dot(pair(1, 2), pair(1, 2)), NULL, 0, NULL);

    cr_assert(good || !gr_ok(), "false without an error");
}

/* A tensor kept from an ended scope is caught at even looks back too. */
Test(core_edges, looking_back_at_even_steps, .init = silence)
{
    gr_tensor *best = NULL;

    for (int i = 0; i < 3; i++) {
        GR_SCOPE;
        gr_tensor *loss = gr_full(GR_F32, GR_SCALAR, 10 - i);
        best = i == 0 ? loss : best;
        if (i > 0) {
            cr_assert(isnan(gr_item(best)), "step %d", i);
            expect_error(GR_ERROR_STALE,
                         "gr_item: t: this tensor's scope has ended; keep it with gr_keep");
        }
    }
}

/* The makers of one dtype are those of any, with the C type checked by the compiler. */
Test(core_edges, makers_of_one_dtype, .init = silence)
{
    gr_tensor *t[] = {gr_from_f32(GR_SHAPE(2), (float[]){2.5F, -1}),
                      gr_from_f64(GR_SHAPE(2), (double[]){2.5, -1}),
                      gr_from_i64(GR_SHAPE(2), (int64_t[]){7, -1})};

    cr_assert_eq(gr_data_f32(t[0])[0], 2.5F);
    cr_assert_eq(gr_data_f64(t[1])[0], 2.5);
    cr_assert_eq(gr_data_i64(t[2])[0], 7);
    cr_assert(gr_is_error(gr_from_i64(GR_SHAPE(3), NULL)));
    expect_error(GR_ERROR_VALUE, "gr_from_i64: data: got NULL, want 3 elements");
    gr_tensor *x = t[0], *g;
    cr_assert_not(gr_gradients(x, NULL, 1, &g));
    expect_error(GR_ERROR_VALUE, "gr_gradients: xs: got NULL, want an array");
    cr_assert_not(gr_gradients(x, &x, 1, NULL));
    expect_error(GR_ERROR_VALUE, "gr_gradients: out: got NULL, want an array");
}

/* An operation that changes nothing carries no gradient either under GR_NO_GRAD. */
Test(core_edges, nothing_flows_through_what_returns_its_operand)
{
    gr_tensor *x = pair(1, 2), *t[3], *g;
    {
        GR_NO_GRAD;
        t[0] = gr_reshape(x, GR_SHAPE(2));
        t[1] = gr_expand(x, GR_SHAPE(2));
        t[2] = gr_cast(x, GR_F64);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(gr_gradients(dot(t[i], t[i]), &x, 1, &g));
        expect_numbers(g, 0, 0);
    }
}

Test(core_edges, nothing_borrowed)
{
    gr_tensor *x = gr_borrow(GR_F32, GR_SHAPE(0), NULL);

    cr_assert_not_null(gr_data(x));
    cr_assert(gr_ok());
}

/* The end of a scope that was ended with an outer one ends no newer scope. */
Test(core_edges, a_scope_ends_once)
{
    gr_scope outer = gr_scope_begin(), inner = gr_scope_begin();
    gr_scope_end(&outer);
    gr_scope third = gr_scope_begin(), fourth = gr_scope_begin();
    gr_tensor *x = pair(3, 4);
    gr_scope_end(&inner);
    expect_numbers(x, 3, 4);
    gr_scope_end(&fourth);
    gr_scope_end(&third);
}

/* A value assigned in one thread and pending there is not for another. */
static void *read_cell(void *cell)
{
    bool refused = gr_is_error(gr_mul((gr_tensor *)cell, 2.0));
    refused = refused && gr_error_code() == GR_ERROR_STATE;
    gr_error_clear();
    refused = refused && !gr_eval(1, (gr_tensor **)&cell);
    gr_error_clear();
    refused = refused && !gr_assign(cell, cell);
    gr_error_clear();
    gr_thread_end();
    return refused ? cell : NULL;
}

Test(core_edges, a_pending_assignment_belongs_to_its_thread, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    pthread_t thread;
    void *refused = NULL;

    cr_assert(gr_assign(w, gr_mul(w, 3.0)));
    pthread_create(&thread, NULL, read_cell, w);
    pthread_join(thread, &refused);
    cr_assert_not_null(refused);
    expect_numbers(w, 3, 6);
    gr_params_free(params);
}
