/* New values of cells: written in place where nobody needs the old ones, after everything that can
 * fail, and never where somebody does. */
#include "tests/common/check.h"

#include "src/core/alloc.h"
#include "src/core/scope.h"
#include "src/eval/eval.h"

enum { MOST_CELLS = 24 };

/* Where a cell's numbers are; looking at them holds them no longer than the call. */
static const void *address(const gr_tensor *cell)
{
    GR_SCOPE;
    return gr_data(cell);
}

static void *numbers_in(const gr_tensor *cell)
{
    GR_SCOPE;
    return copy_of(cell);
}

#define expect_cell(cell, want, what) expect_cell_at(cell, want, what, __LINE__)

static void expect_cell_at(const gr_tensor *cell, const void *want, const char *what, int line)
{
    GR_SCOPE;
    expect_bits_at(gr_dtype_of(cell), gr_count(cell), gr_data(cell), want, what, line);
}

/* Small arrays are shared out too. */
static void share_out(void)
{
    gr_set_threads(3);
    gr__set_parallel_from(1);
}

/* ---- optimizers ---- */

typedef gr_optimizer *maker(gr_params *params);

static gr_optimizer *adam(gr_params *params)
{
    return gr_adam(params, gr_adam_defaults());
}

static gr_optimizer *adamw(gr_params *params)
{
    gr_adam_options options = gr_adamw_defaults();

    options.lr = 0.05;
    return gr_adam(params, options);
}

static gr_optimizer *momentum(gr_params *params)
{
    return gr_sgd(params, (gr_sgd_options){.lr = 0.1, .momentum = 0.9});
}

static gr_optimizer *nesterov(gr_params *params)
{
    return gr_sgd(params, (gr_sgd_options){
                              .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
}

static maker *const makers[] = {adam, adamw, momentum, nesterov};

/* Parameters of less than a tile and of many tiles, of both dtypes. */
static gr_params *some_params(void)
{
    GR_SCOPE;
    gr_params *params = gr_params_new();

    gr_param(params, "bias", noise_tensor(GR_F32, GR_SHAPE(131), 1));
    gr_param(params, "weight", noise_tensor(GR_F32, GR_SHAPE(70, 131), 2));
    gr_param(params, "double", noise_tensor(GR_F64, GR_SHAPE(40, 50), 3));
    return params;
}

/* A layer of floats, whose gradients come by way of a product and a sum of columns, and one of
 * doubles. */
static void backward(gr_params *params)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(8, 70), 5);
    gr_tensor *y = gr_matmul(x, gr_params_find(params, "weight"));
    y = gr_tanh(gr_add(y, gr_params_find(params, "bias")));
    gr_tensor *z = noise_tensor(GR_F64, GR_SHAPE(6, 40), 6);
    z = gr_matmul(z, gr_params_find(params, "double"));

    cr_assert(gr_backward(gr_mean(gr_square(y), GR_ALL_AXES, false), params) &&
                  gr_backward(gr_mean(gr_square(z), GR_ALL_AXES, false), params),
              "%s", gr_error_message());
}

static void train(gr_params *params, gr_optimizer *optimizer)
{
    GR_SCOPE;
    backward(params);
    cr_assert(gr_step(optimizer), "%s", gr_error_message());
}

static void note_addresses(gr_params *params, const void **at)
{
    for (int i = 0; i < gr_params_count(params); i++) {
        at[i] = address(gr_params_at(params, i));
    }
}

static bool is_moment(const gr_params *state, int i)
{
    return gr_dtype_of(gr_params_at(state, i)) != GR_I64;
}

