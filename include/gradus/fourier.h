/* Fourier transforms of real numbers: linear maps, each the other's adjoint but for scale. */
#ifndef GRADUS_FOURIER_H
#define GRADUS_FOURIER_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X_k = sum_j x_j e^(-2 pi i j k / n) along the last axis, for k = 0 .. n / 2, the rest being their
 * conjugates: (..., n) -> (..., n / 2 + 1, 2), real and imaginary parts on the last axis. Not
 * scaled, as PyTorch's "backward". n is 1 or more, and any: O(n log n). The root of the mean square
 * error is some 1 ulp of the norm of x, 2 where n has a prime factor above 50. f32 and f64. */
GR_API gr_tensor *gr_rfft(const gr_tensor *x);

/* The inverse, divided by n: (..., n / 2 + 1, 2) -> (..., n). n must be given, since n and n + 1
 * can have as many bins. The imaginary parts of the first bin and, for even n, of the last are not
 * read: those of a real signal are 0. f32 and f64. */
GR_API gr_tensor *gr_irfft(const gr_tensor *y, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
