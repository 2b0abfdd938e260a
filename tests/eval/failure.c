/* What fails while a schedule runs: memory, at every allocation, and indices out of range. A step
 * then leaves everything as it was; an error handler may evaluate meanwhile. */
#include "tests/common/scratch.h"

#include "src/core/alloc.h"
#include "src/core/scope.h"
#include "src/eval/eval.h"

/* ---- a model with a part that can fail and one that cannot ---- */

typedef struct model {
    gr_params *params;
    gr_optimizer *optimizer;
} model;

static gr_optimizer *adamw(gr_params *params)
{
    return gr_adam(params, gr_adamw_defaults());
}

static gr_optimizer *momentum(gr_params *params)
{
    return gr_sgd(params, (gr_sgd_options){.lr = 0.1, .momentum = 0.9});
}

static gr_optimizer *(*const makers[])(gr_params *) = {adamw, momentum};

static model model_new(int maker)
{
    GR_SCOPE;
    gr_params *params = gr_params_new();

    gr_param(params, "table", noise_tensor(GR_F32, GR_SHAPE(9, 300), 1));
    gr_param(params, "weight", noise_tensor(GR_F32, GR_SHAPE(300, 5), 2));
    gr_param(params, "bias", noise_tensor(GR_F32, GR_SHAPE(5), 3));
    gr_param(params, "apart", noise_tensor(GR_F32, GR_SHAPE(40, 50), 4));
    return (model){params, makers[maker](params)};
}

static void model_free(model *m)
{
    gr_optimizer_free(m->optimizer);
    gr_params_free(m->params);
}

/* Rows of a table classified, and a product on its own. The indices are only known when they are
 * computed; `rows` and `labels` are added to them. */
static gr_tensor *loss_of(const model *m, int rows, int labels)
{
    gr_tensor *index = tensor(GR_I64, GR_SHAPE(6), 0, 3, 5, 8, 3, 1);
    gr_tensor *label = tensor(GR_I64, GR_SHAPE(6), 1, 0, 4, 2, 2, 3);
    gr_tensor *x = gr_take(gr_params_find(m->params, "table"), 0, gr_add(index, rows));
    gr_tensor *z = gr_add(gr_matmul(gr_tanh(x), gr_params_find(m->params, "weight")),
                          gr_params_find(m->params, "bias"));
    gr_tensor *other = gr_matmul(noise_tensor(GR_F32, GR_SHAPE(3, 40), 7),
                                 gr_params_find(m->params, "apart"));

    return gr_add(gr_loss_cross_entropy(z, gr_add(label, labels), GR_MEAN),
                  gr_mean(gr_square(other), GR_ALL_AXES, false));
}

static void train(const model *m, int steps)
{
    for (int i = 0; i < steps; i++) {
        GR_SCOPE;
        cr_assert(gr_backward(loss_of(m, 0, 0), m->params), "%s", gr_error_message());
        cr_assert(gr_step(m->optimizer), "%s", gr_error_message());
    }
}

/* All values, then all of the optimizer's cells, one after the other. */
static char *contents(const model *m, size_t *size)
{
    gr_params *sets[] = {m->params, gr_optimizer_state(m->optimizer)};
    char *bytes = malloc(1 << 20);

    *size = 0;
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < gr_params_count(sets[s]); i++) {
            GR_SCOPE;
            const gr_tensor *cell = gr_params_at(sets[s], i);
            size_t n = (size_t)gr_count(cell) * gr_dtype_size(gr_dtype_of(cell));
            cr_assert(*size + n <= 1 << 20);
            memcpy(bytes + *size, gr_data(cell), n);
            *size += n;
        }
    }
    return bytes;
}

static void expect_contents(const model *m, const char *want, size_t size, const char *what,
                            int64_t n)
{
    size_t now;
    char *got = contents(m, &now);

    cr_assert(now == size && memcmp(got, want, size) == 0, "%lld: %s", (long long)n, what);
    free(got);
}

static void share_out(void)
{
    silence();
    gr_set_threads(2);
    gr__set_parallel_from(1);
}

/* ---- steps that fail ---- */

/* A third step whose n-th allocation fails changes nothing; tried again at once, with the same
 * gradients, it ends where one ends that never failed. True if there was no n-th allocation. */
