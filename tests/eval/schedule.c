/* The schedule: what is computed when, how often, and what stays. */
#include "tests/common/scratch.h"

#include "src/eval/eval.h"

#include "src/core/alloc.h"
#include "src/core/scope.h"

static int64_t scheduled(void)
{
    return gr_work_stats().scheduled;
}

static int64_t flushes(void)
{
    return gr_work_stats().flushes;
}

/* ---- later ---- */

Test(schedule, nothing_is_computed_before_it_is_asked_for)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", noise_tensor(GR_F32, GR_SHAPE(5, 5), 1));
    int64_t before = scheduled(), memory = gr_memory_stats().current;

    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(1000, 5), 1), *y = x;
    for (int i = 0; i < 100; i++) {
        y = gr_matmul(gr_tanh(y), w);
    }
    y = gr_mean(gr_mul(y, y), GR_ALL_AXES, false);
    cr_assert(gr_backward(y, params));
    cr_assert(gr_assign(w, gr_mul(w, 2)));
    cr_assert_eq(scheduled(), before);
    cr_assert_eq(gr_memory_stats().current / (1 << 22), memory / (1 << 22), "no buffer yet");
    gr_params_free(params);
}

Test(schedule, only_what_is_needed_is_computed)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(100), 1);
    gr_tensor *a = gr_mul(x, 2), *b = gr_add(a, 1);
    gr_tensor *other = gr_exp(a), *c = gr_sub(b, a);
    int64_t before = scheduled();

    cr_assert(gr_data(c));
    cr_assert_eq(scheduled(), before + 3, "a, b and c");
    cr_assert_eq(flushes(), 1);
    cr_assert(gr_data(other));
    cr_assert_eq(scheduled(), before + 5, "a again: it was fused, not stored");
    cr_assert_eq(gr_work_stats().recomputed, 1);
    cr_assert_eq(flushes(), 2);
}

/* What was asked for, what a product reads and what is reduced is in memory, and stays there. */
static void check_that_values_stay(void)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(10, 10), 1), *chain[50];

    for (int i = 0; i < 50; i++) {
        chain[i] = gr_tanh(gr_matmul(i ? chain[i - 1] : x, x));
    }
    gr_tensor *last = gr_sum(chain[49], GR_ALL_AXES, false);
    gr_item(last);
    int64_t after = scheduled(), count = flushes();
    for (int i = 0; i < 49; i++) {
        cr_assert(gr_data(chain[i]));
        cr_assert(gr_eval(1, &chain[i]));
    }
    cr_assert(gr_data(last));
    cr_assert_eq(scheduled(), after);
    cr_assert_eq(flushes(), count);
    cr_assert_eq(gr_work_stats().recomputed, 0);
}

Test(schedule, forward_values_stay)
{
    check_that_values_stay();
}

Test(schedule, forward_values_stay_without_gradient_too)
{
    GR_NO_GRAD;
    check_that_values_stay();
}

/* ---- passes ---- */

/* What nobody keeps is never in memory: only the result is. */
Test(schedule, a_fused_chain_takes_no_memory)
{
    enum { N = 1 << 20 };
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(N), 1), *y = x;

    for (int i = 0; i < 20; i++) {
        y = gr_add(gr_mul(y, 0.5), x);
    }
    gr_tensor *loss = gr_mean(gr_square(y), GR_ALL_AXES, false), *g;
    cr_assert(gr_gradients(loss, &x, 1, &g));
    int64_t before = gr_memory_stats().current;
    gr_memory_reset_peak();
    cr_assert(gr_eval(2, (gr_tensor *[]){loss, g}));
    int64_t beyond = gr_memory_stats().peak - before - (int64_t)(N * sizeof(float));
    cr_assert_lt(beyond, 1 << 20, "%lld bytes beyond the gradient", (long long)beyond);
}

