/* Fourier transforms of doubles. */
#define T double
#define FFT(name) name##_f64

#include "src/kernels/fft.h"
