/* Tensors computed from the position alone: constants and progressions. */
#include <math.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

static bool is_constant(const gr_tensor *node)
{
    return ((const gr__constant *)node->detail)->step == 0;
}

static const gr__primitive constant_primitive = {
    .name = "gr_full",
    .kind = GR__SOURCE,
    .dtypes = GR__ALL,
    .kernel = offsetof(gr__kernels, constant),
    .uniform = is_constant,
};

static bool is_i64(double v)
{
    return v == floor(v) && fabs(v) < 0x1p63;
}

/* start, start + step, ... in C order. */
static gr_tensor *progression(const char *function, const void *site, gr_dtype dtype,
                              gr_shape shape, double start, double step)
{
    const gr__shape *s = gr__checked_shape(function, dtype, shape);

    if (!s) {
        return &gr__error_tensor;
    }
    double last = start + step * (double)(s->count - (s->count > 0));
    double wrong = !is_i64(start) ? start : step != floor(step) ? step : last;
    if (dtype == GR_I64 && !is_i64(wrong)) {
        return gr__error(GR_ERROR_VALUE, function, NULL,
                         "got %g, want whole numbers that fit i64; use GR_F64 for others", wrong);
    }
    gr__constant *detail = gr__scope_alloc(sizeof *detail);
    if (!detail) {
        return &gr__error_tensor;
    }
    *detail = (gr__constant){start, step};
    return gr__node(&constant_primitive, site, s, dtype, NULL, 0, detail);
}

gr_tensor *gr_full(gr_dtype dtype, gr_shape shape, double value)
{
    return progression("gr_full", GR__SITE, dtype, shape, value, 0);
}

gr_tensor *gr_zeros(gr_shape shape)
{
    return progression("gr_zeros", GR__SITE, gr_default_dtype(), shape, 0, 0);
}

gr_tensor *gr_ones(gr_shape shape)
{
    return progression("gr_ones", GR__SITE, gr_default_dtype(), shape, 1, 0);
}

gr_tensor *gr_arange(gr_dtype dtype, int64_t n, double start, double step)
{
    if (!gr__at_least("gr_arange", "n", n, 0)) {
        return &gr__error_tensor;
    }
    return progression("gr_arange", GR__SITE, dtype, GR_SHAPE(n), start, step);
}

gr_tensor *gr_linspace(gr_dtype dtype, int64_t n, double first, double last)
{
    if (dtype != GR_F32 && dtype != GR_F64) {
        return gr__error(GR_ERROR_DTYPE, "gr_linspace", "dtype", "got %s, want f32 or f64",
                         gr_dtype_name(dtype));
    }
    if (!gr__at_least("gr_linspace", "n", n, 0)) {
        return &gr__error_tensor;
    }
    double gaps = n > 1 ? (double)(n - 1) : 1;
    gr_tensor *rise = gr_div(gr_arange(GR_F64, n, 0, 1), gaps);
    gr_tensor *fall = gr_div(gr_arange(GR_F64, n, gaps, -1), gaps);
    return gr_cast(gr_add(gr_mul(first, fall), gr_mul(last, rise)), dtype);
}

/* ---- like another tensor ---- */

static gr_tensor *like(const char *function, const void *site, const gr_tensor *x, double value)
{
    const gr_tensor *t = gr__operand(function, "x", x);

    return gr__is_error(t) ? &gr__error_tensor
                           : progression(function, site, (gr_dtype)t->dtype,
                                         gr__public_shape(t->shape), value, 0);
}

gr_tensor *gr_full_like(const gr_tensor *x, double value)
{
    return like("gr_full_like", GR__SITE, x, value);
}

gr_tensor *gr_zeros_like(const gr_tensor *x)
{
    return like("gr_zeros_like", GR__SITE, x, 0);
}

gr_tensor *gr_ones_like(const gr_tensor *x)
{
    return like("gr_ones_like", GR__SITE, x, 1);
}
