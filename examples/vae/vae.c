/* vae: a variational autoencoder of handwritten digits (Kingma & Welling 2013, arXiv 1312.6114).
 *
 * An encoder turns an image x into a Gaussian q(z|x) = N(mean, e^logvar) over 20 latent numbers; a
 * decoder turns a sample z of it into the logits of p(x|z). Training minimises the negative
 * evidence lower bound, in nats an image:
 *
 *     -ELBO = -E_q log p(x|z) + KL(q(z|x) to N(0, 1))
 *
 * The sample is z = mean + e^(logvar/2) eps with eps ~ N(0, 1), so gradients flow through it. */
#include <gradus.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/common/folder.h"
#include "examples/common/images.h"
#include "examples/common/plot.h"
#include "examples/common/progress.h"
#include "examples/common/report.h"
#include "examples/common/stop.h"
#include "examples/common/training.h"

enum { PIXELS = 784, HIDDEN = 400, LATENT = 20, SIDE = 28, TEST_SAMPLES = 5, TEST_BATCH = 500 };

typedef struct {
    gr_linear encoder, mean, logvar, decoder, output;
} vae;

typedef struct {
    gr_tensor *reconstruction, *kl, *total; /* nats an image, mean over the batch: () */
} elbo;

typedef struct {
    double train, test, reconstruction, kl;
} epoch_result;

static vae vae_new(gr_params *params, gr_rng *rng)
{
    return (vae){
        .encoder = gr_linear_new(params, "encoder", PIXELS, HIDDEN, rng),
        .mean = gr_linear_new(params, "mean", HIDDEN, LATENT, rng),
        .logvar = gr_linear_new(params, "logvar", HIDDEN, LATENT, rng),
        .decoder = gr_linear_new(params, "decoder", LATENT, HIDDEN, rng),
        .output = gr_linear_new(params, "output", HIDDEN, PIXELS, rng),
    };
}

/* z (B, 20) to logits (B, 784) */
static gr_tensor *decode(const vae *m, const gr_tensor *z)
{
    return gr_linear_apply(&m->output, gr_relu(gr_linear_apply(&m->decoder, z)));
}

/* x (B, 784) */
static elbo negative_elbo(const vae *m, const gr_tensor *x, gr_rng *rng)
{
    gr_tensor *hidden = gr_relu(gr_linear_apply(&m->encoder, x));
    gr_tensor *mean = gr_linear_apply(&m->mean, hidden);     /* (B, 20) */
    gr_tensor *logvar = gr_linear_apply(&m->logvar, hidden); /* (B, 20) */
    gr_tensor *eps = gr_normal(rng, gr_shape_of(mean), 0, 1);
    gr_tensor *z = gr_add_mul(mean, gr_exp(gr_mul(0.5, logvar)), eps);
    elbo e = {
        .reconstruction = gr_loss_bce_logits(decode(m, z), x, GR_BATCH_MEAN),
        .kl = gr_loss_kl_normal(mean, logvar, GR_BATCH_MEAN),
    };
    e.total = gr_add(e.reconstruction, e.kl);
    return e;
}

/* -ELBO of a set, the mean of five samples an image. */
static double evaluate(const vae *m, const gr_tensor *images, gr_rng *rng)
{
    int64_t n = gr_dim(images, 0);
    double sum = 0;

    for (int sample = 0; sample < TEST_SAMPLES && gr_ok(); sample++) {
        for (int64_t first = 0; first < n && gr_ok(); first += TEST_BATCH) {
            GR_SCOPE;
            GR_NO_GRAD;
            gr_tensor *x = gr_slice(images, 0, first, first + TEST_BATCH);
            sum += gr_item(negative_elbo(m, x, rng).total) * (double)gr_dim(x, 0);
        }
    }
    return sum / (double)(n * TEST_SAMPLES);
}

/* One pass over the training images in random order; false when it was cut short. */
static bool train_epoch(const training *s, const vae *m, gr_params *params, gr_optimizer *adam,
                        const gr_tensor *images, gr_rng *rng, int64_t epoch, progress *bar,
                        epoch_result *result)
{
    GR_SCOPE;
    int64_t n = gr_dim(images, 0), steps = (n + s->batch - 1) / s->batch;
    gr_tensor *order = gr_permutation(rng, n);

    for (int64_t step = 0; step < steps; step++) {
        GR_SCOPE;
        gr_tensor *rows = gr_slice(order, 0, step * s->batch, (step + 1) * s->batch);
        elbo e = negative_elbo(m, gr_take(images, 0, rows), rng);
        if (!gr_backward(e.total, params) || !gr_step(adam) || stop_requested()) {
            return false;
        }
        double total = gr_item(e.total), share = (double)gr_dim(rows, 0) / (double)n;
        result->train += total * share;
        result->reconstruction += gr_item(e.reconstruction) * share;
        result->kl += gr_item(e.kl) * share;

        char head[96], tail[192];
        snprintf(head, sizeof head, "epoch %2lld/%lld  step %3lld/%lld", (long long)epoch + 1,
                 (long long)s->epochs, (long long)step + 1, (long long)steps);
        snprintf(tail, sizeof tail, "-ELBO %.2f = reconstruction %.2f + KL %.2f", total,
                 gr_item(e.reconstruction), gr_item(e.kl));
        progress_update(bar, epoch * steps + step + 1, head, tail);
    }
    return true;
}

/* ---- what a run leaves behind ---- */

