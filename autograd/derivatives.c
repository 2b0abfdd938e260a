/* Products with derivatives, and whole derivatives, built on gradients: nothing here knows a
 * rule. */
#include <gradus/arrange.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

/* A derivative that is to be differentiated needs a history, under GR_NO_GRAD too. To be ended by
 * gr_no_grad_end. */
static gr_no_grad with_history(void)
{
    gr_no_grad outer = gr_no_grad_begin();
    gr__thread *thread = gr__self();

    if (thread) {
        thread->no_grad = 0;
    }
    return outer;
}

/* y = g v as a function of g: even where v is made from what a gradient is taken by, it is constant.
 * But the rule is written in v, so the gradient itself is a function of both. */
static gr_tensor *along_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return input == 1 ? gr_mul(g, y->in[2].tensor) : NULL;
}

static const gr__primitive along_primitive = GR__COMPOSED("gr_mul", along_rule);

static gr_tensor *along(const gr_tensor *g, const gr_tensor *v)
{
    gr_tensor *y = gr_mul(g, v);

    return gr__node(&along_primitive, g->site, y->shape, (gr_dtype)y->dtype,
                    (gr_arg[]){{y, 0}, {g, 0}, {v, 0}}, 3, NULL);
}

/* sum over i of <gs[i], vs[i]>, in f64 since dtypes may differ from i to i, or the error tensor after
 * reporting a vs[i] that does not fit xs[i]. */
static gr_tensor *inner_product(const char *function, gr_tensor *const *gs, gr_tensor *const *xs,
                                gr_tensor *const *vs, int n)
{
    gr_tensor *sum = NULL;

    for (int i = 0; i < n; i++) {
        const gr_tensor *v = gr__operand(function, "vs", vs[i]);
        if (gr__is_error(v) || !gr__same_dtype(function, "vs", v, "xs", xs[i]) ||
            !gr__same_shape(function, "vs", v, "xs", xs[i])) {
            return &gr__error_tensor;
        }
        gr_tensor *part = gr_cast(gr_sum(along(gs[i], v), GR_ALL_AXES, false), GR_F64);
        sum = sum ? gr_add(sum, part) : part;
    }
    return sum;
}

/* n tensors to be freed by gr__free; NULL after reporting. */
static gr_tensor **room_for(const char *function, int64_t n)
{
    gr_tensor **list = gr__alloc((size_t)n * sizeof *list);

    if (!list) {
        gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for %lld gradients", (long long)n);
    }
    return list;
}

/* ---- along a direction ---- */

/* u -> sum over i of <d y / d xs[i] applied backwards to u, vs[i]> is linear in u, and its gradient
 * is the derivative of y along vs. */
gr_tensor *gr_jvp(const gr_tensor *y, gr_tensor *const *xs, gr_tensor *const *vs, int n)
{
    const char *function = "gr_jvp";
    const gr_tensor *root = gr__operand(function, "y", y);

    if (gr__is_error(root) || !gr__lists_fit(function, xs, "vs", vs, n)) {
        return &gr__error_tensor;
    }
    gr_no_grad outer = with_history();
    gr_tensor **gs = room_for(function, n), *out;
    gr_tensor *u = gr_full((gr_dtype)root->dtype, gr__public_shape(root->shape), 1);
    bool good = gs && gr__vjp(function, root, u, xs, n, gs);
    gr_tensor *product = good ? inner_product(function, gs, xs, vs, n) : &gr__error_tensor;
    gr_no_grad_end(&outer);
    gr__free(gs);
    return gr__gradients(function, product, &u, 1, &out) ? out : &gr__error_tensor;
}

bool gr_hvp(const gr_tensor *y, gr_tensor *const *xs, gr_tensor *const *vs, int n, gr_tensor **out)
{
    const char *function = "gr_hvp";

    if (!gr__lists_fit(function, xs, "out", out, n) || !gr__lists_fit(function, xs, "vs", vs, n)) {
        return false;
    }
    gr_no_grad outer = with_history();
    gr_tensor **gs = room_for(function, n);
    bool good = gs && gr__gradients(function, y, xs, n, gs);
    gr_tensor *product = good ? inner_product(function, gs, xs, vs, n) : &gr__error_tensor;
    gr_no_grad_end(&outer);
    gr__free(gs);
    return gr__gradients(function, product, xs, n, out);
}

