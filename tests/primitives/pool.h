/* What the rows of pool.def say beside public functions. */
#ifndef TESTS_PRIMITIVES_POOL_H
#define TESTS_PRIMITIVES_POOL_H

#include <gradus.h>

static inline gr_window window(int64_t size, int64_t stride, int64_t padding)
{
    return (gr_window){size, stride, padding};
}

/* A grid of fractions and whole numbers of half an image's width: so all places can be kept off the
 * lines of elements, where the gradient jumps. */
static inline gr_tensor *places(const gr_tensor *fractions, const gr_tensor *halves)
{
    return gr_add(fractions, gr_mul(0.5, gr_cast(halves, gr_dtype_of(fractions))));
}

#endif
