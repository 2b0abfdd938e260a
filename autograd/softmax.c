/* logsumexp, softmax and log-softmax: computed by stable compositions, with derivatives of their
 * own where those of the composition would be wrong at a point (an entry, or a row, of -inf). */
#include <math.h>

#include "autograd/autograd.h"

/* A composition with its own rule: the evaluator reads in[0], its value; the rule in[1], x. */
#define GR__COMPOSED(public_name, derivative) \
    { \
        .name = public_name, .kind = GR__VIEW, .arity = 1, .dtypes = GR__FLOATS, \
        .rule = derivative, \
    }

/* The operand of a function along axes, checked. */
static const gr_tensor *take_rows(const gr__primitive *op, const gr_tensor *x, gr_axes axes)
{
    const gr_tensor *node = gr__take_operand(op, "x", x);
    int mask = gr__is_error(node) ? -1 : gr__axes(op->name, "axes", axes, node->shape->rank);
    char got[GR_SHAPE_TEXT];

    if (mask < 0) {
        return &gr__error_tensor;
    }
    const gr__shape *rows = gr__shape_reduced(op->name, node->shape, mask, true);
    if (rows && node->shape->count == 0 && rows->count > 0) {
        return gr__error(GR_ERROR_SHAPE, op->name, "x",
                         "got %s, want at least one element in a row",
                         gr__shape_text(node->shape, got));
    }
    return rows ? node : &gr__error_tensor;
}

/* A node that has value(x)'s numbers, seen by nobody on their way, and the rule of op. */
static gr_tensor *composed(const gr__primitive *op, const void *site, const gr_tensor *x,
                           gr_axes axes, gr_tensor *(*value)(const gr_tensor *, gr_axes))
{
    const gr_tensor *node = take_rows(op, x, axes);
    const gr_axes *detail = gr__is_error(node) ? NULL : gr__detail(&axes, sizeof axes);

    if (!detail) {
        return &gr__error_tensor;
    }
    gr_no_grad none = gr_no_grad_begin();
    gr_transient transient = gr_transient_begin();
    gr_tensor *v = value(node, axes);
    gr_transient_end(&transient);
    gr_no_grad_end(&none);
    return gr__node2(op, site, v->shape, (gr_dtype)v->dtype, v, node, detail);
}

/* Largest element of each row, 0 where that is infinite: what to subtract before exp. */
static gr_tensor *shift_of(const gr_tensor *x, gr_axes axes)
{
    gr_tensor *top = gr_max(x, axes, true);

    return gr_where(gr_equal(gr_sub(top, top), 0), top, 0);
}

/* Sum of the weights of each row, 1 where all of them are 0: a row of nothing but -inf. */
static gr_tensor *total_of(const gr_tensor *weight, gr_axes axes)
{
    gr_tensor *sum = gr_sum(weight, axes, true);

    return gr_where(gr_equal(sum, 0), 1, sum);
}

/* ---- logsumexp ---- */

/* y = log sum e^x:  dy/dx = softmax(x); e^(x - y) would be off by the rounding of a large y */
static gr_tensor *logsumexp_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_axes *axes = y->detail;

    return gr_mul(g, gr_softmax(y->in[input].tensor, *axes));
}

static gr_tensor *logsumexp_value(const gr_tensor *x, gr_axes axes)
{
    gr_tensor *shift = shift_of(x, axes);

    return gr_add(shift, gr_log(gr_sum(gr_exp(gr_sub(x, shift)), axes, true)));
}

static const gr__primitive logsumexp_primitive = GR__COMPOSED("gr_logsumexp", logsumexp_rule);

gr_tensor *gr_logsumexp(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    gr_tensor *y = composed(&logsumexp_primitive, GR__SITE, x, axes, logsumexp_value);

    if (keepdim || gr__is_error(y)) {
        return y;
    }
    int mask = gr__axes("gr_logsumexp", "axes", axes, y->shape->rank);
    const gr__shape *shape = gr__shape_reduced("gr_logsumexp", y->shape, mask, false);
    return shape ? gr_reshape(y, gr__public_shape(shape)) : &gr__error_tensor;
}

/* ---- log-softmax ---- */

/* y = x - log sum e^x:  g - e^y sum g, and 0 for an entry of probability 0 by x = -inf */
static gr_tensor *log_softmax_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_axes *axes = y->detail;

    (void)input;
    gr_tensor *gx = gr_sub(g, gr_mul(gr_exp(y), gr_sum(g, *axes, true)));
    return gr_where(gr_equal(y, -INFINITY), 0, gx);
}

static gr_tensor *log_softmax_value(const gr_tensor *x, gr_axes axes)
{
    gr_tensor *shifted = gr_sub(x, shift_of(x, axes));

    return gr_sub(shifted, gr_log(total_of(gr_exp(shifted), axes)));
}

static const gr__primitive log_softmax_primitive = GR__COMPOSED("gr_log_softmax", log_softmax_rule);

gr_tensor *gr_log_softmax(const gr_tensor *x, gr_axes axes)
{
    return composed(&log_softmax_primitive, GR__SITE, x, axes, log_softmax_value);
}

/* ---- softmax ---- */

/* y = e^x / sum e^x:  y (g - sum g y) */
static gr_tensor *softmax_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_axes *axes = y->detail;

    (void)input;
    return gr_mul(y, gr_sub(g, gr_sum(gr_mul(g, y), *axes, true)));
}

static gr_tensor *softmax_value(const gr_tensor *x, gr_axes axes)
{
    gr_tensor *weight = gr_exp(gr_sub(x, shift_of(x, axes)));

    return gr_div(weight, total_of(weight, axes));
}

static const gr__primitive softmax_primitive = GR__COMPOSED("gr_softmax", softmax_rule);

gr_tensor *gr_softmax(const gr_tensor *x, gr_axes axes)
{
    return composed(&softmax_primitive, GR__SITE, x, axes, softmax_value);
}
