/* What is one pass over memory: what it stores costs memory, so the peak while a graph is computed,
 * beyond its operands and results, tells. Each program is also computed node after node, where the
 * same measure must see its links, and gives the same bits. */
#include "tests/common/check.h"

#include "src/eval/eval.h"

enum { MIB = 1 << 20, MOST_RESULTS = 4, N = 1 << 20 };

/* A program's results, pending, from operands that have their numbers; returns how many. */
typedef int program(gr_tensor **out);

static int64_t bytes_of(const gr_tensor *t)
{
    return gr_count(t) * (int64_t)gr_dtype_size(gr_dtype_of(t));
}

/* Computes them; bytes that were in use meanwhile beyond what was before and the results. */
static int64_t bytes_beyond(int n, gr_tensor **results)
{
    int64_t kept = 0;

    for (int i = 0; i < n; i++) {
        kept += bytes_of(results[i]);
    }
    gr_memory_trim();
    int64_t before = gr_memory_stats().current;
    gr_memory_reset_peak();
    cr_assert(gr_eval(n, results), "%s", gr_error_message());
    return gr_memory_stats().peak - before - kept;
}

/* The program's links have at least 4 MiB. With fusion it takes less than 1 MiB, which registers of
 * two threads, partial results and the schedule share. */
static void expect_one_pass(program *build)
{
    gr_tensor *out[MOST_RESULTS];
    void *want[MOST_RESULTS];

    gr_set_threads(2);
    gr__set_fusing(false);
    {
        GR_SCOPE;
        int n = build(out);
        int64_t apart = bytes_beyond(n, out);
        cr_assert_geq(apart, 4 * MIB, "%lld bytes: the measure sees no links", (long long)apart);
        for (int i = 0; i < n; i++) {
            want[i] = copy_of(out[i]);
        }
    }
    gr__set_fusing(true);
    GR_SCOPE;
    int n = build(out);
    int64_t beyond = bytes_beyond(n, out);
    cr_assert_leq(beyond, MIB, "%lld bytes beyond operands and results", (long long)beyond);
    for (int i = 0; i < n; i++) {
        expect_bits(gr_dtype_of(out[i]), gr_count(out[i]), gr_data(out[i]), want[i], "fused");
        free(want[i]);
    }
    expect_ok();
}

/* Numbers between low and high that have been computed. */
static gr_tensor *operand(gr_dtype dtype, gr_shape shape, uint64_t seed, double low, double high)
{
    gr_rng *rng = gr_rng_new(seed);
    gr_tensor *x = gr_cast(gr_uniform(rng, shape, low, high), dtype);

    cr_assert(gr_eval(1, &x));
    gr_rng_free(rng);
    return gr_detach(x);
}

static gr_tensor *plain(gr_shape shape, uint64_t seed)
{
    return operand(GR_F32, shape, seed, -2, 2);
}

#define ONE_PASS(name) \
    static program name; \
    Test(fuse, name) \
    { \
        expect_one_pass(name); \
    } \
    static int name(gr_tensor **out)

/* ---- maps ---- */

ONE_PASS(a_chain)
{
    gr_tensor *x = plain(GR_SHAPE(N), 1), *y = x;

    for (int i = 0; i < 20; i++) {
        y = gr_tanh(gr_add(gr_mul(y, 0.5), x));
    }
    out[0] = y;
    return 1;
}

/* Every operand of a tree of 16 leaves is the matrix, a row, a column or a number. */
ONE_PASS(a_tree_with_broadcasting)
{
    gr_tensor *level[16], *x = plain(GR_SHAPE(1024, 1024), 1);
    gr_tensor *row = plain(GR_SHAPE(1024), 2), *column = plain(GR_SHAPE(1024, 1), 3);
    gr_tensor *number = plain(GR_SHAPE(1, 1), 4);

    for (int i = 0; i < 16; i++) {
        gr_tensor *other = i % 3 == 0 ? row : i % 3 == 1 ? column : number;
        level[i] = i % 2 ? gr_mul(other, x) : gr_sub(gr_sigmoid(x), other);
    }
    for (int n = 16; n > 1; n /= 2) {
        for (int i = 0; i < n / 2; i++) {
            level[i] = gr_add(level[2 * i], gr_square(level[2 * i + 1]));
        }
    }
    out[0] = level[0];
    return 1;
}

