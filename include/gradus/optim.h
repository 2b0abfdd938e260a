/* Optimizers: what consumes the gradients.
 *
 *     gr_adam_options options = gr_adam_defaults();
 *     options.lr = 0.05;
 *     gr_optimizer *adam = gr_adam(params, options);
 *     ...
 *     gr_backward(loss, params);
 *     gr_step(adam);
 *
 * Options start from the defaults: a struct initialiser that names one field sets the others to 0.
 *
 * A step updates the trained cells of its params that have a gradient, and clears exactly those
 * gradients; a cell without one is left alone, its moments too. */
#ifndef GRADUS_OPTIM_H
#define GRADUS_OPTIM_H

#include <gradus/params.h>
#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_optimizer gr_optimizer;

/* One step, atomic: everything that can fail comes first; on an error it returns false and values,
 * moments and gradients are as they were. A step with no gradient at all is an error. It also
 * computes, in the same schedule, whatever is pending in the open scopes and read by nothing. */
GR_API bool gr_step(gr_optimizer *optimizer);

GR_API bool gr_optimizer_set_lr(gr_optimizer *optimizer, double lr);
GR_API double gr_optimizer_lr(const gr_optimizer *optimizer);

/* Learning rate and options are the program's: gr_optimizer_state does not hold them. */
/* The optimizer's own cells ("exp_avg.hidden.weight", "step.hidden.weight" ...), to be saved beside
 * the model; they belong to the optimizer. Those of a parameter made after it come with the next
 * step. */
GR_API gr_params *gr_optimizer_state(gr_optimizer *optimizer);

GR_API void gr_optimizer_free(gr_optimizer *optimizer); /* before its params */

/* Scales the gradients of params so that their common norm is at most max_norm (> 0; INFINITY only
 * measures), and returns the norm as it was, a tensor of shape () without history. Between
 * gr_backward and gr_step. What is not finite does not become so. */
GR_API gr_tensor *gr_clip_grad_norm(gr_params *params, double max_norm);

/* Stochastic gradient descent, with momentum (Polyak 1964), Nesterov's form of it (Sutskever et al.
 * 2013) and weight decay added to the gradient:
 *     g <- g + weight_decay p;   b <- momentum b + (1 - dampening) g   (first step: b = g)
 *     p <- p - lr b        (nesterov: p - lr (g + momentum b)) */
typedef struct gr_sgd_options {
    double lr;           /* 0.01 */
    double momentum;     /* 0 */
    double dampening;    /* 0 */
    double weight_decay; /* 0 */
    bool nesterov;       /* false; needs momentum > 0 and dampening 0 */
} gr_sgd_options;

GR_API gr_sgd_options gr_sgd_defaults(void);
GR_API gr_optimizer *gr_sgd(gr_params *params, gr_sgd_options options);

/* Adam (Kingma & Ba 2014), t counting the steps of each cell:
 *     m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
 *     p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 * weight_decay is added to the gradient, or, decoupled (AdamW; Loshchilov & Hutter 2017), takes
 * lr weight_decay p from p itself. */
typedef struct gr_adam_options {
    double lr;           /* 0.001 */
    double beta1;        /* 0.9 */
    double beta2;        /* 0.999 */
    double eps;          /* 1e-8 */
    double weight_decay; /* 0; gr_adamw_defaults: 0.01 */
    bool decoupled;      /* false; gr_adamw_defaults: true */
} gr_adam_options;

GR_API gr_adam_options gr_adam_defaults(void);
GR_API gr_adam_options gr_adamw_defaults(void);
GR_API gr_optimizer *gr_adam(gr_params *params, gr_adam_options options);

#ifdef __cplusplus
}
#endif
#endif
