/* Scopes: what lives how long, what is kept, what is caught when it is used too late. */
#include "tests/common/check.h"

#include "src/core/alloc.h"
#include "src/core/scope.h"

static int64_t depth(void)
{
    return gr__self()->depth;
}

static int64_t live_nodes(void)
{
    return gr__self()->count;
}

/* ---- the declaration ---- */

static int leave_by_return(int i)
{
    GR_SCOPE;
    gr_zeros(GR_SHAPE(2));
    if (i > 0) {
        GR_SCOPE;
        gr_zeros(GR_SHAPE(2));
        return i;
    }
    return 0;
}

Test(scope, ends_with_its_block)
{
    cr_assert_eq(depth(), 0);
    {
        GR_SCOPE;
        cr_assert_eq(depth(), 1);
        gr_zeros(GR_SHAPE(3));
        cr_assert_eq(live_nodes(), 1);
        {
            GR_SCOPE;
            cr_assert_eq(depth(), 2);
        }
        cr_assert_eq(depth(), 1);
    }
    cr_assert_eq(depth(), 0);
    cr_assert_eq(live_nodes(), 0);
}

Test(scope, break_continue_and_return_leave_it)
{
    for (int i = 0; i < 10; i++) {
        GR_SCOPE;
        gr_zeros(GR_SHAPE(3));
        cr_assert_eq(depth(), 1);
        if (i % 2) {
            continue;
        }
        if (i == 6) {
            break;
        }
    }
    cr_assert_eq(depth(), 0);
    cr_assert_eq(leave_by_return(1), 1);
    cr_assert_eq(leave_by_return(0), 0);
    cr_assert_eq(depth(), 0);
    cr_assert_eq(live_nodes(), 0);
}

Test(scope, two_in_one_block)
{
    {
        GR_SCOPE;
        GR_SCOPE;
        cr_assert_eq(depth(), 2);
    }
    cr_assert_eq(depth(), 0);
}

Test(scope, ending_an_outer_one_ends_the_inner_ones)
{
    gr_scope outer = gr_scope_begin();
    gr_scope middle = gr_scope_begin();
    gr_scope inner = gr_scope_begin();
    gr_tensor *x = gr_zeros(GR_SHAPE(3));

    cr_assert_eq(depth(), 3);
    gr_scope_end(&outer);
    cr_assert_eq(depth(), 0);
    gr_scope_end(&inner);
    gr_scope_end(&middle);
    gr_scope_end(&outer);
    cr_assert_eq(depth(), 0);
    silence();
    cr_assert(gr_is_error(gr_neg(x)));
    expect_error(GR_ERROR_STALE, "gr_neg: x: this tensor's scope has ended; keep it with gr_keep");
}

Test(scope, nested_deeply)
{
    gr_scope scopes[100];
    gr_tensor *sum = gr_full(GR_F64, GR_SCALAR, 0);

    for (int i = 0; i < 100; i++) {
        scopes[i] = gr_scope_begin();
        sum = gr_add(sum, 1);
    }
    cr_assert_eq(depth(), 100);
    cr_assert_eq(gr_item(sum), 100);
    gr_scope_end(&scopes[0]);
    cr_assert_eq(depth(), 0);
    EXPECT_NO_LEAK();
}

Test(scope, outside_of_all_tensors_belong_to_the_root)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2), 3);
    {
        GR_SCOPE;
        gr_tensor *y = gr_mul(x, x);
        expect_numbers(y, 9, 9);
    }
    expect_numbers(x, 3, 3);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(scope, thread_end_may_come_first_and_twice)
{
    gr_thread_end();
    gr_thread_end();
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2), 3);
    expect_numbers(x, 3, 3);
    gr_thread_end();
    cr_assert_eq(gr_item(gr_full(GR_F64, GR_SCALAR, 5)), 5);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(scope, thread_end_within_a_scope)
{
    gr_scope scope = gr_scope_begin();

    gr_zeros(GR_SHAPE(3));
    gr_thread_end();
    gr_scope_end(&scope);
    cr_assert_eq(depth(), 0);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- keeping ---- */

Test(scope, kept_value_lives_in_the_enclosing_scope)
{
    gr_tensor *kept;
    {
        GR_SCOPE;
        gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 1, 2, 4);
        kept = gr_keep(gr_mul(x, 3));
        expect_numbers(kept, 3, 6, 12);
    }
    expect_numbers(kept, 3, 6, 12);
    expect_numbers(gr_add(kept, 1), 4, 7, 13);
}

