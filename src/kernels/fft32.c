/* Fourier transforms of floats. */
#define T float
#define FFT(name) name##_f32

#include "src/kernels/fft.h"
