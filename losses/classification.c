/* Losses of classification, from logits z. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

/* softplus(z) - z y */
gr_tensor *gr_loss_bce_logits(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    if (!gr__loss_fits("gr_loss_bce_logits", "logits", logits, "target", target)) {
        return gr_error_tensor();
    }
    const gr_tensor *z = gr__loss_counted(logits, how, -1);
    const gr_tensor *y = gr__loss_counted(target, how, -1);

    return gr_reduce(gr_sub(gr_softplus(z), gr_mul(z, y)), how);
}

/* -log_softmax(z)[label] */
gr_tensor *gr_loss_cross_entropy(const gr_tensor *logits, const gr_tensor *labels, gr_reduction how)
{
    const char *function = "gr_loss_cross_entropy";

    if (!gr__loss_labels_fit(function, logits, labels) ||
        (!how.mask && !gr_check_index(function, "labels", labels, gr_dim(logits, 1)))) {
        return gr_error_tensor();
    }
    const gr_tensor *z = gr__loss_counted(logits, how, 1);
    const gr_tensor *label = gr__loss_counted(labels, how, -1);
    gr_tensor *log_p = gr_log_softmax(z, GR_AXES(1));                /* (N, C, *) */
    gr_tensor *picked = gr_gather(log_p, 1, gr_unsqueeze(label, 1)); /* (N, 1, *) */

    return gr_reduce(gr_neg(gr_squeeze(picked, 1)), how);
}

/* -sum_c y_c log_softmax(z)_c, where 0 log 0 = 0: a class that is excluded by a logit of -inf may
 * have y_c = 0. */
gr_tensor *gr_loss_cross_entropy_dense(const gr_tensor *logits, const gr_tensor *target,
                                       gr_reduction how)
{
    const char *function = "gr_loss_cross_entropy_dense";

    if (!gr__loss_fits(function, "logits", logits, "target", target) ||
        !gr__loss_rank(function, "logits", logits, 2, GR_MAX_RANK, "(N,C,*)")) {
        return gr_error_tensor();
    }
    const gr_tensor *y = gr__loss_counted(target, how, 1);
    gr_tensor *log_p = gr_log_softmax(gr__loss_counted(logits, how, 1), GR_AXES(1));
    gr_tensor *excluded = gr_mul(gr_equal(y, 0), gr_equal(log_p, -INFINITY));
    gr_tensor *terms = gr_mul(y, gr_where(excluded, 0, log_p)); /* (N, C, *) */

    return gr_reduce(gr_neg(gr_sum(terms, GR_AXES(1), false)), how);
}
