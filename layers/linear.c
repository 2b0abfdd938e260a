/* The fully connected layer, y = x W^T + b. Public API only. */
#include <gradus.h>
#include <math.h>

static bool check_extent(const char *argument, int64_t n)
{
    return n > 0 || gr_fail(GR_ERROR_VALUE, "gr_linear_new", argument, "got %lld, want 1 or more",
                            (long long)n);
}

/* Weight and bias start alike, uniform in +-1/sqrt(in). */
gr_linear gr_linear_new(gr_params *params, const char *name, int64_t in, int64_t out, gr_rng *rng)
{
    if (!check_extent("in", in) || !check_extent("out", out)) {
        return (gr_linear){gr_error_tensor(), gr_error_tensor()};
    }
    GR_SCOPE;
    gr_params *own = gr_params_group(params, name);
    double bound = 1 / sqrt((double)in);
    gr_tensor *weight = gr_uniform(rng, GR_SHAPE(out, in), -bound, bound);
    gr_tensor *bias = gr_uniform(rng, GR_SHAPE(out), -bound, bound);

    return (gr_linear){gr_param(own, "weight", weight), gr_param(own, "bias", bias)};
}

static bool check_input(const gr_linear *layer, const gr_tensor *x)
{
    int64_t in = gr_dim(layer->weight, 1);
    gr_dtype dtype = gr_dtype_of(layer->weight);
    gr_shape shape = gr_shape_of(x);
    char text[GR_SHAPE_TEXT];

    if (gr_dtype_of(x) != dtype) {
        return gr_fail(GR_ERROR_DTYPE, "gr_linear_apply", "x",
                       "got %s, want %s as weight; convert with gr_cast",
                       gr_dtype_name(gr_dtype_of(x)), gr_dtype_name(dtype));
    }
    if (shape.rank == 0 || shape.dims[shape.rank - 1] != in) {
        return gr_fail(GR_ERROR_SHAPE, "gr_linear_apply", "x", "got %s, want (*,%lld)",
                       gr_shape_text(shape, text), (long long)in);
    }
    return true;
}

/* The leading axes of x are one for the product: a vector is a row, a stack of matrices one tall
 * matrix. */
gr_tensor *gr_linear_apply(const gr_linear *layer, const gr_tensor *x)
{
    const char *function = "gr_linear_apply";

    if (!layer) {
        gr_fail(GR_ERROR_VALUE, function, "layer", "got NULL, want a gr_linear");
        return gr_error_tensor();
    }
    if (!gr_check_operand(function, "weight", layer->weight) ||
        !gr_check_operand(function, "bias", layer->bias) || !gr_check_operand(function, "x", x) ||
        !check_input(layer, x)) {
        return gr_error_tensor();
    }
    gr_shape shape = gr_shape_of(x); /* (*, in) */
    int64_t *last = &shape.dims[shape.rank - 1], rows = 1;
    for (int i = 0; i < shape.rank - 1; i++) {
        rows *= shape.dims[i];
    }
    const gr_tensor *flat = shape.rank == 2 ? x : gr_reshape(x, GR_SHAPE(rows, *last));
    gr_tensor *product = gr_matmul(flat, gr_transpose(layer->weight, 0, 1)); /* (rows, out) */
    gr_tensor *y = gr_add(product, layer->bias);

    *last = gr_dim(layer->weight, 0);
    return shape.rank == 2 ? y : gr_reshape(y, shape);
}