ONE_PASS(several_results_over_one_domain)
{
    gr_tensor *x = plain(GR_SHAPE(1024, 1024), 1), *shared = gr_exp(gr_mul(0.1, x));

    out[0] = gr_mul(shared, x);
    out[1] = gr_add(out[0], gr_sqrt(shared));
    out[2] = gr_sum(gr_tanh(out[1]), GR_ALL_AXES, false);
    out[3] = gr_mean(gr_square(out[1]), GR_ALL_AXES, false);
    return 4;
}

/* ---- reductions ---- */

static gr_tensor *mapped(const gr_tensor *x)
{
    return gr_tanh(gr_add(gr_exp(x), gr_square(x)));
}

ONE_PASS(a_full_reduction)
{
    gr_tensor *y = mapped(plain(GR_SHAPE(N), 1));

    out[0] = gr_sum(y, GR_ALL_AXES, false);
    out[1] = gr_max(y, GR_ALL_AXES, false);
    return 2;
}

ONE_PASS(rows)
{
    gr_tensor *y = mapped(plain(GR_SHAPE(2048, 512), 1));

    out[0] = gr_sum(y, GR_AXES(1), false);
    out[1] = gr_min(y, GR_AXES(1), true);
    out[2] = gr_mean(y, GR_AXES(0, 1), false);
    return 3;
}

ONE_PASS(rows_longer_than_a_tile)
{
    gr_tensor *y = mapped(plain(GR_SHAPE(8, 131072), 1));

    out[0] = gr_sum(y, GR_AXES(1), false);
    out[1] = gr_max(y, GR_AXES(1), false);
    return 2;
}

ONE_PASS(columns)
{
    gr_tensor *y = mapped(plain(GR_SHAPE(4096, 256), 1));

    out[0] = gr_sum(y, GR_AXES(0), false);
    out[1] = gr_max(gr_neg(y), GR_AXES(0), true);
    return 2;
}

/* A layer's bias gradient beside the gradient that goes on. */
ONE_PASS(columns_beside_what_is_kept)
{
    gr_tensor *h = plain(GR_SHAPE(4096, 256), 1), *g = plain(GR_SHAPE(4096, 256), 2);

    out[0] = gr_mul(g, gr_sub(1, gr_square(gr_tanh(h))));
    out[1] = gr_sum(out[0], GR_AXES(0), false);
    return 2;
}

/* ---- programs over rows ---- */

static const gr_shape matrix = {2, {2000, 500}};

static gr_tensor *row_mean(const gr_tensor *x)
{
    return gr_mean(x, GR_AXES(-1), true);
}

ONE_PASS(softmax)
{
    out[0] = gr_softmax(mapped(plain(matrix, 1)), GR_AXES(1));
    return 1;
}

ONE_PASS(softmax_of_long_rows)
{
    out[0] = gr_softmax(mapped(plain(GR_SHAPE(128, 8192), 1)), GR_AXES(1));
    return 1;
}

ONE_PASS(softmax_of_doubles)
{
    out[0] = gr_softmax(mapped(operand(GR_F64, matrix, 1, -2, 2)), GR_AXES(1));
    return 1;
}

ONE_PASS(softmax_and_its_gradient)
{
    gr_tensor *x = plain(matrix, 1), *w = plain(matrix, 2);

    out[0] = gr_softmax(x, GR_AXES(1));
    gr_gradients(gr_sum(gr_mul(out[0], w), GR_ALL_AXES, false), &x, 1, &out[1]);
    return 2;
}

ONE_PASS(log_softmax)
{
    out[0] = gr_log_softmax(plain(matrix, 1), GR_AXES(1));
    return 1;
}

ONE_PASS(logsumexp)
{
    out[0] = gr_logsumexp(gr_mul(2, plain(matrix, 1)), GR_AXES(1), false);
    return 1;
}

