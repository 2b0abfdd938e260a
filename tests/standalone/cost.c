/* What small work costs: cost NAME STEPS does it so many times, for tests/scripts/cost.sh to count the
 * instructions. Without arguments it does everything once. */
#include <gradus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct model {
    gr_rng *rng;
    gr_params *params;
    gr_linear layer[3];
    gr_optimizer *adam;
    gr_tensor *x, *y;
} model;

/* One pass of a loss and its gradient over 64 numbers. */
static void loss(model *m)
{
    GR_SCOPE;
    gr_tensor *value = gr_loss_mse(m->x, m->y, GR_MEAN), *gradient;

    gr_gradients(value, &m->x, 1, &gradient);
    gr_eval(2, (gr_tensor *[]){value, gradient});
}

/* 1,000 nodes, each of which reads the one before it. */
static void chain(model *m)
{
    GR_SCOPE;
    gr_tensor *x = m->y;

    for (int i = 0; i < 1000; i++) {
        x = gr_add(x, 0.5);
    }
    gr_eval(1, &x);
}

/* A training step of a network 2-16-16-1 on 64 samples. */
static void step(model *m)
{
    GR_SCOPE;
    gr_tensor *h = gr_slice(gr_reshape(gr_expand(m->x, GR_SHAPE(2, 64)), GR_SHAPE(64, 2)), 1, 0, 2);

    for (int i = 0; i < 2; i++) {
        h = gr_tanh(gr_linear_apply(&m->layer[i], h));
    }
    h = gr_squeeze(gr_linear_apply(&m->layer[2], h), 1);
    gr_backward(gr_loss_mse(h, m->y, GR_MEAN), m->params);
    gr_step(m->adam);
}

static const struct {
    const char *name;
    void (*work)(model *);
} works[] = {{"loss", loss}, {"chain", chain}, {"step", step}};

int main(int argc, char **argv)
{
    model m = {.rng = gr_rng_new(1), .params = gr_params_new()};
    int steps = argc > 2 ? atoi(argv[2]) : 1;

    gr_set_threads(1);
    m.x = gr_uniform(m.rng, GR_SHAPE(64), -1, 1);
    m.y = gr_uniform(m.rng, GR_SHAPE(64), -1, 1);
    gr_eval(2, (gr_tensor *[]){m.x, m.y});
    for (int i = 0; i < 3; i++) {
        char name[] = {(char)('a' + i), 0};
        m.layer[i] = gr_linear_new(m.params, name, i == 0 ? 2 : 16, i == 2 ? 1 : 16, m.rng);
    }
    m.adam = gr_adam(m.params, gr_adam_defaults());
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        for (int k = 0; k < steps && (argc < 3 || strcmp(argv[1], works[i].name) == 0); k++) {
            works[i].work(&m);
        }
    }
    gr_optimizer_free(m.adam);
    gr_params_free(m.params);
    gr_rng_free(m.rng);
    bool good = gr_ok();
    gr_thread_end();
    return good ? 0 : 1;
}