Test(scope, kept_value_is_computed_when_its_scope_ends)
{
    gr_tensor *kept;
    int64_t before;
    {
        GR_SCOPE;
        gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 1, 2, 4);
        kept = gr_keep(gr_mul(x, 3));
        before = gr_work_stats().scheduled;
    }
    int64_t after = gr_work_stats().scheduled;
    cr_assert_gt(after, before, "nothing pending survives a scope");
    expect_numbers(kept, 3, 6, 12);
    cr_assert_eq(gr_work_stats().scheduled, after, "it was a plain value already");
}

Test(scope, kept_across_several_levels)
{
    gr_tensor *out;
    {
        GR_SCOPE;
        gr_tensor *middle;
        {
            GR_SCOPE;
            gr_tensor *inner;
            {
                GR_SCOPE;
                inner = gr_keep(tensor(GR_F32, GR_SHAPE(2), 5, 7));
            }
            middle = gr_keep(gr_add(inner, 1));
        }
        out = gr_keep(gr_add(middle, 1));
    }
    expect_numbers(out, 7, 9);
}

Test(scope, kept_and_ended_by_an_outer_scope)
{
    gr_tensor *kept, *twice;
    gr_scope outer = gr_scope_begin(), inner = gr_scope_begin();

    kept = gr_keep(tensor(GR_F32, GR_SHAPE(2), 5, 7));
    twice = gr_keep(kept);
    expect_numbers(twice, 5, 7);
    (void)inner;
    gr_scope_end(&outer);
    silence();
    cr_assert(gr_is_error(gr_neg(kept)), "it was kept for the outer scope, which has ended too");
    cr_assert_eq(gr_error_code(), GR_ERROR_STALE);
    gr_error_clear();
}

/* Kept tensors are plain values: no gradient goes through them to what they were made from. */
Test(scope, kept_tensors_have_no_history)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 3, 5), *kept, *g;
    {
        GR_SCOPE;
        kept = gr_keep(gr_mul(x, x));
        gr_tensor *y = gr_sum(kept, GR_ALL_AXES, false);
        cr_assert(gr_gradients(y, &x, 1, &g));
        expect_numbers(g, 6, 10);
    }
    gr_tensor *y = gr_sum(gr_mul(kept, x), GR_ALL_AXES, false), *xs[] = {x, kept}, *out[2];
    cr_assert(gr_gradients(y, xs, 2, out));
    expect_numbers(out[0], 9, 25);
    expect_numbers(out[1], 3, 5);
}

Test(scope, kept_views_and_borrowed_memory_are_copied)
{
    double mine[6] = {1, 2, 3, 4, 5, 6};
    gr_tensor *borrowed, *turned, *row, *wide;
    {
        GR_SCOPE;
        gr_tensor *x = gr_borrow(GR_F64, GR_SHAPE(2, 3), mine);
        borrowed = gr_keep(x);
        turned = gr_keep(gr_transpose(x, 0, 1));
        row = gr_keep(gr_slice(x, 0, 1, 2));
        wide = gr_keep(gr_expand(gr_slice(x, 1, 0, 1), GR_SHAPE(2, 2)));
    }
    memset(mine, 0xFF, sizeof mine);
    expect_numbers(borrowed, 1, 2, 3, 4, 5, 6);
    expect_numbers(turned, 1, 4, 2, 5, 3, 6);
    expect_numbers(row, 4, 5, 6);
    expect_numbers(wide, 1, 1, 4, 4);
}

Test(scope, a_kept_slice_does_not_hold_the_whole)
{
    gr_tensor *kept;
    int64_t before = gr_memory_stats().current;
    {
        GR_SCOPE;
        kept = gr_keep(gr_slice(noise_tensor(GR_F64, GR_SHAPE(1 << 18), 1), 0, 5, 8));
    }
    cr_assert_lt(gr_memory_stats().current - before, 1 << 21, "2 MiB should be gone");
    expect_near(kept, 3, ((double[]){noise(1000008), noise(1000009), noise(1000010)}), 0);
}