/* (x - mean) / sqrt(variance + eps) scale + shift */
static gr_tensor *layer_norm(const gr_tensor *x, const gr_tensor *scale, const gr_tensor *shift)
{
    gr_tensor *centered = gr_sub(x, row_mean(x));
    gr_tensor *deviation = gr_sqrt(gr_add(row_mean(gr_square(centered)), 1e-5));

    return gr_add(gr_mul(gr_div(centered, deviation), scale), shift);
}

ONE_PASS(layer_norm_written_out)
{
    out[0] = layer_norm(plain(matrix, 1), plain(GR_SHAPE(500), 2), plain(GR_SHAPE(500), 3));
    return 1;
}

ONE_PASS(layer_norm_and_its_gradient)
{
    gr_tensor *x = plain(matrix, 1), *scale = plain(GR_SHAPE(500), 2);
    gr_tensor *y = layer_norm(x, scale, plain(GR_SHAPE(500), 3));

    gr_gradients(gr_sum(gr_mul(y, plain(matrix, 4)), GR_ALL_AXES, false), &x, 1, &out[0]);
    return 1;
}

ONE_PASS(cosine)
{
    gr_tensor *a = plain(matrix, 1), *b = plain(matrix, 2);

    out[0] = gr_loss_cosine_similarity(a, b, GR_NONE);
    return 1;
}

ONE_PASS(cosine_and_its_gradient)
{
    gr_tensor *a = plain(matrix, 1);

    out[0] = gr_loss_cosine_similarity(a, plain(matrix, 2), GR_MEAN);
    gr_gradients(out[0], &a, 1, &out[1]);
    return 2;
}

/* ---- losses: the value and the gradient for the prediction ---- */

static const gr_shape line = {1, {N}}, channel = {3, {8, 1, N / 8}};
static const gr_shape pixels = {3, {4, 2, N / 8}}, crops = {3, {2048, 4, 128}};

static int with_gradient(gr_tensor **out, gr_tensor *loss, gr_tensor *x)
{
    out[0] = loss;
    gr_gradients(loss, &x, 1, &out[1]);
    return 2;
}

ONE_PASS(mse_masked)
{
    gr_tensor *x = plain(line, 1), *y = plain(line, 2), *mask = gr_greater(y, 0.5);

    cr_assert(gr_eval(1, &mask));
    return with_gradient(out, gr_loss_mse(x, y, gr_masked(GR_SUM, mask)), x);
}

/* x and y between 0 and 1 in shape: `loss` is an expression in them. */
#define LOSS(name, shape, loss) \
    ONE_PASS(name) \
    { \
        gr_tensor *x = operand(GR_F32, shape, 1, 0.01, 0.99); \
        gr_tensor *y = operand(GR_F32, shape, 2, 0.01, 0.99); \
        return with_gradient(out, loss, x); \
    }

static const gr_poisson_nll_options stirling = {GR_POISSON_STIRLING, 1e-8};
static const gr_poisson_nll_options factorial = {GR_POISSON_LOG_FACTORIAL, 1e-8};
static const gr_overlap_options batch = {1e-5, true};

