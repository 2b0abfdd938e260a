/* Scans along an axis: running sum, product and logsumexp, and the linear recurrence, which is the
 * derivative of all of them. */
#include <math.h>

#include <gradus/arrange.h>
#include <gradus/scan.h>

#include "autograd/autograd.h"

static const gr__scan *scan_of(const gr_tensor *y)
{
    return y->detail;
}

static gr_tensor *scan(const gr__primitive *op, const void *site, const gr_tensor *x, int axis)
{
    const gr_tensor *node = gr__along_axis(op->name, gr__take_operand(op, "x", x), &axis);
    const gr__scan *detail = axis < 0 ? NULL : gr__detail(&(gr__scan){axis, false}, sizeof *detail);
    return detail ? gr__node1(op, site, node->shape, (gr_dtype)node->dtype, node, detail)
                  : &gr__error_tensor;
}

/* y's scan the other way. */
static const gr__scan *reversed(const gr_tensor *y)
{
    gr__scan s = *scan_of(y);

    s.reverse = !s.reverse;
    return gr__detail(&s, sizeof s);
}

/* x_(i-1) along y's axis, and `fill` at i = 0. */
static gr_tensor *before(const gr_tensor *x, const gr_tensor *y, double fill)
{
    int axis = scan_of(y)->axis;
    int64_t n = x->shape->dims[axis], first = n > 0;

    return gr_pad(gr_slice(x, axis, 0, n - first), axis, first, 0, fill);
}

/* ---- recurrence ---- */

static gr_tensor *solve(const gr__primitive *op, const gr_tensor *y, const gr_tensor *a,
                        const gr_tensor *b, const gr__scan *detail)
{
    return detail ? gr__node2(op, y->site, y->shape, (gr_dtype)y->dtype, a, b, detail)
                  : &gr__error_tensor;
}

/* Forwards y_i = a_i y_(i-1) + b_i, backwards y_i = a_(i+1) y_(i+1) + b_i: with the matrix A that
 * has a beside its diagonal, (1 - A) y = b and its transpose. So db is the other one, t, of the
 * gradient, and a_i multiplies the forward solution at i - 1 and the backward solution at i. */
static gr_tensor *recurrence_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    gr_tensor *t = solve(y->op, y, y->in[0].tensor, g, reversed(y));

    if (input == 1 || gr__is_error(t)) {
        return t;
    }
    return scan_of(y)->reverse ? gr_mul(before(t, y, 0), y) : gr_mul(t, before(y, y, 0));
}

static const gr__primitive recurrence_primitive = GR__OPERATION(
    "gr_recurrence", 2, GR__FLOATS, recurrence, .rule = recurrence_rule);

gr_tensor *(gr_recurrence)(gr_arg a, const gr_tensor *b, int axis)
{
    const gr_tensor *y = gr__take_operand(&recurrence_primitive, "b", b);
    const gr_tensor *x = gr__is_error(y)
                             ? y
                             : gr__take_operand(&recurrence_primitive, "a", gr__tensor_of(a, y));

    if (gr__is_error(x) || !gr__same_dtype("gr_recurrence", "a", x, "b", y) ||
        !gr__broadcasts_to("gr_recurrence", "a", x, y->shape)) {
        return &gr__error_tensor;
    }
    axis = gr__axis("gr_recurrence", "axis", axis, y->shape->rank);
    const gr__scan *detail = axis < 0 ? NULL : gr__detail(&(gr__scan){axis, false}, sizeof *detail);
    gr_tensor *expanded = gr_expand(x, gr__public_shape(y->shape));
    return detail ? gr__node2(&recurrence_primitive, GR__SITE, y->shape, (gr_dtype)y->dtype,
                              expanded, y, detail)
                  : &gr__error_tensor;
}

/* The gradient g taken back through a scan y whose element i passes a_i of what it was at i - 1:
 * t_i = g_i + a_(i+1) t_(i+1). */
static gr_tensor *taken_back(const gr_tensor *y, const gr_tensor *a, const gr_tensor *g)
{
    return solve(&recurrence_primitive, y, a, g, reversed(y));
}

/* ---- sum ---- */

/* gx_i = g_i + g_(i+1) + ... */
static gr_tensor *cumsum_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr__scan *detail = reversed(y);

    (void)input;
    return detail ? gr__node1(y->op, y->site, y->shape, (gr_dtype)y->dtype, g, detail)
                  : &gr__error_tensor;
}

static const gr__primitive cumsum_primitive = GR__OPERATION("gr_cumsum", 1, GR__ALL, cumsum,
                                                            .rule = cumsum_rule);

gr_tensor *gr_cumsum(const gr_tensor *x, int axis)
{
    return scan(&cumsum_primitive, GR__SITE, x, axis);
}

/* ---- product ---- */

/* gx_i = y_(i-1) t_i, t_i = g_i + x_(i+1) t_(i+1) */
static gr_tensor *cumprod_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return gr_mul(before(y, y, 1), taken_back(y, y->in[input].tensor, g));
}

static const gr__primitive cumprod_primitive = GR__OPERATION("gr_cumprod", 1, GR__ALL, cumprod,
                                                             .rule = cumprod_rule);

gr_tensor *gr_cumprod(const gr_tensor *x, int axis)
{
    return scan(&cumprod_primitive, GR__SITE, x, axis);
}

/* ---- logsumexp ---- */

/* gx_i = e^(x_i - y_i) t_i, t_i = g_i + e^(y_i - y_(i+1)) t_(i+1): no exponent is above 0. Where y
 * is -inf, so is what it is taken from, and any number in its place gives 0. */
static gr_tensor *logcumsumexp_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    gr_tensor *finite = gr_where(gr_equal(y, -INFINITY), 0, y);
    gr_tensor *kept = gr_exp(gr_sub(before(y, y, -INFINITY), finite));
    gr_tensor *share = gr_exp(gr_sub(y->in[input].tensor, finite));

    return gr_mul(share, taken_back(y, kept, g));
}

static const gr__primitive logcumsumexp_primitive = GR__OPERATION(
    "gr_logcumsumexp", 1, GR__FLOATS, logcumsumexp, .rule = logcumsumexp_rule);

gr_tensor *gr_logcumsumexp(const gr_tensor *x, int axis)
{
    return scan(&logcumsumexp_primitive, GR__SITE, x, axis);
}
