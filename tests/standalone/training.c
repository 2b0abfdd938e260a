/* 200 steps of a small variational autoencoder end in the same parameters and moments, bit for bit,
 * for any number of threads, lazily and eagerly, fused and not. Prints a checksum of them all, so
 * that processes with other settings can be compared: `training --threads N` trains once. */
#include <gradus.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"

enum { STEPS = 200, BATCH = 96, PIXELS = 196, HIDDEN = 50, LATENT = 6 };

typedef struct model {
    gr_params *params;
    gr_linear encoder, mean, logvar, decoder, output;
} model;

static model model_new(gr_rng *rng)
{
    model m = {.params = gr_params_new()};

    m.encoder = gr_linear_new(m.params, "encoder", PIXELS, HIDDEN, rng);
    m.mean = gr_linear_new(m.params, "mean", HIDDEN, LATENT, rng);
    m.logvar = gr_linear_new(m.params, "logvar", HIDDEN, LATENT, rng);
    m.decoder = gr_linear_new(m.params, "decoder", LATENT, HIDDEN, rng);
    m.output = gr_linear_new(m.params, "output", HIDDEN, PIXELS, rng);
    return m;
}

/* The negative evidence lower bound of x (BATCH, PIXELS). */
static gr_tensor *loss_of(const model *m, const gr_tensor *x, gr_rng *rng)
{
    gr_tensor *hidden = gr_relu(gr_linear_apply(&m->encoder, x));
    gr_tensor *mean = gr_linear_apply(&m->mean, hidden);
    gr_tensor *logvar = gr_linear_apply(&m->logvar, hidden);
    gr_tensor *eps = gr_normal(rng, gr_shape_of(mean), 0, 1);
    gr_tensor *z = gr_add(mean, gr_mul(gr_exp(gr_mul(0.5, logvar)), eps));
    gr_tensor *logits = gr_linear_apply(&m->output, gr_tanh(gr_linear_apply(&m->decoder, z)));

    return gr_add(gr_loss_bce_logits(logits, x, GR_BATCH_MEAN),
                  gr_loss_kl_normal(mean, logvar, GR_BATCH_MEAN));
}

/* Bars of random height: something to learn. (BATCH, PIXELS) */
static gr_tensor *batch(gr_rng *rng)
{
    gr_tensor *height = gr_uniform(rng, GR_SHAPE(BATCH, 1), 0, PIXELS);

    return gr_cast(gr_less(gr_arange(GR_F32, PIXELS, 0, 1), height), GR_F32);
}

static uint64_t checksum_of(const gr_params *params, uint64_t sum)
{
    for (int i = 0; i < gr_params_count(params); i++) {
        GR_SCOPE;
        const gr_tensor *t = gr_params_at(params, i);
        const unsigned char *data = gr_data(t);
        size_t bytes = (size_t)gr_count(t) * gr_dtype_size(gr_dtype_of(t));
        for (size_t k = 0; data && k < bytes; k++) {
            sum = (sum ^ data[k]) * 0x100000001b3; /* FNV-1a */
        }
    }
    return sum;
}

/* Trains from the start; the checksum of what comes out, 0 after an error or without progress. */
static uint64_t train(int threads)
{
    gr_set_threads(threads);
    gr__set_parallel_from(threads > 1 ? 1000 : 1 << 17);
    gr_rng *rng = gr_rng_new(5);
    model m = model_new(rng);
    gr_optimizer *adam = gr_adam(m.params, gr_adam_defaults());
    double first = 0, last = 0;

    for (int i = 0; i < STEPS && gr_ok(); i++) {
        GR_SCOPE;
        gr_tensor *loss = loss_of(&m, batch(rng), rng);
        gr_backward(loss, m.params);
        if (i % 10 == 0) {
            gr_clip_grad_norm(m.params, 5);
        }
        gr_step(adam);
        last = gr_item(loss);
        first = i == 0 ? last : first;
    }
    uint64_t sum = checksum_of(gr_optimizer_state(adam), checksum_of(m.params, 0xcbf29ce484222325));
    gr_optimizer_free(adam);
    gr_params_free(m.params);
    gr_rng_free(rng);
    return gr_ok() && last < first ? sum : 0;
}

static bool same(const char *how, uint64_t got, uint64_t want)
{
    if (got == want && want != 0) {
        return true;
    }
    fprintf(stderr, "training: %s: checksum %016" PRIx64 ", want %016" PRIx64 " %s\n", how, got,
            want, gr_error_message());
    return false;
}

static bool all_agree(uint64_t want)
{
    static const int threads[] = {2, 3, 4, 7};
    bool good = same("1 thread", want, want);

    for (int i = 0; i < 4; i++) {
        char how[32];
        snprintf(how, sizeof how, "%d threads", threads[i]);
        good = same(how, train(threads[i]), want) && good;
    }
    bool before = gr__self()->eager;
    gr__self()->eager = !before;
    good = same(before ? "lazily" : "eagerly", train(1), want) && good;
    gr__self()->eager = before;
    gr__set_fusing(false);
    good = same("unfused", train(1), want) && good;
    return good;
}

int main(int argc, char **argv)
{
    int threads = argc == 3 && strcmp(argv[1], "--threads") == 0 ? atoi(argv[2]) : 0;
    uint64_t sum = train(threads > 0 ? threads : 1);
    bool good = threads > 0 ? sum != 0 : all_agree(sum);

    gr_thread_end();
    printf("checksum %016" PRIx64 "\n", sum);
    return good ? 0 : 1;
}
