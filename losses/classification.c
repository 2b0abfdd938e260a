/* Losses of classification, from logits z. Public API only. */
#include <gradus.h>
#include <math.h>

#include "losses/loss.h"

/* ---- two classes ---- */

static bool binary_fits(const char *function, const gr_tensor *logits, const gr_tensor *target)
{
    return gr__loss_fits(function, "logits", logits, "target", target);
}

/* softplus(z) - z y */
gr_tensor *gr_loss_bce_logits(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    if (!binary_fits("gr_loss_bce_logits", logits, target)) {
        return gr_error_tensor();
    }
    const gr_tensor *z = gr__loss_counted(logits, how, GR__NO_AXES);
    const gr_tensor *y = gr__loss_counted(target, how, GR__NO_AXES);

    return gr_reduce(gr_sub(gr_softplus(z), gr_mul(z, y)), how);
}

/* y z */
static gr_tensor *fit(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    const gr_tensor *z = gr__loss_counted(logits, how, GR__NO_AXES);
    const gr_tensor *y = gr__loss_counted(target, how, GR__NO_AXES);

    return gr_mul(y, z);
}

/* softplus(-y z) */
gr_tensor *gr_loss_soft_margin(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    if (!binary_fits("gr_loss_soft_margin", logits, target)) {
        return gr_error_tensor();
    }
    return gr_reduce(gr_softplus(gr_neg(fit(logits, target, how))), how);
}

/* max(1 - y z, 0) */
gr_tensor *gr_loss_hinge(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    if (!binary_fits("gr_loss_hinge", logits, target)) {
        return gr_error_tensor();
    }
    return gr_reduce(gr_relu(gr_sub(1, fit(logits, target, how))), how);
}

/* m^gamma, m in [0, 1]. Through logarithms it is bounded below, where it has slope 0 instead of
 * none; m that small multiplies a cross-entropy that is as small. */
static gr_tensor *power(const gr_tensor *m, double gamma)
{
    return gamma == 2 ? gr_square(m) : gr_exp(gr_mul(gamma, gr_log(gr_maximum(m, 1e-37))));
}

/* m = (1 - y) p + y (1 - p) = y + (1 - 2 y) p: exactly p or 1 - p where y is hard. */
gr_tensor *gr_loss_focal(const gr_tensor *logits, const gr_tensor *target, double alpha,
                         double gamma, gr_reduction how)
{
    const char *function = "gr_loss_focal";

    if (!binary_fits(function, logits, target) ||
        !gr__loss_option(function, "alpha", alpha == -1 || (alpha >= 0 && alpha <= 1), alpha,
                         "0 to 1, or -1 for no weight") ||
        !gr__loss_option(function, "gamma", gamma >= 0 && gamma < INFINITY, gamma,
                         "0 or more and finite")) {
        return gr_error_tensor();
    }
    const gr_tensor *z = gr__loss_counted(logits, how, GR__NO_AXES);
    const gr_tensor *y = gr__loss_counted(target, how, GR__NO_AXES);
    gr_tensor *m = gr_add(y, gr_mul(gr_sub(1, gr_mul(2, y)), gr_sigmoid(z)));
    gr_tensor *values = gr_mul(power(m, gamma), gr_sub(gr_softplus(z), gr_mul(z, y)));

    if (alpha >= 0) {
        values = gr_mul(gr_add(1 - alpha, gr_mul(2 * alpha - 1, y)), values);
    }
    return gr_reduce(values, how);
}

/* ---- C classes, from labels ---- */

/* x[label] along the axis. */
static gr_tensor *pick(const gr_tensor *x, const gr_tensor *label, int axis)
{
    return gr_squeeze(gr_gather(x, axis, gr_unsqueeze(label, axis)), axis);
}

/* Whether the labels are classes, as far as their numbers are known: under a mask they may be
 * anything. */
static bool labels_known(const char *function, const gr_tensor *logits, const gr_tensor *labels,
                         int axis, gr_reduction how)
{
    return how.mask || gr_check_index(function, "labels", labels, gr_dim(logits, axis));
}

/* log_softmax of the logits that count. */
static gr_tensor *log_probabilities(const gr_tensor *logits, int axis, gr_reduction how)
{
    return gr_log_softmax(gr__loss_counted(logits, how, GR_AXES(axis)), GR_AXES(axis));
}

/* -log_softmax(z)[label] */
gr_tensor *gr_loss_cross_entropy(const gr_tensor *logits, const gr_tensor *labels, gr_reduction how)
{
    const char *function = "gr_loss_cross_entropy";

    if (!gr__loss_floats(function, "logits", logits) ||
        !gr__loss_rank(function, "logits", logits, 2, GR_MAX_RANK, "(N,C,*)") ||
        !gr__loss_labels_fit(function, "logits", logits, labels, 1) ||
        !labels_known(function, logits, labels, 1, how)) {
        return gr_error_tensor();
    }
    const gr_tensor *label = gr__loss_counted(labels, how, GR__NO_AXES);
    gr_tensor *log_p = log_probabilities(logits, 1, how); /* (N, C, *) */

    return gr_reduce(gr_neg(pick(log_p, label, 1)), how);
}

