/* What is composed of sums: products, truth of all and any, norm, variance, normal forms. */
#include <math.h>

#include "autograd/autograd.h"

/* The operand of `function`, f32 or f64, with axes that it has; or the error tensor. */
static const gr_tensor *take_floats(const char *function, const gr_tensor *x, gr_axes axes)
{
    const gr_tensor *node = gr__take_floats(function, "x", x, 0);

    return gr__axes_of(function, node, axes) < 0 ? &gr__error_tensor : node;
}

/* The same with a small number to add. */
static const gr_tensor *take_with_eps(const char *function, const gr_tensor *x, gr_axes axes,
                                      double eps)
{
    const gr_tensor *node = take_floats(function, x, axes);

    if (gr__is_error(node) || (node->dtype == GR_F32 ? (float)eps > 0 : eps > 0)) {
        return node;
    }
    return gr__error(GR_ERROR_VALUE, function, "eps", "got %g, want a number above 0%s", eps,
                     eps > 0 ? " as f32 too" : "");
}

/* ---- product ---- */

/* Elements first .. first + n - 1 of the last axis. */
static gr_tensor *part(const gr_tensor *x, int64_t first, int64_t n)
{
    return gr_slice(x, -1, first, first + n);
}

/* Along the last axis, which stays with extent 1: the first half times the second until one element
 * is left, and what was odd on the way. */
static gr_tensor *halved(gr_tensor *x, int64_t n)
{
    gr_tensor *odd = NULL;

    for (; n > 1; n /= 2) {
        if (n % 2 == 1) {
            gr_tensor *last = part(x, n - 1, 1);
            odd = odd ? gr_mul(odd, last) : last;
        }
        x = gr_mul(part(x, 0, n / 2), part(x, n / 2, n / 2));
    }
    return odd ? gr_mul(odd, x) : x;
}

gr_tensor *gr_prod(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    const gr_tensor *node = gr__operand("gr_prod", "x", x);
    int rank = node->shape->rank, mask = gr__axes_of("gr_prod", node, axes);
    gr_axes order = {.count = 0};

    if (mask < 0) {
        return &gr__error_tensor;
    }
    for (int reduced = 0; reduced < 2; reduced++) { /* what stays, then what goes */
        for (int i = 0; i < rank; i++) {
            if ((mask >> i & 1) == reduced) {
                order.axis[order.count++] = i;
            }
        }
    }
    const gr__shape *shape = gr__shape_reduced("gr_prod", node->shape, mask, keepdim);
    const gr__shape *kept = gr__shape_reduced("gr_prod", node->shape, mask, false);
    if (!shape || !kept) {
        return &gr__error_tensor;
    }
    if (node->shape->count == 0) {
        return gr_full((gr_dtype)node->dtype, gr__public_shape(shape), 1);
    }
    int64_t n = node->shape->count / kept->count;
    gr_tensor *rows = gr_reshape(gr_permute(node, order), GR_SHAPE(kept->count, n));
    return gr_reshape(halved(rows, n), gr__public_shape(shape));
}

/* ---- truth ---- */

/* How many elements differ from 0, or do not. */
static gr_tensor *count(const char *function, const gr_tensor *x, gr_axes axes, bool keepdim,
                        bool zeros)
{
    const gr_tensor *node = gr__operand(function, "x", x);

    if (gr__axes_of(function, node, axes) < 0) {
        return &gr__error_tensor;
    }
    return gr_sum(zeros ? gr_equal(node, 0) : gr_not_equal(node, 0), axes, keepdim);
}

gr_tensor *gr_any(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    return gr_greater(count("gr_any", x, axes, keepdim, false), 0);
}

gr_tensor *gr_all(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    return gr_equal(count("gr_all", x, axes, keepdim, true), 0);
}

/* ---- norm ---- */

/* y = |x|:  x / y, and 0 where y is 0 */
static gr_tensor *norm_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    gr_tensor *zero = gr_equal(y, 0);

    return gr_where(zero, 0, gr_mul(g, gr_div(y->in[input].tensor, gr_where(zero, 1, y))));
}

static const gr__primitive norm_primitive = GR__COMPOSED("gr_norm", norm_rule);

static gr_tensor *norm(const void *site, const gr_tensor *x, gr_axes axes)
{
    gr_no_grad none = gr_no_grad_begin();
    gr_transient transient = gr_transient_begin();
    gr_tensor *value = gr_sqrt(gr_sum(gr_square(x), axes, true));

    gr_transient_end(&transient);
    gr_no_grad_end(&none);
    return gr__is_error(value) ? value
                               : gr__node2(&norm_primitive, site, value->shape,
                                           (gr_dtype)value->dtype, value, x, NULL);
}

gr_tensor *gr_norm(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    const gr_tensor *node = take_floats("gr_norm", x, axes);

    return gr__is_error(node) ? &gr__error_tensor
                              : gr__shed("gr_norm", norm(GR__SITE, node, axes), axes, keepdim);
}

gr_tensor *gr_normalize(const gr_tensor *x, gr_axes axes, double eps)
{
    const gr_tensor *node = take_with_eps("gr_normalize", x, axes, eps);

    return gr__is_error(node) ? &gr__error_tensor
                              : gr_div(node, gr_maximum(norm(GR__SITE, node, axes), eps));
}

/* ---- variance ---- */

/* x less its mean. */
static gr_tensor *centred(const gr_tensor *x, gr_axes axes)
{
    return gr_sub(x, gr_mean(x, axes, true));
}

/* n - correction; 0 after reporting that this is not positive. */
static int64_t divisor(const char *function, const gr_tensor *x, gr_axes axes, int correction)
{
    int mask = gr__axes(function, "axes", axes, x->shape->rank);
    char got[GR_SHAPE_TEXT];
    int64_t n = gr__count_along(x->shape, mask);

    if (correction < 0 || n <= correction) {
        gr_fail(GR_ERROR_VALUE, function, "correction",
                "got %d, want 0 or more, and less than the %lld elements along the axes of %s",
                correction, (long long)n, gr__shape_text(x->shape, got));
        return 0;
    }
    return n - correction;
}

gr_tensor *gr_var(const gr_tensor *x, gr_axes axes, bool keepdim, int correction)
{
    const gr_tensor *node = take_floats("gr_var", x, axes);
    int64_t n = gr__is_error(node) ? 0 : divisor("gr_var", node, axes, correction);

    if (n == 0) {
        return &gr__error_tensor;
    }
    return gr_div(gr_sum(gr_square(centred(node, axes)), axes, keepdim), (double)n);
}

gr_tensor *gr_std(const gr_tensor *x, gr_axes axes, bool keepdim, int correction)
{
    const gr_tensor *node = take_floats("gr_std", x, axes);
    int64_t n = gr__is_error(node) ? 0 : divisor("gr_std", node, axes, correction);

    if (n == 0) {
        return &gr__error_tensor;
    }
    gr_tensor *y = gr_div(norm(GR__SITE, centred(node, axes), axes), sqrt((double)n));
    return gr__shed("gr_std", y, axes, keepdim);
}

gr_tensor *gr_standardize(const gr_tensor *x, gr_axes axes, double eps)
{
    const gr_tensor *node = take_with_eps("gr_standardize", x, axes, eps);

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    gr_tensor *d = centred(node, axes);
    return gr_div(d, gr_sqrt(gr_add(gr_mean(gr_square(d), axes, true), eps)));
}
