/* Negative log-likelihoods. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

gr_poisson_nll_options gr_poisson_nll_defaults(void)
{
    return (gr_poisson_nll_options){.constant = GR_POISSON_NO_CONSTANT, .eps = 1e-8};
}

/* log y! = (y + 1/2) log t - t + log sum + log(2 pi) / 2 with t = y + 15/2 (Lanczos 1964, with
 * Godfrey's coefficients of 2001 for g = 7): to 1e-15 of what it adds up, for every y >= 0. */
static gr_tensor *log_factorial(const gr_tensor *y)
{
    static const double coefficient[] = {
        676.5203681218851,  -1259.1392167224028,  771.32342877765313,    -176.61502916214059,
        12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
    gr_tensor *sum = gr_div(coefficient[0], gr_add(y, 1));

    for (int k = 1; k < 8; k++) {
        sum = gr_add(sum, gr_div(coefficient[k], gr_add(y, k + 1)));
    }
    gr_tensor *t = gr_add(y, 7.5);
    gr_tensor *power = gr_sub(gr_mul(gr_add(y, 0.5), gr_log(t)), t);
    return gr_add(gr_add(power, gr_log(gr_add(sum, 0.99999999999980993))), 0.91893853320467274);
}

/* y log y - y + log(2 pi y) / 2 where y > 1, else 0 */
static gr_tensor *stirling(const gr_tensor *y)
{
    gr_tensor *large = gr_greater(y, 1), *n = gr_where(large, y, 2);
    gr_tensor *sum = gr_sub(gr_mul(gr_add(n, 0.5), gr_log(n)), n);

    return gr_where(large, gr_add(sum, 0.91893853320467274), 0);
}

/* What a rate costs, with the constant of the options. */
static gr_tensor *with_constant(gr_tensor *cost, const gr_tensor *y, gr_poisson_constant constant)
{
    switch (constant) {
    case GR_POISSON_LOG_FACTORIAL: return gr_add(cost, log_factorial(y));
    case GR_POISSON_STIRLING: return gr_add(cost, stirling(y));
    default: return cost;
    }
}

static gr_tensor *from_log_rate(const char *function, const gr_tensor *log_rate,
                                const gr_tensor *target, gr_poisson_nll_options options,
                                gr_reduction how)
{
    if (!gr__loss_fits(function, "log_rate", log_rate, "target", target)) {
        return gr_error_tensor();
    }
    const gr_tensor *u = gr__loss_counted(log_rate, how, GR__NO_AXES);
    const gr_tensor *y = gr__loss_counted(target, how, GR__NO_AXES);
    gr_tensor *cost = gr_sub(gr_exp(u), gr_mul(y, u));

    return gr_reduce(with_constant(cost, y, options.constant), how);
}

gr_tensor *gr_loss_poisson_nll(const gr_tensor *log_rate, const gr_tensor *target, gr_reduction how)
{
    return from_log_rate("gr_loss_poisson_nll", log_rate, target, gr_poisson_nll_defaults(), how);
}

gr_tensor *gr_loss_poisson_nll_with(const gr_tensor *log_rate, const gr_tensor *target,
                                    gr_poisson_nll_options options, gr_reduction how)
{
    return from_log_rate("gr_loss_poisson_nll_with", log_rate, target, options, how);
}

/* m - y log(m + eps) */
gr_tensor *gr_loss_poisson_nll_rate(const gr_tensor *rate, const gr_tensor *target,
                                    gr_poisson_nll_options options, gr_reduction how)
{
    const char *function = "gr_loss_poisson_nll_rate";

    if (!gr__loss_fits(function, "rate", rate, "target", target) ||
        !gr__loss_option(function, "eps", options.eps > 0 && options.eps < INFINITY, options.eps,
                         "positive and finite")) {
        return gr_error_tensor();
    }
    const gr_tensor *m = gr__loss_counted(rate, how, GR__NO_AXES);
    const gr_tensor *y = gr__loss_counted(target, how, GR__NO_AXES);
    gr_tensor *cost = gr_sub(m, gr_mul(y, gr_log(gr_add(m, options.eps))));

    return gr_reduce(with_constant(cost, y, options.constant), how);
}
