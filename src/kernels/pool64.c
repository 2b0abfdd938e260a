/* Pooling of double planes. */
#define T double
#define LANE int64_t
#define POOL(name) GR__KERNEL(gr__pool_##name##_f64)

#include "src/kernels/pool.h"
