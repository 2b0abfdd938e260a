/* Views: the same numbers under another shape or order. Each has its layout rule beside it: element
 * (i...) of the result is where the operand's layout says. */
#include <string.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

/* The parameters of all views; each uses its own. */
typedef struct view {
    int axis;               /* slice */
    int64_t start, step;    /* slice */
    int mask;               /* flip */
    int order[GR_MAX_RANK]; /* permute */
} view;

#define GR__VIEW_PRIMITIVE(public_name, layout_rule, derivative, ordered) \
    { \
        .name = public_name, .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL, .rule = derivative, \
        .layout = layout_rule, .in_order = ordered \
    }

static gr_tensor *make(const gr__primitive *op, const void *site, const gr__shape *shape,
                       const gr_tensor *x, const view *detail)
{
    const view *copy = detail ? gr__detail(detail, sizeof *detail) : NULL;

    if (!shape || (detail && !copy)) {
        return &gr__error_tensor;
    }
    return gr__node1(op, site, shape, (gr_dtype)x->dtype, x, copy);
}

/* ---- reshape ---- */

/* Walks both shapes, axes of extent 1 left out, in groups of equal product: the operand's axes of a
 * group must be one run of memory, which the new axes then divide. */
static bool reshape_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const gr__shape *old = y->in[0].tensor->shape, *shape = y->shape;
    int64_t dims[GR_MAX_RANK], strides[GR_MAX_RANK];
    int n = 0, i = 0;

    *to = (gr__layout){.offset = from->offset};
    memcpy(to->strides, shape->strides, sizeof to->strides);
    for (int k = 0; k < old->rank; k++) {
        if (old->dims[k] != 1) {
            dims[n] = old->dims[k];
            strides[n++] = from->strides[k];
        }
    }
    for (int j = 0; j < shape->rank && shape->count > 0; j++) {
        if (shape->dims[j] == 1) {
            continue;
        }
        int first = j;
        int64_t have = dims[i], want = shape->dims[j];
        while (have != want) {
            if (have > want) {
                want *= shape->dims[++j];
            } else if (strides[i] != dims[i + 1] * strides[i + 1]) {
                return false;
            } else {
                have *= dims[++i];
            }
        }
        int64_t stride = strides[i++];
        for (int k = j; k >= first; k--) {
            to->strides[k] = stride;
            stride *= shape->dims[k];
        }
    }
    return true;
}

static gr_tensor *reshape_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return gr_reshape(g, gr__public_shape(y->in[input].tensor->shape));
}

static const gr__primitive reshape_primitive = GR__VIEW_PRIMITIVE("gr_reshape", reshape_layout,
                                                                  reshape_rule, true);

/* The extent that stands for -1; the shape as it is if there is none; false after reporting. */
static bool complete_shape(const gr_tensor *x, gr_shape *shape)
{
    int unknown = -1;
    int64_t known = 1;
    char got[GR_SHAPE_TEXT];

    for (int i = 0; i < shape->rank && i < GR_MAX_RANK; i++) {
        if (shape->dims[i] < -1) {
            return gr_fail(GR_ERROR_SHAPE, "gr_reshape", "shape",
                           "axis %d: got %lld, want 0 or more, or -1 once", i,
                           (long long)shape->dims[i]);
        }
        if (shape->dims[i] != -1) {
            if (__builtin_mul_overflow(known, shape->dims[i], &known)) {
                return gr_fail(GR_ERROR_MEMORY, "gr_reshape", "shape",
                               "the product of the extents overflows");
            }
        } else if (unknown >= 0) {
            return gr_fail(GR_ERROR_SHAPE, "gr_reshape", "shape",
                           "axes %d and %d are both -1, want one at most", unknown, i);
        } else {
            unknown = i;
        }
    }
    if (unknown >= 0) {
        if (known == 0 || x->shape->count % known != 0) {
            return gr_fail(GR_ERROR_SHAPE, "gr_reshape", "shape",
                           "no extent in place of -1 gives the %lld elements of %s",
                           (long long)x->shape->count, gr__shape_text(x->shape, got));
        }
        shape->dims[unknown] = x->shape->count / known;
    }
    return true;
}

