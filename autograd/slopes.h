/* Derivatives of elementwise operations that are more than a line of elementwise.def, in
 * operations. */
#ifndef GRADUS_AUTOGRAD_SLOPES_H
#define GRADUS_AUTOGRAD_SLOPES_H

#include "autograd/autograd.h"

/* a - b, where both may be numbers. */
gr_arg gr__minus(gr_arg a, gr_arg b);
#define gr__minus(a, b) gr__minus(GR_ARG(a), GR_ARG(b))

/* The gradient's part that a maximum or minimum passes to the operand that is larger (smaller): the
 * whole where `high` > `low`; where they tie half of it if both are tensors, nothing at a
 * number. */
gr_tensor *gr__share(gr_tensor *gradient, gr_arg high, gr_arg low);

/* x / radius, 0 with all its derivatives where the radius is 0. */
gr_tensor *gr__unit(gr_arg x, const gr_tensor *radius);

/* a / b, 0 where both are 0. */
gr_tensor *gr__ratio(gr_arg a, gr_arg b);

/* x / (a^2 + b^2) without overflow, 0 with all its derivatives where a and b are 0. */
gr_tensor *gr__over_square(gr_arg x, gr_arg a, gr_arg b);

/* The exponent of a in b a^(b - 1), 0 where both are 0: there b is the whole slope. */
gr_arg gr__lowered(gr_arg a, gr_arg b);

/* a - b, -inf where that is no number: the exponent of a share of nothing. */
gr_tensor *gr__gap(gr_arg a, gr_arg b);
#define gr__gap(a, b) gr__gap(GR_ARG(a), GR_ARG(b))

/* Slopes of activations at x (of celu: for b), where their value is y. */
gr_tensor *gr__celu_slope(const gr_tensor *y, gr_arg a, gr_arg b);
gr_tensor *gr__silu_slope(const gr_tensor *x, const gr_tensor *y);
gr_tensor *gr__mish_slope(const gr_tensor *x);
gr_tensor *gr__gelu_slope(const gr_tensor *x);
gr_tensor *gr__gelu_tanh_slope(const gr_tensor *x);

#endif