Test(schedule, many_tensors_in_one)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(100), 1), *list[100];

    for (int i = 0; i < 100; i++) {
        list[i] = gr_mul(i % 3 ? list[i / 2] : x, i);
    }
    cr_assert(gr_eval(100, list));
    cr_assert_eq(flushes(), 1);
    cr_assert_eq(scheduled(), 100);
    cr_assert(gr_eval(100, list));
    cr_assert_eq(flushes(), 1);
    cr_assert(gr_eval(0, NULL));
}

Test(schedule, the_same_tensor_twice_in_a_list)
{
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(3), 2), *y = gr_mul(x, x), *list[] = {y, x, y, y};

    cr_assert(gr_eval(4, list));
    cr_assert_eq(scheduled(), 2);
    expect_numbers(y, 4, 4, 4);
}

/* Each call computes what is new: 20,000 looks into one growing scope. */
Test(schedule, looks_do_not_pile_up)
{
    GR_SCOPE;
    gr_tensor *x = gr_full(GR_F64, GR_SCALAR, 0);

    for (int i = 1; i <= 20000; i++) {
        x = gr_add(x, 1);
        cr_assert(gr_item(x) == i);
    }
    cr_assert_eq(scheduled(), 20001);
    cr_assert_eq(flushes(), 20000);
    cr_assert_eq(gr_work_stats().recomputed, 0);
}

/* ---- long chains ---- */

/* y = x c^n:  dy/dx = c^n */
Test(schedule, a_chain_of_a_million)
{
    GR_SCOPE;
    enum { N = 1000000 };
    gr_tensor *x = gr_full(GR_F64, GR_SCALAR, 2), *y = x, *g;
    double want = 1;

    for (int i = 0; i < N; i++) {
        y = gr_mul(y, 1 + 0x1p-20);
        want *= 1 + 0x1p-20;
    }
    cr_assert_eq(gr_work_stats().nodes, N + 1);
    cr_assert(gr_gradients(y, &x, 1, &g));
    double value = gr_item(y), slope = gr_item(g);
    cr_assert(fabs(value - 2 * want) < 1e-9, "got %.17g, want %.17g", value, 2 * want);
    cr_assert(fabs(slope - want) < 1e-9, "got %.17g, want %.17g", slope, want);
    cr_assert_eq(gr_work_stats().recomputed, 0);
}

/* A sum after each link: values that many read are computed once. */
Test(schedule, a_chain_with_many_readers)
{
    GR_SCOPE;
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(8), 1), *total = gr_full(GR_F64, GR_SCALAR, 0);

    for (int i = 0; i < 10000; i++) {
        x = gr_add(x, 1);
        total = gr_add(total, gr_sum(x, GR_ALL_AXES, false));
    }
    cr_assert_eq(gr_item(total), 8 * (10000.0 * 10003 / 2));
    cr_assert_leq(scheduled(), 30002);
    cr_assert_eq(gr_work_stats().recomputed, 0);
}

/* ---- a training step ---- */

typedef struct network {
    gr_rng *rng;
    gr_params *params;
    gr_linear hidden, output;
    gr_optimizer *adam;
} network;

static network network_new(int64_t in, int64_t width)
{
    network n = {.rng = gr_rng_new(42), .params = gr_params_new()};
    gr_adam_options options = gr_adam_defaults();

    options.lr = 0.05;
    n.hidden = gr_linear_new(n.params, "hidden", in, width, n.rng);
    n.output = gr_linear_new(n.params, "output", width, 1, n.rng);
    n.adam = gr_adam(n.params, options);
    return n;
}

static void network_free(network *n)
{
    gr_optimizer_free(n->adam);
    gr_params_free(n->params);
    gr_rng_free(n->rng);
}

