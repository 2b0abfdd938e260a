/* Convolutions of float arrays. */
#define T float
#define CONVOLVE GR__KERNEL(gr__convolve_f32)
#define SPREAD GR__KERNEL(gr__spread_f32)
#define WEIGH GR__KERNEL(gr__weigh_f32)

#include "src/kernels/convolve.h"
