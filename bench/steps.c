/* Training steps: forward, backward, Adam. Numbers that a step draws at random come from
 * w->input[NOISE] while results are compared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { BATCH = 0, TIMES = 1, CHECKED_STEPS = 3 };

/* While compared, steps move the weights; while timed, they hardly do, so that the numbers stay
 * those of a network at its start. */
static const double checked_lr = 1e-3, timed_lr = 1e-6;

/* ---- networks ---- */

/* Linear layers behind what the params have already. */
static void layers(work *w, int n, const int64_t (*sizes)[2])
{
    gr_adam_options options = gr_adam_defaults();
    char name[16] = "layer0";

    w->params = w->params ? w->params : gr_params_new();
    for (int i = 0; i < n; i++, name[5]++) {
        w->layer[i] = gr_linear_new(w->params, name, sizes[i][0], sizes[i][1], w->rng);
    }
    options.lr = checked_lr;
    w->adam = gr_adam(w->params, options);
}

#define LAYERS(w, ...) \
    layers(w, sizeof((int64_t[][2]){__VA_ARGS__}) / (2 * sizeof(int64_t)), \
           (const int64_t[][2]){__VA_ARGS__})

/* n layers from `first` on, with an activation between them */
static gr_tensor *network(const work *w, int first, int n, gr_tensor *(*between)(const gr_tensor *),
                          const gr_tensor *x)
{
    gr_tensor *y = gr_linear_apply(&w->layer[first], x);

    for (int i = first + 1; i < first + n; i++) y = gr_linear_apply(&w->layer[i], between(y));
    return y;
}

/* ---- W1, W2: perceptrons ---- */

static void mlp_prepare(work *w)
{
    gr_tensor *x = gr_uniform(w->rng, GR_SHAPE(w->size[BATCH], 2), -1, 1);

    work_input(w, 0, x);
    work_input(w, 1, gr_mul(gr_slice(x, 1, 0, 1), gr_slice(x, 1, 1, 2)));
    LAYERS(w, {2, 16}, {16, 16}, {16, 1});
}

static gr_tensor *mlp(const work *w)
{
    return gr_loss_mse(network(w, 0, 3, gr_tanh, w->input[0]), w->input[1], GR_MEAN);
}

/* Grey levels, most of them 0 */
static gr_tensor *images(work *w)
{
    gr_tensor *x = gr_normal(w->rng, GR_SHAPE(w->size[BATCH], 784), -0.8, 1);

    return gr_minimum(gr_relu(x), 1);
}

static void classifier_prepare(work *w)
{
    work_input(w, 0, images(w));
    work_input(w, 1, gr_integers(w->rng, GR_SHAPE(w->size[BATCH]), 0, 10));
    LAYERS(w, {784, 64}, {64, 10});
}

static gr_tensor *classifier(const work *w)
{
    return gr_loss_cross_entropy(network(w, 0, 2, gr_relu, w->input[0]), w->input[1], GR_MEAN);
}

/* ---- W3: the autoencoder of examples/vae ---- */

enum { HIDDEN = 400, LATENT = 20 };

static void vae_prepare(work *w)
{
    work_input(w, 0, images(w));
    work_input(w, NOISE, gr_normal(w->rng, GR_SHAPE(w->size[BATCH], LATENT), 0, 1));
    LAYERS(w, {784, HIDDEN}, {HIDDEN, LATENT}, {HIDDEN, LATENT}, {LATENT, HIDDEN}, {HIDDEN, 784});
}

static gr_tensor *vae(const work *w)
{
    const gr_tensor *x = w->input[0];
    gr_tensor *hidden = gr_relu(gr_linear_apply(&w->layer[0], x));
    gr_tensor *mean = gr_linear_apply(&w->layer[1], hidden);
    gr_tensor *logvar = gr_linear_apply(&w->layer[2], hidden);
    gr_tensor *eps = w->input[NOISE] ? w->input[NOISE] : gr_normal(w->rng, gr_shape_of(mean), 0, 1);
    gr_tensor *z = gr_add_mul(mean, gr_exp(gr_mul(0.5, logvar)), eps);

    return gr_add(gr_loss_bce_logits(network(w, 3, 2, gr_relu, z), x, GR_BATCH_MEAN),
                  gr_loss_kl_normal(mean, logvar, GR_BATCH_MEAN));
}

