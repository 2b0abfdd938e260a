/* Groups of rows: folds at an index along axis 0, and what is composed of them. Their adjoint, and
 * the way from a group back to its rows, is a gather. */
#include <math.h>

#include <gradus/segment.h>

#include "autograd/autograd.h"

/* What every function here takes: x, and the index over x's shape; the error tensor: something is
 * wrong, and has been reported. */
typedef struct rows {
    const gr_tensor *x;
    gr_tensor *index;
    int64_t n;
} rows;

static bool good(const gr__primitive *op, const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    char got[GR_SHAPE_TEXT];

    if (x->shape->rank == 0) {
        return gr_fail(GR_ERROR_SHAPE, op->name, "x", "got (), want a rank of 1 or more");
    }
    if (!gr__at_least(op->name, "n", n, 0) || !gr_check_index(op->name, "index", index, n)) {
        return false;
    }
    gr_shape shape = gr_shape_of(index), result = gr__public_shape(x->shape);
    if (shape.rank != 1 || shape.dims[0] != x->shape->dims[0]) {
        return gr_fail(GR_ERROR_SHAPE, op->name, "index", "got %s, want (%lld) as x has rows",
                       gr_shape_text(shape, got), (long long)x->shape->dims[0]);
    }
    result.dims[0] = n;
    return gr__shape_of(op->name, "n", result.rank, result.dims) != NULL;
}

static rows take_rows(const gr__primitive *op, const gr_tensor *x, const gr_tensor *index,
                      int64_t n)
{
    rows r = {gr__take_operand(op, "x", x), &gr__error_tensor, n};

    if (gr__is_error(r.x) || !good(op, r.x, index, n)) {
        return r;
    }
    r.index = gr_expand(gr__laid_along(index, 0, r.x->shape->rank), gr__public_shape(r.x->shape));
    return r;
}

/* A fold of t, which has a row for each of x, over the segments. */
static gr_tensor *fold(const gr__primitive *op, const void *site, const rows *r, const gr_tensor *t)
{
    return gr__is_error(r->index) ? &gr__error_tensor : gr__scatter(op, site, t, 0, r->index, r->n);
}

/* For each row, what its segment has in t. */
static gr_tensor *to_rows(const gr_tensor *t, const gr_tensor *index)
{
    return gr_gather(t, 0, index);
}

/* ---- sum and mean ---- */

static gr_tensor *sum_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return input == 0 ? to_rows(g, y->in[1].tensor) : NULL;
}

static const gr__primitive sum_primitive = GR__OPERATION("gr_segment_sum", 2, GR__ALL, scatter_add,
                                                         .rule = sum_rule);

gr_tensor *gr_segment_sum(const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    rows r = take_rows(&sum_primitive, x, index, n);

    return fold(&sum_primitive, GR__SITE, &r, r.x);
}

gr_tensor *gr_segment_mean(const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    static const gr__primitive op = GR__OPERATION("gr_segment_mean", 2, GR__FLOATS, scatter_add,
                                                  .rule = sum_rule);
    rows r = take_rows(&op, x, index, n);

    if (gr__is_error(r.index)) {
        return &gr__error_tensor;
    }
    gr_tensor *ones = gr_full((gr_dtype)r.x->dtype, GR_SHAPE(gr_count(index)), 1);
    gr_tensor *count = gr_maximum(gr__scatter(&op, GR__SITE, ones, 0, index, n), 1);
    return gr_div(fold(&op, GR__SITE, &r, r.x), gr__laid_along(count, 0, r.x->shape->rank));
}

/* ---- max ---- */

/* d max / d x_i = 1 / (number of largest) where x_i is the largest of its segment */
static gr_tensor *max_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_tensor *x = y->in[0].tensor, *index = y->in[1].tensor;

    if (input != 0) {
        return NULL;
    }
    gr_tensor *chosen = gr_equal(x, to_rows(y, index));
    gr_tensor *ties = gr_scatter_add(chosen, 0, index, y->shape->dims[0]);
    return gr_where(chosen, to_rows(gr_div(g, gr_maximum(ties, 1)), index), 0);
}

static const gr__primitive max_primitive = GR__OPERATION("gr_segment_max", 2, GR__FLOATS,
                                                         scatter_max, .rule = max_rule);

gr_tensor *gr_segment_max(const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    rows r = take_rows(&max_primitive, x, index, n);

    return fold(&max_primitive, GR__SITE, &r, r.x);
}

/* ---- logsumexp and softmax ----
 * The largest element is a constant here, since it cancels; without one, or where it is infinite, 0
 * takes its place. A sum of 0 is that of nothing but -inf: where it would be divided by, or have a
 * logarithm, stands 1. */

typedef struct parts {
    gr_tensor *shift;  /* of each segment */
    gr_tensor *weight; /* e^(x - shift) of each row */
    gr_tensor *sum;    /* of a segment's weights */
    gr_tensor *total;  /* the same, 1 where it is 0 */
} parts;

static parts parts_of(const gr__primitive *op, const void *site, const rows *r)
{
    gr_tensor *top = gr_detach(fold(op, site, r, r->x));
    parts p = {.shift = gr_where(gr_equal(gr_sub(top, top), 0), top, 0)};

    p.weight = gr_exp(gr_sub(r->x, to_rows(p.shift, r->index)));
    p.sum = gr_scatter_add(p.weight, 0, r->index, r->n);
    p.total = gr_where(gr_equal(p.sum, 0), 1, p.sum);
    return p;
}

gr_tensor *gr_segment_logsumexp(const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    static const gr__primitive op = GR__OPERATION("gr_segment_logsumexp", 2, GR__FLOATS,
                                                  scatter_max, .rule = NULL);
    rows r = take_rows(&op, x, index, n);

    if (gr__is_error(r.index)) {
        return &gr__error_tensor;
    }
    parts p = parts_of(&op, GR__SITE, &r);
    return gr_where(gr_equal(p.sum, 0), -INFINITY, gr_add(p.shift, gr_log(p.total)));
}

gr_tensor *gr_segment_softmax(const gr_tensor *x, const gr_tensor *index, int64_t n)
{
    static const gr__primitive op = GR__OPERATION("gr_segment_softmax", 2, GR__FLOATS, scatter_max,
                                                  .rule = NULL);
    rows r = take_rows(&op, x, index, n);

    if (gr__is_error(r.index)) {
        return &gr__error_tensor;
    }
    parts p = parts_of(&op, GR__SITE, &r);
    return gr_div(p.weight, to_rows(p.total, r.index));
}