Test(update, moments_stay_where_they_are)
{
    share_out();
    for (int i = 0; i < 4; i++) {
        const void *before[MOST_CELLS], *after[MOST_CELLS];
        gr_params *params = some_params();
        gr_optimizer *optimizer = makers[i](params);
        gr_params *state = gr_optimizer_state(optimizer);
        train(params, optimizer);
        note_addresses(state, before);
        for (int k = 0; k < 4; k++) {
            train(params, optimizer);
            note_addresses(state, after);
            for (int j = 0; j < gr_params_count(state); j++) {
                cr_assert(!is_moment(state, j) || after[j] == before[j],
                          "optimizer %d, step %d: %s has moved", i, k, gr_params_name(state, j));
            }
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* Without a graph that reads it, a parameter is updated in place as well, if the rule reads it
 * once. */
Test(update, parameters_that_nobody_reads_stay)
{
    share_out();
    for (int i = 0; i < 4 && makers[i] != nesterov; i++) {
        gr_params *params = some_params();
        gr_optimizer *optimizer = makers[i](params);
        for (int k = 0; k < 3; k++) {
            GR_SCOPE;
            const void *before[MOST_CELLS], *after[MOST_CELLS];
            note_addresses(params, before);
            for (int j = 0; j < gr_params_count(params); j++) {
                gr_tensor *p = gr_params_at(params, j);
                gr_set_grad(p, noise_tensor(gr_dtype_of(p), gr_shape_of(p), 9));
            }
            cr_assert(gr_step(optimizer), "%s", gr_error_message());
            note_addresses(params, after);
            cr_assert_eq(memcmp(before, after, 3 * sizeof *before), 0, "optimizer %d, step %d", i,
                         k);
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
}

/* ---- old values ---- */

/* What of a cell's old value outlives a step: pending graphs, named or not, a look at its memory,
 * a tensor that was kept, another cell. */
static void check_old_values(gr_params *params, gr_optimizer *optimizer, gr_tensor *cell)
{
    GR_SCOPE;
    double *old = numbers_of(cell);
    int64_t n = gr_count(cell);
    gr_tensor *copy = tensor_of(gr_dtype_of(cell), gr_shape_of(cell), old), *kept, *unnamed;
    gr_tensor *named = gr_exp(cell), *reader = gr_mul(named, 2);
    gr_tensor *turned = gr_flip(cell, GR_AXES(0));
    const void *memory = gr_data(cell);

    {
        GR_SCOPE;
        kept = gr_keep(cell);
    }
    {
        GR_TRANSIENT;
        unnamed = gr_tanh(cell);
    }
    backward(params);
    cr_assert(gr_step(optimizer), "%s", gr_error_message());
    expect_bits(gr_dtype_of(cell), n, memory, gr_data(copy), "memory that was looked at");
    expect_bits(gr_dtype_of(cell), n, gr_data(kept), gr_data(copy), "kept");
    expect_bits(gr_dtype_of(cell), n, gr_data(named), gr_data(gr_exp(copy)), "fused");
    expect_bits(gr_dtype_of(cell), n, gr_data(reader), gr_data(gr_mul(gr_exp(copy), 2)), "read");
    expect_bits(gr_dtype_of(cell), n, gr_data(unnamed), gr_data(gr_tanh(copy)), "unnamed");
    expect_bits(gr_dtype_of(cell), n, gr_data(turned), gr_data(gr_flip(copy, GR_AXES(0))), "view");
    cr_assert_neq(memcmp(gr_data(cell), memory, 4), 0, "the step changed nothing");
    free(old);
}

Test(update, old_values_of_parameters_are_kept_for_who_needs_them)
{
    share_out();
    for (int i = 0; i < 4; i++) {
        gr_params *params = some_params();
        gr_optimizer *optimizer = makers[i](params);
        for (int k = 0; k < 3; k++) {
            check_old_values(params, optimizer, gr_params_at(params, k));
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(update, old_values_of_moments_are_kept_for_who_needs_them)
{
    share_out();
    for (int i = 0; i < 4; i++) {
        gr_params *params = some_params();
        gr_optimizer *optimizer = makers[i](params);
        gr_params *state = gr_optimizer_state(optimizer);
        train(params, optimizer);
        for (int k = 0; k < gr_params_count(state); k++) {
            gr_tensor *cell = gr_params_at(state, k);
            if (is_moment(state, k)) {
                check_old_values(params, optimizer, cell);
            }
        }
        gr_optimizer_free(optimizer);
        gr_params_free(params);
    }
}

/* A graph that only the old value feeds, asked for for the first time after the step. */
Test(update, an_unnamed_graph_of_the_old_value)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(3), 1, 2, 3)), *y;
    gr_optimizer *sgd = gr_sgd(params, gr_sgd_defaults());

    gr_optimizer_set_lr(sgd, 1);
    {
        GR_TRANSIENT;
        y = gr_mul(gr_add(w, 1), 10);
    }
    gr_set_grad(w, tensor(GR_F64, GR_SHAPE(3), 1, 1, 1));
    cr_assert(gr_step(sgd));
    expect_numbers(w, 0, 1, 2);
    expect_numbers(y, 20, 30, 40);
    gr_optimizer_free(sgd);
    gr_params_free(params);
}

/* ---- cells that are made of each other ---- */

enum { CELLS = 4, SIDE = 41 };

/* a, b (SIDE, SIDE) f64, c (2, SIDE, SIDE) f64, d (SIDE, SIDE) f32; NULL: stays as it is. */
typedef void exchange(gr_tensor *const *in, gr_tensor **out);

static void crossed(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_add(gr_mul(in[1], 2), 1);
    out[1] = gr_sub(gr_mul(in[0], 3), 1);
}

static void swapped(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = in[1];
    out[1] = in[0];
}

static void one_takes_the_other(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = in[1];
    out[1] = gr_add(in[1], 1);
}

static void both_of_one_node(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = out[1] = gr_tanh(gr_add(in[0], in[1]));
}

static void with_its_own_views(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_add(in[0], gr_flip(in[0], GR_AXES(0, 1)));
    out[1] = gr_sub(in[1], gr_transpose(in[1], 0, 1));
}

static void with_a_row_of_itself(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_add(in[0], gr_slice(in[0], 0, 3, 4));
    out[1] = gr_mul(in[1], gr_slice(in[0], 1, 5, 6));
}

static void with_its_own_sum(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_add(in[0], gr_mean(in[0], GR_ALL_AXES, false));
    out[1] = gr_div(in[1], gr_sum(gr_square(in[1]), GR_AXES(1), true));
}

static void with_each_others_sums(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_sub(in[0], gr_mean(in[1], GR_AXES(0), true));
    out[1] = gr_sub(in[1], gr_max(out[0], GR_AXES(1), true));
}

/* The larger one is another pass, which reads what the first writes. */
static void of_another_size(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_mul(in[0], 0.5);
    out[2] = gr_add(in[2], in[0]);
    out[3] = gr_cast(gr_sub(in[0], gr_slice(in[2], 0, 1, 2)), GR_F32);
    out[3] = gr_reshape(gr_slice(out[3], 0, 0, 1), GR_SHAPE(SIDE, SIDE));
}

static void of_a_product(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_mul(0.1, gr_add(in[0], gr_matmul(in[1], in[0])));
    out[1] = gr_mul(0.1, gr_add(in[1], gr_matmul(in[0], in[1])));
    out[3] = gr_add(in[3], gr_cast(in[0], GR_F32));
}

static void of_another_dtype(gr_tensor *const *in, gr_tensor **out)
{
    out[0] = gr_add(gr_cast(in[3], GR_F64), in[0]);
    out[3] = gr_mul(in[3], gr_cast(in[0], GR_F32));
}

static void a_long_chain(gr_tensor *const *in, gr_tensor **out)
{
    gr_tensor *y = in[0];

    for (int i = 0; i < 300; i++) {
        y = i % 2 ? gr_tanh(y) : gr_add(y, i % 4 ? in[1] : in[0]);
    }
    out[0] = y;
    out[1] = gr_mul(in[1], gr_exp(in[0]));
}

static exchange *const exchanges[] = {crossed,
                                      swapped,
                                      one_takes_the_other,
                                      both_of_one_node,
                                      with_its_own_views,
                                      with_a_row_of_itself,
                                      with_its_own_sum,
                                      with_each_others_sums,
                                      of_another_size,
                                      of_a_product,
                                      of_another_dtype,
                                      a_long_chain};

static void make_cells(gr_params *params, gr_tensor **cells)
{
    cells[0] = gr_state(params, "a", noise_tensor(GR_F64, GR_SHAPE(SIDE, SIDE), 1));
    cells[1] = gr_state(params, "b", noise_tensor(GR_F64, GR_SHAPE(SIDE, SIDE), 2));
    cells[2] = gr_state(params, "c", noise_tensor(GR_F64, GR_SHAPE(2, SIDE, SIDE), 3));
    cells[3] = gr_state(params, "d", noise_tensor(GR_F32, GR_SHAPE(SIDE, SIDE), 4));
}

/* The same from copies, node after node: what the cells are to hold. */
static void expected(exchange *change, gr_tensor *const *cells, void **want)
{
    GR_SCOPE;
    gr_tensor *in[CELLS], *out[CELLS] = {NULL};

    gr__set_fusing(false);
    for (int i = 0; i < CELLS; i++) {
        void *copy = copy_of(cells[i]);
        in[i] = gr_from_data(gr_dtype_of(cells[i]), gr_shape_of(cells[i]), copy);
        free(copy);
    }
    change(in, out);
    for (int i = 0; i < CELLS; i++) {
        want[i] = copy_of(out[i] ? out[i] : in[i]);
    }
    gr__set_fusing(true);
}

static void assign(exchange *change, gr_tensor *const *cells, bool transient)
{
    GR_SCOPE;
    gr_tensor *out[CELLS] = {NULL}, *targets[CELLS], *values[CELLS];
    int n = 0;

    if (transient) {
        GR_TRANSIENT;
        change(cells, out);
    } else {
        change(cells, out);
    }
    for (int i = 0; i < CELLS; i++) {
        targets[n] = cells[i];
        values[n] = out[i];
        n += out[i] != NULL;
    }
    cr_assert(gr_assign_all(n, targets, values), "%s", gr_error_message());
}

Test(update, cells_that_are_made_of_each_other)
{
    share_out();
    for (size_t k = 0; k < sizeof exchanges / sizeof *exchanges; k++) {
        gr_params *params = gr_params_new();
        gr_tensor *cells[CELLS];
        make_cells(params, cells);
        for (int times = 0; times < 4; times++) {
            void *want[CELLS];
            char what[64];
            expected(exchanges[k], cells, want);
            assign(exchanges[k], cells, times % 2 == 0);
            for (int i = 0; i < CELLS; i++) {
                snprintf(what, sizeof what, "exchange %zu, cell %d, time %d", k, i, times);
                expect_cell(cells[i], want[i], what);
                free(want[i]);
            }
        }
        gr_params_free(params);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* ---- cells that share memory ---- */

/* Both cells were given one tensor, or one the other; then one of them, or each, takes a step. */
static void check_shared(int how, bool both)
{
    gr_params *params = gr_params_new();
    gr_tensor *a = gr_param(params, "a", noise_tensor(GR_F32, GR_SHAPE(3000), 1));
    gr_tensor *b = gr_param(params, "b", noise_tensor(GR_F32, GR_SHAPE(3000), 2));
    gr_optimizer *sgd = gr_sgd(params, (gr_sgd_options){.lr = 1});

    {
        GR_SCOPE;
        gr_tensor *t = gr_mul(a, 0.5);
        cr_assert(how == 0   ? gr_assign(a, t) && gr_assign(b, t)
                  : how == 1 ? gr_assign(b, a)
                             : gr_assign_all(2, (gr_tensor *[]){a, b}, (gr_tensor *[]){t, t}));
    }
    float *old = numbers_in(a);
    expect_cell(b, old, "what was assigned");
    {
        GR_SCOPE;
        gr_set_grad(a, gr_full(GR_F32, GR_SHAPE(3000), 1));
        gr_set_grad(b, both ? gr_full(GR_F32, GR_SHAPE(3000), -2) : NULL);
        cr_assert(gr_step(sgd), "%s", gr_error_message());
    }
    float *stepped = numbers_in(a), *other = numbers_in(b);
    for (int i = 0; i < 3000; i++) {
        float want = both ? old[i] + 2 : old[i];
        cr_assert(stepped[i] == old[i] - 1 && other[i] == want, "%d: %g, %g and %g", how,
                  (double)old[i], (double)stepped[i], (double)other[i]);
    }
    free(old);
    free(stepped);
    free(other);
    gr_optimizer_free(sgd);
    gr_params_free(params);
}

Test(update, cells_that_share_memory)
{
    share_out();
    for (int how = 0; how < 3; how++) {
        check_shared(how, false);
        check_shared(how, true);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* A moment that has the memory of another cell, or of a tensor that the program holds. */
Test(update, moments_that_share_memory)
{
    gr_params *params = some_params();
    gr_optimizer *optimizer = adam(params);
    gr_params *state = gr_optimizer_state(optimizer), *own = gr_params_new();
    gr_tensor *m = gr_params_find(state, "exp_avg.weight"), *copy;

    train(params, optimizer);
    copy = gr_state(own, "copy", gr_zeros(gr_shape_of(m)));
    for (int i = 0; i < 3; i++) {
        GR_SCOPE;
        {
            GR_SCOPE;
            cr_assert(gr_assign(copy, m));
        }
        void *old = numbers_in(m);
        gr_tensor *held = gr_mul(m, 1);
        cr_assert(gr_eval(1, &held) && gr_assign_all(1, &m, &held));
        train(params, optimizer);
        expect_cell(copy, old, "the cell beside the moment");
        expect_cell(held, old, "the tensor that the moment was given");
        cr_assert_neq(memcmp(gr_data(m), old, 4), 0, "the step changed nothing");
        free(old);
    }
    gr_optimizer_free(optimizer);
    gr_params_free(params);
    gr_params_free(own);
}
