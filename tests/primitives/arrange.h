/* What the rows of arrange.def call beside the library's functions: one of several results. */
#ifndef TESTS_PRIMITIVES_ARRANGE_H
#define TESTS_PRIMITIVES_ARRANGE_H

#include <gradus.h>

static inline gr_tensor *split_part(const gr_tensor *x, int axis, int parts, int which)
{
    gr_tensor *out[8] = {gr_error_tensor()};

    gr_split(x, axis, parts, out);
    return out[which];
}

static inline gr_tensor *sizes_part(const gr_tensor *x, int axis, int64_t a, int64_t b, int which)
{
    gr_tensor *out[2];

    gr_split_sizes(x, axis, (int64_t[]){a, b}, 2, out);
    return out[which];
}

/* The product of all slices, so that each slice's gradient is its own. */
static inline gr_tensor *unstacked_product(const gr_tensor *x, int axis)
{
    gr_tensor *out[8] = {gr_error_tensor()};

    gr_unstack(x, axis, out);
    for (int64_t i = 1; i < gr_dim(x, axis); i++) {
        out[0] = gr_mul(out[0], out[i]);
    }
    return out[0];
}

static inline gr_tensor *mesh(gr_tensor *x, gr_tensor *y, int which)
{
    gr_tensor *out[2];

    gr_meshgrid(GR_LIST(x, y), out);
    return out[which];
}

#endif