gr_tensor *gr_reshape(const gr_tensor *x, gr_shape shape)
{
    const gr_tensor *node = gr__take_operand(&reshape_primitive, "x", x);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr__is_error(node) || !complete_shape(node, &shape)) {
        return &gr__error_tensor;
    }
    const gr__shape *s = gr__shape_of("gr_reshape", "shape", shape.rank, shape.dims);
    if (s && s->count != node->shape->count) {
        return gr__error(GR_ERROR_SHAPE, "gr_reshape", "shape",
                         "got %s, want %lld elements as x has in %s", gr__shape_text(s, got),
                         (long long)node->shape->count, gr__shape_text(node->shape, want));
    }
    if (s == node->shape) {
        return gr__itself(node);
    }
    return make(&reshape_primitive, GR__SITE, s, node, NULL);
}

static gr_tensor *insert_or_remove(const char *function, const gr_tensor *x, int axis, bool insert)
{
    const gr_tensor *node = gr__operand(function, "x", x);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape);
    axis = gr__axis(function, "axis", axis, shape.rank + insert);
    if (axis < 0) {
        return &gr__error_tensor;
    }
    if (insert && !gr__has_room(function, "x", node)) {
        return &gr__error_tensor;
    }
    if (!insert && shape.dims[axis] != 1) {
        return gr__error(GR_ERROR_SHAPE, function, "x", "axis %d of %s has extent %lld, want 1",
                         axis, gr__shape_text(node->shape, got), (long long)shape.dims[axis]);
    }
    size_t behind = (size_t)(shape.rank - axis) * sizeof *shape.dims;
    if (insert) {
        memmove(&shape.dims[axis + 1], &shape.dims[axis], behind);
        shape.dims[axis] = 1;
        shape.rank++;
    } else {
        memmove(&shape.dims[axis], &shape.dims[axis + 1], behind - sizeof *shape.dims);
        shape.rank--;
    }
    return gr_reshape(node, shape);
}

gr_tensor *gr_squeeze(const gr_tensor *x, int axis)
{
    return insert_or_remove("gr_squeeze", x, axis, false);
}

gr_tensor *gr_unsqueeze(const gr_tensor *x, int axis)
{
    return insert_or_remove("gr_unsqueeze", x, axis, true);
}

gr_tensor *gr_flatten(const gr_tensor *x, int first, int last)
{
    const gr_tensor *node = gr__own_operand("gr_flatten", "x", x);

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape), flat = {.rank = 0};
    first = gr__axis("gr_flatten", "first", first, shape.rank);
    last = first < 0 ? -1 : gr__axis("gr_flatten", "last", last, shape.rank);
    if (last < 0) {
        return &gr__error_tensor;
    }
    if (last < first) {
        return gr__error(GR_ERROR_VALUE, "gr_flatten", "last", "got axis %d, want %d or more", last,
                         first);
    }
    for (int i = 0; i < shape.rank; i++) {
        if (i > first && i <= last) {
            flat.dims[first] *= shape.dims[i];
        } else {
            flat.dims[flat.rank++] = shape.dims[i];
        }
    }
    return gr_reshape(node, flat);
}

/* ---- permute ---- */

static bool permute_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const view *v = y->detail;

    to->offset = from->offset;
    for (int i = 0; i < y->shape->rank; i++) {
        to->strides[i] = from->strides[v->order[i]];
    }
    return true;
}

static gr_tensor *permute_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const view *v = y->detail;
    gr_axes inverse = {.count = y->shape->rank};

    (void)input;
    for (int i = 0; i < inverse.count; i++) {
        inverse.axis[v->order[i]] = i;
    }
    return gr_permute(g, inverse);
}

static const gr__primitive permute_primitive = GR__VIEW_PRIMITIVE("gr_permute", permute_layout,
                                                                  permute_rule, false);

static gr_tensor *permuted(const void *site, const gr_tensor *x, const int *order)
{
    view v = {.axis = 0};
    int64_t dims[GR_MAX_RANK];

    for (int i = 0; i < x->shape->rank; i++) {
        v.order[i] = order[i];
        dims[i] = x->shape->dims[order[i]];
    }
    return make(&permute_primitive, site, gr__shape_of("gr_permute", "x", x->shape->rank, dims), x,
                &v);
}

