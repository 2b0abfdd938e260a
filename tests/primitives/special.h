/* What rows of special.def say beside the functions themselves; tools/references/special.py has the
 * same in Python. */
#ifndef TESTS_PRIMITIVES_SPECIAL_H
#define TESTS_PRIMITIVES_SPECIAL_H

#include <gradus.h>

/* Whole numbers as orders beside x. */
static inline gr_tensor *orders(gr_tensor *n, gr_tensor *x)
{
    return gr_cast(n, gr_dtype_of(x));
}

#endif
