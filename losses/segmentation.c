/* Losses of overlap between regions, from probabilities p and targets y. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

gr_overlap_options gr_overlap_defaults(void)
{
    return (gr_overlap_options){.eps = 1e-5, .batch = false};
}

/* The axes that a region extends over: all but the channels', and the samples' unless one batch
 * counts as one region. */
static gr_axes region_axes(int rank, bool batch)
{
    gr_axes axes = {0, {0}};

    for (int i = batch ? 0 : 2; i < rank; i += i == 0 ? 2 : 1) {
        axes.axis[axes.count++] = i;
    }
    return axes;
}

static bool region_fits(const char *function, const gr_tensor *probability, const gr_tensor *target,
                        double eps)
{
    return gr__loss_fits(function, "probability", probability, "target", target) &&
           gr__loss_rank(function, "probability", probability, 3, GR_MAX_RANK, "(N,C,L,*)") &&
           gr__loss_option(function, "eps", eps > 0 && eps < INFINITY, eps, "positive and finite");
}

/* 1 - (TP + eps) / (TP + miss + eps) = miss / (TP + miss + eps), miss = alpha FP + beta FN: in the
 * latter form nothing cancels, and an exact fit costs exactly 0. */
static gr_tensor *overlap(const gr_tensor *probability, const gr_tensor *target, double alpha,
                          double beta, gr_overlap_options options, gr_reduction how)
{
    gr_axes axes = region_axes(gr_rank(probability), options.batch);
    const gr_tensor *p = gr__loss_counted(probability, how, axes);
    const gr_tensor *y = gr__loss_counted(target, how, axes);
    gr_tensor *both = gr_mul(p, y); /* (N, C, *) */
    gr_tensor *wrong = gr_add(gr_mul(alpha, gr_sub(p, both)), gr_mul(beta, gr_sub(y, both)));
    gr_tensor *hit = gr_sum(both, axes, false); /* (N, C) */
    gr_tensor *miss = gr_sum(wrong, axes, false);

    return gr_reduce(gr_div(miss, gr_add(gr_add(hit, miss), options.eps)), how);
}

static gr_tensor *dice(const char *function, const gr_tensor *probability, const gr_tensor *target,
                       gr_overlap_options options, gr_reduction how)
{
    if (!region_fits(function, probability, target, options.eps)) {
        return gr_error_tensor();
    }
    options.eps /= 2;
    return overlap(probability, target, 0.5, 0.5, options, how);
}

gr_tensor *gr_loss_dice(const gr_tensor *probability, const gr_tensor *target, gr_reduction how)
{
    return dice("gr_loss_dice", probability, target, gr_overlap_defaults(), how);
}

gr_tensor *gr_loss_dice_with(const gr_tensor *probability, const gr_tensor *target,
                             gr_overlap_options options, gr_reduction how)
{
    return dice("gr_loss_dice_with", probability, target, options, how);
}

static gr_tensor *tversky(const char *function, const gr_tensor *probability,
                          const gr_tensor *target, double alpha, double beta,
                          gr_overlap_options options, gr_reduction how)
{
    const char *want = "0 or more and finite";

    if (!region_fits(function, probability, target, options.eps) ||
        !gr__loss_option(function, "alpha", alpha >= 0 && alpha < INFINITY, alpha, want) ||
        !gr__loss_option(function, "beta", beta >= 0 && beta < INFINITY, beta, want)) {
        return gr_error_tensor();
    }
    return overlap(probability, target, alpha, beta, options, how);
}

gr_tensor *gr_loss_tversky(const gr_tensor *probability, const gr_tensor *target, double alpha,
                           double beta, gr_reduction how)
{
    return tversky("gr_loss_tversky", probability, target, alpha, beta, gr_overlap_defaults(), how);
}

gr_tensor *gr_loss_tversky_with(const gr_tensor *probability, const gr_tensor *target, double alpha,
                                double beta, gr_overlap_options options, gr_reduction how)
{
    return tversky("gr_loss_tversky_with", probability, target, alpha, beta, options, how);
}
