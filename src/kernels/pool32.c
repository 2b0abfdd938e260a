/* Pooling of float planes. */
#define T float
#define LANE int32_t
#define POOL(name) GR__KERNEL(gr__pool_##name##_f32)

#include "src/kernels/pool.h"
