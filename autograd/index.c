/* Indexing: gather and scatter-add, each the other's adjoint, and what is composed of them. */
#include "autograd/autograd.h"

static int axis_of(const gr_tensor *y)
{
    return ((const gr__along *)y->detail)->axis;
}

/* The index operand, or the error tensor. */
static const gr_tensor *take_index(const char *function, const char *argument, const gr_tensor *t)
{
    const gr_tensor *index = gr__operand(function, argument, t);

    if (gr__is_error(index) || index->dtype == GR_I64) {
        return index;
    }
    return gr__error(GR_ERROR_DTYPE, function, argument, "got %s, want i64; convert with gr_cast",
                     gr_dtype_name((gr_dtype)index->dtype));
}

/* Indices that have their numbers are checked at once, so that the error points at this call; those
 * that wait are checked by the kernel, with the same words. */
static bool in_range(const char *function, const char *argument, const gr_tensor *index,
                     int64_t extent)
{
    gr__fault fault = {.found = false};

    if (index->buffer) {
        gr__array array;
        gr__describe(&array, index, gr__base(index));
        gr__kernels_v1.check_index(&array, extent, &fault);
    }
    return !fault.found || gr_fail(GR_ERROR_VALUE, function, argument, "%s", fault.text);
}

bool gr_check_index(const char *function, const char *argument, const gr_tensor *index,
                    int64_t extent)
{
    const gr_tensor *at = take_index(function, argument, index);

    return !gr__is_error(at) && in_range(function, argument, at, extent);
}

/* What both directions take; axis -1: something is wrong, and has been reported. */
typedef struct operands {
    const gr_tensor *x, *index;
    int axis;
} operands;

static operands take_operands(const gr__primitive *op, const char *name, const gr_tensor *x,
                              int axis, const gr_tensor *index)
{
    operands o = {gr__take_operand(op, name, x), take_index(op->name, "index", index), -1};

    if (!gr__is_error(o.index)) {
        o.x = gr__along_axis(op->name, o.x, &axis);
        o.axis = axis;
    }
    return o;
}

/* The node, once the index is known to be in 0 .. extent - 1 as far as it is known at all. */
static gr_tensor *indexed(const gr__primitive *op, const void *site, const gr__shape *shape,
                          const operands *o, int64_t extent)
{
    const gr__along *detail = shape && in_range(op->name, "index", o->index, extent)
                                  ? gr__detail(&(gr__along){o->axis}, sizeof(gr__along))
                                  : NULL;

    return detail ? gr__node2(op, site, shape, (gr_dtype)o->x->dtype, o->x, o->index, detail)
                  : &gr__error_tensor;
}

/* ---- gather ---- */

/* The adjoint of reading x[index] is adding at index. */
static gr_tensor *gather_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_tensor *x = y->in[0].tensor;
    int axis = axis_of(y);

    return input == 0 ? gr_scatter_add(g, axis, y->in[1].tensor, x->shape->dims[axis]) : NULL;
}

#define GR__INDEXED(public_name, slot, row_slot, derivative) \
    GR__OPERATION(public_name, 2, GR__ALL, slot, .row = offsetof(gr__kernels, row_slot), \
                  .rule = derivative)

/* A late error names the function that was called. */
static const gr__primitive gather_primitive = GR__INDEXED("gr_gather", gather, pick, gather_rule);
static const gr__primitive take_primitive = GR__INDEXED("gr_take", gather, pick, gather_rule);

static gr_tensor *gather(const gr__primitive *op, const void *site, const gr_tensor *x, int axis,
                         const gr_tensor *index)
{
    operands o = take_operands(op, "x", x, axis, index);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (o.axis < 0) {
        return &gr__error_tensor;
    }
    const gr__shape *shape = o.index->shape;
    bool fits = shape->rank == o.x->shape->rank;
    for (int i = 0; fits && i < shape->rank; i++) {
        fits = i == o.axis || shape->dims[i] == o.x->shape->dims[i];
    }
    if (!fits) {
        return gr__error(GR_ERROR_SHAPE, op->name, "index", "got %s, want %s but for axis %d, as x",
                         gr__shape_text(shape, got), gr__shape_text(o.x->shape, want), o.axis);
    }
    return indexed(op, site, shape, &o, o.x->shape->dims[o.axis]);
}

