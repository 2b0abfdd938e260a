/* Options of convolutions as rows of the table spell them; tools/references/conv.py has the same
 * functions. */
#ifndef TESTS_PRIMITIVES_CONV_H
#define TESTS_PRIMITIVES_CONV_H

#include <gradus.h>

static inline gr_conv_options plain(void)
{
    return gr_conv_defaults();
}

static inline gr_conv_options padded(int64_t h, int64_t w)
{
    gr_conv_options o = gr_conv_defaults();

    o.padding[0] = h;
    o.padding[1] = w;
    return o;
}

static inline gr_conv_options strided(int64_t h, int64_t w, gr_conv_options o)
{
    o.stride[0] = h;
    o.stride[1] = w;
    return o;
}

static inline gr_conv_options dilated(int64_t h, int64_t w, gr_conv_options o)
{
    o.dilation[0] = h;
    o.dilation[1] = w;
    return o;
}

static inline gr_conv_options grouped(int64_t groups, gr_conv_options o)
{
    o.groups = groups;
    return o;
}

static inline gr_conv_options enlarged(int64_t h, int64_t w, gr_conv_options o)
{
    o.output_padding[0] = h;
    o.output_padding[1] = w;
    return o;
}

#endif
