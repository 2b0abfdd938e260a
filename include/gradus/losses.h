/* Losses: compositions of the operations of ops.h, so gradients of any order come for free.
 *
 * Every loss computes values, one for each term of its definition, and hands them to
 * gr_reduce(values, how). Prediction and target must have equal shapes: nothing is broadcast
 * between them. Gradients flow into the target as well; gr_detach stops them.
 *
 * Symbols: r = prediction - target, z logits, p probabilities, y targets, N batch, C classes, D
 * features, K latent dimensions, * any further extents. A loss whose values lack an axis has summed
 * over it; its masks and weights have the shape of the values.
 *
 * Options start from the defaults: a struct initialiser that names one field sets the others to
 * 0. */
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

/* log cosh r: r^2 / 2 near 0, |r| - log 2 far out; its slope is tanh r. */
GR_API gr_tensor *gr_loss_log_cosh(const gr_tensor *prediction, const gr_tensor *target,
                                   gr_reduction how);

/* sqrt(r^2 + eps^2), eps usually 1e-3, at least 1e-18: |r| made smooth to every order, eps at r = 0
 * (Charbonnier et al. 1994). */
GR_API gr_tensor *gr_loss_charbonnier(const gr_tensor *prediction, const gr_tensor *target,
                                      double eps, gr_reduction how);

/* max(q e, (q - 1) e), e = target - prediction, 0 < q < 1: least where the prediction is the
 * q-quantile of the target (Koenker & Bassett 1978). Slope 0 at e = 0. */
GR_API gr_tensor *gr_loss_quantile(const gr_tensor *prediction, const gr_tensor *target, double q,
                                   gr_reduction how);

/* ---- likelihood ---- */

/* What gr_loss_poisson_nll leaves out, since it does not depend on the prediction. */
typedef enum gr_poisson_constant {
    GR_POISSON_NO_CONSTANT,   /* nothing is added */
    GR_POISSON_LOG_FACTORIAL, /* log y!, as lgamma(y + 1) */
    GR_POISSON_STIRLING       /* y log y - y + log(2 pi y) / 2 where y > 1, as PyTorch has it */
} gr_poisson_constant;

typedef struct gr_poisson_nll_options {
    gr_poisson_constant constant; /* GR_POISSON_NO_CONSTANT */
    double eps;                   /* 1e-8, > 0; for gr_loss_poisson_nll_rate */
} gr_poisson_nll_options;

GR_API gr_poisson_nll_options gr_poisson_nll_defaults(void);

/* e^u - y u: the negative log-likelihood of a count y >= 0 under a Poisson distribution whose rate
 * is e^u, up to log y!; log_rate u and target y (*), values (*). */
GR_API gr_tensor *gr_loss_poisson_nll(const gr_tensor *log_rate, const gr_tensor *target,
                                      gr_reduction how);
GR_API gr_tensor *gr_loss_poisson_nll_with(const gr_tensor *log_rate, const gr_tensor *target,
                                           gr_poisson_nll_options options, gr_reduction how);

/* m - y log(m + eps): the same from the rate m >= 0 itself. */
GR_API gr_tensor *gr_loss_poisson_nll_rate(const gr_tensor *rate, const gr_tensor *target,
                                           gr_poisson_nll_options options, gr_reduction how);

/* ---- classification ---- */

/* softplus(z) - z y: binary cross-entropy of sigmoid(z) against y in [0, 1]; values (*). */
GR_API gr_tensor *gr_loss_bce_logits(const gr_tensor *logits, const gr_tensor *target,
                                     gr_reduction how);

/* softplus(-y z), y in {-1, 1}: logistic regression with signs for labels; values (*). */
GR_API gr_tensor *gr_loss_soft_margin(const gr_tensor *logits, const gr_tensor *target,
                                      gr_reduction how);

/* max(1 - y z, 0), y in {-1, 1} (Cortes & Vapnik 1995); values (*). Slope 0 at y z = 1. */
GR_API gr_tensor *gr_loss_hinge(const gr_tensor *logits, const gr_tensor *target, gr_reduction how);

/* a_y m^gamma (softplus(z) - z y), where p = sigmoid(z), m = (1 - y) p + y (1 - p) is how far the
 * prediction misses and a_y = alpha y + (1 - alpha)(1 - y): binary cross-entropy in which easy
 * samples count less (Lin et al. 2017: alpha 0.25, gamma 2); values (*). y in [0, 1], hard or soft.
 * gamma >= 0; alpha in [0, 1], or -1 for a_y = 1. Detectors divide by the number of positives:
 * gr_divided. */