/* ---- whole matrices ---- */

/* 1 at element i of a tensor like t, else 0. */
static gr_tensor *unit(const gr_tensor *t, int64_t i)
{
    gr_tensor *places = gr_arange(GR_I64, t->shape->count, 0, 1);

    return gr_reshape(gr_cast(gr_equal(places, (double)i), (gr_dtype)t->dtype),
                      gr__public_shape(t->shape));
}

/* The rows d y_i / d x by one walk each, (y's count, x's shape). */
static gr_tensor *by_rows(const char *function, const gr_tensor *y, gr_tensor *x, gr_tensor **rows)
{
    for (int64_t i = 0; i < y->shape->count; i++) {
        if (!gr__vjp(function, y, unit(y, i), &x, 1, &rows[i])) {
            return &gr__error_tensor;
        }
    }
    return gr_stack(rows, (int)y->shape->count, 0);
}

/* The columns d y / d x_i, as gr_jvp finds them, (y's shape, x's count). */
static gr_tensor *by_columns(const char *function, const gr_tensor *y, gr_tensor *x,
                             gr_tensor **columns)
{
    gr_no_grad outer = with_history();
    gr_tensor *u = gr_full((gr_dtype)y->dtype, gr__public_shape(y->shape), 1), *g;
    bool good = gr__vjp(function, y, u, &x, 1, &g);

    gr_no_grad_end(&outer);
    for (int64_t i = 0; good && i < x->shape->count; i++) {
        good = gr__vjp(function, g, unit(x, i), &u, 1, &columns[i]);
    }
    return good ? gr_stack(columns, (int)x->shape->count, -1) : &gr__error_tensor;
}

/* Whichever takes fewer walks. */
static gr_tensor *jacobian(const char *function, const gr_tensor *y, gr_tensor *x)
{
    gr_shape shape = gr__public_shape(y->shape);
    int64_t rows = y->shape->count, columns = x->shape->count;
    int64_t walks = rows < columns ? rows : columns;
    char of_y[GR_SHAPE_TEXT], of_x[GR_SHAPE_TEXT];

    if (y->shape->rank + x->shape->rank > GR_MAX_RANK || walks > INT32_MAX) {
        return gr__error(GR_ERROR_SHAPE, function, "y",
                         "got %s for x of %s, want no more than 8 axes together; reshape them",
                         gr__shape_text(y->shape, of_y), gr__shape_text(x->shape, of_x));
    }
    for (int i = 0; i < x->shape->rank; i++) {
        shape.dims[shape.rank++] = x->shape->dims[i];
    }
    if (walks == 0) {
        return gr_full((gr_dtype)x->dtype, shape, 0);
    }
    gr_tensor **list = room_for(function, walks);
    gr_tensor *j = !list            ? &gr__error_tensor
                   : rows < columns ? by_rows(function, y, x, list)
                                    : by_columns(function, y, x, list);
    gr__free(list);
    return gr_cast(gr_reshape(j, shape), (gr_dtype)x->dtype);
}

static bool check_variable(const char *function, const gr_tensor *x)
{
    return gr_check_operand(function, "x", x) &&
           (x->dtype != GR_I64 ||
            gr_fail(GR_ERROR_DTYPE, function, "x", "got i64, want f32 or f64"));
}

gr_tensor *gr_jacobian(const gr_tensor *y, gr_tensor *x)
{
    const gr_tensor *root = gr__operand("gr_jacobian", "y", y);

    if (gr__is_error(root) || !check_variable("gr_jacobian", x)) {
        return &gr__error_tensor;
    }
    return jacobian("gr_jacobian", root, x);
}

gr_tensor *gr_hessian(const gr_tensor *y, gr_tensor *x)
{
    const char *function = "gr_hessian";
    gr_no_grad outer = with_history();
    gr_tensor *g;
    bool good = check_variable(function, x) && gr__gradients(function, y, &x, 1, &g);

    gr_no_grad_end(&outer);
    return good ? jacobian(function, g, x) : &gr__error_tensor;
}
