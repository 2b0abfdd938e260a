/* Derivatives of elementwise operations that are more than a line of elementwise.def. Where a
 * formula has no value, its operands are replaced before, not its result after: a gradient of the
 * gradient would still meet the NaN. Public operations only. */
#include <math.h>

#include "autograd/slopes.h"

gr_tensor *gr__share(gr_tensor *gradient, gr_arg high, gr_arg low)
{
    gr_tensor *wins = gr_greater(high, low);

    if (!high.tensor || !low.tensor) {
        return gr_where(wins, gradient, 0);
    }
    return gr_where(wins, gradient, gr_where(gr_equal(high, low), gr_mul(0.5, gradient), 0));
}

gr_arg(gr__minus)(gr_arg a, gr_arg b)
{
    bool numbers = !a.tensor && !b.tensor;

    return numbers ? (gr_arg){NULL, a.number - b.number} : (gr_arg){gr_sub(a, b), 0};
}

gr_tensor *gr__unit(gr_arg x, const gr_tensor *radius)
{
    gr_tensor *none = gr_equal(radius, 0);

    return gr_div(gr_where(none, 0, x), gr_where(none, 1, radius));
}

gr_tensor *gr__ratio(gr_arg a, gr_arg b)
{
    return gr_div(a, gr_where(gr_equal(gr_hypot(a, b), 0), 1, b));
}

gr_tensor *gr__over_square(gr_arg x, gr_arg a, gr_arg b)
{
    gr_tensor *radius = gr_hypot(a, b);

    return gr__unit((gr_arg){gr__unit(x, radius), 0}, radius);
}

gr_arg gr__lowered(gr_arg a, gr_arg b)
{
    if (!b.tensor) {
        return (gr_arg){NULL, b.number == 0 ? 0 : b.number - 1};
    }
    return (gr_arg){gr_where(gr_equal(gr_hypot(a, b), 0), 0, gr_sub(b, 1)), 0};
}

gr_tensor *(gr__gap)(gr_arg a, gr_arg b)
{
    gr_tensor *gap = gr_sub(a, b);

    return gr_where(gr_is_nan(gap), -INFINITY, gap);
}

/* With t = a / b and e^t - 1 = y / b: e^t - 1 - t e^t. */
gr_tensor *gr__celu_slope(const gr_tensor *y, gr_arg a, gr_arg b)
{
    gr_tensor *less = gr_div(y, b);

    return gr_sub(less, gr_mul(gr_div(a, b), gr_add(1, less)));
}

/* s + x s (1 - s) with s = sigmoid(x). */
gr_tensor *gr__silu_slope(const gr_tensor *x, const gr_tensor *y)
{
    gr_tensor *s = gr_sigmoid(x);

    return gr_add_mul(s, y, gr_sub(1, s));
}

/* t + x sigmoid(x) (1 - t^2) with t = tanh(softplus(x)). */
gr_tensor *gr__mish_slope(const gr_tensor *x)
{
    gr_tensor *t = gr_tanh(gr_softplus(x));

    return gr_add_mul(t, gr_silu(x), gr_sub(1, gr_square(t)));
}

#define SQRT_1_2 0.70710678118654752440
#define SQRT_1_2PI 0.39894228040143267794

/* (1 + erf(x / sqrt(2))) / 2 + x e^(-x^2 / 2) / sqrt(2 pi). */
gr_tensor *gr__gelu_slope(const gr_tensor *x)
{
    gr_tensor *share = gr_add(0.5, gr_mul(0.5, gr_erf(gr_mul(SQRT_1_2, x))));
    gr_tensor *density = gr_mul(SQRT_1_2PI, gr_exp(gr_mul(-0.5, gr_square(x))));

    return gr_add_mul(share, x, density);
}

#define SQRT_8_PI 1.59576912160573071176
#define CUBIC 0.044715

/* s + x s (1 - s) w' with w = sqrt(8 / pi) (x + 0.044715 x^3) and s = sigmoid(w). */
gr_tensor *gr__gelu_tanh_slope(const gr_tensor *x)
{
    gr_tensor *u = gr_square(x);
    gr_tensor *s = gr_sigmoid(gr_mul(x, gr_add(SQRT_8_PI, gr_mul(SQRT_8_PI * CUBIC, u))));
    gr_tensor *dw = gr_add(SQRT_8_PI, gr_mul(3 * SQRT_8_PI * CUBIC, u));

    return gr_add_mul(s, gr_mul(gr_gelu_tanh(x), gr_sub(1, s)), dw);
}
