/* Convolutions of double arrays. */
#define T double
#define CONVOLVE GR__KERNEL(gr__convolve_f64)
#define SPREAD GR__KERNEL(gr__spread_f64)
#define WEIGH GR__KERNEL(gr__weigh_f64)

#include "src/kernels/convolve.h"