/* The step of the program at the head of gradus.h. */
static double step(network *n, int64_t batch)
{
    GR_SCOPE;
    gr_tensor *x = gr_uniform(n->rng, GR_SHAPE(batch, gr_dim(n->hidden.weight, 1)), -1, 1);
    gr_tensor *y = gr_mul(gr_slice(x, 1, 0, 1), gr_slice(x, 1, 1, 2));
    gr_tensor *h = gr_tanh(gr_linear_apply(&n->hidden, x));
    gr_tensor *loss = gr_loss_mse(gr_linear_apply(&n->output, h), y, GR_MEAN);

    cr_assert(gr_backward(loss, n->params), "%s", gr_error_message());
    cr_assert(gr_step(n->adam), "%s", gr_error_message());
    return gr_item(loss);
}

Test(schedule, a_training_step_computes_nothing_twice)
{
    network n = network_new(2, 16);

    step(&n, 64);
    gr_work first = gr_work_stats();
    for (int i = 0; i < 20; i++) {
        step(&n, 64);
    }
    gr_work last = gr_work_stats();
    cr_assert_eq(last.recomputed, 0, "%lld nodes were computed again", (long long)last.recomputed);
    cr_assert_eq(last.flushes - first.flushes, 20, "%lld flushes in 20 steps",
                 (long long)(last.flushes - first.flushes));
    cr_assert_eq((last.scheduled - first.scheduled) % 20, 0);
    network_free(&n);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

/* Two hidden layers and one logit, in the manner of examples/classify. */
static void classify(const gr_linear *layers, gr_params *params, gr_optimizer *adam, gr_rng *rng)
{
    GR_SCOPE;
    gr_tensor *x = gr_uniform(rng, GR_SHAPE(100, 2), -1, 1);
    gr_tensor *y = gr_cast(gr_greater(gr_sum(x, GR_AXES(1), false), 0), GR_F32);
    gr_tensor *h = gr_tanh(gr_linear_apply(&layers[0], x));
    h = gr_tanh(gr_linear_apply(&layers[1], h));
    gr_tensor *logits = gr_squeeze(gr_linear_apply(&layers[2], h), 1);
    gr_tensor *loss = gr_loss_bce_logits(logits, y, GR_MEAN);

    cr_assert(gr_backward(loss, params) && gr_step(adam), "%s", gr_error_message());
    cr_assert(isfinite(gr_item(loss)));
}

/* Rows of a set in random order, a sample of a Gaussian, a loss of two parts, in the manner of
 * examples/vae. */
static void autoencode(const gr_linear *layers, gr_params *params, gr_optimizer *adam, gr_rng *rng)
{
    GR_SCOPE;
    gr_tensor *images = gr_full(GR_F32, GR_SHAPE(50, 16), 0.3);
    gr_tensor *rows = gr_slice(gr_permutation(rng, 50), 0, 10, 30);
    gr_tensor *x = gr_take(images, 0, rows), *h = gr_relu(gr_linear_apply(&layers[3], x));
    gr_tensor *mean = gr_linear_apply(&layers[4], h), *logvar = gr_linear_apply(&layers[5], h);
    gr_tensor *eps = gr_normal(rng, gr_shape_of(mean), 0, 1);
    gr_tensor *z = gr_add_mul(mean, gr_exp(gr_mul(0.5, logvar)), eps);
    gr_tensor *logits = gr_linear_apply(&layers[7], gr_relu(gr_linear_apply(&layers[6], z)));
    gr_tensor *reconstruction = gr_loss_bce_logits(logits, x, GR_BATCH_MEAN);
    gr_tensor *kl = gr_loss_kl_normal(mean, logvar, GR_BATCH_MEAN);
    gr_tensor *total = gr_add(reconstruction, kl);

    cr_assert(gr_backward(total, params) && gr_step(adam), "%s", gr_error_message());
    double parts = gr_item(reconstruction) + gr_item(kl);
    cr_assert(fabs(gr_item(total) - parts) <= 1e-5 * parts);
}

Test(schedule, steps_of_the_examples_compute_nothing_twice)
{
    static const int64_t sizes[][2] = {{2, 16}, {16, 16}, {16, 1}, {16, 12},
                                       {12, 5}, {12, 5},  {5, 12}, {12, 16}};
    static void (*const steps[])(const gr_linear *, gr_params *, gr_optimizer *,
                                 gr_rng *) = {classify, autoencode};

    for (int i = 0; i < 2; i++) {
        gr_rng *rng = gr_rng_new(1);
        gr_params *params = gr_params_new();
        gr_linear layers[8];
        for (int k = i ? 3 : 0; k < (i ? 8 : 3); k++) {
            char name[2] = {(char)('a' + k), 0};
            layers[k] = gr_linear_new(params, name, sizes[k][0], sizes[k][1], rng);
        }
        gr_optimizer *adam = gr_adam(params, gr_adam_defaults());
        for (int k = 0; k < 5; k++) {
            steps[i](layers, params, adam, rng);
        }
        gr_work work = gr_work_stats();
        cr_assert_eq(work.recomputed, 0, "%s: %lld nodes", i ? "autoencode" : "classify",
                     (long long)work.recomputed);
        gr_optimizer_free(adam);
        gr_params_free(params);
        gr_rng_free(rng);
    }
}

Test(schedule, training_learns_and_memory_stays)
{
    network n = network_new(2, 16);
    double loss = INFINITY;
    int64_t level = 0;

    for (int i = 0; i < 500; i++) {
        loss = step(&n, 64);
        level = i == 5 ? gr_memory_stats().current : level;
    }
    cr_assert(loss < 0.01, "got %g", loss);
    cr_assert_eq(gr_memory_stats().current, level);
    network_free(&n);
}

/* What a program named stays to the end of the scope: of the step above x (B,D), the output and the
 * loss (B,1), and (B,H) three times, before and after the bias and after tanh. What gr_backward and
 * gr_step make goes after its last reader: (B,H) three times at once, for the gradient that arrives
 * at tanh, 1 - h^2 and their product; a parameter has its value, a new one, a gradient, two moments
 * and what makes them. A size class may hold a quarter more; nodes take less than 1 MiB. Without
 * release there would be a seventh (B,H). */
Test(schedule, peak_of_a_training_step)
{
    enum { BATCH = 4096, IN = 32, WIDTH = 256 };
    network n = network_new(IN, WIDTH);
    int64_t big = BATCH * WIDTH * 4, input = BATCH * IN * 4, thin = BATCH * 4;
    int64_t weights = gr_params_elements(n.params) * 4;

    step(&n, BATCH);
    int64_t before = gr_memory_stats().current;
    gr_memory_reset_peak();
    step(&n, BATCH);
    int64_t peak = gr_memory_stats().peak - before;
    int64_t bound = (6 * big + input + 12 * thin + 10 * weights) / 4 * 5 + (1 << 20);
    cr_assert(peak <= bound, "%lld bytes, at most %lld expected: %.2f times (B,H)", (long long)peak,
              (long long)bound, (double)peak / (double)big);
    network_free(&n);
}

/* ---- out of memory ---- */

/* A graph of few nodes with all kinds of primitive; 5 results. */
static void build(gr_tensor **out)
{
    gr_tensor *x = gr_reshape(gr_arange(GR_F64, 600, -1, 0.01), GR_SHAPE(20, 30));
    gr_tensor *square = gr_matmul(x, gr_transpose(x, 0, 1));
    gr_tensor *rows = gr_softmax(square, GR_AXES(1));
    gr_tensor *picked = gr_take(rows, 0, gr_arange(GR_I64, 5, 0, 3));

    out[0] = gr_sum(picked, GR_AXES(0), false);
    out[1] = gr_reshape(gr_transpose(square, 0, 1), GR_SHAPE(400));
    out[2] = gr_logsumexp(gr_flip(x, GR_AXES(0)), GR_ALL_AXES, false);
    out[3] = gr_max(gr_slice(x, 1, 3, 9), GR_AXES(0), false);
    gr_gradients(gr_sum(gr_mul(rows, square), GR_ALL_AXES, false), &x, 1, &out[4]);
}

Test(schedule, evaluation_fails_cleanly_and_is_tried_again, .init = silence)
{
    gr_tensor *out[5];
    double *want[5];
    {
        GR_SCOPE;
        build(out);
        cr_assert(gr_eval(5, out));
        for (int i = 0; i < 5; i++) {
            want[i] = numbers_of(out[i]);
        }
    }
    int64_t n = 1;
    for (bool done = false; !done; n++) {
        GR_SCOPE;
        build(out);
        gr_memory_trim();
        gr__fail_allocation(n);
        done = gr_eval(5, out);
        gr__fail_allocation(0);
        cr_assert_eq(done, gr_ok(), "%lld: %s", (long long)n, gr_error_message());
        cr_assert(done || gr_error_code() == GR_ERROR_MEMORY);
        gr_error_clear();
        cr_assert(gr_eval(5, out), "%lld: a retry: %s", (long long)n, gr_error_message());
        for (int i = 0; i < 5; i++) {
            expect_near(out[i], gr_count(out[i]), want[i], 0);
        }
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 12);
    for (int i = 0; i < 5; i++) {
        free(want[i]);
    }
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(schedule, scratch_is_clean_after_a_flush)
{
    gr_tensor *out[5];

    build(out);
    cr_assert(gr_eval(5, out));
    check_scratch();
}

/* ---- wrong numbers ---- */

Test(schedule, an_index_out_of_range_makes_error_tensors, .init = silence)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3), 10, 20, 30);
    gr_tensor *index = gr_add(tensor(GR_I64, GR_SHAPE(2), 0, 6), 1);
    gr_tensor *y = gr_gather(x, 0, index), *z = gr_mul(y, 2), *fine = gr_mul(x, 2);
    gr_tensor *list[] = {fine, z};

    expect_ok();
    cr_assert_not(gr_eval(2, list));
    const char *head = "gr_gather: index: got 7 at (1), want 0 to 2 (made ";
    cr_assert_eq(strncmp(gr_error_message(), head, strlen(head)), 0, "%s", gr_error_message());
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert(gr_is_error(y));
    cr_assert(gr_is_error(z), "what reads an error tensor is one");
    cr_assert(isnan(gr_item(gr_sum(z, GR_ALL_AXES, false))));
    cr_assert(gr_is_error(gr_neg(z)));
    expect_ok();
    expect_numbers(fine, 20, 40, 60);
    check_scratch();
}

