/* Order along an axis: one primitive, argsort, and what is composed of it and of gathers. */
#include <gradus/sort.h>

#include "autograd/autograd.h"

static size_t argsort_scratch(const gr_tensor *y, int threads)
{
    const gr__order *order = y->detail;
    int64_t n = y->in[0].tensor->shape->dims[order->axis], wanted = y->shape->dims[order->axis];
    int64_t rows = wanted > GR__FEW ? y->shape->count / wanted : 0;

    return (size_t)(rows < threads ? rows : threads) * (size_t)n * 2 * sizeof(gr__keyed);
}

#define GR__ARGSORT(public_name) \
    GR__OPERATION(public_name, 1, GR__ALL, argsort, .scratch = argsort_scratch)

static const gr__primitive argsort_primitive = GR__ARGSORT("gr_argsort");
static const gr__primitive argtopk_primitive = GR__ARGSORT("gr_argtopk");
static const gr__primitive sort_primitive = GR__ARGSORT("gr_sort");
static const gr__primitive topk_primitive = GR__ARGSORT("gr_topk");
static const gr__primitive ranks_primitive = GR__ARGSORT("gr_ranks");

/* The operand, with the axis counted from 0; or the error tensor. */
static const gr_tensor *take_row(const gr__primitive *op, const gr_tensor *x, int *axis)
{
    return gr__along_axis(op->name, gr__take_operand(op, "x", x), axis);
}

/* The positions of the first k elements in order. */
static gr_tensor *first(const gr__primitive *op, const void *site, const gr_tensor *x, int axis,
                        int64_t k, bool descending)
{
    gr_shape shape = gr__with_extent(x->shape, axis, k);
    const gr__shape *s = gr__shape_of(op->name, "k", shape.rank, shape.dims);
    const gr__order *detail = gr__detail(&(gr__order){axis, descending}, sizeof *detail);
    return detail ? gr__node1(op, site, s, GR_I64, x, detail) : &gr__error_tensor;
}

/* The same of all elements. */
static gr_tensor *order(const gr__primitive *op, const void *site, const gr_tensor *x, int axis,
                        bool descending)
{
    return first(op, site, x, axis, x->shape->dims[axis], descending);
}

gr_tensor *gr_argsort(const gr_tensor *x, int axis, bool descending)
{
    const gr_tensor *row = take_row(&argsort_primitive, x, &axis);

    return gr__is_error(row) ? &gr__error_tensor
                             : order(&argsort_primitive, GR__SITE, row, axis, descending);
}

gr_tensor *gr_sort(const gr_tensor *x, int axis, bool descending)
{
    const gr_tensor *row = take_row(&sort_primitive, x, &axis);

    return gr__is_error(row)
               ? &gr__error_tensor
               : gr_gather(row, axis, order(&sort_primitive, GR__SITE, row, axis, descending));
}

/* ---- selection ---- */

static const gr_tensor *take_some(const gr__primitive *op, const gr_tensor *x, int64_t k, int *axis)
{
    const gr_tensor *row = take_row(op, x, axis);

    if (gr__is_error(row) || (k >= 0 && k <= row->shape->dims[*axis])) {
        return row;
    }
    return gr__error(GR_ERROR_VALUE, op->name, "k", "got %lld, want 0 to %lld", (long long)k,
                     (long long)row->shape->dims[*axis]);
}

gr_tensor *gr_argtopk(const gr_tensor *x, int64_t k, int axis, bool largest)
{
    const gr_tensor *row = take_some(&argtopk_primitive, x, k, &axis);

    return gr__is_error(row) ? &gr__error_tensor
                             : first(&argtopk_primitive, GR__SITE, row, axis, k, largest);
}

gr_tensor *gr_topk(const gr_tensor *x, int64_t k, int axis, bool largest)
{
    const gr_tensor *row = take_some(&topk_primitive, x, k, &axis);

    return gr__is_error(row)
               ? &gr__error_tensor
               : gr_gather(row, axis, first(&topk_primitive, GR__SITE, row, axis, k, largest));
}

/* ---- ranks ---- */

/* The inverse of the permutation that sorts. */
gr_tensor *gr_ranks(const gr_tensor *x, int axis, bool descending)
{
    const gr_tensor *row = take_row(&ranks_primitive, x, &axis);

    if (gr__is_error(row)) {
        return &gr__error_tensor;
    }
    int64_t n = row->shape->dims[axis];
    gr_tensor *places = gr__laid_along(gr_arange(GR_I64, n, 0, 1), axis, row->shape->rank);
    places = gr_expand(places, gr__public_shape(row->shape));
    return gr_scatter_add(places, axis, order(&ranks_primitive, GR__SITE, row, axis, descending),
                          n);
}

/* ---- quantiles ---- */

static gr_tensor *at(const gr_tensor *x, int axis, int64_t i)
{
    return gr_slice(x, axis, i, i + 1);
}

static gr_tensor *quantile(const gr__primitive *op, const gr_tensor *x, double q, int axis,
                           bool keepdim)
{
    const gr_tensor *row = take_row(op, x, &axis);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(row)) {
        return &gr__error_tensor;
    }
    if (!(q >= 0 && q <= 1)) {
        return gr__error(GR_ERROR_VALUE, op->name, "q", "got %g, want 0 to 1", q);
    }
    int64_t n = row->shape->dims[axis];
    if (n == 0) {
        return gr__error(GR_ERROR_SHAPE, op->name, "x",
                         "got %s, want at least one element to choose",
                         gr__shape_text(row->shape, got));
    }
    gr_tensor *sorted = gr_sort(row, axis, false), *last = at(sorted, axis, n - 1);
    int64_t below = (int64_t)(q * (double)(n - 1));
    double beyond = q * (double)(n - 1) - (double)below;
    gr_tensor *y = at(sorted, axis, below);
    if (beyond > 0) {
        y = gr_lerp(y, at(sorted, axis, below + 1), beyond);
    }
    y = gr_where(gr_equal(last, last), y, last);
    return keepdim ? y : gr_squeeze(y, axis);
}

gr_tensor *gr_quantile(const gr_tensor *x, double q, int axis, bool keepdim)
{
    static const gr__primitive op = {.name = "gr_quantile", .dtypes = GR__FLOATS};

    return quantile(&op, x, q, axis, keepdim);
}

gr_tensor *gr_median(const gr_tensor *x, int axis, bool keepdim)
{
    static const gr__primitive op = {.name = "gr_median", .dtypes = GR__FLOATS};

    return quantile(&op, x, 0.5, axis, keepdim);
}
