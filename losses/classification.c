/* Losses of classification, from logits z. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

/* softplus(z) - z y */
gr_tensor *gr_loss_bce_logits(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    gr_tensor *error = gr__loss_mismatch("gr_loss_bce_logits", "logits", logits, "target", target);

    if (error) {
        return error;
    }
    const gr_tensor *z = gr__loss_counted(logits, how, -1);
    const gr_tensor *y = gr__loss_counted(target, how, -1);

    return gr_reduce(gr_sub(gr_softplus(z), gr_mul(z, y)), how);
}

/* -log_softmax(z)[label] */
gr_tensor *gr_loss_cross_entropy(const gr_tensor *logits, const gr_tensor *labels, gr_reduction how)
{
    gr_tensor *error = gr__loss_label_mismatch("gr_loss_cross_entropy", logits, labels);

    if (error) {
        return error;
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
    gr_tensor *error = gr__loss_mismatch(function, "logits", logits, "target", target);

    if (error) {
        return error;
    }
    if (gr_rank(logits) < 2) {
        gr_fail(GR_ERROR_SHAPE, function, "logits", "got %s, want (N,C,*)",
                gr__loss_shape(gr_shape_of(logits)).s);
        return gr__loss_error();
    }
    const gr_tensor *y = gr__loss_counted(target, how, 1);
    gr_tensor *log_p = gr_log_softmax(gr__loss_counted(logits, how, 1), GR_AXES(1));
    gr_tensor *excluded = gr_mul(gr_equal(y, 0), gr_equal(log_p, -INFINITY));
    gr_tensor *terms = gr_mul(y, gr_where(excluded, 0, log_p)); /* (N, C, *) */

    return gr_reduce(gr_neg(gr_sum(terms, GR_AXES(1), false)), how);
}
