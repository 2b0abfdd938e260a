/*
 * vmath: elementary functions that compilers vectorise. Every function is branch-free plain C over
 * one number, so `for (i = 0; i < n; i++) y[i] = v_exp(x[i]);` becomes vector code; the same bits
 * come out of vector body and tail. Fused multiply-adds are written out, and the file must be
 * compiled with -ffp-contract=off, so the bits are the same for gcc and clang and on every
 * instruction set that has fma. Knows floats and doubles only.
 *
 * Needs -fno-math-errno and -fno-trapping-math to vectorise, round-to-nearest to be right.
 * NaN gives NaN; infinities, signed zeros and denormals are right in every function.
 */
#ifndef GR__VMATH_H
#define GR__VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c in one rounding where the hardware has it. Software fma is far too slow, so elsewhere
   there are two roundings and other last bits; no error exceeds 2 ulp there either. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
#define GR__HAS_FMA 1
#define GR__FMA32(a, b, c) __builtin_fmaf(a, b, c)
#define GR__FMA64(a, b, c) __builtin_fma(a, b, c)
#else
#define GR__FMA32(a, b, c) ((a) * (b) + (c))
#define GR__FMA64(a, b, c) ((a) * (b) + (c))
#endif

/* In this order: sin and cos of a float are reduced in double. */
#include "vmath64.h"
#include "vmath32.h"

#define GR__VMATH(name32, name64, x) _Generic((x), float : name32, double : name64)(x)

#define v_exp(x) GR__VMATH(gr__exp32, gr__exp64, x)                /* e^x */
#define v_exp2(x) GR__VMATH(gr__exp2_32, gr__exp2_64, x)           /* 2^x */
#define v_expm1(x) GR__VMATH(gr__expm1_32, gr__expm1_64, x)        /* e^x - 1 */
#define v_log(x) GR__VMATH(gr__log32, gr__log64, x)                /* natural logarithm */
#define v_log2(x) GR__VMATH(gr__log2_32, gr__log2_64, x)           /* logarithm to base 2 */
#define v_log1p(x) GR__VMATH(gr__log1p_32, gr__log1p_64, x)        /* log(1 + x) */
#define v_tanh(x) GR__VMATH(gr__tanh32, gr__tanh64, x)             /* hyperbolic tangent */
#define v_sigmoid(x) GR__VMATH(gr__sigmoid32, gr__sigmoid64, x)    /* 1 / (1 + e^-x) */
#define v_softplus(x) GR__VMATH(gr__softplus32, gr__softplus64, x) /* log(1 + e^x) */
#define v_logsigmoid(x) (-v_softplus(-(x)))                        /* log(sigmoid(x)) */
#define v_log_cosh(x) GR__VMATH(gr__log_cosh32, gr__log_cosh64, x) /* log(cosh(x)) */
#define v_erf(x) GR__VMATH(gr__erf32, gr__erf64, x)                /* error function */
#define v_sin(x) GR__VMATH(gr__sin32, gr__sin64, x)                /* sine, x in radians */
#define v_cos(x) GR__VMATH(gr__cos32, gr__cos64, x)                /* cosine, x in radians */
#define v_sinpi(x) GR__VMATH(gr__sinpi32, gr__sinpi64, x)          /* sin(pi x) */
#define v_cospi(x) GR__VMATH(gr__cospi32, gr__cospi64, x)          /* cos(pi x) */

#endif
