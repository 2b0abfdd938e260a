/* Products of float matrices. */
#define T float
#define GEMM gr__gemm_f32

#include "src/kernels/gemm.h"