LOSS(mse, line, gr_loss_mse(x, y, GR_MEAN))
LOSS(mse_weighted, line, gr_loss_mse(x, y, gr_weighted(GR_MEAN, y)))
LOSS(mae, line, gr_loss_mae(x, y, GR_MEAN))
LOSS(huber, line, gr_loss_huber(x, y, 0.3, GR_MEAN))
LOSS(log_cosh, line, gr_loss_log_cosh(x, y, GR_MEAN))
LOSS(charbonnier, line, gr_loss_charbonnier(x, y, 1e-3, GR_MEAN))
LOSS(quantile, line, gr_loss_quantile(x, y, 0.3, GR_MEAN))
LOSS(poisson_nll, line, gr_loss_poisson_nll(x, y, GR_MEAN))
LOSS(poisson_nll_stirling, line, gr_loss_poisson_nll_with(x, y, stirling, GR_MEAN))
LOSS(poisson_nll_factorial, line, gr_loss_poisson_nll_with(x, y, factorial, GR_MEAN))
LOSS(poisson_nll_rate, line, gr_loss_poisson_nll_rate(x, y, stirling, GR_MEAN))
LOSS(bce_logits, line, gr_loss_bce_logits(x, y, GR_MEAN))
LOSS(soft_margin, line, gr_loss_soft_margin(x, y, GR_MEAN))
LOSS(hinge, line, gr_loss_hinge(x, y, GR_MEAN))
LOSS(focal, line, gr_loss_focal(x, y, 0.25, 2, GR_MEAN))
LOSS(focal_at_1_5, line, gr_loss_focal(x, y, -1, 1.5, GR_SUM))
LOSS(dice, pixels, gr_loss_dice(x, y, GR_MEAN))
LOSS(dice_of_small_regions, crops, gr_loss_dice(x, y, GR_MEAN))
LOSS(dice_over_the_batch, channel, gr_loss_dice_with(x, y, batch, GR_MEAN))
LOSS(tversky, pixels, gr_loss_tversky(x, y, 0.3, 0.7, GR_MEAN))
LOSS(tversky_of_small_regions, crops, gr_loss_tversky(x, y, 0.3, 0.7, GR_MEAN))
LOSS(cross_entropy_dense, matrix, gr_loss_cross_entropy_dense(x, y, GR_MEAN))
LOSS(kl_div, matrix, gr_loss_kl_div(x, y, GR_MEAN))
LOSS(kl_div_log, matrix, gr_loss_kl_div_log(x, y, GR_MEAN))
LOSS(kl_div_logits, matrix, gr_loss_kl_div_logits(x, y, GR_MEAN))
LOSS(kl_normal, matrix, gr_loss_kl_normal(x, y, GR_MEAN))
LOSS(triplet_margin, matrix, gr_loss_triplet_margin(x, y, gr_mul(y, 0.5), 1, 1e-6, GR_MEAN))

/* ---- losses with labels ---- */

static gr_tensor *labels(void)
{
    gr_rng *rng = gr_rng_new(3);
    gr_tensor *index = gr_integers(rng, GR_SHAPE(2000), 0, 500);

    cr_assert(gr_eval(1, &index));
    gr_rng_free(rng);
    return index;
}

ONE_PASS(cross_entropy)
{
    gr_tensor *z = plain(matrix, 1);

    return with_gradient(out, gr_loss_cross_entropy(z, labels(), GR_MEAN), z);
}

ONE_PASS(cross_entropy_smoothed)
{
    gr_cross_entropy_options options = gr_cross_entropy_defaults();
    gr_tensor *z = plain(matrix, 1);

    options.smoothing = 0.1;
    return with_gradient(out, gr_loss_cross_entropy_with(z, labels(), options, GR_MEAN), z);
}

ONE_PASS(distillation)
{
    gr_tensor *z = plain(matrix, 1), *teacher = plain(matrix, 2);

    return with_gradient(out, gr_loss_distillation(z, teacher, labels(), 3, 0.5, GR_MEAN), z);
}

/* ---- the switch ---- */

/* Bytes beyond operands and result of a chain of ten links of 4 MiB. */
static int64_t bytes_of_a_chain(void)
{
    gr_tensor *x = plain(GR_SHAPE(N), 1), *y = x;

    for (int i = 0; i < 10; i++) {
        y = i % 2 ? gr_tanh(y) : gr_add(y, x);
    }
    return bytes_beyond(1, &y);
}

Test(fuse, gradus_fuse_0_stores_every_link)
{
    setenv("GRADUS_FUSE", "0", 1);
    int64_t apart = bytes_of_a_chain();
    cr_assert_geq(apart, 9 * 4 * MIB, "%lld bytes for nine links", (long long)apart);
}

Test(fuse, any_other_value_fuses)
{
    setenv("GRADUS_FUSE", "1", 1);
    int64_t beyond = bytes_of_a_chain();
    cr_assert_leq(beyond, MIB, "%lld bytes", (long long)beyond);
}

Test(fuse, by_default)
{
    unsetenv("GRADUS_FUSE");
    int64_t beyond = bytes_of_a_chain();
    cr_assert_leq(beyond, MIB, "%lld bytes", (long long)beyond);
}
