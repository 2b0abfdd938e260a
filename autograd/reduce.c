/* Reductions along axes: sum, mean, largest and smallest, and their positions. */
#include "autograd/autograd.h"

static int mask_of(const gr_tensor *y)
{
    return ((const gr__reduced *)y->detail)->mask;
}

/* t, which has y's shape, over the shape of y's operand. */
static gr_tensor *spread(const gr_tensor *t, const gr_tensor *y)
{
    const gr_tensor *x = y->in[0].tensor;
    int mask = mask_of(y);
    bool leading = (mask & (mask + 1)) == 0; /* then it broadcasts as it is */

    if (!leading) {
        const gr__shape *kept = gr__shape_reduced(y->op->name, x->shape, mask, true);
        t = kept ? gr_reshape(t, gr__public_shape(kept)) : &gr__error_tensor;
    }
    return gr_expand(t, gr__public_shape(x->shape));
}

#define REDUCTION(public_name, slot, derivative) \
    { \
        .name = public_name, .kind = GR__REDUCE, .arity = 1, .dtypes = GR__ALL, \
        .kernel = offsetof(gr__kernels, slot), .rule = derivative, \
    }

static const gr__primitive sum_primitive;

static gr_tensor *reduce(const gr__primitive *op, const void *site, const gr_tensor *x,
                         gr_axes axes, bool keepdim)
{
    const gr_tensor *node = gr__take_operand(op, "x", x);
    int mask = gr__axes_of(op->name, node, axes);
    char got[GR_SHAPE_TEXT];

    if (mask < 0) {
        return &gr__error_tensor;
    }
    const gr__shape *shape = gr__shape_reduced(op->name, node->shape, mask, keepdim);
    const gr__reduced *detail = gr__detail(&(gr__reduced){mask}, sizeof(gr__reduced));
    if (!shape || !detail) {
        return &gr__error_tensor;
    }
    if (op != &sum_primitive && node->shape->count == 0 && shape->count > 0) {
        return gr__error(GR_ERROR_SHAPE, op->name, "x",
                         "got %s, want at least one element to choose",
                         gr__shape_text(node->shape, got));
    }
    return gr__node1(op, site, shape, (gr_dtype)node->dtype, node, detail);
}

/* d sum / d x_i = 1 */
static gr_tensor *sum_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    return spread(g, y);
}

static const gr__primitive sum_primitive = REDUCTION("gr_sum", sum, sum_rule);

gr_tensor *gr_sum(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    return reduce(&sum_primitive, GR__SITE, x, axes, keepdim);
}

gr_tensor *gr_mean(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    const gr_tensor *node = gr__take_floats("gr_mean", "x", x, 0);
    int mask = gr__axes_of("gr_mean", node, axes);

    if (mask < 0) {
        return &gr__error_tensor;
    }
    int64_t n = gr__count_along(node->shape, mask);
    return gr_div(gr_sum(node, axes, keepdim), n > 0 ? (double)n : 1.0);
}

/* d max / d x_i = 1 / (number of largest) where x_i is the largest */
static gr_tensor *extremum_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_tensor *x = y->in[input].tensor;
    gr_tensor *chosen = gr_equal(x, spread(y, y));
    gr_axes list = {.count = 0};

    for (int i = 0; i < x->shape->rank; i++) {
        if (mask_of(y) >> i & 1) {
            list.axis[list.count++] = i;
        }
    }
    gr_tensor *ties = gr_reshape(gr_sum(chosen, list, true), gr__public_shape(y->shape));
    return gr_where(chosen, spread(gr_div(g, ties), y), 0);
}

static const gr__primitive max_primitive = REDUCTION("gr_max", max, extremum_rule);
static const gr__primitive min_primitive = REDUCTION("gr_min", min, extremum_rule);

gr_tensor *gr_max(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    return reduce(&max_primitive, GR__SITE, x, axes, keepdim);
}

gr_tensor *gr_min(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    return reduce(&min_primitive, GR__SITE, x, axes, keepdim);
}

/* ---- positions ---- */

static const gr__primitive argmax_primitive = GR__OPERATION("gr_argmax", 1, GR__ALL, argmax,
                                                            .rule = NULL);
static const gr__primitive argmin_primitive = GR__OPERATION("gr_argmin", 1, GR__ALL, argmin,
                                                            .rule = NULL);

static gr_tensor *position(const gr__primitive *op, const void *site, const gr_tensor *x, int axis,
                           bool keepdim)
{
    const gr_tensor *node = gr__along_axis(op->name, gr__take_operand(op, "x", x), &axis);
    char got[GR_SHAPE_TEXT];

    if (axis < 0) {
        return &gr__error_tensor;
    }
    const gr__shape *shape = gr__shape_reduced(op->name, node->shape, 1 << axis, true);
    const gr__along *detail = gr__detail(&(gr__along){axis}, sizeof(gr__along));
    if (!shape || !detail) {
        return &gr__error_tensor;
    }
    if (node->shape->dims[axis] == 0 && shape->count > 0) {
        return gr__error(GR_ERROR_SHAPE, op->name, "x",
                         "got %s, want at least one element to choose",
                         gr__shape_text(node->shape, got));
    }
    gr_tensor *y = gr__node1(op, site, shape, GR_I64, node, detail);
    return keepdim ? y : gr_squeeze(y, axis);
}

gr_tensor *gr_argmax(const gr_tensor *x, int axis, bool keepdim)
{
    return position(&argmax_primitive, GR__SITE, x, axis, keepdim);
}

gr_tensor *gr_argmin(const gr_tensor *x, int axis, bool keepdim)
{
    return position(&argmin_primitive, GR__SITE, x, axis, keepdim);
}
