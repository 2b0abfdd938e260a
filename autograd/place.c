/* Tensors inside larger ones: the adjoint of a slice, padding, concatenation, and sums of what was
 * placed. All of them are one idea, "x at start, start + step, ... along an axis", and the
 * derivative of each is a slice.
 *
 * Many parts are a chain of nodes that each write one part onto the one before. Nobody can name the
 * inner ones, so the evaluator lets each have the memory of the last, and every part is written
 * once. */
#include <stdio.h>

#include <gradus/arrange.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

/* x is the last operand; what it is placed onto, if anything, the first. */
static gr_tensor *place_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr__placed *p = y->detail;
    int64_t n = y->in[y->op->arity - 1].tensor->shape->dims[p->axis];

    if (input < y->op->arity - 1) {
        return g;
    }
    return gr_slice_step(g, p->axis, p->start, n > 0 ? p->start + (n - 1) * p->step + 1 : p->start,
                         p->step);
}

#define GR__PLACING(public_name, slot, operands) \
    GR__OPERATION(public_name, operands, GR__ALL, slot, .rule = place_rule, .onto = operands == 2)

static gr_tensor *node(const gr__primitive *op, const void *site, gr_shape shape,
                       const gr_tensor *base, const gr_tensor *x, gr__placed placed)
{
    const gr__shape *s = gr__shape_of(op->name, NULL, shape.rank, shape.dims);
    const gr__placed *detail = s ? gr__detail(&placed, sizeof placed) : NULL;
    gr_dtype dtype = (gr_dtype)x->dtype;

    if (!detail) {
        return &gr__error_tensor;
    }
    return base ? gr__node2(op, site, s, dtype, base, x, detail)
                : gr__node1(op, site, s, dtype, x, detail);
}

/* ---- the adjoint of a slice ---- */

static const gr__primitive unslice_primitive = GR__PLACING("gr_unslice", pad, 1);

gr_tensor *gr__place(const gr_tensor *x, int axis, int64_t start, int64_t step, int64_t extent)
{
    return node(&unslice_primitive, x->site, gr__with_extent(x->shape, axis, extent), NULL, x,
                (gr__placed){.axis = axis, .start = start, .step = step});
}

gr_tensor *gr_unslice(const gr_tensor *x, int axis, int64_t start, int64_t extent)
{
    const gr_tensor *t = gr__own_operand("gr_unslice", "x", x);

    t = gr__along_axis("gr_unslice", t, &axis);
    if (axis < 0) {
        return &gr__error_tensor;
    }
    int64_t n = t->shape->dims[axis];
    if (start < 0 || extent < 0 || start > extent - n) {
        return gr__error(GR_ERROR_SHAPE, "gr_unslice", "start",
                         "got %lld for %lld elements in an extent of %lld", (long long)start,
                         (long long)n, (long long)extent);
    }
    if (n == extent) {
        return gr__itself(t);
    }
    return node(&unslice_primitive, GR__SITE, gr__with_extent(t->shape, axis, extent), NULL, t,
                (gr__placed){.axis = axis, .start = start, .step = 1});
}

/* ---- sums of slices' gradients ---- */

static const gr__primitive accumulate_primitive = GR__PLACING("gr_add", put_add, 2);

gr_tensor *gr__accumulate(gr_tensor *a, gr_tensor *b)
{
    const gr_tensor *placed = b->op == &unslice_primitive ? b : a, *base = placed == b ? a : b;

    if (placed->op != &unslice_primitive || gr__is_error(base)) {
        return gr_add(a, b);
    }
    base = gr__own_operand("gr_add", "a", base);
    return node(&accumulate_primitive, placed->site, gr__public_shape(placed->shape), base,
                placed->in[0].tensor, *(const gr__placed *)placed->detail);
}

/* ---- pad ---- */

static const gr__primitive pad_primitive = GR__PLACING("gr_pad", pad, 1);

gr_tensor *gr_pad(const gr_tensor *x, int axis, int64_t before, int64_t after, double value)
{
    const gr_tensor *t = gr__along_axis("gr_pad", gr__own_operand("gr_pad", "x", x), &axis);

    if (axis < 0 || !gr__number_fits("gr_pad", "value", (gr_dtype)t->dtype, value) ||
        !gr__check_padding("gr_pad", t, axis, before, after, INT64_MAX)) {
        return &gr__error_tensor;
    }
    if (before == 0 && after == 0) {
        return gr__itself(t);
    }
    gr_shape shape = gr__with_extent(t->shape, axis, before + t->shape->dims[axis] + after);
    return node(&pad_primitive, GR__SITE, shape, NULL, t,
                (gr__placed){.axis = axis, .start = before, .step = 1, .fill = value});
}

/* ---- concat, stack ---- */

static const gr__primitive first_primitive = GR__PLACING("gr_concat", pad, 1);
static const gr__primitive next_primitive = GR__PLACING("gr_concat", put, 2);

