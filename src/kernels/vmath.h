/*
 * vmath: elementary functions that compilers vectorise. Every function is branch-free plain C over
 * one number, so `for (i = 0; i < n; i++) y[i] = v_exp(x[i]);` becomes vector code; the same bits
 * come out of vector body and tail. Fused multiply-adds are written out, and the file must be
 * compiled with -ffp-contract=off, so the bits are the same for gcc and clang and on every
 * instruction set that has fma. Knows floats and doubles only.
 *
 * Sine, cosine and tangent hold where v_is_far is false, all else everywhere: NaN gives NaN;
 * infinities, signed zeros and denormals are right.
 *
 * Needs -fno-math-errno and -fno-trapping-math to vectorise, round-to-nearest to be right.
 */
#ifndef GR__VMATH_H
#define GR__VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c in one rounding where the hardware has it. Software fma is far too slow, so elsewhere
   there are two roundings and other last bits. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
#define GR__HAS_FMA 1
#define GR__FMA32(a, b, c) __builtin_fmaf(a, b, c)
#define GR__FMA64(a, b, c) __builtin_fma(a, b, c)
#else
#define GR__FMA32(a, b, c) ((a) * (b) + (c))
#define GR__FMA64(a, b, c) ((a) * (b) + (c))
#endif

/* Each builds on those above it: floats' sines and special functions are computed in double. */
#include "vmath64.h"
#include "vmath32.h"
#include "vspecial64.h"
#include "vspecial32.h"
#include "vpower.h"
#include "vgate.h"
#include "vhyperbolic.h"
#include "vtrig.h"

#define GR__VMATH(name32, name64, x) _Generic((x), float : name32, double : name64)(x)
#define GR__VMATH2(name32, name64, a, b) _Generic((b), float : name32, double : name64)(a, b)

/* exponentials and logarithms */
#define v_exp(x) GR__VMATH(gr__exp32, gr__exp64, x)                /* e^x */
#define v_exp2(x) GR__VMATH(gr__exp2_32, gr__exp2_64, x)           /* 2^x */
#define v_expm1(x) GR__VMATH(gr__expm1_32, gr__expm1_64, x)        /* e^x - 1 */
#define v_log(x) GR__VMATH(gr__log32, gr__log64, x)                /* natural logarithm */
#define v_log2(x) GR__VMATH(gr__log2_32, gr__log2_64, x)           /* logarithm to base 2 */
#define v_log10(x) GR__VMATH(gr__log10_32, gr__log10_64, x)        /* logarithm to base 10 */
#define v_log1p(x) GR__VMATH(gr__log1p_32, gr__log1p_64, x)        /* log(1 + x) */
#define v_log1mexp(x) GR__VMATH(gr__log1mexp32, gr__log1mexp64, x) /* log(1 - e^x) */
#define v_log_cosh(x) GR__VMATH(gr__log_cosh32, gr__log_cosh64, x) /* log(cosh(x)) */

/* powers */
#define v_pow(a, b) GR__VMATH2(gr__pow32, gr__pow64, a, b)       /* a^b */
#define v_hypot(a, b) GR__VMATH2(gr__hypot32, gr__hypot64, a, b) /* sqrt(a^2 + b^2) */
#define v_cbrt(x) GR__VMATH(gr__cbrt32, gr__cbrt64, x)           /* cube root */

/* circular functions, of x in radians */
#define v_sin(x) GR__VMATH(gr__sin32, gr__sin64, x)                /* sine */
#define v_cos(x) GR__VMATH(gr__cos32, gr__cos64, x)                /* cosine */
#define v_tan(x) GR__VMATH(gr__tan32, gr__tan64, x)                /* tangent */
#define v_is_far(x) GR__VMATH(gr__is_far32, gr__is_far64, x)       /* too far for sin, cos, tan */
#define v_sinpi(x) GR__VMATH(gr__sinpi32, gr__sinpi64, x)          /* sin(pi x) */
#define v_cospi(x) GR__VMATH(gr__cospi32, gr__cospi64, x)          /* cos(pi x) */
#define v_asin(x) GR__VMATH(gr__asin32, gr__asin64, x)             /* inverse sine */
#define v_acos(x) GR__VMATH(gr__acos32, gr__acos64, x)             /* inverse cosine */
#define v_atan(x) GR__VMATH(gr__atan32, gr__atan64, x)             /* inverse tangent */
#define v_atan2(y, x) GR__VMATH2(gr__atan2_32, gr__atan2_64, y, x) /* angle of the point (x, y) */