Test(scope, kept_cells_hold_the_value_of_that_moment)
{
    gr_params *params = gr_params_new();
    gr_tensor *cell = gr_param(params, "w", tensor(GR_F32, GR_SHAPE(2), 1, 2)), *kept;
    {
        GR_SCOPE;
        kept = gr_keep(cell);
        gr_assign(cell, gr_add(cell, 10));
    }
    expect_numbers(kept, 1, 2);
    expect_numbers(cell, 11, 12);
    gr_params_free(params);
    expect_numbers(kept, 1, 2);
}

Test(scope, what_cannot_be_computed_is_kept_as_an_error_tensor, .init = silence)
{
    gr_tensor *kept, *fine;
    {
        GR_SCOPE;
        gr_tensor *index = gr_add(tensor(GR_I64, GR_SHAPE(2), -1, 6), 1);
        kept = gr_keep(gr_take(tensor(GR_F32, GR_SHAPE(3), 1, 2, 3), 0, index));
        fine = gr_keep(tensor(GR_F32, GR_SHAPE(1), 4));
    }
    cr_assert(gr_is_error(kept));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    expect_numbers(fine, 4);
    expect_ok();
}

/* ---- too late ---- */

/* A call on a stale tensor s, and the message's beginning. */
#define STALE_ROWS(ROW) \
    ROW("gr_sub: b", gr_sub(live, s)) \
    ROW("gr_sub: a", gr_sub(s, live)) \
    ROW("gr_mul: a", gr_mul(s, 2)) \
    ROW("gr_exp: x", gr_exp(s)) \
    ROW("gr_where: b", gr_where(live, live, s)) \
    ROW("gr_cast: x", gr_cast(s, GR_F64)) \
    ROW("gr_detach: x", gr_detach(s)) \
    ROW("gr_sum: x", gr_sum(s, GR_ALL_AXES, false)) \
    ROW("gr_mean: x", gr_mean(s, GR_ALL_AXES, false)) \
    ROW("gr_max: x", gr_max(s, GR_ALL_AXES, false)) \
    ROW("gr_argmax: x", gr_argmax(s, 0, false)) \
    ROW("gr_logsumexp: x", gr_logsumexp(s, GR_ALL_AXES, false)) \
    ROW("gr_softmax: x", gr_softmax(s, GR_ALL_AXES)) \
    ROW("gr_log_softmax: x", gr_log_softmax(s, GR_ALL_AXES)) \
    ROW("gr_reshape: x", gr_reshape(s, GR_SHAPE(1, 3))) \
    ROW("gr_permute: x", gr_permute(s, GR_AXES(0))) \
    ROW("gr_transpose: x", gr_transpose(s, 0, 0)) \
    ROW("gr_expand: x", gr_expand(s, GR_SHAPE(2, 3))) \
    ROW("gr_slice: x", gr_slice(s, 0, 0, 1)) \
    ROW("gr_unslice: x", gr_unslice(s, 0, 0, 5)) \
    ROW("gr_flip: x", gr_flip(s, GR_AXES(0))) \
    ROW("gr_squeeze: x", gr_squeeze(s, 0)) \
    ROW("gr_unsqueeze: x", gr_unsqueeze(s, 0)) \
    ROW("gr_sum_to: x", gr_sum_to(s, GR_SCALAR)) \
    ROW("gr_matmul: a", gr_matmul(s, live)) \
    ROW("gr_matmul: b", gr_matmul(live, s)) \
    ROW("gr_gather: x", gr_gather(s, 0, live)) \
    ROW("gr_gather: index", gr_gather(live, 0, s)) \
    ROW("gr_scatter_add: source", gr_scatter_add(s, 0, live, 3)) \
    ROW("gr_scatter_add: index", gr_scatter_add(live, 0, s, 3)) \
    ROW("gr_take: x", gr_take(s, 0, live)) \
    ROW("gr_one_hot: index", gr_one_hot(s, 3)) \
    ROW("gr_keep: t", gr_keep(s)) \
    ROW("gr_param: value", gr_param(params, "p", s)) \
    ROW("gr_state: value", gr_state(params, "s", s))

static gr_tensor *stale_tensor(void)
{
    GR_SCOPE;
    return tensor(GR_F32, GR_SHAPE(3), 1, 2, 3);
}