Test(schedule, known_indices_are_checked_at_once, .init = silence)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3), 10, 20, 30);

    cr_assert(gr_is_error(gr_gather(x, 0, tensor(GR_I64, GR_SHAPE(2), 0, 3))));
    expect_error(GR_ERROR_VALUE, "gr_gather: index: got 3 at (1), want 0 to 2");
    cr_assert(gr_is_error(gr_take(x, 0, tensor(GR_I64, GR_SHAPE(2), -1, 0))));
    expect_error(GR_ERROR_VALUE, "gr_take: index: got -1 at (0), want 0 to 2");
    cr_assert_eq(scheduled(), 0);
}

/* A reader of an error tensor through every kind of primitive is silent. */
Test(schedule, readers_of_error_tensors_are_silent, .init = silence)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2, 2), 1, 2, 3, 4), *loss;
    gr_tensor *bad = gr_take(x, 0, gr_add(tensor(GR_I64, GR_SHAPE(2), 0, 1), 1));
    gr_tensor *readers[] = {
        gr_add(bad, x),     gr_sum(bad, GR_AXES(0), false), gr_transpose(bad, 0, 1),
        gr_matmul(x, bad),  gr_softmax(bad, GR_AXES(1)),    gr_reshape(bad, GR_SHAPE(4)),
        gr_where(bad, x, x)};

    loss = gr_sum(readers[0], GR_ALL_AXES, false);
    expect_ok();
    cr_assert_not(gr_eval(1, &bad));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        cr_assert_not(gr_eval(1, &readers[i]), "reader %zu", i);
        cr_assert(gr_is_error(readers[i]), "reader %zu", i);
    }
    cr_assert(isnan(gr_item(loss)));
    expect_ok();
}

