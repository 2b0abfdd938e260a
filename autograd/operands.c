/* What all primitives share: operands, what is checked of them, shapes, and nodes made of both.
 * Knows no operation but a reshape. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

/* ---- operands ---- */

const gr_tensor *gr__take_operand(const gr__primitive *op, const char *argument, const gr_tensor *t)
{
    const gr_tensor *x = gr__own_operand(op->name, argument, t);

    if (gr__is_error(x) || op->dtypes >> x->dtype & 1) {
        return x;
    }
    return gr__error(GR_ERROR_DTYPE, op->name, argument,
                     "got %s, want f32 or f64; convert with gr_cast",
                     gr_dtype_name((gr_dtype)x->dtype));
}

const gr_tensor *gr__take_floats(const char *function, const char *argument, const gr_tensor *t,
                                 int rank)
{
    const gr__primitive any = {.name = function, .dtypes = GR__FLOATS};

    return gr__of_rank(function, argument, gr__take_operand(&any, argument, t), rank);
}

const gr_tensor *gr__of_rank(const char *function, const char *argument, const gr_tensor *x,
                             int rank)
{
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(x) || x->shape->rank >= rank) {
        return x;
    }
    return gr__error(GR_ERROR_SHAPE, function, argument, "got %s, want a rank of %d or more%s",
                     gr__shape_text(x->shape, got), rank,
                     x->shape->rank == 1 && rank == 2 ? "; gr_unsqueeze makes a vector a matrix"
                                                      : "");
}

const gr_tensor *gr__along_axis(const char *function, const gr_tensor *x, int *axis)
{
    *axis = gr__is_error(x) ? -1 : gr__axis(function, "axis", *axis, x->shape->rank);
    return *axis < 0 ? &gr__error_tensor : x;
}

int gr__axes_of(const char *function, const gr_tensor *x, gr_axes axes)
{
    return gr__is_error(x) ? -1 : gr__axes(function, "axes", axes, x->shape->rank);
}

gr_tensor *gr__tensor_of(gr_arg a, const gr_tensor *like)
{
    return a.tensor ? (gr_tensor *)(uintptr_t)a.tensor
                    : gr_full((gr_dtype)like->dtype, GR_SCALAR, a.number);
}

/* ---- checks ---- */

bool gr__given(const char *function, const char *argument, bool given, const char *want)
{
    return given || gr_fail(GR_ERROR_VALUE, function, argument, "got NULL, want %s", want);
}

bool gr__at_least(const char *function, const char *argument, int64_t number, int64_t least)
{
    return number >= least ||
           gr_fail(GR_ERROR_VALUE, function, argument, "got %lld, want %lld or more",
                   (long long)number, (long long)least);
}

bool gr__field_fits(const char *function, const char *options, const char *field, int64_t value,
                    int64_t least, int64_t most, const char *cure)
{
    char argument[40];

    snprintf(argument, sizeof argument, "%s.%s", options, field);
    if (most == INT64_MAX) {
        return gr__at_least(function, argument, value, least);
    }
    return (value >= least && value <= most) ||
           gr_fail(GR_ERROR_VALUE, function, argument, "got %lld, want %lld to %lld%s",
                   (long long)value, (long long)least, (long long)most, cure);
}

bool gr__number_fits(const char *function, const char *argument, gr_dtype dtype, double number)
{
    bool whole = number == floor(number) && fabs(number) < 0x1p63;

    return dtype != GR_I64 || whole ||
           gr_fail(GR_ERROR_DTYPE, function, argument,
                   "got %g beside i64, want a whole number; convert the tensor with gr_cast",
                   number);
}

bool gr__same_dtype(const char *function, const char *argument, const gr_tensor *t, const char *of,
                    const gr_tensor *other)
{
    return t->dtype == other->dtype ||
           gr_fail(GR_ERROR_DTYPE, function, argument,
                   "got %s, want %s as %s; convert with gr_cast", gr_dtype_name((gr_dtype)t->dtype),
                   gr_dtype_name((gr_dtype)other->dtype), of);
}

bool gr__same_shape(const char *function, const char *argument, const gr_tensor *t, const char *of,
                    const gr_tensor *other)
{
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    return t->shape == other->shape ||
           gr_fail(GR_ERROR_SHAPE, function, argument, "got %s, want %s as %s",
                   gr__shape_text(t->shape, got), gr__shape_text(other->shape, want), of);
}

bool gr__broadcasts_to(const char *function, const char *argument, const gr_tensor *t,
                       const gr__shape *shape)
{
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    return gr__shape_broadcast(function, t->shape, shape) == shape ||
           gr_fail(GR_ERROR_SHAPE, function, argument, "got %s, want a shape that broadcasts to %s",
                   gr__shape_text(t->shape, got), gr__shape_text(shape, want));
}

bool gr__has_room(const char *function, const char *argument, const gr_tensor *x)
{
    char got[GR_SHAPE_TEXT];

    return x->shape->rank < GR_MAX_RANK ||
           gr_fail(GR_ERROR_SHAPE, function, argument, "got %s, want a rank of %d at most",
                   gr__shape_text(x->shape, got), GR_MAX_RANK - 1);
}

/* ---- shapes ---- */

gr_shape gr__public_shape(const gr__shape *shape)
{
    gr_shape s;

    s.rank = shape->rank;
    memcpy(s.dims, shape->dims, sizeof s.dims);
    return s;
}

gr_shape gr__with_extent(const gr__shape *shape, int axis, int64_t extent)
{
    gr_shape s = gr__public_shape(shape);

    s.dims[axis] = extent;
    return s;
}

int64_t gr__count_along(const gr__shape *shape, int mask)
{
    int64_t n = 1;

    for (int i = 0; i < shape->rank; i++) {
        n *= mask >> i & 1 ? shape->dims[i] : 1;
    }
    return n;
}

gr_tensor *gr__shed(const char *function, gr_tensor *t, gr_axes axes, bool keepdim)
{
    if (keepdim || gr__is_error(t)) {
        return t;
    }
    int mask = gr__axes(function, "axes", axes, t->shape->rank);
    const gr__shape *shape = gr__shape_reduced(function, t->shape, mask, false);

    return shape ? gr_reshape(t, gr__public_shape(shape)) : &gr__error_tensor;
}

gr_tensor *gr__laid_along(const gr_tensor *list, int axis, int rank)
{
    gr_shape shape = {.rank = rank};

    for (int i = 0; i < rank; i++) {
        shape.dims[i] = i == axis ? gr_count(list) : 1;
    }
    return gr_reshape(list, shape);
}

/* ---- nodes ---- */

gr_tensor *gr__node1(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *x, const void *detail)
{
    return gr__node(op, site, shape, dtype, &(gr_arg){x, 0}, 1, detail);
}

gr_tensor *gr__node2(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *a, const gr_tensor *b, const void *detail)
{
    return gr__node(op, site, shape, dtype, (gr_arg[]){{a, 0}, {b, 0}}, 2, detail);
}

const void *gr__detail(const void *value, size_t size)
{
    void *copy = gr__scope_alloc(size);

    return copy ? memcpy(copy, value, size) : NULL;
}