Test(scope, stale_operands_are_caught_everywhere, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *s = stale_tensor(), *live = tensor(GR_F32, GR_SHAPE(3), 1, 2, 3);

#define ROW(head, call) \
    cr_expect(gr_is_error(call), "%s", head); \
    cr_expect_str_eq(gr_error_message(), \
                     head ": this tensor's scope has ended; keep it with gr_keep", "got \"%s\"", \
                     gr_error_message()); \
    cr_expect_eq(gr_error_code(), GR_ERROR_STALE); \
    gr_error_clear();
    STALE_ROWS(ROW)
#undef ROW
    cr_assert_eq(gr_params_count(params), 0);
    gr_params_free(params);
}

/* Functions that return something else than a tensor. */
Test(scope, stale_tensors_are_caught_when_looked_at, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *cell = gr_param(params, "w", tensor(GR_F32, GR_SHAPE(3), 1, 2, 3));
    gr_tensor *s = stale_tensor(), *out, *y = gr_sum(cell, GR_ALL_AXES, false);

#define CAUGHT(head, condition) \
    cr_expect(condition, "%s", head); \
    expect_error(GR_ERROR_STALE, head ": this tensor's scope has ended; keep it with gr_keep")
    CAUGHT("gr_item: t", isnan(gr_item(s)));
    CAUGHT("gr_data: t", gr_data(s) == NULL);
    CAUGHT("gr_data_f32: t", gr_data_f32(s) == NULL);
    CAUGHT("gr_data_f64: t", gr_data_f64(s) == NULL);
    CAUGHT("gr_data_i64: t", gr_data_i64(s) == NULL);
    CAUGHT("gr_eval: tensors", !gr_eval(1, &s));
    CAUGHT("gr_dtype_of: t", gr_dtype_of(s) == GR_F32);
    CAUGHT("gr_shape_of: t", gr_shape_of(s).rank == 0);
    CAUGHT("gr_rank: t", gr_rank(s) == 0);
    CAUGHT("gr_count: t", gr_count(s) == 1);
    CAUGHT("gr_dim: t", gr_dim(s, 0) == -1);
    CAUGHT("gr_is_error: t", gr_is_error(s));
    CAUGHT("gr_assign: value", !gr_assign(cell, s));
    CAUGHT("gr_assign_all: value", !gr_assign_all(1, &cell, &s));
    CAUGHT("gr_set_grad: value", !gr_set_grad(cell, s));
    CAUGHT("gr_backward: loss", !gr_backward(s, params));
    CAUGHT("gr_gradients: y", !gr_gradients(s, &cell, 1, &out));
    CAUGHT("gr_gradients: xs", !gr_gradients(y, &s, 1, &out));
    cr_assert(gr_is_error(out));
#undef CAUGHT
    expect_numbers(cell, 1, 2, 3);
    cr_assert_null(gr_grad(cell));
    gr_params_free(params);
}

/* The next scope does not reuse the memory of the one before. */
Test(scope, stale_is_seen_within_the_next_scope, .init = silence)
{
    gr_tensor *s = stale_tensor();
    {
        GR_SCOPE;
        for (int i = 0; i < 1000; i++) {
            cr_assert_neq(tensor(GR_F32, GR_SHAPE(3), 4, 5, 6), s);
        }
        cr_assert(gr_is_error(gr_neg(s)));
        cr_assert_eq(gr_error_code(), GR_ERROR_STALE);
        gr_error_clear();
    }
}

/* ---- GR_NO_GRAD ---- */

Test(scope, no_grad_makes_constants)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 3, 5), *constant, *g;
    {
        GR_NO_GRAD;
        constant = gr_mul(x, x);
        {
            GR_NO_GRAD;
            (void)gr_neg(x);
        }
        constant = gr_add(constant, gr_mul(x, 0));
    }
    gr_tensor *y = gr_sum(gr_mul(constant, x), GR_ALL_AXES, false);
    cr_assert(gr_gradients(y, &x, 1, &g));
    expect_numbers(g, 9, 25);
}

static gr_tensor *square_without_gradient(const gr_tensor *x)
{
    GR_NO_GRAD;
    return gr_mul(x, x);
}

