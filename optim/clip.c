/* Clipping of gradients, between gr_backward and gr_step. Public API only. */
#include <gradus.h>

/* sqrt(sum g^2) over all gradients, in f64, so that no square of an f32 overflows; *dtype becomes
 * that of the first gradient. */
static gr_tensor *common_norm(gr_params *params, gr_dtype *dtype)
{
    gr_tensor *sum = gr_full(GR_F64, GR_SCALAR, 0);
    bool first = true;

    for (int i = 0; i < gr_params_count(params); i++) {
        gr_tensor *g = gr_grad(gr_params_at(params, i));
        if (g) {
            *dtype = first ? gr_dtype_of(g) : *dtype;
            first = false;
            sum = gr_add(sum, gr_sum(gr_square(gr_cast(g, GR_F64)), GR_ALL_AXES, false));
        }
    }
    return gr_sqrt(sum);
}

/* g <- g min(1, max_norm / norm). A norm that is NaN scales nothing. */
gr_tensor *gr_clip_grad_norm(gr_params *params, double max_norm)
{
    if (!params) {
        gr_fail(GR_ERROR_VALUE, "gr_clip_grad_norm", "params", "got NULL, want a gr_params");
        return gr_error_tensor();
    }
    if (!(max_norm > 0)) {
        gr_fail(GR_ERROR_VALUE, "gr_clip_grad_norm", "max_norm", "got %g, want above 0", max_norm);
        return gr_error_tensor();
    }
    GR_NO_GRAD;
    gr_dtype dtype = gr_default_dtype();
    gr_tensor *norm = common_norm(params, &dtype);
    gr_tensor *above = gr_greater(norm, max_norm);
    gr_tensor *scale = gr_where(above, gr_div(max_norm, gr_where(above, norm, 1)), 1);

    for (int i = 0; i < gr_params_count(params) && !gr_is_error(scale); i++) {
        gr_tensor *cell = gr_params_at(params, i), *g = gr_grad(cell);
        if (g && !gr_set_grad(cell, gr_mul(g, gr_cast(scale, gr_dtype_of(g))))) {
            return gr_error_tensor();
        }
    }
    return gr_cast(norm, dtype);
}