gr_cross_entropy_options gr_cross_entropy_defaults(void)
{
    return (gr_cross_entropy_options){
        .smoothing = 0, .weight = NULL, .ignore = INT64_MIN, .axis = 1};
}

static bool class_weight_fits(const char *function, const gr_tensor *logits,
                              const gr_tensor *weight, int axis)
{
    return !weight || (gr_check_operand(function, "weight", weight) &&
                       gr__loss_dtype(function, "logits", logits, "weight", weight) &&
                       gr__loss_shape(function, "weight", weight, GR_SHAPE(gr_dim(logits, axis)),
                                      "logits", logits));
}

/* Checks the options, and counts the axis from the front. */
static bool take_options(const char *function, const gr_tensor *logits, const gr_tensor *labels,
                         gr_cross_entropy_options *o)
{
    char got[GR_SHAPE_TEXT];

    if (!gr__loss_floats(function, "logits", logits)) {
        return false;
    }
    if (o->axis < -gr_rank(logits) || o->axis >= gr_rank(logits)) {
        return gr_fail(GR_ERROR_SHAPE, function, "axis", "got %d, want an axis of logits, %s",
                       o->axis, gr_shape_text(gr_shape_of(logits), got));
    }
    o->axis += o->axis < 0 ? gr_rank(logits) : 0;
    return gr__loss_option(function, "smoothing", o->smoothing >= 0 && o->smoothing <= 1,
                           o->smoothing, "0 to 1") &&
           gr__loss_labels_fit(function, "logits", logits, labels, o->axis) &&
           class_weight_fits(function, logits, o->weight, o->axis);
}

/* how, under which labels that are to be ignored do not count. */
static gr_reduction without_ignored(gr_reduction how, const gr_tensor *labels, int64_t ignore)
{
    if (ignore == INT64_MIN) {
        return how;
    }
    gr_tensor *keep = gr_not_equal(labels, ignore);

    return gr_masked(how, how.mask ? gr_mul(keep, gr__loss_mask(how, gr_shape_of(labels), GR_I64))
                                   : keep);
}

/* sum_c w_c log_p_c / C along the axis (w NULL: all 1). A class of weight 0 may be excluded by a
 * logit of -inf. */
static gr_tensor *spread(const gr_tensor *log_p, const gr_tensor *w, int axis)
{
    gr_shape column = GR_SHAPE(gr_dim(log_p, axis), 1, 1, 1, 1, 1, 1, 1);

    if (!w) {
        return gr_mean(log_p, GR_AXES(axis), false);
    }
    column.rank = gr_rank(log_p) - axis;
    gr_tensor *across = gr_reshape(w, column); /* (C, 1, ..) against (.., C, *) */
    gr_tensor *terms = gr_mul(across, gr_where(gr_equal(across, 0), 0, log_p));
    return gr_mean(terms, GR_AXES(axis), false);
}

/* The sum of the values over the sum of `weight`, of those that count, each times how's weight. */
static gr_tensor *weighted_mean(const gr_tensor *values, const gr_tensor *weight, gr_reduction how)
{
    how.kind = GR__SUM;
    gr_tensor *all = gr_reduce(weight, how);

    return gr_div(gr_reduce(values, how), gr_where(gr_equal(all, 0), 1, all));
}

gr_tensor *gr_loss_cross_entropy_with(const gr_tensor *logits, const gr_tensor *labels,
                                      gr_cross_entropy_options options, gr_reduction how)
{
    const char *function = "gr_loss_cross_entropy_with";
    double e = options.smoothing;

    if (!take_options(function, logits, labels, &options)) {
        return gr_error_tensor();
    }
    int axis = options.axis;
    how = without_ignored(how, labels, options.ignore);
    if (!labels_known(function, logits, labels, axis, how)) {
        return gr_error_tensor();
    }
    const gr_tensor *label = gr__loss_counted(labels, how, GR__NO_AXES);
    gr_tensor *log_p = log_probabilities(logits, axis, how); /* (.., C, *) */
    gr_tensor *score = pick(log_p, label, axis), *w = NULL;

    if (options.weight) {
        w = gr_take(options.weight, 0, gr_reshape(label, GR_SHAPE(-1)));
        w = gr_reshape(w, gr_shape_of(label));
        score = gr_mul(w, score);
    }
    if (e > 0) {
        score = gr_add(gr_mul(1 - e, score), gr_mul(e, spread(log_p, options.weight, axis)));
    }
    gr_tensor *values = gr_neg(score);
    return w && how.kind == GR__MEAN && how.divisor == 0 ? weighted_mean(values, w, how)
                                                         : gr_reduce(values, how);
}

/* ---- C classes, from distributions ---- */

