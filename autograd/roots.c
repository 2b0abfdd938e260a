/* Functions of whole matrices by iteration: square roots and the largest singular value. All are
 * compositions. */
#include "autograd/linalg.h"

/* ---- Newton-Schulz ---- */

typedef struct roots {
    gr_tensor *root, *inverse;
} roots;

/* y <- y (3 - z y) / 2, z <- (3 - z y) z / 2 from y = a / s, z = 1 (Higham 2008, section 6.7), for
 * s the Frobenius norm, which no eigenvalue exceeds. The roots do not depend on s, so it is a
 * constant. False after reporting. */
static bool iterate(const char *function, const gr_tensor *a, int iterations, roots *r)
{
    const gr_tensor *x = gr__take_square(function, "a", a);

    if (gr__is_error(x) || !gr__at_least(function, "iterations", iterations, 1)) {
        return false;
    }
    gr_tensor *norm = gr_norm(gr_detach(x), GR_AXES(-2, -1), true);
    gr_tensor *scale = gr_where(gr_equal(norm, 0), 1, norm), *one = gr__identity(x);
    gr_tensor *y = gr_div(x, scale), *z = gr_expand(one, gr__public_shape(x->shape));
    for (int i = 0; i < iterations; i++) {
        gr_tensor *t = gr_sub(gr_mul(1.5, one), gr_mul(0.5, gr_matmul(z, y)));
        y = gr_matmul(y, t);
        z = gr_matmul(t, z);
    }
    *r = (roots){gr_mul(y, gr_sqrt(scale)), gr_div(z, gr_sqrt(scale))};
    return !gr__is_error(z);
}

gr_tensor *gr_matrix_sqrt(const gr_tensor *a, int iterations)
{
    roots r;

    return iterate("gr_matrix_sqrt", a, iterations, &r) ? r.root : &gr__error_tensor;
}

gr_tensor *gr_matrix_inverse_sqrt(const gr_tensor *a, int iterations)
{
    roots r;

    return iterate("gr_matrix_inverse_sqrt", a, iterations, &r) ? r.inverse : &gr__error_tensor;
}

/* y = tr a^(1/2):  da = (a^(-1/2))^T dy / 2, which the same iteration has given (in[2]) */
static gr_tensor *trace_sqrt_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return input == 1
               ? gr_mul(gr__beside_matrix(gr_mul(0.5, g)), gr__matrix_transpose(y->in[2].tensor))
               : NULL;
}

static const gr__primitive trace_sqrt_primitive = GR__COMPOSED("gr_trace_sqrt", trace_sqrt_rule);

gr_tensor *gr_trace_sqrt(const gr_tensor *a, int iterations)
{
    const gr_tensor *x = gr__take_floats("gr_trace_sqrt", "a", a, 2);
    roots r;

    if (gr__is_error(x) || !iterate("gr_trace_sqrt", x, iterations, &r)) {
        return &gr__error_tensor;
    }
    gr_tensor *value = gr_trace(gr_detach(r.root));
    return gr__node(&trace_sqrt_primitive, GR__SITE, value->shape, (gr_dtype)value->dtype,
                    (gr_arg[]){{value, 0}, {x, 0}, {r.inverse, 0}}, 3, NULL);
}

/* ---- power iteration ---- */

/* x / |x|, of a norm too small to divide by: x / 1e-12 */
static gr_tensor *normalised(const gr_tensor *x)
{
    return gr_div(x, gr_maximum(gr_norm(x, GR_AXES(-1), true), 1e-12));
}

/* u^T w v, where u and v are constants; u also in *next. */
static gr_tensor *largest_value(const gr_tensor *w, const gr_tensor *u, int iterations,
                                gr_tensor **next)
{
    gr_no_grad none = gr_no_grad_begin();
    gr_tensor *turned = gr__matrix_transpose(w), *left = gr_detach(u);
    gr_tensor *right = normalised(gr_matvec(turned, left));

    for (int i = 0; i < iterations; i++) {
        right = i > 0 ? normalised(gr_matvec(turned, left)) : right;
        left = normalised(gr_matvec(w, right));
    }
    gr_no_grad_end(&none);
    if (next) {
        *next = left;
    }
    return gr_dot(left, gr_matvec(w, right));
}

gr_tensor *gr_spectral_norm(const gr_tensor *w, const gr_tensor *u, int iterations,
                            gr_tensor **next)
{
    gr__pair p = {"gr_spectral_norm", "w", "u", w, u, 2, 1};

    if (next) {
        *next = &gr__error_tensor;
    }
    return gr__take_pair(&p) && gr__pair_meets(&p, -2, -1) &&
                   gr__at_least(p.function, "iterations", iterations, 0) && gr__pair_batch(&p)
               ? largest_value(p.a, p.b, iterations, next)
               : &gr__error_tensor;
}