/* ---- eager ---- */

/* The program's numbers, one after the other. */
static double *run_program(int64_t *count)
{
    gr_tensor *out[5];
    double *numbers = malloc(4000 * sizeof *numbers);
    network n = network_new(3, 8);

    *count = 0;
    for (int i = 0; i < 10; i++) {
        numbers[(*count)++] = step(&n, 16);
    }
    network_free(&n);
    build(out);
    for (int i = 0; i < 5; i++) {
        double *values = numbers_of(out[i]);
        memcpy(numbers + *count, values, (size_t)gr_count(out[i]) * sizeof *values);
        *count += gr_count(out[i]);
        free(values);
    }
    gr_thread_end();
    return numbers;
}

Test(schedule, eager_gives_the_same_bits)
{
    int64_t n, m;
    double *lazy = run_program(&n);

    setenv("GRADUS_EAGER", "1", 1);
    double *eager = run_program(&m);
    cr_assert_eq(n, m);
    expect_bits(GR_F64, n, eager, lazy, "eager and lazy");
    int64_t before = scheduled();
    gr_tensor *x = gr_mul(gr_full(GR_F32, GR_SHAPE(3), 2), 3);
    cr_assert_eq(scheduled(), before + 2, "computed as they are made");
    expect_numbers(x, 6, 6, 6);
    free(lazy);
    free(eager);
}