GR_API gr_tensor *gr_loss_focal(const gr_tensor *logits, const gr_tensor *target, double alpha,
                                double gamma, gr_reduction how);

/* logsumexp(z) - z[label]: logits (N, C, *), labels GR_I64 (N, *); values (N, *). The class axis
 * is 1. */
GR_API gr_tensor *gr_loss_cross_entropy(const gr_tensor *logits, const gr_tensor *labels,
                                        gr_reduction how);

typedef struct gr_cross_entropy_options {
    double smoothing;        /* 0; e in [0, 1], spread evenly over all classes */
    const gr_tensor *weight; /* NULL: all 1; w (C) in the dtype of logits, one for each class */
    int64_t ignore;          /* INT64_MIN: none; samples with this label do not count */
    int axis;                /* 1; the class axis of logits, which labels lack */
} gr_cross_entropy_options;

GR_API gr_cross_entropy_options gr_cross_entropy_defaults(void);

/* (1 - e) w[label] (-l[label]) + e / C sum_c w_c (-l_c) with l = log_softmax(z): cross-entropy
 * against (1 - e) onehot + e / C (Szegedy et al. 2015), classes weighted as in PyTorch: a mean
 * divides by the sum of w[label], times the weights of gr_weighted, over the samples that count.
 * An ignored label only leaves its sample out: where it is a class, the class takes part in the
 * softmax of the other samples. */
GR_API gr_tensor *gr_loss_cross_entropy_with(const gr_tensor *logits, const gr_tensor *labels,
                                             gr_cross_entropy_options options, gr_reduction how);

/* -sum_c y_c log_softmax(z)_c: logits and target (N, C, *), target a distribution along axis 1;
 * values (N, *). 0 log 0 = 0: where a logit of -inf excludes a class, y_c = 0 costs nothing. */
GR_API gr_tensor *gr_loss_cross_entropy_dense(const gr_tensor *logits, const gr_tensor *target,
                                              gr_reduction how);

/* Kullback-Leibler divergence KL(t to p) = sum_c t_c (log t_c - log p_c) of a target distribution t
 * from a predicted p, both (N, C, *) with classes along axis 1; values (N, *) (Kullback & Leibler
 * 1951). Arguments in PyTorch's order, the prediction first; unlike there the class axis is summed,
 * so that GR_MEAN is PyTorch's "batchmean" for (N, C), and optax' kl_divergence under a mean.
 * 0 log 0 = 0; at t_c = 0 the slope for t_c is that of -t_c log p_c alone. */
GR_API gr_tensor *gr_loss_kl_div(const gr_tensor *log_p, const gr_tensor *target, gr_reduction how);

/* The same from log t, which may be -inf (PyTorch: log_target). */
GR_API gr_tensor *gr_loss_kl_div_log(const gr_tensor *log_p, const gr_tensor *log_target,
                                     gr_reduction how);

/* The same from logits of both: p = softmax(logits), t = softmax(target_logits). */
GR_API gr_tensor *gr_loss_kl_div_logits(const gr_tensor *logits, const gr_tensor *target_logits,
                                        gr_reduction how);

/* alpha T^2 KL(softmax(teacher / T) to softmax(student / T)) + (1 - alpha) CE(student, labels):
 * student and teacher logits (N, C, *), labels GR_I64 (N, *); values (N, *) (Hinton, Vinyals & Dean
 * 2015: T from 2 to 20). temperature T > 0, alpha in [0, 1]. No gradient reaches the teacher. */
GR_API gr_tensor *gr_loss_distillation(const gr_tensor *student, const gr_tensor *teacher,
                                       const gr_tensor *labels, double temperature, double alpha,
                                       gr_reduction how);

/* ---- segmentation: probabilities p and target y in [0, 1], (N, C, *); values (N, C) ----
 * Sums run over *, one for each sample and channel. p is gr_sigmoid of logits, or gr_softmax of
 * them along axis 1. Pixels that are not to count are 0 in both: gr_where(valid, p, 0). */

typedef struct gr_overlap_options {
    double eps; /* 1e-5, > 0; above and below, so that nothing against nothing costs 0 */
    bool batch; /* false; sums run over N too: values (C) */
} gr_overlap_options;

