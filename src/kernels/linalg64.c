/* Factors and triangular systems of doubles. */
#define T double
#define LINALG(name) name##_f64
#define GEMM gr__gemm_f64

#include "src/kernels/linalg.h"