static bool fails_cleanly(int maker, int64_t n, const char *before, const char *after, size_t size)
{
    model m = model_new(maker);
    bool done;

    train(&m, 2);
    {
        GR_SCOPE;
        gr_backward(loss_of(&m, 0, 0), m.params);
        gr__fail_allocation(n);
        done = gr_step(m.optimizer);
        gr__fail_allocation(0);
        cr_assert(done || gr_error_code() == GR_ERROR_MEMORY, "%lld: %s", (long long)n,
                  gr_error_message());
        gr_error_clear();
        expect_contents(&m, done ? after : before, size, "after the failure", n);
        cr_assert(done || gr_step(m.optimizer), "%lld: again: %s", (long long)n,
                  gr_error_message());
    }
    expect_contents(&m, after, size, "after the second try", n);
    model_free(&m);
    return done;
}

Test(failure, a_step_without_memory_changes_nothing, .init = share_out)
{
    for (int maker = 0; maker < 2; maker++) {
        model twin = model_new(maker);
        size_t size;
        int64_t n = 1;
        train(&twin, 2);
        char *before = contents(&twin, &size);
        train(&twin, 1);
        char *after = contents(&twin, &size);
        while (!fails_cleanly(maker, n, before, after, size)) {
            cr_assert_lt(++n, 1000);
        }
        cr_assert_gt(n, 20, "%lld allocations", (long long)n);
        free(before);
        free(after);
        model_free(&twin);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* The part of the model that could go on does not either. */
static void check_bad_index(int maker, int rows, int labels)
{
    model m = model_new(maker), twin = model_new(maker);
    size_t size;

    train(&m, 2);
    train(&twin, 2);
    char *before = contents(&m, &size);
    {
        GR_SCOPE;
        cr_assert(gr_backward(loss_of(&m, rows, labels), m.params));
        cr_assert_not(gr_step(m.optimizer));
        cr_assert_eq(gr_error_code(), GR_ERROR_VALUE, "%s", gr_error_message());
        gr_error_clear();
        expect_contents(&m, before, size, "after the failure", rows);
        cr_assert_not(gr_step(m.optimizer), "its gradients are no numbers");
        gr_error_clear();
        expect_contents(&m, before, size, "after the second try", rows);
        for (int i = 0; i < gr_params_count(m.params); i++) {
            gr_set_grad(gr_params_at(m.params, i), NULL);
        }
    }
    train(&m, 1);
    train(&twin, 1);
    char *after = contents(&twin, &size);
    expect_contents(&m, after, size, "after the next step", rows);
    free(before);
    free(after);
    model_free(&m);
    model_free(&twin);
}

Test(failure, a_step_with_a_bad_index_changes_nothing, .init = share_out)
{
    for (int maker = 0; maker < 2; maker++) {
        check_bad_index(maker, 1, 0);
        check_bad_index(maker, -1, 0);
        check_bad_index(maker, 0, 1);
        check_bad_index(maker, 0, -1);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* New values of which one waits for another, and one that has a bad index: nothing may be written
 * into a cell before all is known to be well. */
static bool assign_three(gr_tensor **cells, int shift)
{
    GR_SCOPE;
    GR_TRANSIENT;
    gr_tensor *index = gr_add(tensor(GR_I64, GR_SHAPE(2), 0, 2999), shift);
    gr_tensor *a = gr_mul(cells[0], 2);
    gr_tensor *b = gr_add(cells[1], gr_max(a, GR_ALL_AXES, false));
    gr_tensor *c = gr_add(cells[2], gr_take(gr_tanh(a), 0, index));

    return gr_assign_all(3, cells, (gr_tensor *[]){a, b, c});
}

static void expect_cells(gr_tensor **cells, double *const *want)
{
    for (int i = 0; i < 3; i++) {
        GR_SCOPE;
        expect_near(cells[i], gr_count(cells[i]), want[i], 0);
    }
}

Test(failure, values_that_wait_for_each_other_change_together, .init = share_out)
{
    gr_params *params = gr_params_new();
    gr_tensor *cells[3];
    double *want[3];
    {
        GR_SCOPE;
        cells[0] = gr_state(params, "a", noise_tensor(GR_F64, GR_SHAPE(3000), 1));
        cells[1] = gr_state(params, "b", noise_tensor(GR_F64, GR_SHAPE(2500), 2));
        cells[2] = gr_state(params, "c", noise_tensor(GR_F64, GR_SHAPE(2), 3));
    }
    for (int times = 0; times < 3; times++) {
        bool done = false;
        for (int i = 0; i < 3; i++) {
            GR_SCOPE;
            want[i] = numbers_of(cells[i]);
        }
        cr_assert_not(assign_three(cells, 1));
        gr_error_clear();
        expect_cells(cells, want);
        for (int64_t n = 1; !done; n++) {
            gr__fail_allocation(n);
            done = assign_three(cells, 0);
            gr__fail_allocation(0);
            gr_error_clear();
            if (!done) {
                expect_cells(cells, want);
            }
        }
        double most = -INFINITY;
        for (int i = 0; i < 3000; i++) {
            want[0][i] *= 2;
            most = fmax(most, want[0][i]);
        }
        for (int i = 0; i < 2500; i++) {
            want[1][i] += most;
        }
        double *c = numbers_of(cells[2]);
        expect_cells(cells, (double *[]){want[0], want[1], c});
        cr_assert(c[0] != want[2][0] && c[1] != want[2][1]);
        for (int i = 0; i < 3; i++) {
            free(want[i]);
        }
        free(c);
    }
    gr_params_free(params);
}

/* ---- handlers that evaluate ---- */

/* What a handler looks at, the numbers it saw, and how often it was called. */
typedef struct looker {
    gr_tensor *list[3];
    double seen[3];
    int calls;
    bool starved; /* memory stays out of reach for the handler too */
} looker;

static void look(gr_code code, const char *message, void *context)
{
    looker *l = context;

    (void)code;
    (void)message;
    l->calls++;
    if (!l->starved) {
        gr__fail_allocation(0);
    }
    for (int i = 0; i < 3; i++) {
        l->seen[i] = l->list[i] ? gr_item(l->list[i]) : 0;
    }
}

/* A graph of maps, reductions, a product and a view over 50 x 60, with one late index. */
typedef struct graph {
    gr_tensor *index, *picked, *hidden, *total, *rows, *turned, *result, *bystander;
} graph;

static graph build(int shift)
{
    graph g;
    gr_tensor *x = gr_reshape(gr_arange(GR_F64, 3000, -1, 0.001), GR_SHAPE(50, 60));

    g.index = gr_add(tensor(GR_I64, GR_SHAPE(4), 0, 49, 3, 3), shift);
    g.hidden = gr_tanh(gr_add(gr_exp(x), x));
    g.total = gr_sum(g.hidden, GR_ALL_AXES, false);
    g.rows = gr_softmax(gr_mul(0.01, gr_matmul(g.hidden, gr_transpose(x, 0, 1))), GR_AXES(1));
    g.turned = gr_mul(gr_flip(g.rows, GR_AXES(0)), g.total);
    g.picked = gr_take(g.hidden, 0, g.index);
    g.result = gr_add(gr_sum(g.turned, GR_ALL_AXES, false),
                      gr_mul(2, gr_sum(g.picked, GR_ALL_AXES, false)));
    g.bystander = gr_sum(gr_square(gr_arange(GR_F64, 5000, 0, 1)), GR_ALL_AXES, false);
    return g;
}

/* The numbers of a graph without a fault. */
typedef struct numbers {
    double total, row, turned, result, bystander;
} numbers;

static gr_tensor *corner(const gr_tensor *t)
{
    return gr_slice(gr_slice(t, 0, 0, 1), 1, 0, 1);
}

static numbers numbers_without_fault(void)
{
    GR_SCOPE;
    graph g = build(0);
    return (numbers){gr_item(g.total), gr_item(corner(g.rows)), gr_item(corner(g.turned)),
                     gr_item(g.result), gr_item(g.bystander)};
}

Test(failure, a_handler_looks_while_an_index_is_reported)
{
    numbers want = numbers_without_fault();
    graph g = build(1);
    looker l = {.list = {g.bystander, g.total, corner(g.turned)}};
    gr_tensor *list[] = {g.hidden, g.result, g.turned, g.total};

    gr_error_handler(look, &l);
    cr_assert_not(gr_eval(4, list));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert_eq(l.calls, 1);
    cr_assert(l.seen[0] == want.bystander && l.seen[1] == want.total && l.seen[2] == want.turned);
    check_scratch();
    cr_assert(gr_is_error(g.picked) && gr_is_error(g.result));
    cr_assert(!gr_is_error(g.hidden) && !gr_is_error(g.turned) && !gr_is_error(g.total));
    cr_assert_eq(gr_item(g.total), want.total);
    cr_assert_eq(gr_item(corner(g.rows)), want.row);
    cr_assert_eq(gr_item(corner(g.turned)), want.turned);
    cr_assert_eq(gr_item(g.bystander), want.bystander);
    expect_ok();
    check_scratch();
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* What the handler looks at may be what the schedule is about, or what it has failed to make. */
Test(failure, a_handler_looks_at_what_is_wrong)
{
    graph g = build(-1);
    looker l = {.list = {g.result, gr_sum(g.picked, GR_ALL_AXES, false), g.bystander}};
    numbers want = numbers_without_fault();

    gr_error_handler(look, &l);
    cr_assert(isnan(gr_item(g.result)));
    gr_error_clear();
    cr_assert_eq(l.calls, 1);
    cr_assert(isnan(l.seen[0]) && isnan(l.seen[1]));
    cr_assert_eq(l.seen[2], want.bystander);
    cr_assert_eq(gr_item(g.total), want.total);
    expect_ok();
    check_scratch();
}

/* Every allocation fails in turn; with memory there again, the handler sees right numbers, and so
 * does whoever asks afterwards. */
static bool survives_a_look(int64_t n, bool starved, numbers want)
{
    graph g = build(0);
    looker l = {.list = {g.bystander, g.total, corner(g.turned)}, .starved = starved};
    gr_tensor *list[] = {g.result, g.turned, g.hidden};

    gr_memory_trim();
    gr_error_handler(look, &l);
    gr__fail_allocation(n);
    bool done = gr_eval(3, list);
    gr__fail_allocation(0);
    gr_error_handler(ignore_error, NULL);
    cr_assert_eq(l.calls, !gr_ok(), "%lld", (long long)n);
    cr_assert(done || !gr_ok(), "%lld: false without an error", (long long)n);
    gr_error_clear();
    check_scratch();
    if (l.calls > 0 && !starved) {
        cr_assert_eq(l.seen[0], want.bystander, "%lld: saw %.17g", (long long)n, l.seen[0]);
        cr_assert_eq(l.seen[1], want.total, "%lld: saw %.17g, want %.17g", (long long)n, l.seen[1],
                     want.total);
        cr_assert_eq(l.seen[2], want.turned, "%lld: saw %.17g, want %.17g", (long long)n, l.seen[2],
                     want.turned);
    }
    cr_assert(gr_eval(3, list), "%lld: again: %s", (long long)n, gr_error_message());
    cr_assert_eq(gr_item(g.result), want.result, "%lld", (long long)n);
    cr_assert_eq(gr_item(corner(g.turned)), want.turned, "%lld", (long long)n);
    cr_assert_eq(gr_item(g.total), want.total, "%lld", (long long)n);
    check_scratch();
    return l.calls == 0;
}

Test(failure, a_handler_looks_while_memory_is_short)
{
    numbers want = numbers_without_fault();

    for (int starved = 0; starved < 2; starved++) {
        int64_t n = 1;
        for (bool done = false; !done; n++) {
            GR_SCOPE;
            done = survives_a_look(n, starved, want);
            cr_assert_lt(n, 1000);
        }
        cr_assert_gt(n, 8, "%lld allocations", (long long)n);
    }
    gr_error_handler(NULL, NULL);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* The same inside a step: the handler looks at the loss and at a parameter's gradient. */
Test(failure, a_handler_looks_inside_a_step, .init = share_out)
{
    model twin = model_new(0);
    size_t size;
    bool done = false;

    train(&twin, 1);
    char *before = contents(&twin, &size);
    train(&twin, 1);
    char *after = contents(&twin, &size);
    for (int64_t n = 1; !done; n++) {
        model m = model_new(0);
        train(&m, 1);
        {
            GR_SCOPE;
            gr_tensor *loss = loss_of(&m, 0, 0);
            cr_assert(gr_backward(loss, m.params));
            gr_tensor *g = gr_grad(gr_params_find(m.params, "weight"));
            gr_tensor *norm = gr_sum(gr_square(g), GR_ALL_AXES, false);
            looker l = {.list = {loss, norm, corner(gr_params_find(m.params, "apart"))}};
            gr_error_handler(look, &l);
            gr__fail_allocation(n);
            done = gr_step(m.optimizer);
            gr__fail_allocation(0);
            gr_error_handler(ignore_error, NULL);
            cr_assert(done || l.calls == 1);
            gr_error_clear();
            check_scratch();
            expect_contents(&m, done ? after : before, size, "after the failure", n);
            cr_assert(done || l.seen[0] == gr_item(loss), "%lld", (long long)n);
            cr_assert(done || l.seen[1] == gr_item(norm), "%lld", (long long)n);
            cr_assert(done || gr_step(m.optimizer), "%s", gr_error_message());
        }
        expect_contents(&m, after, size, "after the second try", n);
        model_free(&m);
        cr_assert_lt(n, 1000);
    }
    free(before);
    free(after);
    model_free(&twin);
    gr_thread_end();
    EXPECT_NO_LEAK();
}
