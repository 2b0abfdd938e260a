/* What rows of linalg.def say beside the functions themselves; tools/references/linalg.py has the
 * same in Python. */
#ifndef TESTS_PRIMITIVES_LINALG_H
#define TESTS_PRIMITIVES_LINALG_H

#include <gradus.h>

/* (x + x^T) / 2 */
static inline gr_tensor *symmetric(gr_tensor *x)
{
    return gr_mul(0.5, gr_add(x, gr_transpose(x, -2, -1)));
}

/* gr_slogdet's second result. */
static inline gr_tensor *slogdet_sign(gr_tensor *x)
{
    gr_tensor *sign;

    gr_slogdet(x, &sign);
    return sign;
}

/* What power iteration begins with. */
static inline gr_tensor *start(gr_tensor *x)
{
    return gr_arange(gr_dtype_of(x), gr_dim(x, -2), 1, 0.5);
}

#endif