gr_tensor *gr_gather(const gr_tensor *x, int axis, const gr_tensor *index)
{
    return gather(&gather_primitive, GR__SITE, x, axis, index);
}

/* ---- scatter-add ---- */

static gr_tensor *scatter_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return input == 0 ? gr_gather(g, axis_of(y), y->in[1].tensor) : NULL;
}

static const gr__primitive scatter_primitive = GR__INDEXED("gr_scatter_add", scatter_add, place,
                                                           scatter_rule);
static const gr__primitive one_hot_primitive = GR__INDEXED("gr_one_hot", scatter_add, place,
                                                           scatter_rule);

gr_tensor *gr__scatter(const gr__primitive *op, const void *site, const gr_tensor *source, int axis,
                       const gr_tensor *index, int64_t extent)
{
    operands o = take_operands(op, "source", source, axis, index);

    if (o.axis < 0 || !gr__same_shape(op->name, "index", o.index, "source", o.x) ||
        !gr__at_least(op->name, "extent", extent, 0)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__with_extent(o.x->shape, o.axis, extent);
    return indexed(op, site, gr__shape_of(op->name, "extent", shape.rank, shape.dims), &o, extent);
}

gr_tensor *gr_scatter_add(const gr_tensor *source, int axis, const gr_tensor *index, int64_t extent)
{
    return gr__scatter(&scatter_primitive, GR__SITE, source, axis, index, extent);
}

/* ---- compositions ---- */

/* x's shape with the index's in place of the axis; false after reporting a rank above 8. */
static bool put_in(gr_shape *shape, int axis, const gr__shape *index)
{
    gr_shape x = *shape;
    char got[GR_SHAPE_TEXT];

    shape->rank += index->rank - 1;
    if (shape->rank > GR_MAX_RANK) {
        return gr_fail(GR_ERROR_SHAPE, "gr_take", "index",
                       "got %s, want a rank of %d at most: the result has 8 axes at most",
                       gr__shape_text(index, got), GR_MAX_RANK + 1 - x.rank);
    }
    for (int i = axis; i < shape->rank; i++) {
        int j = i - axis;
        shape->dims[i] = j < index->rank ? index->dims[j] : x.dims[i - index->rank + 1];
    }
    return true;
}

gr_tensor *gr_take(const gr_tensor *x, int axis, const gr_tensor *index)
{
    const gr_tensor *from = gr__operand("gr_take", "x", x);
    const gr_tensor *at = take_index("gr_take", "index", index);

    from = gr__along_axis("gr_take", from, &axis);
    if (axis < 0 || gr__is_error(at)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(from->shape);
    if (!put_in(&shape, axis, at->shape) ||
        !in_range("gr_take", "index", at, from->shape->dims[axis])) {
        return &gr__error_tensor;
    }
    gr_tensor *list = gr_reshape(at, GR_SHAPE(at->shape->count));
    gr_tensor *everywhere = gr_expand(gr__laid_along(list, axis, from->shape->rank),
                                      gr__with_extent(from->shape, axis, at->shape->count));
    return gr_reshape(gather(&take_primitive, GR__SITE, from, axis, everywhere), shape);
}

gr_tensor *gr_one_hot(const gr_tensor *index, int64_t classes)
{
    const gr_tensor *at = take_index("gr_one_hot", "index", index);

    if (gr__is_error(at) || !gr__has_room("gr_one_hot", "index", at) ||
        !gr__at_least("gr_one_hot", "classes", classes, 0) ||
        !in_range("gr_one_hot", "index", at, classes)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(at->shape);
    shape.dims[shape.rank++] = 1;
    return gr__scatter(&one_hot_primitive, GR__SITE, gr_ones(shape), -1, gr_reshape(at, shape),
                       classes);
}
