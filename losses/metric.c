/* Losses of metric learning: rows of D features and the distances between them. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

static const gr_axes features = {1, {-1}};

static bool rows_fit(const char *function, const char *a_name, const gr_tensor *a,
                     const char *b_name, const gr_tensor *b)
{
    return gr__loss_fits(function, a_name, a, b_name, b) &&
           gr__loss_rank(function, a_name, a, 1, GR_MAX_RANK, "(*,D)");
}

/* x, whose values lack the features' axis, as it counts. */
static const gr_tensor *counted(const gr_tensor *x, gr_reduction how)
{
    return gr__loss_counted(x, how, GR_AXES(gr_rank(x) - 1));
}

/* max(|x|, 1e-8) of each row, with slope 0 where the bound holds: under the root, since that of 0
 * has no slope. */
static gr_tensor *length(const gr_tensor *x, bool keepdim)
{
    return gr_sqrt(gr_maximum(gr_sum(gr_square(x), features, keepdim), 1e-16));
}

/* ---- angles ---- */

static gr_tensor *cosine(const gr_tensor *a, const gr_tensor *b)
{
    gr_tensor *product = gr_sum(gr_mul(a, b), features, false);

    return gr_div(gr_div(product, length(a, false)), length(b, false));
}

gr_tensor *gr_loss_cosine_similarity(const gr_tensor *a, const gr_tensor *b, gr_reduction how)
{
    if (!rows_fit("gr_loss_cosine_similarity", "a", a, "b", b)) {
        return gr_error_tensor();
    }
    return gr_reduce(gr_sub(1, cosine(counted(a, how), counted(b, how))), how);
}

gr_tensor *gr_loss_cosine_embedding(const gr_tensor *a, const gr_tensor *b, const gr_tensor *target,
                                    double margin, gr_reduction how)
{
    const char *function = "gr_loss_cosine_embedding";

    if (!rows_fit(function, "a", a, "b", b) || !gr_check_operand(function, "target", target) ||
        !gr__loss_dtype(function, "a", a, "target", target) ||
        !gr__loss_shape(function, "target", target,
                        gr__loss_without(gr_shape_of(a), GR_AXES(gr_rank(a) - 1)), "a", a) ||
        !gr__loss_option(function, "margin", margin >= -1 && margin <= 1, margin, "-1 to 1")) {
        return gr_error_tensor();
    }
    gr_tensor *cos = cosine(counted(a, how), counted(b, how)); /* (*) */
    gr_tensor *apart = gr_relu(gr_sub(cos, margin));

    return gr_reduce(gr_where(gr_greater(target, 0), gr_sub(1, cos), apart), how);
}

/* ---- distances ---- */

/* |a - b + eps| of each row, with slope 0 where that is 0. */
static gr_tensor *distance(const gr_tensor *a, const gr_tensor *b, double eps)
{
    gr_tensor *square = gr_sum(gr_square(gr_add(gr_sub(a, b), eps)), features, false);
    gr_tensor *zero = gr_equal(square, 0);

    return gr_where(zero, 0, gr_sqrt(gr_where(zero, 1, square)));
}

gr_tensor *gr_loss_triplet_margin(const gr_tensor *anchor, const gr_tensor *positive,
                                  const gr_tensor *negative, double margin, double eps,
                                  gr_reduction how)
{
    const char *function = "gr_loss_triplet_margin", *want = "0 or more and finite";

    if (!rows_fit(function, "anchor", anchor, "positive", positive) ||
        !gr__loss_fits(function, "anchor", anchor, "negative", negative) ||
        !gr__loss_option(function, "margin", margin >= 0 && margin < INFINITY, margin, want) ||
        !gr__loss_option(function, "eps", eps >= 0 && eps < INFINITY, eps, want)) {
        return gr_error_tensor();
    }
    const gr_tensor *a = counted(anchor, how);
    gr_tensor *near = distance(a, counted(positive, how), eps);
    gr_tensor *far = distance(a, counted(negative, how), eps);

    return gr_reduce(gr_relu(gr_add(gr_sub(near, far), margin)), how);
}

/* ---- contrast within a batch ---- */

static bool temperature_fits(const char *function, gr_arg temperature, const gr_tensor *a)
{
    double t = temperature.number;

    if (!temperature.tensor) {
        return gr__loss_option(function, "temperature", t > 0 && t < INFINITY, t,
                               "positive and finite");
    }
    return gr_check_operand(function, "temperature", temperature.tensor) &&
           gr__loss_dtype(function, "a", a, "temperature", temperature.tensor) &&
           gr__loss_rank(function, "temperature", temperature.tensor, 0, 0, "()");
}

/* Similarities of two views, and which of them count. */
typedef struct contrast {
    gr_tensor *s;   /* (N, N) */
    gr_tensor *own; /* (N): s_ii */
    gr_tensor *row; /* (N): 1 where a sample counts; NULL: all do */
} contrast;

/* The diagonal comes out of s itself, so that a row's logsumexp is never below it. */
static contrast contrast_of(const gr_tensor *a, const gr_tensor *b, gr_arg temperature,
                            gr_reduction how)
{
    gr_tensor *x = gr_div(counted(a, how), gr_mul(temperature, length(counted(a, how), true)));
    gr_tensor *y = gr_div(counted(b, how), length(counted(b, how), true));
    int64_t n = gr_dim(a, 0);
    gr_tensor *i = gr_arange(gr_dtype_of(a), n, 0, 1);
    gr_tensor *diagonal = gr_equal(gr_unsqueeze(i, 1), i); /* (N, N) */
    contrast c = {.s = gr_matmul(x, gr_transpose(y, 0, 1))};

    c.own = gr_sum(gr_where(diagonal, c.s, 0), GR_AXES(1), false);
    c.row = how.mask ? gr__loss_mask(how, GR_SHAPE(n), gr_dtype_of(a)) : NULL;
    return c;
}

/* logsumexp along an axis of s over the samples that count. */
static gr_tensor *against_all(contrast c, int axis)
{
    gr_tensor *s = c.row ? gr_where(gr_unsqueeze(c.row, 1 - axis), c.s, -INFINITY) : c.s;

    return gr_logsumexp(s, GR_AXES(axis), false);
}

static bool views_fit(const char *function, const gr_tensor *a, const gr_tensor *b,
                      gr_arg temperature)
{
    return gr__loss_fits(function, "a", a, "b", b) &&
           gr__loss_rank(function, "a", a, 2, 2, "(N,D)") &&
           temperature_fits(function, temperature, a);
}

gr_tensor *(gr_loss_info_nce)(const gr_tensor *a, const gr_tensor *b, gr_arg temperature,
                              gr_reduction how)
{
    if (!views_fit("gr_loss_info_nce", a, b, temperature)) {
        return gr_error_tensor();
    }
    contrast c = contrast_of(a, b, temperature, how);

    return gr_reduce(gr_sub(against_all(c, 1), c.own), how);
}

gr_tensor *(gr_loss_clip)(const gr_tensor *a, const gr_tensor *b, gr_arg temperature,
                          gr_reduction how)
{
    if (!views_fit("gr_loss_clip", a, b, temperature)) {
        return gr_error_tensor();
    }
    contrast c = contrast_of(a, b, temperature, how);
    gr_tensor *both = gr_add(against_all(c, 1), against_all(c, 0));

    return gr_reduce(gr_sub(gr_mul(0.5, both), c.own), how);
}
