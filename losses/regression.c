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
    return gr_sub(gr__loss_counted(prediction, how, GR__NO_AXES),
                  gr__loss_counted(target, how, GR__NO_AXES));
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

gr_tensor *gr_loss_huber(const gr_tensor *prediction, const gr_tensor *target, double delta,
                         gr_reduction how)
{
    const char *function = "gr_loss_huber";

    if (!gr__loss_option(function, "delta", delta > 0 && delta < INFINITY, delta,
                         "positive and finite")) {
        return gr_error_tensor();
    }
    return gr_reduce(gr_huber(residual(function, prediction, target, how), delta), how);
}

/* log cosh r */
gr_tensor *gr_loss_log_cosh(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how)
{
    gr_tensor *r = residual("gr_loss_log_cosh", prediction, target, how);

    return gr_reduce(gr_log_cosh(r), how);
}

/* sqrt(r^2 + eps^2). An eps whose square vanishes in f32 would leave a square root of 0. */
gr_tensor *gr_loss_charbonnier(const gr_tensor *prediction, const gr_tensor *target, double eps,
                               gr_reduction how)
{
    const char *function = "gr_loss_charbonnier";

    if (!gr__loss_option(function, "eps", eps >= 1e-18 && eps < INFINITY, eps,
                         "1e-18 or more and finite")) {
        return gr_error_tensor();
    }
    gr_tensor *r = residual(function, prediction, target, how);

    return gr_reduce(gr_sqrt(gr_add(gr_square(r), eps * eps)), how);
}

/* q max(-r, 0) + (1 - q) max(r, 0). The maximum of q e and (q - 1) e would share its tie at e = 0:
 * slope q - 1/2. */
gr_tensor *gr_loss_quantile(const gr_tensor *prediction, const gr_tensor *target, double q,
                            gr_reduction how)
{
    const char *function = "gr_loss_quantile";

    if (!gr__loss_option(function, "q", q > 0 && q < 1, q, "between 0 and 1")) {
        return gr_error_tensor();
    }
    gr_tensor *r = residual(function, prediction, target, how);
    gr_tensor *above = gr_mul(1 - q, gr_relu(r)), *below = gr_mul(q, gr_relu(gr_neg(r)));

    return gr_reduce(gr_add(above, below), how);
}
