/* Convolution layers: a convolution and a bias for each channel. Public API only. */
#include <gradus.h>
#include <math.h>

/* What the four kinds differ in. */
typedef struct kind {
    const char *make, *apply;
    int axes;
    bool transposed;
    gr_tensor *(*convolve)(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options);
} kind;

typedef struct cells {
    gr_tensor *weight, *bias;
} cells;

static bool check_extent(const kind *k, const char *argument, int64_t n, int64_t groups)
{
    if (n < 1) {
        return gr_fail(GR_ERROR_VALUE, k->make, argument, "got %lld, want 1 or more", (long long)n);
    }
    return n % groups == 0 || gr_fail(GR_ERROR_VALUE, k->make, argument,
                                      "got %lld, want a multiple of %lld, the groups", (long long)n,
                                      (long long)groups);
}

static bool check_kernel(const kind *k, gr_shape kernel)
{
    char text[GR_SHAPE_TEXT];
    bool good = kernel.rank == k->axes;

    for (int i = 0; i < k->axes && good; i++) {
        good = kernel.dims[i] > 0;
    }
    return good || gr_fail(GR_ERROR_SHAPE, k->make, "kernel", "got %s, want %s, 1 or more each",
                           gr_shape_text(kernel, text), k->axes == 1 ? "(k)" : "(kh,kw)");
}

static cells cells_new(const kind *k, gr_params *params, const char *name, int64_t in, int64_t out,
                       gr_shape kernel, int64_t groups, gr_rng *rng)
{
    int64_t n = k->transposed ? out : in;

    if (groups < 1) {
        gr_fail(GR_ERROR_VALUE, k->make, "options.groups",
                "got %lld, want 1 or more; start from gr_conv_defaults()", (long long)groups);
        return (cells){gr_error_tensor(), gr_error_tensor()};
    }
    if (!check_extent(k, "in", in, groups) || !check_extent(k, "out", out, groups) ||
        !check_kernel(k, kernel)) {
        return (cells){gr_error_tensor(), gr_error_tensor()};
    }
    GR_SCOPE;
    gr_shape shape = {2 + k->axes, {k->transposed ? in : out, n / groups}};
    double fan = (double)shape.dims[1];
    for (int i = 0; i < k->axes; i++) {
        shape.dims[2 + i] = kernel.dims[i];
        fan *= (double)kernel.dims[i];
    }
    gr_params *own = gr_params_group(params, name);
    gr_tensor *weight = gr_uniform(rng, shape, -1 / sqrt(fan), 1 / sqrt(fan));
    gr_tensor *bias = gr_uniform(rng, GR_SHAPE(out), -1 / sqrt(fan), 1 / sqrt(fan));

    return (cells){gr_param(own, "weight", weight), gr_param(own, "bias", bias)};
}

static bool check_input(const kind *k, const gr_tensor *weight, int64_t groups, const gr_tensor *x)
{
    int64_t in = k->transposed ? gr_dim(weight, 0) : gr_dim(weight, 1) * groups;
    gr_dtype dtype = gr_dtype_of(weight);
    gr_shape shape = gr_shape_of(x);
    char text[GR_SHAPE_TEXT];

    if (gr_dtype_of(x) != dtype) {
        return gr_fail(GR_ERROR_DTYPE, k->apply, "x",
                       "got %s, want %s as weight; convert with gr_cast",
                       gr_dtype_name(gr_dtype_of(x)), gr_dtype_name(dtype));
    }
    return (shape.rank == 2 + k->axes && shape.dims[1] == in) ||
           gr_fail(GR_ERROR_SHAPE, k->apply, "x", "got %s, want (*,%lld,*%s)",
                   gr_shape_text(shape, text), (long long)in, k->axes == 1 ? "" : ",*");
}

/* The bias is repeated for each image first: its gradient is then summed along the last axes, which
 * costs next to nothing, and what is left of that along the first one. */
