/* Losses: compositions of the operations of ops.h, so gradients of any order come for free.
 *
 * Every loss computes values, one for each term of its definition, and hands them to
 * gr_reduce(values, how). Prediction and target must have equal shapes: nothing is broadcast
 * between them. Gradients flow into the target as well; gr_detach stops them.
 *
 * Symbols: r = prediction - target, z logits, y targets, N batch, C classes, K latent
 * dimensions. */
#ifndef GRADUS_LOSSES_H
#define GRADUS_LOSSES_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reduction ---- */

typedef enum gr_reduction_kind { GR__NONE, GR__SUM, GR__MEAN, GR__BATCH_MEAN } gr_reduction_kind;

/* How the values of a loss become one number. Make one from a constant below and, if wanted, the
 * functions that refine it; a plain value, nothing to free. */
typedef struct gr_reduction {
    gr_reduction_kind kind;
    const gr_tensor *weight; /* NULL: none */
    const gr_tensor *mask;   /* NULL: none */
    double divisor;          /* 0: the kind's own */
} gr_reduction;

#ifdef __cplusplus
#define GR__REDUCTION(kind) (gr_reduction{kind, NULL, NULL, 0})
#else
#define GR__REDUCTION(kind) ((gr_reduction){kind, NULL, NULL, 0})
#endif
#define GR_NONE GR__REDUCTION(GR__NONE)             /* the values themselves */
#define GR_SUM GR__REDUCTION(GR__SUM)               /* their sum */
#define GR_MEAN GR__REDUCTION(GR__MEAN)             /* sum / number of values */
#define GR_BATCH_MEAN GR__REDUCTION(GR__BATCH_MEAN) /* sum / first extent */

/* Values are multiplied by `weight`, which has the shape of the values or of their leading axes and
 * their dtype. A mean then divides by the sum of the weights, a batch mean by the first extent. A
 * second weight replaces the first, as a second mask and divisor do. */
GR_API gr_reduction gr_weighted(gr_reduction how, const gr_tensor *weight);

/* Values where `mask` is 0 do not count, whatever they are (NaN included), and no gradient reaches
 * what they were computed from; shape as for a weight, any dtype. A mean divides by the number (or
 * weight) of those that count, and is 0 when there are none; a batch mean by the first extent as
 * ever. GR_NONE leaves 0 in their place. So a missing label may be NaN, or any integer. */
GR_API gr_reduction gr_masked(gr_reduction how, const gr_tensor *mask);

/* Divides the sum by n in place of the kind's own divisor: a count over all shards, or over the
 * whole accumulated batch. n > 0; not for GR_NONE, which has no sum. */
GR_API gr_reduction gr_divided(gr_reduction how, double n);

/* The reduction itself, for losses of one's own. Values of any shape; () unless GR_NONE. The mean
 * over nothing is 0, attached to the graph. */
GR_API gr_tensor *gr_reduce(const gr_tensor *values, gr_reduction how);

/* ---- regression: prediction, target (*); values (*) ---- */

GR_API gr_tensor *gr_loss_mse(const gr_tensor *prediction, const gr_tensor *target,
                              gr_reduction how); /* r^2 */
GR_API gr_tensor *gr_loss_mae(const gr_tensor *prediction, const gr_tensor *target,
                              gr_reduction how); /* |r| */

/* r^2 / 2 where |r| <= delta, delta (|r| - delta / 2) elsewhere; delta > 0 (Huber 1964). Once
 * continuously differentiable. */
GR_API gr_tensor *gr_loss_huber(const gr_tensor *prediction, const gr_tensor *target, double delta,
                                gr_reduction how);

/* ---- classification ---- */

/* softplus(z) - z y: binary cross-entropy of sigmoid(z) against y in [0, 1]; values (*). */
GR_API gr_tensor *gr_loss_bce_logits(const gr_tensor *logits, const gr_tensor *target,
                                     gr_reduction how);

/* logsumexp(z) - z[label]: logits (N, C, *), labels GR_I64 (N, *); values (N, *). The class axis
 * is 1. */
GR_API gr_tensor *gr_loss_cross_entropy(const gr_tensor *logits, const gr_tensor *labels,
                                        gr_reduction how);

/* -sum_c y_c log_softmax(z)_c: logits and target (N, C, *), target a distribution along axis 1;
 * values (N, *). 0 log 0 = 0: where a logit of -inf excludes a class, y_c = 0 costs nothing. */
GR_API gr_tensor *gr_loss_cross_entropy_dense(const gr_tensor *logits, const gr_tensor *target,
                                              gr_reduction how);

/* ---- latent variables ---- */

/* KL(N(mean, e^logvar) to N(0, 1)) = sum_k (e^logvar_k + mean_k^2 - 1 - logvar_k) / 2: mean, logvar
 * (N, K); values (N) (Kingma & Welling 2013, appendix B). */
GR_API gr_tensor *gr_loss_kl_normal(const gr_tensor *mean, const gr_tensor *logvar,
                                    gr_reduction how);

#ifdef __cplusplus
}
#endif
#endif
