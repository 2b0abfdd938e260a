/* The losses: value and gradient by the prediction, input 0, of random inputs in f32. */
#include <math.h>

#include "bench/bench.h"

#define X w->input[0]
#define Y w->input[1]
#define Z w->input[2]

/* ---- inputs ---- */

static gr_shape shape_of(const work *w)
{
    gr_shape shape = {0, {0}};

    while (shape.rank < MAX_EXTENTS && w->size[shape.rank] > 0) {
        shape.dims[shape.rank] = w->size[shape.rank];
        shape.rank++;
    }
    return shape;
}

static gr_tensor *normal(work *w, double std)
{
    return gr_normal(w->rng, shape_of(w), 0, std);
}

static gr_tensor *bits(work *w)
{
    return gr_bernoulli(w->rng, shape_of(w), 0.3);
}

static void normals(work *w)
{
    work_input(w, 0, normal(w, 1.5));
    work_input(w, 1, normal(w, 1));
}

static void three_normals(work *w)
{
    normals(w);
    work_input(w, 2, normal(w, 1));
}

static void logits_and_bits(work *w)
{
    work_input(w, 0, normal(w, 1.5));
    work_input(w, 1, bits(w));
}

static void logits_and_signs(work *w)
{
    work_input(w, 0, normal(w, 1.5));
    work_input(w, 1, gr_sub(gr_mul(2, bits(w)), 1));
}

/* one sample of one channel */
static void probabilities_and_bits(work *w)
{
    gr_shape shape = GR_SHAPE(1, 1, w->size[0]);

    work_input(w, 0, gr_reshape(gr_sigmoid(normal(w, 1.5)), shape));
    work_input(w, 1, gr_reshape(bits(w), shape));
}

static void log_rates_and_counts(work *w)
{
    work_input(w, 0, normal(w, 0.7));
    work_input(w, 1, gr_add(bits(w), gr_mul(2, bits(w))));
}

static void logits_and_labels(work *w)
{
    work_input(w, 0, normal(w, 2));
    work_input(w, 1, gr_integers(w->rng, GR_SHAPE(w->size[0]), 0, w->size[1]));
}

static void two_logits_and_labels(work *w)
{
    logits_and_labels(w);
    work_input(w, 2, normal(w, 2));
}

static void logits_and_distribution(work *w)
{
    work_input(w, 0, normal(w, 2));
    work_input(w, 1, gr_softmax(normal(w, 2), GR_AXES(1)));
}

/* ---- values ---- */

#define VALUE(name, expression) \
    static gr_tensor *name(const work *w) \
    { \
        return expression; \
    }
VALUE(mse, gr_loss_mse(X, Y, GR_MEAN))
VALUE(mae, gr_loss_mae(X, Y, GR_MEAN))
VALUE(huber, gr_loss_huber(X, Y, 1, GR_MEAN))
VALUE(log_cosh, gr_loss_log_cosh(X, Y, GR_MEAN))
VALUE(charbonnier, gr_loss_charbonnier(X, Y, 1e-3, GR_MEAN))
VALUE(quantile, gr_loss_quantile(X, Y, 0.9, GR_MEAN))
VALUE(poisson_nll, gr_loss_poisson_nll(X, Y, GR_MEAN))
VALUE(bce_logits, gr_loss_bce_logits(X, Y, GR_MEAN))
VALUE(soft_margin, gr_loss_soft_margin(X, Y, GR_MEAN))
VALUE(hinge, gr_loss_hinge(X, Y, GR_MEAN))
VALUE(focal, gr_loss_focal(X, Y, 0.25, 2, GR_MEAN))
VALUE(dice, gr_loss_dice(X, Y, GR_MEAN))
VALUE(tversky, gr_loss_tversky(X, Y, 0.3, 0.7, GR_MEAN))
VALUE(cross_entropy, gr_loss_cross_entropy(X, Y, GR_MEAN))
VALUE(kl, gr_loss_kl_div(gr_log_softmax(X, GR_AXES(1)), Y, GR_MEAN))
VALUE(distillation, gr_loss_distillation(X, Z, Y, 4, 0.7, GR_MEAN))
VALUE(cosine, gr_loss_cosine_similarity(X, Y, GR_MEAN))
VALUE(triplet, gr_loss_triplet_margin(X, Y, Z, 1, 1e-6, GR_MEAN))
VALUE(info_nce, gr_loss_info_nce(X, Y, 0.07, GR_MEAN))

static gr_tensor *label_smoothing(const work *w)
{
    gr_cross_entropy_options options = gr_cross_entropy_defaults();

    options.smoothing = 0.1;
    return gr_loss_cross_entropy_with(X, Y, options, GR_MEAN);
}

/* tanh(0.9 x + 0.1) y, 25 times over: 100 operations and a sum */
static gr_tensor *chain(const work *w)
{
    gr_tensor *x = X;

    for (int i = 0; i < 25; i++) x = gr_mul(gr_tanh(gr_add(gr_mul(x, 0.9), 0.1)), Y);
    return gr_sum(x, GR_ALL_AXES, false);
}

#define LOOP(name) \
    static double name##_plain(const work *w) \
    { \
        return (double)name##_loop(w->size[0], gr_data_f32(X), gr_data_f32(Y), w->gradient); \
    }
LOOP(mse)
LOOP(mae)
LOOP(huber)
LOOP(hinge)

/* ---- how ---- */

static void evaluate(work *w, bool save)
{
    GR_SCOPE;
    gr_tensor *out[2] = {w->row->value(w)};

    gr_gradients(out[0], &X, 1, &out[1]);
    gr_eval(2, out);
    if (save) {
        work_save(w, "value", out[0]);
        work_save(w, "gradient", out[1]);
    }
}

static void step(work *w)
{
    evaluate(w, false);
}

static void check(work *w)
{
    evaluate(w, true);
}

static const kind loss_kind = {step, check};

const row loss_rows[] = {
    {"mse", &loss_kind, normals, mse, mse_plain},
    {"mae", &loss_kind, normals, mae, mae_plain},
    {"huber", &loss_kind, normals, huber, huber_plain},
    {"log_cosh", &loss_kind, normals, log_cosh, NULL},
    {"charbonnier", &loss_kind, normals, charbonnier, NULL},
    {"quantile", &loss_kind, normals, quantile, NULL},
    {"poisson_nll", &loss_kind, log_rates_and_counts, poisson_nll, NULL},
    {"bce_logits", &loss_kind, logits_and_bits, bce_logits, NULL},
    {"soft_margin", &loss_kind, logits_and_signs, soft_margin, NULL},
    {"hinge", &loss_kind, logits_and_signs, hinge, hinge_plain},
    {"focal", &loss_kind, logits_and_bits, focal, NULL},
    {"dice", &loss_kind, probabilities_and_bits, dice, NULL},
    {"tversky", &loss_kind, probabilities_and_bits, tversky, NULL},
    {"cross_entropy", &loss_kind, logits_and_labels, cross_entropy, NULL},
    {"label_smoothing", &loss_kind, logits_and_labels, label_smoothing, NULL},
    {"kl", &loss_kind, logits_and_distribution, kl, NULL},
    {"distillation", &loss_kind, two_logits_and_labels, distillation, NULL},
    {"cosine", &loss_kind, normals, cosine, NULL},
    {"triplet", &loss_kind, three_normals, triplet, NULL},
    {"info_nce", &loss_kind, normals, info_nce, NULL},
    {"chain100", &loss_kind, normals, chain, NULL},
    {0},
};