/* hyperbolic functions */
#define v_sinh(x) GR__VMATH(gr__sinh32, gr__sinh64, x)    /* hyperbolic sine */
#define v_cosh(x) GR__VMATH(gr__cosh32, gr__cosh64, x)    /* hyperbolic cosine */
#define v_tanh(x) GR__VMATH(gr__tanh32, gr__tanh64, x)    /* hyperbolic tangent */
#define v_asinh(x) GR__VMATH(gr__asinh32, gr__asinh64, x) /* inverse of sinh */
#define v_acosh(x) GR__VMATH(gr__acosh32, gr__acosh64, x) /* inverse of cosh */
#define v_atanh(x) GR__VMATH(gr__atanh32, gr__atanh64, x) /* inverse of tanh */

/* special functions; n is a whole number from 0 to 16, else the result is NaN */
#define v_erf(x) GR__VMATH(gr__erf32, gr__erf64, x)                /* error function */
#define v_erfc(x) GR__VMATH(gr__erfc32, gr__erfc64, x)             /* 1 - erf(x) */
#define v_ndtr(x) GR__VMATH(gr__ndtr32, gr__ndtr64, x)             /* normal distribution */
#define v_log_ndtr(x) GR__VMATH(gr__log_ndtr32, gr__log_ndtr64, x) /* log(ndtr(x)) */
#define v_inverse_mills(x) \
    GR__VMATH(gr__inverse_mills32, gr__inverse_mills64, x) /* normal density over ndtr(x) */
#define v_truncated_moment(n, x) \
    GR__VMATH2(gr__truncated_moment32, gr__truncated_moment64, n, x) /* mean of u^n, u > 0 */
#define v_lgamma(x) GR__VMATH(gr__lgamma32, gr__lgamma64, x)         /* log |Gamma(x)| */
#define v_digamma(x) GR__VMATH(gr__digamma32, gr__digamma64, x)      /* its derivative */
#define v_trigamma(x) GR__VMATH(gr__trigamma32, gr__trigamma64, x)   /* its second derivative */
#define v_polygamma(n, x) \
    GR__VMATH2(gr__polygamma32, gr__polygamma64, n, x)     /* n-th derivative of digamma */
#define v_i0e(x) GR__VMATH(gr__i0e32, gr__i0e64, x)        /* e^-|x| I0(x) */
#define v_i1e(x) GR__VMATH(gr__i1e32, gr__i1e64, x)        /* e^-|x| I1(x) */
#define v_ive(n, x) GR__VMATH2(gr__ive32, gr__ive64, n, x) /* e^-|x| In(x) */

/* activations */
#define v_sigmoid(x) GR__VMATH(gr__sigmoid32, gr__sigmoid64, x)          /* 1 / (1 + e^-x) */
#define v_logsigmoid(x) (-v_softplus(-(x)))                              /* log(sigmoid(x)) */
#define v_softplus(x) GR__VMATH(gr__softplus32, gr__softplus64, x)       /* log(1 + e^x) */
#define v_silu(x) GR__VMATH(gr__silu32, gr__silu64, x)                   /* x sigmoid(x) */
#define v_mish(x) GR__VMATH(gr__mish32, gr__mish64, x)                   /* x tanh(softplus(x)) */
#define v_gelu(x) GR__VMATH(gr__gelu32, gr__gelu64, x)                   /* x Phi(x) */
#define v_gelu_tanh(x) GR__VMATH(gr__gelu_tanh32, gr__gelu_tanh64, x)    /* nearly gelu */
#define v_tanhshrink(x) GR__VMATH(gr__tanhshrink32, gr__tanhshrink64, x) /* x - tanh(x) */

#endif
