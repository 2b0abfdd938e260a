/* digits: a small convolutional network learns to read handwritten digits (LeCun et al. 1989).
 *
 * Two convolutions of 3 x 3 with 8 and 16 channels, each followed by max(x, 0) and by the largest of
 * every 2 x 2 elements, and a linear layer from what is left, 16 images of 7 x 7, to the logits of
 * the ten digits. Trained by Adam on the cross-entropy, with a learning rate that falls to 0. */
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

enum { SIDE = 28, PIXELS = SIDE * SIDE, DIGITS = 10, TEST_BATCH = 500, SHOWN = 40 };

typedef struct {
    gr_conv2d_layer first, second;
    gr_linear output;
} network;

typedef struct {
    double loss, train, test; /* mean loss; share of digits read rightly */
} epoch_result;

static network network_new(gr_params *params, gr_rng *rng)
{
    gr_conv_options same = gr_conv_defaults();

    same.padding[0] = same.padding[1] = 1; /* images keep their size */
    return (network){
        .first = gr_conv2d_layer_new(params, "first", 1, 8, GR_SHAPE(3, 3), same, rng),
        .second = gr_conv2d_layer_new(params, "second", 8, 16, GR_SHAPE(3, 3), same, rng),
        .output = gr_linear_new(params, "output", 16 * 7 * 7, DIGITS, rng),
    };
}

static gr_tensor *halved(const gr_tensor *x)
{
    gr_window two = {.size = 2, .stride = 2};

    return gr_max_pool2d(x, two, two);
}

/* x (B, 784) to logits (B, 10) */
static gr_tensor *logits_of(const network *net, const gr_tensor *x)
{
    gr_tensor *image = gr_reshape(x, GR_SHAPE(-1, 1, SIDE, SIDE));
    gr_tensor *h = halved(gr_relu(gr_conv2d_layer_apply(&net->first, image))); /* (B, 8, 14, 14) */
    h = halved(gr_relu(gr_conv2d_layer_apply(&net->second, h)));               /* (B, 16, 7, 7) */
    return gr_linear_apply(&net->output, gr_flatten(h, 1, -1));
}

/* The digits of the largest logits: (B, 10) to (B). */
static gr_tensor *read_from(const gr_tensor *logits)
{
    return gr_argmax(logits, 1, false);
}

static gr_tensor *share_right(const gr_tensor *read, const gr_tensor *labels)
{
    return gr_mean(gr_cast(gr_equal(read, labels), GR_F32), GR_ALL_AXES, false);
}

/* What the network reads: (M), a digit for each image. */
static gr_tensor *read_all(const network *net, const gr_tensor *images)
{
    GR_NO_GRAD;
    int64_t n = gr_dim(images, 0), batches = (n + TEST_BATCH - 1) / TEST_BATCH;
    gr_tensor **parts = malloc((size_t)batches * sizeof *parts), *all = gr_error_tensor();

    for (int64_t i = 0; parts && i < batches; i++) {
        gr_tensor *x = gr_slice(images, 0, i * TEST_BATCH, (i + 1) * TEST_BATCH);
        parts[i] = read_from(logits_of(net, x));
    }
    if (parts) {
        all = gr_concat(parts, (int)batches, 0);
    }
    free(parts);
    return all;
}

static double test_share(const network *net, const image_set *data)
{
    GR_SCOPE;
    return gr_item(share_right(read_all(net, data->test), data->test_labels));
}

/* One pass over the training images in random order; false when it was cut short. */
static bool train_epoch(const training *s, const network *net, gr_params *params,
                        gr_optimizer *adam, const image_set *data, gr_rng *rng, int64_t epoch,
                        progress *bar, epoch_result *result)
{
    GR_SCOPE;
    int64_t n = gr_dim(data->train, 0), steps = (n + s->batch - 1) / s->batch;
    gr_tensor *order = gr_permutation(rng, n);

    for (int64_t step = 0; step < steps; step++) {
        GR_SCOPE;
        int64_t before = epoch * steps + step;
        gr_optimizer_set_lr(adam, s->lr * (1 - (double)before / (double)(s->epochs * steps)));
        gr_tensor *rows = gr_slice(order, 0, step * s->batch, (step + 1) * s->batch);
        gr_tensor *labels = gr_take(data->train_labels, 0, rows);
        gr_tensor *logits = logits_of(net, gr_take(data->train, 0, rows));
        gr_tensor *loss = gr_loss_cross_entropy(logits, labels, GR_MEAN);
        gr_tensor *right = share_right(read_from(logits), labels);
        if (!gr_backward(loss, params) || !gr_step(adam) || stop_requested()) {
            return false;
        }
        double share = (double)gr_dim(rows, 0) / (double)n;
        result->loss += gr_item(loss) * share;
        result->train += gr_item(right) * share;

        char head[96], tail[64];
        snprintf(head, sizeof head, "epoch %2lld/%lld  step %3lld/%lld", (long long)epoch + 1,
                 (long long)s->epochs, (long long)step + 1, (long long)steps);
        snprintf(tail, sizeof tail, "loss %.4f", gr_item(loss));
        progress_update(bar, before + 1, head, tail);
    }
    return true;
}

