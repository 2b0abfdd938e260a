/* Factors and triangular systems of floats. */
#define T float
#define LINALG(name) name##_f32
#define GEMM gr__gemm_f32

#include "src/kernels/linalg.h"