static bool save_grid(const training *s, const char *name, int rows, const float *pixels,
                      const char *const *labels)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", s->out, name);
    return pixels && image_grid_save(path, rows, 10, SIDE, SIDE, pixels, 3, labels);
}

/* Ten test images above what the model makes of them. */
static bool save_reconstruction(const training *s, const vae *m, const gr_tensor *test)
{
    GR_SCOPE;
    GR_NO_GRAD;
    static const char *const labels[] = {"image", "model", "image", "model", "image", "model"};
    float both[6 * 10 * PIXELS];
    gr_tensor *x = gr_slice(test, 0, 0, 30);
    gr_tensor *mean = gr_linear_apply(&m->mean, gr_relu(gr_linear_apply(&m->encoder, x)));
    const float *original = gr_data_f32(x), *model = gr_data_f32(gr_sigmoid(decode(m, mean)));

    for (int i = 0; original && model && i < 30 * PIXELS; i++) {
        int row = i / (10 * PIXELS), rest = i % (10 * PIXELS);
        both[2 * row * 10 * PIXELS + rest] = original[i];
        both[(2 * row + 1) * 10 * PIXELS + rest] = model[i];
    }
    return gr_ok() && save_grid(s, "reconstruction.png", 6, both, labels);
}

static bool save_samples(const training *s, const vae *m, gr_rng *rng)
{
    GR_SCOPE;
    GR_NO_GRAD;
    gr_tensor *z = gr_normal(rng, GR_SHAPE(100, LATENT), 0, 1);

    return save_grid(s, "samples.png", 10, gr_data_f32(gr_sigmoid(decode(m, z))), NULL);
}

static bool save_curves(const training *s, const char *name, const epoch_result *r, int64_t epochs)
{
    char path[4096], title[96];
    snprintf(path, sizeof path, "%s/loss.png", s->out);
    snprintf(title, sizeof title, "Variational autoencoder on %s", name);
    plot p = {.title = title, .x_label = "epoch", .y_label = "negative ELBO (nats)"};
    bool good = true;

    for (int64_t i = 0; i < epochs && good; i++) {
        good = plot_add(&p, "train", (double)i + 1, r[i].train) &&
               plot_add(&p, "test", (double)i + 1, r[i].test);
    }
    good = good && plot_save(&p, path);
    plot_free(&p);
    return good;
}

static bool save_all(const training *s, const vae *m, const gr_params *params,
                     const image_set *data, const epoch_result *r, int64_t epochs, gr_rng *rng)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/model.safetensors", s->out);
    return gr_safetensors_save(params, path) && save_reconstruction(s, m, data->test) &&
           save_samples(s, m, rng) && save_curves(s, data->name, r, epochs);
}

static void print_table(const epoch_result *r, int64_t epochs)
{
    printf("\nnegative ELBO in nats an image\n%5s  %8s  %14s  %6s  %8s\n", "epoch", "train",
           "reconstruction", "KL", "test");
    for (int64_t i = 0; i < epochs; i++) {
        printf("%5lld  %8.2f  %14.2f  %6.2f  %8.2f\n", (long long)i + 1, r[i].train,
               r[i].reconstruction, r[i].kl, r[i].test);
    }
}

/* Trains, saves, reports; true if all of it went well. */
static bool run(const training *s, gr_params *params, gr_rng *rng, epoch_result *results)
{
    image_set data;
    if (!folder_make(s->out) || !images_load(&data, s->mnist, (uint64_t)s->seed)) {
        return false;
    }
    vae m = vae_new(params, rng);
    gr_adam_options options = gr_adam_defaults();
    options.lr = s->lr;
    gr_optimizer *adam = gr_adam(params, options);
    gr_rng *noise = gr_rng_split(rng);
    int64_t n = gr_dim(data.train, 0), steps = (n + s->batch - 1) / s->batch, done = 0;

    printf("%lld + %lld images of %s, %lld parameters\n", (long long)n,
           (long long)gr_dim(data.test, 0), data.name, (long long)gr_params_elements(params));
    progress bar = progress_begin(stdout, s->epochs * steps);
    while (done < s->epochs &&
           train_epoch(s, &m, params, adam, data.train, rng, done, &bar, &results[done])) {
        results[done++].test = evaluate(&m, data.test, noise);
    }
    progress_end(&bar);
    bool good = gr_ok() && save_all(s, &m, params, &data, results, done, noise);
    if (good) {
        print_table(results, done);
        printf("pictures and model in %s%s\n", s->out, stop_requested() ? " (stopped early)" : "");
        double last = done ? results[done - 1].test : evaluate(&m, data.test, noise);
        printf("test negative ELBO: %.2f nats after %lld epochs\n", last, (long long)done);
    }
    gr_rng_free(noise);
    gr_optimizer_free(adam);
    return good;
}

int main(int argc, char **argv)
{
    training s = {.epochs = 10, .batch = 128, .lr = 1e-3};
    int status;

    if (!training_start(&s, argc, argv, "vae: a variational autoencoder of handwritten digits",
                        &status)) {
        return status;
    }
    gr_rng *rng = gr_rng_new((uint64_t)s.seed);
    gr_params *params = gr_params_new();
    epoch_result *results = calloc((size_t)s.epochs, sizeof *results);
    bool good = results ? run(&s, params, rng, results)
                        : report_error("vae: no memory for %lld epochs", (long long)s.epochs);

    free(results);
    gr_params_free(params);
    gr_rng_free(rng);
    gr_thread_end();
    return good ? 0 : 1;
}
