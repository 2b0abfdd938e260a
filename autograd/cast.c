/* dtype and history: cast, detach, straight-through. */
#include "autograd/autograd.h"
#include "src/core/scope.h"

/* The slots of kernels that turn `from` into any dtype. */
#define GR__CAST(from) \
    { \
        .name = "gr_cast", .kind = GR__MAP, .arity = 1, .dtypes = GR__ALL, .rule = cast_rule, \
        .kernel = offsetof(gr__kernels, cast) + (from) * sizeof(gr__map_kernel *[GR__DTYPES]), \
    }

static gr_tensor *cast_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return gr_cast(g, (gr_dtype)y->in[input].tensor->dtype);
}

static const gr__primitive cast_primitives[GR__DTYPES] = {
    [GR_F32] = GR__CAST(GR_F32),
    [GR_F64] = GR__CAST(GR_F64),
    [GR_I64] = GR__CAST(GR_I64),
};

gr_tensor *gr_cast(const gr_tensor *x, gr_dtype dtype)
{
    const gr_tensor *node = gr__take_operand(&cast_primitives[GR_F32], "x", x);

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    if ((unsigned)dtype >= GR__DTYPES) {
        return gr__error(GR_ERROR_DTYPE, "gr_cast", "dtype",
                         "got %d, want GR_F32, GR_F64 or GR_I64", (int)dtype);
    }
    if (node->dtype == dtype) {
        return gr__itself(node);
    }
    return gr__node1(&cast_primitives[node->dtype], GR__SITE, node->shape, dtype, node, NULL);
}

static const gr__primitive detach_primitive = {
    .name = "gr_detach", .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL};

gr_tensor *gr__itself(const gr_tensor *x)
{
    const gr__thread *thread = gr__self();
    bool cut = thread && thread->no_grad && !(x->flags & GR__CONSTANT);

    return cut ? gr_detach(x) : (gr_tensor *)(uintptr_t)x;
}

gr_tensor *gr_detach(const gr_tensor *x)
{
    const gr_tensor *node = gr__take_operand(&detach_primitive, "x", x);

    return gr__node1(&detach_primitive, GR__SITE, node->shape, (gr_dtype)node->dtype, node, NULL);
}

/* ---- straight through ---- */

/* The value is the first operand's, the gradient the second's. */
static gr_tensor *straight_through_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)y;
    return input == 1 ? g : NULL;
}

static const gr__primitive straight_through_primitive = {.name = "gr_straight_through",
                                                         .kind = GR__VIEW,
                                                         .arity = 1,
                                                         .dtypes = GR__FLOATS,
                                                         .rule = straight_through_rule};

gr_tensor *gr_straight_through(const gr_tensor *hard, const gr_tensor *soft)
{
    const gr__primitive *op = &straight_through_primitive;
    const gr_tensor *value = gr__take_operand(op, "hard", hard);
    const gr_tensor *slope = gr__take_operand(op, "soft", soft);

    if (gr__is_error(value) || gr__is_error(slope) ||
        !gr__same_dtype(op->name, "soft", slope, "hard", value) ||
        !gr__same_shape(op->name, "soft", slope, "hard", value)) {
        return &gr__error_tensor;
    }
    return gr__node2(op, GR__SITE, value->shape, (gr_dtype)value->dtype, value, slope, NULL);
}
