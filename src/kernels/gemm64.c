/* Products of double matrices. */
#define T double
#define GEMM gr__gemm_f64

#include "src/kernels/gemm.h"