static bool classes_fit(const char *function, const char *a_name, const gr_tensor *a,
                        const char *b_name, const gr_tensor *b)
{
    return gr__loss_fits(function, a_name, a, b_name, b) &&
           gr__loss_rank(function, a_name, a, 2, GR_MAX_RANK, "(N,C,*)");
}

/* log p, with 0 for -inf where y is 0: 0 log 0 = 0. */
static gr_tensor *log_where_counts(const gr_tensor *log_p, const gr_tensor *y)
{
    gr_tensor *excluded = gr_mul(gr_equal(y, 0), gr_equal(log_p, -INFINITY));

    return gr_where(excluded, 0, log_p);
}

/* -sum_c y_c log_softmax(z)_c */
gr_tensor *gr_loss_cross_entropy_dense(const gr_tensor *logits, const gr_tensor *target,
                                       gr_reduction how)
{
    if (!classes_fit("gr_loss_cross_entropy_dense", "logits", logits, "target", target)) {
        return gr_error_tensor();
    }
    const gr_tensor *y = gr__loss_counted(target, how, GR_AXES(1));
    gr_tensor *log_p = log_probabilities(logits, 1, how);
    gr_tensor *terms = gr_mul(y, log_where_counts(log_p, y)); /* (N, C, *) */

    return gr_reduce(gr_neg(gr_sum(terms, GR_AXES(1), false)), how);
}

/* sum_c t_c (log t_c - log p_c). log t is taken of 1 where t is 0, so that its slope there is not
 * infinite. */
gr_tensor *gr_loss_kl_div(const gr_tensor *log_p, const gr_tensor *target, gr_reduction how)
{
    if (!classes_fit("gr_loss_kl_div", "log_p", log_p, "target", target)) {
        return gr_error_tensor();
    }
    const gr_tensor *t = gr__loss_counted(target, how, GR_AXES(1));
    const gr_tensor *q = gr__loss_counted(log_p, how, GR_AXES(1));
    gr_tensor *log_t = gr_log(gr_where(gr_equal(t, 0), 1, t));
    gr_tensor *terms = gr_mul(t, gr_sub(log_t, log_where_counts(q, t))); /* (N, C, *) */

    return gr_reduce(gr_sum(terms, GR_AXES(1), false), how);
}

/* sum_c e^s_c (s_c - q_c), s = log t, q = log p; 0 where s_c = -inf. */
static gr_tensor *kl_of_logs(const gr_tensor *q, const gr_tensor *s)
{
    gr_tensor *none = gr_equal(s, -INFINITY);
    gr_tensor *ratio = gr_sub(gr_where(none, 0, s), gr_where(none, 0, q));

    return gr_sum(gr_mul(gr_exp(s), ratio), GR_AXES(1), false);
}

gr_tensor *gr_loss_kl_div_log(const gr_tensor *log_p, const gr_tensor *log_target, gr_reduction how)
{
    if (!classes_fit("gr_loss_kl_div_log", "log_p", log_p, "log_target", log_target)) {
        return gr_error_tensor();
    }
    const gr_tensor *q = gr__loss_counted(log_p, how, GR_AXES(1));

    return gr_reduce(kl_of_logs(q, gr__loss_counted(log_target, how, GR_AXES(1))), how);
}

gr_tensor *gr_loss_kl_div_logits(const gr_tensor *logits, const gr_tensor *target_logits,
                                 gr_reduction how)
{
    if (!classes_fit("gr_loss_kl_div_logits", "logits", logits, "target_logits", target_logits)) {
        return gr_error_tensor();
    }
    gr_tensor *q = log_probabilities(logits, 1, how);

    return gr_reduce(kl_of_logs(q, log_probabilities(target_logits, 1, how)), how);
}

gr_tensor *gr_loss_distillation(const gr_tensor *student, const gr_tensor *teacher,
                                const gr_tensor *labels, double temperature, double alpha,
                                gr_reduction how)
{
    const char *function = "gr_loss_distillation";
    double t = temperature;

    if (!classes_fit(function, "student", student, "teacher", teacher) ||
        !gr__loss_labels_fit(function, "student", student, labels, 1) ||
        !gr__loss_option(function, "temperature", t > 0 && t < INFINITY, t,
                         "positive and finite") ||
        !gr__loss_option(function, "alpha", alpha >= 0 && alpha <= 1, alpha, "0 to 1") ||
        !labels_known(function, student, labels, 1, how)) {
        return gr_error_tensor();
    }
    const gr_tensor *label = gr__loss_counted(labels, how, GR__NO_AXES);
    gr_tensor *q = log_probabilities(gr_div(student, t), 1, how);
    gr_tensor *soft = kl_of_logs(q, log_probabilities(gr_div(gr_detach(teacher), t), 1, how));
    gr_tensor *score = pick(log_probabilities(student, 1, how), label, 1);

    return gr_reduce(gr_sub(gr_mul(alpha * t * t, soft), gr_mul(1 - alpha, score)), how);
}
