/* Losses of latent variable models. Public API only. */
#include <gradus.h>

#include "losses/loss.h"

/* sum_k (expm1(logvar_k) - logvar_k + mean_k^2) / 2. With expm1 the part of logvar keeps its
 * precision near 0, where it is logvar^2 / 2. */
gr_tensor *gr_loss_kl_normal(const gr_tensor *mean, const gr_tensor *logvar, gr_reduction how)
{
    if (!gr__loss_fits("gr_loss_kl_normal", "mean", mean, "logvar", logvar) ||
        !gr__loss_rank("gr_loss_kl_normal", "mean", mean, 2, 2, "(N,K)")) {
        return gr_error_tensor();
    }
    const gr_tensor *mu = gr__loss_counted(mean, how, GR_AXES(1));
    const gr_tensor *lv = gr__loss_counted(logvar, how, GR_AXES(1));
    gr_tensor *terms = gr_add(gr_sub(gr_expm1(lv), lv), gr_square(mu)); /* (N, K) */

    return gr_reduce(gr_mul(0.5, gr_sum(terms, GR_AXES(1), false)), how);
}
