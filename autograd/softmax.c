/* logsumexp, softmax and log-softmax: computed by stable compositions, with derivatives of their
 * own where those of the composition would be wrong at a point (an entry, or a row, of -inf). */
#include <math.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

typedef struct rows {
    gr_axes axes;
    const gr_tensor *softmax; /* of x, for the rule; not an operand */
} rows;

static const rows *rows_of(const gr_tensor *y)
{
    return y->detail;
}

/* The operand of a function along axes, checked. */
static const gr_tensor *take_rows(const gr__primitive *op, const gr_tensor *x, gr_axes axes)
{
    const gr_tensor *node = gr__take_operand(op, "x", x);
    int mask = gr__axes_of(op->name, node, axes);
    char got[GR_SHAPE_TEXT];

    if (mask < 0) {
        return &gr__error_tensor;
    }
    const gr__shape *kept = gr__shape_reduced(op->name, node->shape, mask, true);
    if (kept && node->shape->count == 0 && kept->count > 0) {
        return gr__error(GR_ERROR_SHAPE, op->name, "x",
                         "got %s, want at least one element in a row",
                         gr__shape_text(node->shape, got));
    }
    return kept ? node : &gr__error_tensor;
}

/* What all three are made of, seen by nobody. */
typedef struct parts {
    gr_tensor *shift;   /* the largest element of each row, 0 where that is infinite */
    gr_tensor *shifted; /* x - shift */
    gr_tensor *weight;  /* e^shifted */
    gr_tensor *sum;     /* of the weights of each row */
    gr_tensor *total;   /* the same, 1 where all of them are 0: a row of nothing but -inf */
} parts;

static parts parts_of(const gr_tensor *x, gr_axes axes)
{
    gr_tensor *top = gr_max(x, axes, true);
    parts p = {.shift = gr_where(gr_equal(gr_sub(top, top), 0), top, 0)};

    p.shifted = gr_sub(x, p.shift);
    p.weight = gr_exp(p.shifted);
    p.sum = gr_sum(p.weight, axes, true);
    p.total = gr_where(gr_equal(p.sum, 0), 1, p.sum);
    return p;
}

static gr_tensor *softmax_value(const parts *p)
{
    return gr_div(p->weight, p->total);
}

static const gr__primitive softmax_primitive;

/* A node that has value's numbers and the rule of op. The rule of another function than softmax has
 * that of the same parts at hand. */
static gr_tensor *composed(const gr__primitive *op, const void *site, const gr_tensor *x,
                           gr_axes axes, gr_tensor *(*value)(const parts *))
{
    const gr_tensor *node = take_rows(op, x, axes);
    const gr__thread *thread = gr__self();
    rows detail = {.axes = axes};

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    gr_no_grad none = gr_no_grad_begin();
    gr_transient transient = gr_transient_begin();
    parts p = parts_of(node, axes);
    gr_tensor *v = value(&p), *softmax = op == &softmax_primitive ? NULL : softmax_value(&p);
    gr_no_grad_end(&none);
    if (softmax && !thread->no_grad) {
        const rows *own = gr__detail(&detail, sizeof detail);
        detail.softmax = own ? gr__node2(&softmax_primitive, site, softmax->shape,
                                         (gr_dtype)softmax->dtype, softmax, node, own)
                             : &gr__error_tensor;
    }
    gr_transient_end(&transient);
    const rows *copy = gr__detail(&detail, sizeof detail);
    return copy ? gr__node2(op, site, v->shape, (gr_dtype)v->dtype, v, node, copy)
                : &gr__error_tensor;
}

/* ---- logsumexp ---- */

/* y = log sum e^x:  dy/dx = softmax(x); e^(x - y) would be off by the rounding of a large y */
static gr_tensor *logsumexp_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    return gr_mul(g, rows_of(y)->softmax);
}

static gr_tensor *logsumexp_value(const parts *p)
{
    return gr_add(p->shift, gr_log(p->sum));
}

static const gr__primitive logsumexp_primitive = GR__COMPOSED("gr_logsumexp", logsumexp_rule);

gr_tensor *gr_logsumexp(const gr_tensor *x, gr_axes axes, bool keepdim)
{
    gr_tensor *y = composed(&logsumexp_primitive, GR__SITE, x, axes, logsumexp_value);

    return gr__shed("gr_logsumexp", y, axes, keepdim);
}

/* ---- log-softmax ---- */

/* y = x - log sum e^x:  g - e^y sum g, and 0 for an entry of probability 0 by x = -inf */
static gr_tensor *log_softmax_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    gr_tensor *gx = gr_sub(g, gr_mul(rows_of(y)->softmax, gr_sum(g, rows_of(y)->axes, true)));
    return gr_where(gr_equal(y, -INFINITY), 0, gx);
}

static gr_tensor *log_softmax_value(const parts *p)
{
    return gr_sub(p->shifted, gr_log(p->total));
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
    (void)input;
    return gr_mul(y, gr_sub(g, gr_sum(gr_mul(g, y), rows_of(y)->axes, true)));
}

static const gr__primitive softmax_primitive = GR__COMPOSED("gr_softmax", softmax_rule);

gr_tensor *gr_softmax(const gr_tensor *x, gr_axes axes)
{
    return composed(&softmax_primitive, GR__SITE, x, axes, softmax_value);
}