gr_tensor *gr_permute(const gr_tensor *x, gr_axes order)
{
    const gr_tensor *node = gr__take_operand(&permute_primitive, "x", x);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node) || gr__axes("gr_permute", "order", order, node->shape->rank) < 0) {
        return &gr__error_tensor;
    }
    if (order.count != node->shape->rank) {
        return gr__error(GR_ERROR_SHAPE, "gr_permute", "order",
                         "got %d axes, want each of the %d axes of %s once",
                         order.count < 0 ? 0 : order.count, node->shape->rank,
                         gr__shape_text(node->shape, got));
    }
    for (int i = 0; i < order.count; i++) {
        order.axis[i] += order.axis[i] < 0 ? order.count : 0;
    }
    return permuted(GR__SITE, node, order.axis);
}

gr_tensor *gr_transpose(const gr_tensor *x, int axis0, int axis1)
{
    const gr_tensor *node = gr__operand("gr_transpose", "x", x);
    int order[GR_MAX_RANK];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    axis0 = gr__axis("gr_transpose", "axis0", axis0, node->shape->rank);
    axis1 = axis0 < 0 ? -1 : gr__axis("gr_transpose", "axis1", axis1, node->shape->rank);
    if (axis1 < 0) {
        return &gr__error_tensor;
    }
    for (int i = 0; i < node->shape->rank; i++) {
        order[i] = i == axis0 ? axis1 : i == axis1 ? axis0 : i;
    }
    return permuted(GR__SITE, node, order);
}

gr_tensor *gr_move_axis(const gr_tensor *x, int from, int to)
{
    const gr_tensor *node = gr__own_operand("gr_move_axis", "x", x);
    int order[GR_MAX_RANK];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    from = gr__axis("gr_move_axis", "from", from, node->shape->rank);
    to = from < 0 ? -1 : gr__axis("gr_move_axis", "to", to, node->shape->rank);
    if (to < 0) {
        return &gr__error_tensor;
    }
    for (int i = 0, next = 0; i < node->shape->rank; i++) {
        next += next == from;
        order[i] = i == to ? from : next++;
    }
    return permuted(GR__SITE, node, order);
}

bool gr__is_transposed(const gr_tensor *x)
{
    const view *v = x->op == &permute_primitive ? x->detail : NULL;
    int last = x->shape->rank - 1;
    bool leading = v && last > 0;

    for (int i = 0; i < last - 1 && leading; i++) {
        leading = v->order[i] == i;
    }
    return leading && v->order[last] == last - 1 && v->order[last - 1] == last;
}

/* ---- expand ---- */

static bool expand_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const gr__shape *x = y->in[0].tensor->shape;
    int shift = y->shape->rank - x->rank;

    to->offset = from->offset;
    for (int i = 0; i < y->shape->rank; i++) {
        bool repeats = i < shift || x->dims[i - shift] == 1;
        to->strides[i] = repeats ? 0 : from->strides[i - shift];
    }
    return true;
}

static gr_tensor *expand_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return gr_sum_to(g, gr__public_shape(y->in[input].tensor->shape));
}

static const gr__primitive expand_primitive = GR__VIEW_PRIMITIVE("gr_expand", expand_layout,
                                                                 expand_rule, true);

gr_tensor *gr_expand(const gr_tensor *x, gr_shape shape)
{
    const gr_tensor *node = gr__take_operand(&expand_primitive, "x", x);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    const gr__shape *s = gr__shape_of("gr_expand", "shape", shape.rank, shape.dims);
    if (s && gr__shape_broadcast("gr_expand", node->shape, s) != s) {
        return gr__error(GR_ERROR_SHAPE, "gr_expand", "shape",
                         "got %s, want a shape that %s broadcasts to", gr__shape_text(s, got),
                         gr__shape_text(node->shape, want));
    }
    if (s == node->shape) {
        return gr__itself(node);
    }
    return make(&expand_primitive, GR__SITE, s, node, NULL);
}