Test(scope, no_grad_ends_with_its_block)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 3, 5), *g;

    for (int i = 0; i < 3; i++) {
        GR_NO_GRAD;
        if (i == 1) {
            break;
        }
    }
    gr_tensor *y = gr_sum(gr_add(square_without_gradient(x), gr_mul(x, x)), GR_ALL_AXES, false);
    cr_assert(gr_gradients(y, &x, 1, &g));
    expect_numbers(g, 6, 10);
}

Test(scope, no_grad_on_cells)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 3, 5)), *constant;
    {
        GR_NO_GRAD;
        constant = gr_mul(w, 2);
    }
    cr_assert(gr_backward(gr_sum(gr_mul(constant, w), GR_ALL_AXES, false), params));
    expect_numbers(gr_grad(w), 6, 10);
    gr_params_free(params);
}

/* ---- memory ---- */

static void one_step(int i)
{
    GR_SCOPE;
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(300, 7), i);
    gr_tensor *y = gr_sum(gr_mul(gr_transpose(x, 0, 1), 2), GR_AXES(0), false);
    gr_tensor *kept;
    {
        GR_SCOPE;
        kept = gr_keep(gr_slice(y, 0, 3, 5));
    }
    cr_assert_eq(gr_item(gr_sum(kept, GR_ALL_AXES, false)), 28.0 * i);
}

Test(scope, memory_returns_to_the_same_level)
{
    for (int i = 0; i < 3; i++) {
        one_step(i);
    }
    gr_memory first = gr_memory_stats();
    gr_memory_reset_peak();
    one_step(5);
    int64_t peak = gr_memory_stats().peak;
    for (int i = 0; i < 3000; i++) {
        one_step(i);
    }
    cr_assert_eq(gr_memory_stats().current, first.current);
    cr_assert_eq(gr_memory_stats().peak, peak);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* A metric summed over many scopes holds one number, not a graph. */
Test(scope, a_running_sum_stays_small)
{
    gr_params *params = gr_params_new();
    gr_tensor *total = gr_state(params, "total", tensor(GR_F64, GR_SCALAR, 0));
    int64_t level = 0;

    for (int i = 0; i < 2000; i++) {
        GR_SCOPE;
        gr_tensor *x = gr_full(GR_F64, GR_SHAPE(1000), i);
        cr_assert(gr_assign(total, gr_add(total, gr_mean(x, GR_ALL_AXES, false))));
        level = i == 10 ? gr_memory_stats().current : level;
    }
    cr_assert_lt(gr_memory_stats().current, level + 1000);
    cr_assert_eq(gr_item(total), 1999.0 * 2000 / 2);
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- nothing pending survives ---- */

Test(scope, gradients_and_assignments_become_numbers)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 3, 5));
    gr_tensor *s = gr_state(params, "s", tensor(GR_F64, GR_SHAPE(2), 0, 0));
    {
        GR_SCOPE;
        gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 7, 11);
        cr_assert(gr_backward(gr_sum(gr_mul(gr_mul(w, w), x), GR_ALL_AXES, false), params));
        cr_assert(gr_assign(s, gr_mul(w, x)));
    }
    int64_t after = gr_work_stats().scheduled;
    expect_numbers(gr_grad(w), 42, 110);
    expect_numbers(s, 21, 55);
    cr_assert_eq(gr_work_stats().scheduled, after, "numbers were there when the scope had ended");
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- out of memory ---- */

static void whole_life(void)
{
    GR_SCOPE;
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(100), 2), *kept;
    {
        GR_SCOPE;
        kept = gr_keep(gr_sum(gr_mul(x, x), GR_ALL_AXES, false));
    }
    double item = gr_item(kept);
    cr_assert(gr_ok() ? item == 400 : isnan(item), "got %g; %s", item, gr_error_message());
}

Test(scope, survives_every_failed_allocation, .init = silence)
{
    whole_life();
    gr_thread_end();
    int64_t n = 1;
    for (bool failed = true; failed; n++) {
        gr_memory_trim();
        gr__fail_allocation(n);
        whole_life();
        gr__fail_allocation(0);
        failed = !gr_ok();
        cr_assert(!failed || gr_error_code() == GR_ERROR_MEMORY, "%s", gr_error_message());
        gr_error_clear();
        gr_thread_end();
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 10);
    whole_life();
    expect_ok();
    gr_thread_end();
    EXPECT_NO_LEAK();
}