/* An eager program learns of a wrong index in the call that has it. */
Test(schedule, eager_errors_come_at_once, .init = silence)
{
    setenv("GRADUS_EAGER", "1", 1);
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3), 10, 20, 30);
    gr_tensor *y = gr_gather(x, 0, gr_add(tensor(GR_I64, GR_SHAPE(1), 5), 0));

    cr_assert(gr_is_error(y));
    expect_error(GR_ERROR_VALUE, "gr_gather: index: got 5 at (0), want 0 to 2");
}

Test(schedule, training_is_the_same_for_any_number_of_threads)
{
    static const int threads[] = {1, 2, 3, 4, 7};
    double *want = NULL;

    gr__set_parallel_from(1);
    for (int t = 0; t < 5; t++) {
        gr_set_threads(threads[t]);
        network n = network_new(17, 70);
        double losses[6];
        for (int i = 0; i < 6; i++) {
            losses[i] = step(&n, 900);
        }
        want = want ? want : memcpy(malloc(sizeof losses), losses, sizeof losses);
        expect_bits(GR_F64, 6, losses, want, "losses");
        network_free(&n);
    }
    free(want);
}

/* ---- a flush ---- */

/* gr_assign_all computes, in one schedule, what is pending and read by nothing. */
Test(schedule, a_flush_takes_what_nothing_reads)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 1, 2));
    gr_tensor *s = gr_state(params, "s", tensor(GR_F64, GR_SHAPE(2), 0, 0));
    int64_t before = flushes();

    gr_tensor *metric = gr_sum(gr_mul(w, w), GR_ALL_AXES, false), *value = gr_mul(w, 3);
    cr_assert(gr_assign(s, gr_add(w, 5)));
    cr_assert(gr_assign_all(1, &w, &value));
    int64_t after = scheduled();
    cr_assert_eq(flushes(), before + 1);
    cr_assert_eq(gr_item(metric), 5);
    expect_numbers(s, 6, 7);
    expect_numbers(w, 3, 6);
    cr_assert_eq(scheduled(), after);
    cr_assert_eq(flushes(), before + 1);
    gr_params_free(params);
}
