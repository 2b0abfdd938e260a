/* Losses of regression. r = prediction - target; the values have their shape. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

static gr_tensor *residual(const char *function, const gr_tensor *prediction,
                           const gr_tensor *target, gr_reduction how)
{
    if (!gr__loss_fits(function, "prediction", prediction, "target", target)) {
        return gr_error_tensor();
    }
    return gr_sub(gr__loss_counted(prediction, how, -1), gr__loss_counted(target, how, -1));
}

/* r^2 */
gr_tensor *gr_loss_mse(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how)
{
    gr_tensor *r = residual("gr_loss_mse", prediction, target, how);

    return gr_reduce(gr_square(r), how);
}

/* |r| */
gr_tensor *gr_loss_mae(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how)
{
    gr_tensor *r = residual("gr_loss_mae", prediction, target, how);

    return gr_reduce(gr_abs(r), how);
}

/* c (r - c / 2) with c = r cut to [-delta, delta]. The same function written with |r| would have
 * second derivative 0 at r = 0, where it is 1. */
gr_tensor *gr_loss_huber(const gr_tensor *prediction, const gr_tensor *target, double delta,
                         gr_reduction how)
{
    if (!(delta > 0) || isinf(delta)) {
        gr_fail(GR_ERROR_VALUE, "gr_loss_huber", "delta", "got %g, want positive and finite",
                delta);
        return gr_error_tensor();
    }
    gr_tensor *r = residual("gr_loss_huber", prediction, target, how);
    gr_tensor *c = gr_maximum(gr_minimum(r, delta), -delta);

    return gr_reduce(gr_mul(c, gr_sub(r, gr_mul(0.5, c))), how);
}