gr_tensor *gr_sum_to(const gr_tensor *x, gr_shape shape)
{
    const gr_tensor *node = gr__operand("gr_sum_to", "x", x);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    const gr__shape *s = gr__shape_of("gr_sum_to", "shape", shape.rank, shape.dims);
    if (!s || s == node->shape) {
        return s ? gr__itself(node) : &gr__error_tensor;
    }
    if (gr__shape_broadcast("gr_sum_to", s, node->shape) != node->shape) {
        return gr__error(GR_ERROR_SHAPE, "gr_sum_to", "shape",
                         "got %s, want a shape that broadcasts to %s", gr__shape_text(s, want),
                         gr__shape_text(node->shape, got));
    }
    gr_axes axes = {.count = 0};
    int shift = node->shape->rank - s->rank;
    for (int i = 0; i < node->shape->rank; i++) {
        if (i < shift || s->dims[i - shift] != node->shape->dims[i]) {
            axes.axis[axes.count++] = i;
        }
    }
    return gr_reshape(axes.count ? gr_sum(node, axes, true) : node, shape);
}

/* ---- slice ---- */

static bool slice_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const view *v = y->detail;

    *to = *from;
    to->offset += v->start * from->strides[v->axis];
    to->strides[v->axis] *= v->step;
    return true;
}

static gr_tensor *slice_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const view *v = y->detail;

    return gr__place(g, v->axis, v->start, v->step, y->in[input].tensor->shape->dims[v->axis]);
}

static const gr__primitive slice_primitive = GR__VIEW_PRIMITIVE("gr_slice", slice_layout,
                                                                slice_rule, false);

/* Counted from the end if negative, then cut to 0 .. extent. */
static int64_t bound(int64_t i, int64_t extent)
{
    i += i < 0 ? extent : 0;
    return i < 0 ? 0 : i > extent ? extent : i;
}

static gr_tensor *slice(const char *function, const void *site, const gr_tensor *x, int axis,
                        int64_t start, int64_t stop, int64_t step)
{
    const gr_tensor *node = gr__along_axis(function, gr__own_operand(function, "x", x), &axis);

    if (axis < 0) {
        return &gr__error_tensor;
    }
    if (step < 1) {
        return gr__error(GR_ERROR_VALUE, function, "step",
                         "got %lld, want 1 or more; gr_flip turns the order round",
                         (long long)step);
    }
    gr_shape shape = gr__public_shape(node->shape);
    start = bound(start, shape.dims[axis]);
    stop = bound(stop, shape.dims[axis]);
    shape.dims[axis] = stop > start ? (stop - start - 1) / step + 1 : 0;
    if (shape.dims[axis] == node->shape->dims[axis]) {
        return gr__itself(node);
    }
    const gr__shape *s = gr__shape_of(function, "x", shape.rank, shape.dims);
    return make(&slice_primitive, site, s, node,
                &(view){.axis = axis, .start = start, .step = shape.dims[axis] > 1 ? step : 1});
}

gr_tensor *gr_slice(const gr_tensor *x, int axis, int64_t start, int64_t stop)
{
    return slice("gr_slice", GR__SITE, x, axis, start, stop, 1);
}

gr_tensor *gr_slice_step(const gr_tensor *x, int axis, int64_t start, int64_t stop, int64_t step)
{
    return slice("gr_slice_step", GR__SITE, x, axis, start, stop, step);
}

/* ---- flip ---- */

static bool flip_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const view *v = y->detail;

    *to = *from;
    for (int i = 0; i < y->shape->rank && y->shape->count > 0; i++) {
        if (v->mask >> i & 1) {
            to->offset += (y->shape->dims[i] - 1) * from->strides[i];
            to->strides[i] = -from->strides[i];
        }
    }
    return true;
}

static gr_tensor *flip_rule(const gr_tensor *y, int input, gr_tensor *g);

static const gr__primitive flip_primitive = GR__VIEW_PRIMITIVE("gr_flip", flip_layout, flip_rule,
                                                               false);

static gr_tensor *flip_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    return make(&flip_primitive, y->site, y->shape, g, y->detail);
}

gr_tensor *gr_flip(const gr_tensor *x, gr_axes axes)
{
    const gr_tensor *node = gr__take_operand(&flip_primitive, "x", x);
    int mask = gr__axes_of("gr_flip", node, axes);

    return mask < 0 ? &gr__error_tensor
                    : make(&flip_primitive, GR__SITE, node->shape, node, &(view){.mask = mask});
}
