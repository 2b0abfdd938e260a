/* classify: a small network learns which of two classes a point of the plane belongs to.
 *
 * Two layers of 16 tanh units and one logit, trained on all points at once by Adam on the binary
 * cross-entropy. The picture shows what it believes everywhere: the line is where it is
 * undecided. */
#include <gradus.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/common/folder.h"
#include "examples/common/plot.h"
#include "examples/common/points.h"
#include "examples/common/progress.h"
#include "examples/common/report.h"
#include "examples/common/start.h"
#include "examples/common/stop.h"

enum { HIDDEN = 16, GRID = 161 };

typedef struct {
    gr_linear first, second, output;
} network;

typedef struct {
    int64_t steps, seed, points, threads;
    double lr, noise;
    const char *data, *out;
} settings;

static network network_new(gr_params *params, gr_rng *rng)
{
    return (network){
        .first = gr_linear_new(params, "first", 2, HIDDEN, rng),
        .second = gr_linear_new(params, "second", HIDDEN, HIDDEN, rng),
        .output = gr_linear_new(params, "output", HIDDEN, 1, rng),
    };
}

/* x (N, 2) to logits (N) */
static gr_tensor *logits_of(const network *net, const gr_tensor *x)
{
    gr_tensor *h = gr_tanh(gr_linear_apply(&net->first, x)); /* (N, 16) */
    h = gr_tanh(gr_linear_apply(&net->second, h));           /* (N, 16) */
    return gr_squeeze(gr_linear_apply(&net->output, h), 1);
}

/* Share of points on the right side. */
static double accuracy(const network *net, const gr_tensor *x, const gr_tensor *y)
{
    GR_SCOPE;
    GR_NO_GRAD;
    return gr_item(gr_mean(gr_equal(gr_greater(logits_of(net, x), 0), y), GR_ALL_AXES, false));
}

/* Full-batch training; the last loss. */
static double train(const settings *s, const network *net, gr_params *params, const gr_tensor *x,
                    const gr_tensor *y)
{
    gr_adam_options options = gr_adam_defaults();
    options.lr = s->lr;
    gr_optimizer *adam = gr_adam(params, options);
    progress bar = progress_begin(stdout, s->steps);
    double value = 0;

    for (int64_t step = 1; step <= s->steps && gr_ok() && !stop_requested(); step++) {
        GR_SCOPE;
        gr_tensor *loss = gr_loss_bce_logits(logits_of(net, x), y, GR_MEAN);

        gr_backward(loss, params);
        gr_step(adam);
        value = gr_item(loss);

        char tail[48];
        snprintf(tail, sizeof tail, "loss %.5f", value);
        progress_update(&bar, step, s->data, tail);
    }
    progress_end(&bar);
    gr_optimizer_free(adam);
    return value;
}

/* The probability of class 1 over the square from -side to side, with the points on top. */
static bool save_boundary(const settings *s, const network *net, double side, const float *points,
                          const int64_t *labels)
{
    GR_SCOPE;
    GR_NO_GRAD;
    char path[4096], title[96];
    gr_tensor *line = gr_arange(GR_F32, GRID, -side, 2 * side / (GRID - 1));
    gr_shape square = GR_SHAPE(GRID, GRID, 1);
    gr_tensor *across = gr_expand(gr_reshape(line, GR_SHAPE(1, GRID, 1)), square);
    gr_tensor *up = gr_expand(gr_reshape(line, GR_SHAPE(GRID, 1, 1)), square);
    /* (x, y) of every grid point: x in the first column, y in the second */
    gr_tensor *xy = gr_concat(GR_LIST(across, up), 2);
    gr_tensor *probability = gr_sigmoid(logits_of(net, gr_reshape(xy, GR_SHAPE(GRID * GRID, 2))));

    snprintf(path, sizeof path, "%s/%s.png", s->out, s->data);
    snprintf(title, sizeof title, "%s: what the network believes", s->data);
    field f = {.title = title,
               .x_label = "x",
               .y_label = "y",
               .x0 = -side,
               .x1 = side,
               .y0 = -side,
               .y1 = side,
               .nx = GRID,
               .ny = GRID,
               .values = gr_data_f32(probability),
               .n = s->points,
               .points = points,
               .labels = labels};
    return f.values && field_save(&f, path);
}

static bool run(const settings *s, float *points, int64_t *labels)
{
    if (points_classes(s->data) > 2) {
        return report_error("classify: --data: %s has more than two classes", s->data);
    }
    if (!folder_make(s->out) ||
        !points_make(s->data, (uint64_t)s->seed, s->points, s->noise, points, labels)) {
        return false;
    }
    gr_rng *rng = gr_rng_new((uint64_t)s->seed);
    gr_params *params = gr_params_new();
    network net = network_new(params, rng);
    gr_tensor *x = gr_from_data(GR_F32, GR_SHAPE(s->points, 2), points);
    gr_tensor *y = gr_cast(gr_from_data(GR_I64, GR_SHAPE(s->points), labels), GR_F32);
    double side = 1.1 * gr_item(gr_max(gr_abs(x), GR_ALL_AXES, false));

    double loss = train(s, &net, params, x, y), share = accuracy(&net, x, y);
    bool good = gr_ok() && save_boundary(s, &net, side, points, labels);
    if (good) {
        printf("picture in %s/%s.png\n", s->out, s->data);
        printf("accuracy: %.1f %% of %lld points, loss %.5f\n", 100 * share, (long long)s->points,
               loss);
    }
    gr_params_free(params);
    gr_rng_free(rng);
    return good;
}

int main(int argc, char **argv)
{
    settings s = {.steps = 500,
                  .points = 400,
                  .threads = 1,
                  .lr = 0.02,
                  .noise = 0.15,
                  .data = "moons",
                  .out = "out"};
    const option table[] = {
        {"data", .text = &s.data, .help = "moons, circles, xor, blobs or spiral"},
        {"points", .integer = &s.points, .min = 10, .max = 1e6, .help = "how many"},
        {"noise", .number = &s.noise, .min = 0, .max = 10, .help = "of their places"},
        {"steps", .integer = &s.steps, .min = 1, .max = 1e7, .help = "of Adam on all points"},
        {"lr", .number = &s.lr, .min = 0, .max = 10, .help = "learning rate"},
        {"seed", .integer = &s.seed, .min = 0, .max = 1e15, .help = "of points and weights"},
        {"threads", .integer = &s.threads, .min = 1, .max = 1024, .help = "at most"},
        {"out", .text = &s.out, .help = "folder of the picture"},
    };
    int status;
    if (!start(argc, argv, "classify: two classes of points in the plane", table,
               sizeof table / sizeof *table, &s.threads, &status)) {
        return status;
    }
    float *points = malloc((size_t)s.points * 2 * sizeof *points);
    int64_t *labels = malloc((size_t)s.points * sizeof *labels);
    bool good = points && labels
                    ? run(&s, points, labels)
                    : report_error("classify: no memory for %lld points", (long long)s.points);

    free(points);
    free(labels);
    gr_thread_end();
    return good ? 0 : 1;
}