GR_API gr_overlap_options gr_overlap_defaults(void);

/* 1 - (2 sum(p y) + eps) / (sum p + sum y + eps): soft Dice (Milletari et al. 2016, without their
 * squares). For soft y it is not least at p = y. */
GR_API gr_tensor *gr_loss_dice(const gr_tensor *probability, const gr_tensor *target,
                               gr_reduction how);
GR_API gr_tensor *gr_loss_dice_with(const gr_tensor *probability, const gr_tensor *target,
                                    gr_overlap_options options, gr_reduction how);

/* 1 - (TP + eps) / (TP + alpha FP + beta FN + eps), TP = sum(p y), FP = sum(p (1 - y)),
 * FN = sum((1 - p) y): alpha weighs what is found wrongly, beta what is missed (Salehi et al. 2017:
 * 0.3 and 0.7 favour recall); both >= 0. 0.5 and 0.5 are Dice with twice the eps. */
GR_API gr_tensor *gr_loss_tversky(const gr_tensor *probability, const gr_tensor *target,
                                  double alpha, double beta, gr_reduction how);
GR_API gr_tensor *gr_loss_tversky_with(const gr_tensor *probability, const gr_tensor *target,
                                       double alpha, double beta, gr_overlap_options options,
                                       gr_reduction how);

/* ---- metric learning: rows are vectors of D features ----
 * cos(a, b) = a.b / (max(|a|, 1e-8) max(|b|, 1e-8)): 0 for a zero vector. */

/* 1 - cos(a, b): a, b (*, D); values (*). */
GR_API gr_tensor *gr_loss_cosine_similarity(const gr_tensor *a, const gr_tensor *b,
                                            gr_reduction how);

/* 1 - cos(a, b) where target is 1, max(cos(a, b) - margin, 0) where it is -1: a, b (*, D), target
 * (*) in their dtype; values (*). margin in [-1, 1], usually 0. */
GR_API gr_tensor *gr_loss_cosine_embedding(const gr_tensor *a, const gr_tensor *b,
                                           const gr_tensor *target, double margin,
                                           gr_reduction how);

/* max(d(anchor, positive) - d(anchor, negative) + margin, 0), d(a, b) = |a - b + eps| with eps
 * added to each difference, as PyTorch has it: three times (*, D); values (*) (Schroff et al. 2015,
 * with unsquared distances). margin usually 1, eps >= 0 usually 1e-6; with eps 0, d has slope 0 at
 * a = b. */
GR_API gr_tensor *gr_loss_triplet_margin(const gr_tensor *anchor, const gr_tensor *positive,
                                         const gr_tensor *negative, double margin, double eps,
                                         gr_reduction how);

/* logsumexp_j(s_ij) - s_ii, s_ij = cos(a_i, b_j) / temperature: two views a, b (N, D) of N samples;
 * values (N). Row i of b is the positive of row i of a, the other rows are its negatives (van den
 * Oord et al. 2018). temperature is a positive number, often 0.07, or a tensor of shape (), which
 * may be learned. A masked sample is nobody's negative either. */
GR_API gr_tensor *gr_loss_info_nce(const gr_tensor *a, const gr_tensor *b, gr_arg temperature,
                                   gr_reduction how);

/* The same both ways, (logsumexp_j(s_ij) + logsumexp_j(s_ji)) / 2 - s_ii (Radford et al. 2021).
 * With their learned log-scale tau, the temperature is gr_exp(gr_neg(tau)). */
GR_API gr_tensor *gr_loss_clip(const gr_tensor *a, const gr_tensor *b, gr_arg temperature,
                               gr_reduction how);

/* ---- latent variables ---- */

/* KL(N(mean, e^logvar) to N(0, 1)) = sum_k (e^logvar_k + mean_k^2 - 1 - logvar_k) / 2: mean, logvar
 * (N, K); values (N) (Kingma & Welling 2013, appendix B). */
GR_API gr_tensor *gr_loss_kl_normal(const gr_tensor *mean, const gr_tensor *logvar,
                                    gr_reduction how);

#ifdef __cplusplus
}
#else
#define gr_loss_info_nce(a, b, temperature, how) gr_loss_info_nce(a, b, GR_ARG(temperature), how)
#define gr_loss_clip(a, b, temperature, how) gr_loss_clip(a, b, GR_ARG(temperature), how)
#endif
#endif