/* A list of tensors to be joined; each has `shape` but for its own extent along the axis. */
typedef struct list {
    const char *function;
    const gr_tensor **parts; /* lives with the current scope */
    int n, axis;
    gr_shape shape; /* of the result */
} list;

/* Takes the operands; false after reporting. */
static bool take_list(list *l, gr_tensor *const *tensors, int n)
{
    if (!tensors || n < 1) {
        return gr_fail(GR_ERROR_VALUE, l->function, "tensors", "got %s, want one tensor or more",
                       tensors ? "an empty list" : "NULL");
    }
    l->n = n;
    l->parts = gr__scope_alloc((size_t)n * sizeof *l->parts);
    for (int i = 0; l->parts && i < n; i++) {
        l->parts[i] = gr__own_operand(l->function, "tensors", tensors[i]);
        if (gr__is_error(l->parts[i])) {
            return false;
        }
    }
    return l->parts != NULL;
}

/* Whether part i is like the first, the axis (-1: none) aside; false after reporting. */
static bool fits(const list *l, int i, int axis)
{
    const gr_tensor *x = l->parts[i], *first = l->parts[0];
    bool same = x->shape->rank == first->shape->rank;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT], aside[32] = "";

    if (x->dtype != first->dtype) {
        return gr_fail(GR_ERROR_DTYPE, l->function, "tensors",
                       "tensor %d: got %s, want %s as the first; convert with gr_cast", i,
                       gr_dtype_name((gr_dtype)x->dtype), gr_dtype_name((gr_dtype)first->dtype));
    }
    for (int k = 0; same && k < x->shape->rank; k++) {
        same = k == axis || x->shape->dims[k] == first->shape->dims[k];
    }
    if (axis >= 0) {
        snprintf(aside, sizeof aside, " but for axis %d", axis);
    }
    return same ||
           gr_fail(GR_ERROR_SHAPE, l->function, "tensors",
                   "tensor %d: got %s, want %s as the first%s", i, gr__shape_text(x->shape, got),
                   gr__shape_text(first->shape, want), aside);
}

/* A chain of nodes, one for each part. Even where each node is computed as it is made
 * (GRADUS_EAGER) the chain is one computation. */
static gr_tensor *join(const list *l, const void *site)
{
    gr__thread *thread = gr__self();
    gr_transient transient = gr_transient_begin();
    bool eager = thread->eager;
    gr__placed placed = {.axis = l->axis, .open = true, .step = 1};
    gr_tensor *y = NULL;

    thread->eager = false;
    for (int i = 0; i < l->n; i++) {
        if (i == l->n - 1) {
            gr_transient_end(&transient);
            thread->eager = eager;
        }
        y = node(y ? &next_primitive : &first_primitive, site, l->shape, y, l->parts[i], placed);
        placed.start += l->parts[i]->shape->dims[l->axis];
    }
    return y;
}

gr_tensor *gr_concat(gr_tensor *const *tensors, int n, int axis)
{
    list l = {.function = "gr_concat"};

    if (!take_list(&l, tensors, n)) {
        return &gr__error_tensor;
    }
    l.shape = gr__public_shape(l.parts[0]->shape);
    l.axis = gr__axis(l.function, "axis", axis, l.shape.rank);
    if (l.axis < 0) {
        return &gr__error_tensor;
    }
    l.shape.dims[l.axis] = 0;
    for (int i = 0; i < n; i++) {
        int64_t *extent = &l.shape.dims[l.axis], more;
        if (!fits(&l, i, l.axis)) {
            return &gr__error_tensor;
        }
        more = l.parts[i]->shape->dims[l.axis];
        if (__builtin_add_overflow(*extent, more, extent)) {
            return gr__error(GR_ERROR_MEMORY, l.function, "tensors", "their extents overflow");
        }
    }
    return n == 1 ? gr__itself(l.parts[0]) : join(&l, GR__SITE);
}

gr_tensor *gr_stack(gr_tensor *const *tensors, int n, int axis)
{
    list l = {.function = "gr_stack"};

    if (!take_list(&l, tensors, n)) {
        return &gr__error_tensor;
    }
    if (!gr__has_room(l.function, "tensors", l.parts[0])) {
        return &gr__error_tensor;
    }
    l.axis = gr__axis(l.function, "axis", axis, l.parts[0]->shape->rank + 1);
    if (l.axis < 0) {
        return &gr__error_tensor;
    }
    for (int i = 1; i < n; i++) {
        if (!fits(&l, i, -1)) {
            return &gr__error_tensor;
        }
    }
    for (int i = 0; i < n; i++) {
        l.parts[i] = gr_unsqueeze(l.parts[i], l.axis);
    }
    l.shape = gr_shape_of(l.parts[0]);
    l.shape.dims[l.axis] = n;
    return n == 1 ? (gr_tensor *)(uintptr_t)l.parts[0] : join(&l, GR__SITE);
}