/* ---- what a run leaves behind ---- */

/* The first test images that are read wrongly, each row of ten with what was read as its label. */
static bool save_mistakes(const training *s, const network *net, const image_set *data)
{
    GR_SCOPE;
    static float pixels[SHOWN * PIXELS];
    const int64_t *read = gr_data_i64(read_all(net, data->test));
    const int64_t *labels = gr_data_i64(data->test_labels);
    const float *images = gr_data_f32(data->test);
    char path[4096], text[SHOWN / 10][80] = {"", "", "", ""};
    const char *rows[SHOWN / 10];
    int found = 0;

    for (int64_t i = 0; read && labels && images && i < gr_dim(data->test, 0); i++) {
        if (read[i] != labels[i] && found < SHOWN) {
            char *row = text[found / 10];
            snprintf(row + 2 * (found % 10), 3, "%lld ", (long long)read[i]);
            for (int k = 0; k < PIXELS; k++) {
                pixels[found * PIXELS + k] = images[i * PIXELS + k];
            }
            found++;
        }
    }
    for (int i = 0; i < SHOWN / 10; i++) {
        rows[i] = text[i];
    }
    snprintf(path, sizeof path, "%s/mistakes.png", s->out);
    int lines = found ? (found + 9) / 10 : 1;
    return gr_ok() && image_grid_save(path, lines, 10, SIDE, SIDE, pixels, 3, rows);
}

static bool save_curves(const training *s, const char *name, const epoch_result *r, int64_t epochs)
{
    char path[4096], title[96];
    snprintf(path, sizeof path, "%s/accuracy.png", s->out);
    snprintf(title, sizeof title, "Convolutional network on %s", name);
    plot p = {.title = title, .x_label = "epoch", .y_label = "read rightly (%)"};
    bool good = true;

    for (int64_t i = 0; i < epochs && good; i++) {
        good = plot_add(&p, "train", (double)i + 1, 100 * r[i].train) &&
               plot_add(&p, "test", (double)i + 1, 100 * r[i].test);
    }
    good = good && plot_save(&p, path);
    plot_free(&p);
    return good;
}

static bool save_all(const training *s, const network *net, const gr_params *params,
                     const image_set *data, const epoch_result *r, int64_t epochs)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/model.safetensors", s->out);
    return gr_safetensors_save(params, path) && save_mistakes(s, net, data) &&
           save_curves(s, data->name, r, epochs);
}

static void print_table(const epoch_result *r, int64_t epochs)
{
    printf("\n%5s  %8s  %10s  %10s\n", "epoch", "loss", "train", "test");
    for (int64_t i = 0; i < epochs; i++) {
        printf("%5lld  %8.4f  %8.2f %%  %8.2f %%\n", (long long)i + 1, r[i].loss, 100 * r[i].train,
               100 * r[i].test);
    }
}

/* Trains, saves, reports; true if all of it went well. */
static bool run(const training *s, gr_params *params, gr_rng *rng, epoch_result *results)
{
    image_set data;
    if (!folder_make(s->out) || !images_load(&data, s->mnist, (uint64_t)s->seed)) {
        return false;
    }
    network net = network_new(params, rng);
    gr_adam_options options = gr_adam_defaults();
    options.lr = s->lr;
    gr_optimizer *adam = gr_adam(params, options);
    int64_t n = gr_dim(data.train, 0), steps = (n + s->batch - 1) / s->batch, done = 0;

    printf("%lld + %lld images of %s, %lld parameters\n", (long long)n,
           (long long)gr_dim(data.test, 0), data.name, (long long)gr_params_elements(params));
    progress bar = progress_begin(stdout, s->epochs * steps);
    while (done < s->epochs &&
           train_epoch(s, &net, params, adam, &data, rng, done, &bar, &results[done])) {
        results[done++].test = test_share(&net, &data);
    }
    progress_end(&bar);
    bool good = gr_ok() && save_all(s, &net, params, &data, results, done);
    if (good) {
        print_table(results, done);
        printf("pictures and model in %s%s\n", s->out, stop_requested() ? " (stopped early)" : "");
        printf("test accuracy: %.2f %% after %lld epochs\n", 100 * test_share(&net, &data),
               (long long)done);
    }
    gr_optimizer_free(adam);
    return good;
}

int main(int argc, char **argv)
{
    training s = {.epochs = 10, .batch = 64, .lr = 8e-3};
    int status;

    if (!training_start(&s, argc, argv, "digits: a convolutional network reads handwritten digits",
                        &status)) {
        return status;
    }
    gr_rng *rng = gr_rng_new((uint64_t)s.seed);
    gr_params *params = gr_params_new();
    epoch_result *results = calloc((size_t)s.epochs, sizeof *results);
    bool good = results ? run(&s, params, rng, results)
                        : report_error("digits: no memory for %lld epochs", (long long)s.epochs);

    free(results);
    gr_params_free(params);
    gr_rng_free(rng);
    gr_thread_end();
    return good ? 0 : 1;
}
