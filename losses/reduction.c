/* Reduction: how the values of a loss become one number, in operations. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

gr_reduction gr_weighted(gr_reduction how, const gr_tensor *weight)
{
    how.weight = weight;
    return how;
}

gr_reduction gr_masked(gr_reduction how, const gr_tensor *mask)
{
    how.mask = mask;
    return how;
}

gr_reduction gr_divided(gr_reduction how, double n)
{
    how.divisor = n;
    if (!(n > 0) || isinf(n)) {
        gr_fail(GR_ERROR_VALUE, "gr_divided", "n", "got %g, want positive and finite", n);
        how.divisor = NAN;
    }
    return how;
}

/* t, whose shape is that of the values or of their leading axes, expanded to the former. */
static gr_tensor *expand_trailing(const char *argument, const gr_tensor *t, gr_shape values)
{
    if (!gr_check_operand("gr_reduce", argument, t)) {
        return gr_error_tensor();
    }
    gr_shape shape = gr_shape_of(t);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];
    bool fits = shape.rank <= values.rank;
    for (int i = 0; i < shape.rank && fits; i++) {
        fits = shape.dims[i] == values.dims[i];
    }
    if (!fits) {
        gr_fail(GR_ERROR_SHAPE, "gr_reduce", argument, "got %s, want %s or its leading axes",
                gr_shape_text(shape, got), gr_shape_text(values, want));
        return gr_error_tensor();
    }
    while (shape.rank < values.rank) {
        shape.dims[shape.rank++] = 1;
    }
    return gr_expand(gr_reshape(t, shape), values);
}

gr_tensor *gr__loss_mask(gr_reduction how, gr_shape values, gr_dtype dtype)
{
    return gr_cast(gr_not_equal(expand_trailing("mask", how.mask, values), 0), dtype);
}

static bool check(const gr_tensor *values, gr_reduction how)
{
    gr_dtype dtype = gr_dtype_of(values);

    if (dtype == GR_I64) {
        return gr_fail(GR_ERROR_DTYPE, "gr_reduce", "values", "got i64, want f32 or f64");
    }
    if (how.weight && gr_check_operand("gr_reduce", "weight", how.weight) &&
        gr_dtype_of(how.weight) != dtype) {
        return gr_fail(GR_ERROR_DTYPE, "gr_reduce", "weight", "got %s, want %s as values",
                       gr_dtype_name(gr_dtype_of(how.weight)), gr_dtype_name(dtype));
    }
    if (how.kind == GR__BATCH_MEAN && gr_rank(values) == 0) {
        return gr_fail(GR_ERROR_SHAPE, "gr_reduce", "values",
                       "got (), want a first axis for GR_BATCH_MEAN");
    }
    if (how.kind == GR__NONE && how.divisor != 0) {
        return gr_fail(GR_ERROR_VALUE, "gr_reduce", "how",
                       "got GR_NONE with gr_divided, want a kind that sums");
    }
    return !(how.divisor < 0 || isnan(how.divisor)) ||
           gr_fail(GR_ERROR_VALUE, "gr_reduce", "divisor", "got %g, want 0 or more", how.divisor);
}

/* The sum of v over its divisor; a value counts for its `share` of 1 (NULL: 1) in a mean. */
static gr_tensor *total(const gr_tensor *v, const gr_tensor *share, gr_reduction how)
{
    if (how.kind == GR__MEAN && how.divisor == 0 && !share) {
        return gr_mean(v, GR_ALL_AXES, false);
    }
    gr_tensor *sum = gr_sum(v, GR_ALL_AXES, false);
    if (how.divisor != 0) {
        return gr_div(sum, how.divisor);
    }
    if (how.kind == GR__BATCH_MEAN) {
        return gr_div(sum, fmax((double)gr_dim(v, 0), 1));
    }
    if (how.kind == GR__MEAN) {
        gr_tensor *all = gr_sum(share, GR_ALL_AXES, false);
        return gr_div(sum, gr_where(gr_equal(all, 0), 1, all));
    }
    return sum;
}

gr_tensor *gr_reduce(const gr_tensor *values, gr_reduction how)
{
    if (!gr_check_operand("gr_reduce", "values", values) || !check(values, how)) {
        return gr_error_tensor();
    }
    gr_shape shape = gr_shape_of(values);
    gr_tensor *v = (gr_tensor *)values;
    gr_tensor *mask = how.mask ? gr__loss_mask(how, shape, gr_dtype_of(v)) : NULL;
    gr_tensor *w = how.weight ? expand_trailing("weight", how.weight, shape) : NULL;

    if (mask) {
        v = gr_where(mask, v, 0);
        w = w ? gr_where(mask, w, 0) : NULL;
    }
    if (w) {
        v = gr_mul(w, v);
    }
    return how.kind == GR__NONE ? gr_reshape(v, shape) : total(v, w ? w : mask, how);
}