static gr_tensor *apply(const kind *k, cells c, gr_conv_options options, const gr_tensor *x)
{
    if (!gr_check_operand(k->apply, "weight", c.weight) ||
        !gr_check_operand(k->apply, "bias", c.bias) || !gr_check_operand(k->apply, "x", x) ||
        !check_input(k, c.weight, options.groups, x)) {
        return gr_error_tensor();
    }
    gr_shape each = {2 + k->axes, {1, gr_dim(c.bias, 0), 1, 1}};
    gr_tensor *bias = gr_reshape(c.bias, each); /* (1, out, 1, 1) */

    each.dims[0] = gr_dim(x, 0);
    return gr_add(k->convolve(x, c.weight, options), gr_expand(bias, each));
}

static gr_tensor *no_layer(const kind *k)
{
    gr_fail(GR_ERROR_VALUE, k->apply, "layer", "got NULL, want a layer");
    return gr_error_tensor();
}

/* ---- gr_conv2d_layer ---- */

static const kind conv2d = {"gr_conv2d_layer_new", "gr_conv2d_layer_apply", 2, false, gr_conv2d};

gr_conv2d_layer gr_conv2d_layer_new(gr_params *params, const char *name, int64_t in, int64_t out,
                                    gr_shape kernel, gr_conv_options options, gr_rng *rng)
{
    cells c = cells_new(&conv2d, params, name, in, out, kernel, options.groups, rng);

    return (gr_conv2d_layer){c.weight, c.bias, options};
}

gr_tensor *gr_conv2d_layer_apply(const gr_conv2d_layer *layer, const gr_tensor *x)
{
    return layer ? apply(&conv2d, (cells){layer->weight, layer->bias}, layer->options, x)
                 : no_layer(&conv2d);
}

/* ---- gr_conv1d_layer ---- */

static const kind conv1d = {"gr_conv1d_layer_new", "gr_conv1d_layer_apply", 1, false, gr_conv1d};

gr_conv1d_layer gr_conv1d_layer_new(gr_params *params, const char *name, int64_t in, int64_t out,
                                    int64_t kernel, gr_conv_options options, gr_rng *rng)
{
    cells c = cells_new(&conv1d, params, name, in, out, GR_SHAPE(kernel), options.groups, rng);

    return (gr_conv1d_layer){c.weight, c.bias, options};
}

gr_tensor *gr_conv1d_layer_apply(const gr_conv1d_layer *layer, const gr_tensor *x)
{
    return layer ? apply(&conv1d, (cells){layer->weight, layer->bias}, layer->options, x)
                 : no_layer(&conv1d);
}

/* ---- gr_conv_transpose2d_layer ---- */

static const kind conv_transpose2d = {"gr_conv_transpose2d_layer_new",
                                      "gr_conv_transpose2d_layer_apply", 2, true,
                                      gr_conv_transpose2d};

gr_conv_transpose2d_layer gr_conv_transpose2d_layer_new(gr_params *params, const char *name,
                                                        int64_t in, int64_t out, gr_shape kernel,
                                                        gr_conv_options options, gr_rng *rng)
{
    cells c = cells_new(&conv_transpose2d, params, name, in, out, kernel, options.groups, rng);

    return (gr_conv_transpose2d_layer){c.weight, c.bias, options};
}

gr_tensor *gr_conv_transpose2d_layer_apply(const gr_conv_transpose2d_layer *layer,
                                           const gr_tensor *x)
{
    return layer ? apply(&conv_transpose2d, (cells){layer->weight, layer->bias}, layer->options, x)
                 : no_layer(&conv_transpose2d);
}

/* ---- gr_conv_transpose1d_layer ---- */

static const kind conv_transpose1d = {"gr_conv_transpose1d_layer_new",
                                      "gr_conv_transpose1d_layer_apply", 1, true,
                                      gr_conv_transpose1d};

gr_conv_transpose1d_layer gr_conv_transpose1d_layer_new(gr_params *params, const char *name,
                                                        int64_t in, int64_t out, int64_t kernel,
                                                        gr_conv_options options, gr_rng *rng)
{
    cells c = cells_new(&conv_transpose1d, params, name, in, out, GR_SHAPE(kernel), options.groups,
                        rng);

    return (gr_conv_transpose1d_layer){c.weight, c.bias, options};
}

gr_tensor *gr_conv_transpose1d_layer_apply(const gr_conv_transpose1d_layer *layer,
                                           const gr_tensor *x)
{
    return layer ? apply(&conv_transpose1d, (cells){layer->weight, layer->bias}, layer->options, x)
                 : no_layer(&conv_transpose1d);
}