/* ---- W4: proximal policy optimization (Schulman et al. 2017) ---- */

/* observations, actions, their log-probability when taken, advantages, returns */
static void ppo_prepare(work *w)
{
    int64_t n = w->size[BATCH];

    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(n, 4), 0, 1));
    work_input(w, 1, gr_integers(w->rng, GR_SHAPE(n), 0, 2));
    work_input(w, 2, gr_normal(w->rng, GR_SHAPE(n), -0.7, 0.2));
    work_input(w, 3, gr_normal(w->rng, GR_SHAPE(n), 0, 1));
    work_input(w, 4, gr_normal(w->rng, GR_SHAPE(n), 2, 1));
    LAYERS(w, {4, 64}, {64, 64}, {64, 2}, {4, 64}, {64, 64}, {64, 1});
}

static gr_tensor *ppo(const work *w)
{
    gr_tensor *const *in = w->input;
    gr_tensor *log_p = gr_log_softmax(network(w, 0, 3, gr_tanh, in[0]), GR_AXES(1));
    gr_tensor *taken = gr_squeeze(gr_gather(log_p, 1, gr_unsqueeze(in[1], 1)), 1);
    gr_tensor *ratio = gr_exp(gr_sub(taken, in[2]));
    gr_tensor *clipped = gr_clamp(ratio, 0.8, 1.2);
    gr_tensor *gain = gr_minimum(gr_mul(ratio, in[3]), gr_mul(clipped, in[3]));
    gr_tensor *entropy = gr_neg(gr_sum(gr_mul(gr_exp(log_p), log_p), GR_AXES(1), false));
    gr_tensor *value = gr_squeeze(network(w, 3, 3, gr_tanh, in[0]), 1);
    gr_tensor *bonus = gr_add(gain, gr_mul(0.01, entropy));

    return gr_sub(gr_mul(0.5, gr_loss_mse(value, in[4], GR_MEAN)),
                  gr_mean(bonus, GR_ALL_AXES, false));
}

/* ---- W5: the critic of a Wasserstein GAN (Gulrajani et al. 2017), lambda 0.1 ---- */

static void critic_prepare(work *w)
{
    int64_t n = w->size[BATCH];

    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(n, 2), 0.5, 1));
    work_input(w, 1, gr_normal(w->rng, GR_SHAPE(n, 2), -0.5, 0.3));
    work_input(w, NOISE, gr_uniform(w->rng, GR_SHAPE(n, 1), 0, 1));
    LAYERS(w, {2, 512}, {512, 512}, {512, 512}, {512, 1});
}

static gr_tensor *critic(const work *w, const gr_tensor *x)
{
    return network(w, 0, 4, gr_relu, x);
}

/* real is input 0, fake input 1 */
static gr_tensor *distance(const work *w)
{
    return gr_sub(gr_mean(critic(w, w->input[1]), GR_ALL_AXES, false),
                  gr_mean(critic(w, w->input[0]), GR_ALL_AXES, false));
}

static gr_tensor *penalised(const work *w)
{
    const gr_tensor *real = w->input[0], *fake = w->input[1];
    gr_tensor *eps = w->input[NOISE] ? w->input[NOISE]
                                     : gr_uniform(w->rng, GR_SHAPE(w->size[BATCH], 1), 0, 1);
    gr_tensor *between = gr_add(fake, gr_mul(eps, gr_sub(real, fake)));
    gr_tensor *slope; /* (B, 2) */

    gr_gradients(gr_sum(critic(w, between), GR_ALL_AXES, false), &between, 1, &slope);
    gr_tensor *norm = gr_sqrt(gr_sum(gr_square(slope), GR_AXES(1), false));
    gr_tensor *penalty = gr_mean(gr_square(gr_sub(norm, 1)), GR_ALL_AXES, false);
    return gr_add(distance(w), gr_mul(0.1, penalty));
}

/* ---- W6: the convolutional network of examples/digits ---- */

