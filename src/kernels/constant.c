/* Constants and ramps: element i is start + i * step, and start itself where step is 0 (-0.0). */
#include "src/kernels/kernels.h"

/* value is an expression in the position i and the detail d. */
#define CONSTANT(dtype, T, value) \
    gr__source_kernel GR__KERNEL(gr__constant_##dtype); \
    void GR__KERNEL(gr__constant_##dtype)(void *out, const void *detail, int64_t first, int64_t n) \
    { \
        T *to = out; \
        gr__constant d = *(const gr__constant *)detail; \
        for (int64_t j = 0; j < n; j++) { \
            int64_t i = first + j; \
            to[j] = (T)(value); \
        } \
    }

CONSTANT(f32, float, d.step == 0 ? d.start : d.start + (double)i * d.step)
CONSTANT(f64, double, d.step == 0 ? d.start : d.start + (double)i * d.step)
/* start and step are integral here. */
CONSTANT(i64, int64_t, (int64_t)d.start + i * (int64_t)d.step)
