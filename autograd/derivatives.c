/* Products with derivatives, and whole derivatives, built on gradients: nothing here knows a rule. */
#include "autograd/autograd.h"

const gr_tensor *gr__direction_for(const char *function, const char *argument, const gr_tensor *v,
                                   const char *of, const gr_tensor *x)
{
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (v->dtype != x->dtype) {
        return gr__error(GR_ERROR_DTYPE, function, argument,
                         "got %s, want %s as %s; convert with gr_cast",
                         gr_dtype_name((gr_dtype)v->dtype), gr_dtype_name((gr_dtype)x->dtype), of);
    }
    if (v->shape != x->shape) {
        return gr__error(GR_ERROR_SHAPE, function, argument, "got %s, want %s as %s",
                         gr__shape_text(v->shape, got), gr__shape_text(x->shape, want), of);
    }
    return v;
}

/* sum over i of <gs[i], vs[i]>, or the error tensor after reporting a vs[i] that does not fit
 * xs[i]. */
static gr_tensor *inner_product(const char *function, gr_tensor *const *gs, gr_tensor *const *xs,
                                gr_tensor *const *vs, int n)
{
    gr_tensor *sum = NULL;

    for (int i = 0; i < n; i++) {
        const gr_tensor *v = gr__operand(function, "vs", vs[i]);
        if (gr__is_error(v) || gr__is_error(gr__direction_for(function, "vs", v, "xs", xs[i]))) {
            return &gr__error_tensor;
        }
        gr_tensor *part = gr_sum(gr_mul(gs[i], v), GR_ALL_AXES, false);
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
    gr_tensor **gs = room_for(function, n), *out = &gr__error_tensor;
    gr_tensor *u = gr_full((gr_dtype)root->dtype, gr__public_shape(root->shape), 1);
    if (gs && gr_vjp(root, u, xs, n, gs)) {
        gr__gradients(function, inner_product(function, gs, xs, vs, n), &u, 1, &out);
    }
    gr__free(gs);
    return out;
}

bool gr_hvp(const gr_tensor *y, gr_tensor *const *xs, gr_tensor *const *vs, int n, gr_tensor **out)
{
    const char *function = "gr_hvp";

    if (!gr__lists_fit(function, xs, "out", out, n) || !gr__lists_fit(function, xs, "vs", vs, n)) {
        return false;
    }
    gr_tensor **gs = room_for(function, n);
    bool good = gs && gr__gradients(function, y, xs, n, gs);

    good = good && gr__gradients(function, inner_product(function, gs, xs, vs, n), xs, n, out);
    for (int i = 0; i < n && !good; i++) {
        out[i] = &gr__error_tensor;
    }
    gr__free(gs);
    return good;
}