static void digits_prepare(work *w)
{
    gr_conv_options same = gr_conv_defaults();

    same.padding[0] = same.padding[1] = 1;
    work_input(w, 0, gr_reshape(images(w), GR_SHAPE(w->size[BATCH], 1, 28, 28)));
    work_input(w, 1, gr_integers(w->rng, GR_SHAPE(w->size[BATCH]), 0, 10));
    w->params = gr_params_new();
    w->conv[0] = gr_conv2d_layer_new(w->params, "first", 1, 8, GR_SHAPE(3, 3), same, w->rng);
    w->conv[1] = gr_conv2d_layer_new(w->params, "second", 8, 16, GR_SHAPE(3, 3), same, w->rng);
    LAYERS(w, {784, 10});
}

static gr_tensor *digits(const work *w)
{
    gr_window two = {.size = 2, .stride = 2};
    gr_tensor *x = w->input[0];

    for (int i = 0; i < 2; i++) {
        x = gr_max_pool2d(gr_relu(gr_conv2d_layer_apply(&w->conv[i], x)), two, two);
    }
    return gr_loss_cross_entropy(gr_linear_apply(&w->layer[0], gr_flatten(x, 1, -1)), w->input[1],
                                 GR_MEAN);
}

/* ---- W7: a gated recurrent unit (Cho et al. 2014), the last state to a number ---- */

static void gru_prepare(work *w)
{
    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(w->size[BATCH], w->size[TIMES], 8), 0, 1));
    work_input(w, 1, gr_normal(w->rng, GR_SHAPE(w->size[BATCH], 1), 0, 1));
    w->params = gr_params_new();
    w->gru = gr_gru_new(w->params, "gru", 8, 64, w->rng);
    LAYERS(w, {64, 1});
}

static gr_tensor *gru(const work *w)
{
    gr_tensor *last = NULL;

    gr_gru_apply(&w->gru, w->input[0], &last);
    return gr_loss_mse(gr_linear_apply(&w->layer[0], last), w->input[1], GR_MEAN);
}

/* ---- how ---- */

static void train(work *w)
{
    GR_SCOPE;
    gr_backward(w->row->value(w), w->params);
    gr_step(w->adam);
}

/* All gradients, one after another */
static void save_gradient(work *w)
{
    int64_t total = gr_params_elements(w->params), at = 0;
    float *all = malloc((size_t)total * sizeof *all);

    for (int i = 0; all && i < gr_params_count(w->params); i++) {
        gr_tensor *g = gr_grad(gr_params_at(w->params, i));
        const float *data = g ? gr_data_f32(g) : NULL;
        if (data) memcpy(all + at, data, (size_t)gr_count(g) * sizeof *all);
        at += data ? gr_count(g) : total;
    }
    if (all && at == total) work_save(w, "gradient", gr_from_f32(GR_SHAPE(total), all));
    free(all);
}

/* The losses of the first steps, the gradient of the first. */
static void check(work *w)
{
    GR_SCOPE;
    float losses[CHECKED_STEPS];

    for (int i = 0; i < CHECKED_STEPS; i++) {
        GR_SCOPE;
        gr_tensor *loss = w->row->value(w);
        gr_backward(loss, w->params);
        if (i == 0) save_gradient(w);
        losses[i] = (float)gr_item(loss);
        gr_step(w->adam);
    }
    work_save(w, "value", gr_from_f32(GR_SHAPE(CHECKED_STEPS), losses));
    w->input[NOISE] = NULL;
    gr_optimizer_set_lr(w->adam, timed_lr);
}

static const kind step_kind = {train, check};

const row step_rows[] = {
    {"W1", &step_kind, mlp_prepare, mlp, NULL},
    {"W2", &step_kind, classifier_prepare, classifier, NULL},
    {"W3", &step_kind, vae_prepare, vae, NULL},
    {"W4", &step_kind, ppo_prepare, ppo, NULL},
    {"W5", &step_kind, critic_prepare, penalised, NULL},
    {"W5_plain", &step_kind, critic_prepare, distance, NULL},
    {"W6", &step_kind, digits_prepare, digits, NULL},
    {"W7", &step_kind, gru_prepare, gru, NULL},
    {0},
};
