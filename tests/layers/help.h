/* What the tests of layers share: a set of cells and a generator for each test. */
#ifndef TESTS_LAYERS_HELP_H
#define TESTS_LAYERS_HELP_H

#include "tests/losses/expect.h"

static gr_params *params;
static gr_rng *rng;

static inline void begin(void)
{
    quiet();
    params = gr_params_new();
    rng = gr_rng_new(20240917);
}

static inline void end(void)
{
    gr_params_free(params);
    gr_rng_free(rng);
}

#endif
