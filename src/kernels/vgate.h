/*
 * Smooth activations with gates: a part of vmath.h, which includes it. They keep their relative
 * accuracy where they vanish.
 */
#ifndef GR__VGATE_H
#define GR__VGATE_H

/* e^-a = (1 + p) s 2^-117 for 0 <= a <= 770, so that a product with it is rounded as little as can
   be, and to a denormal once. A NaN becomes 770. */
typedef struct {
    double p, s;
} gr__decay64;

static inline gr__decay64 gr__decay64_of(double a)
{
    double c = -gr__min64(a, 770.0), t = GR__FMA64(c, GR__LOG2E64, GR__ROUND64 + 1140.0);
    double p = gr__exp_tail64(gr__exp_rest64(c, t - (GR__ROUND64 + 1140.0)));
    return (gr__decay64){p, gr__from_bits64(gr__to_bits64(t) << 52)};
}

/* y e^-a. */
static inline double gr__decayed64(double y, gr__decay64 e)
{
    return GR__FMA64(y, e.p, y) * e.s * 0x1p-117;
}

/* The same for floats, a <= 120 and 2^-53. */
typedef struct {
    float p, s;
} gr__decay32;

static inline gr__decay32 gr__decay32_of(float a)
{
    float c = -gr__min32(a, 120.0f), t = GR__FMA32(c, GR__LOG2E32, GR__ROUND32 + 180.0f);
    float r = gr__exp_rest32(c, t - (GR__ROUND32 + 180.0f));
    return (gr__decay32){gr__exp_slope32(r) * r, gr__from_bits32(gr__to_bits32(t) << 23)};
}

static inline float gr__decayed32(float y, gr__decay32 e)
{
    return GR__FMA32(y, e.p, y) * e.s * 0x1p-53f;
}

/* x / (1 + e^-x) = x e^x / (1 + e^x). 2.4 ulp, 2.7. */
static inline double gr__silu64(double x)
{
    double a = gr__min64(fabs(x), 770.0);
    gr__decay64 e = gr__decay64_of(a);
    double q = (x < 0.0 ? a : x) / (1.0 + gr__decayed64(1.0, e));
    return x < 0.0 ? -gr__decayed64(q, e) : q;
}

static inline float gr__silu32(float x)
{
    float a = gr__min32(fabsf(x), 120.0f);
    gr__decay32 e = gr__decay32_of(a);
    float q = (x < 0.0f ? a : x) / (1.0f + gr__decayed32(1.0f, e));
    return x < 0.0f ? -gr__decayed32(q, e) : q;
}

/* x tanh(log(1 + e^x)) from z = e^-|x|: x (1 - 2 z^2 / (1 + 2 z + 2 z^2)) for x >= 0,
   x z (1 - (z + z^2) / (2 + 2 z + z^2)) for x < 0. 3.1 ulp, for floats 3.6. */
static inline double gr__mish64(double x)
{
    double a = gr__min64(fabs(x), 770.0);
    gr__decay64 e = gr__decay64_of(a);
    double z = gr__decayed64(1.0, e), u = z * z;
    double p = x < 0.0 ? z + u : 2.0 * u, q = x < 0.0 ? (z + 2.0) + p : (2.0 * z + 1.0) + p;
    double y = (x < 0.0 ? a : x) * (1.0 - p / q);
    return x < 0.0 ? -gr__decayed64(y, e) : y;
}

static inline float gr__mish32(float x)
{
    float a = gr__min32(fabsf(x), 120.0f);
    gr__decay32 e = gr__decay32_of(a);
    float z = gr__decayed32(1.0f, e), u = z * z;
    float p = x < 0.0f ? z + u : 2.0f * u, q = x < 0.0f ? (z + 2.0f) + p : (2.0f * z + 1.0f) + p;
    float y = (x < 0.0f ? a : x) * (1.0f - p / q);
    return x < 0.0f ? -gr__decayed32(y, e) : y;
}

/* x Phi(x) with the normal distribution's Phi(-z) = e^(-z^2 / 2) P(2 q - 1) / (z + 5) for z >= 0 and
   q = z / (z + 5) (a form of Shepherd and Laframboise's, 1981); z^2 is a pair. 3.6 ulp above -9, 4.6
   beyond, 5.3. */
static inline double gr__gelu64(double x)
{
    double z = gr__min64(fabs(x), 39.0), q = z / (z + 5.0), t = GR__FMA64(2.0, q, -1.0);
    double v = t * t;
    gr__pair64 square = gr__product64(z, z);
    double even = 0x1.ed84a2e98e4fbp-28;
    even = GR__FMA64(even, v, -0x1.188ac010bb5f1p-24);
    even = GR__FMA64(even, v, 0x1.d0978bcb201fp-22);
    even = GR__FMA64(even, v, -0x1.73a7f9891fba6p-19);
    even = GR__FMA64(even, v, 0x1.17dcf82495c6bp-16);
    even = GR__FMA64(even, v, -0x1.f2145e656c4d5p-15);
    even = GR__FMA64(even, v, -0x1.a25037e33e581p-11);
    even = GR__FMA64(even, v, 0x1.54b4d4f4cfe92p-6);
    even = GR__FMA64(even, v, 0x1.51f6329f01532p-3);
    even = GR__FMA64(even, v, 0x1.fb31653876f9ap-2);
    even = GR__FMA64(even, v, 0x1.89d3abe1f95aep-1);
    double odd = 0x1.14c449d262193p-29;
    odd = GR__FMA64(odd, v, -0x1.5ed4646959644p-27);
    odd = GR__FMA64(odd, v, 0x1.769fcc6d4aea1p-25);
    odd = GR__FMA64(odd, v, -0x1.6aa61a25cc21p-22);
    odd = GR__FMA64(odd, v, 0x1.0b317fe3fa10fp-18);
    odd = GR__FMA64(odd, v, -0x1.a17140385f14cp-15);
    odd = GR__FMA64(odd, v, 0x1.1daf1eb70f579p-11);
    odd = GR__FMA64(odd, v, -0x1.88590eb663a2cp-9);
    odd = GR__FMA64(odd, v, -0x1.1b1c254c93e0ap-4);
    odd = GR__FMA64(odd, v, -0x1.410ed5f875b44p-2);
    odd = GR__FMA64(odd, v, -0x1.54ad03f27ca16p-1);
    double p = GR__FMA64(odd, t, even) * GR__FMA64(-0.5 * square.low, q, q);
    double tail = gr__decayed64(p, gr__decay64_of(0.5 * square.high));
    return x < 0.0 ? -tail : x - tail;
}

/* The same with z + 4, all but the exponential in double. 1.8 ulp, 2. */
static inline float gr__gelu32(float x)
{
    float a = gr__min32(fabsf(x), 15.0f);
    double z = (double)a, q = z / (z + 4.0), t = 2.0 * q - 1.0, square = 0.5 * z * z;
    double p = -0x1.196b0ad05f0b9p-13;
    p = GR__FMA64(p, t, 0x1.6e4c4c672bd54p-13);
    p = GR__FMA64(p, t, 0x1.9b25b146a320fp-10);
    p = GR__FMA64(p, t, -0x1.cc174740417dep-9);
    p = GR__FMA64(p, t, -0x1.ed17cce5f8e6ap-8);
    p = GR__FMA64(p, t, 0x1.eed34cf368245p-5);
    p = GR__FMA64(p, t, -0x1.7e001d727d36ap-3);
    p = GR__FMA64(p, t, 0x1.8c6d9eae1b515p-2);
    p = GR__FMA64(p, t, -0x1.373e38737348p-1);
    p = GR__FMA64(p, t, 0x1.82b4bbb614ed2p-1);
    float c = (float)square;
    p *= GR__FMA64((double)c - square, q, q);
    float tail = gr__decayed32((float)p, gr__decay32_of(c));
    return x < 0.0f ? -tail : x - tail;
}

/* x / (1 + e^-w) with w = sqrt(8 / pi) (x + 0.044715 x^3) as a pair (Hendrycks and Gimpel, 2016):
   as silu. 2.9 ulp, 3.1. */
static inline double gr__gelu_tanh64(double x)
{
    double a = gr__min64(fabs(x), 24.0);
    gr__pair64 square = gr__product64(a, a);
    gr__pair64 cubic = gr__scale_pair64(square, 0x1.6e4e26d4801f7p-5, 0x1.441355475a31ap-59);
    double s = 1.0 + cubic.high, back = s - 1.0;
    double low = ((1.0 - (s - back)) + (cubic.high - back)) + cubic.low;
    gr__pair64 w = gr__scale_pair64((gr__pair64){s, low}, a, 0.0);
    w = gr__scale_pair64(w, 0x1.9884533d43651p+0, -0x1.cbc0d30ebfd15p-54);
    gr__decay64 e = gr__decay64_of(w.high);
    double q = (x < 0.0 ? a : x) / (1.0 + gr__decayed64(1.0, e));
    return x < 0.0 ? -gr__decayed64(GR__FMA64(-w.low, q, q), e) : q;
}

/* The same with w in double. */
static inline float gr__gelu_tanh32(float x)
{
    float a = gr__min32(fabsf(x), 15.0f);
    double z = (double)a;
    double w = 0x1.9884533d43651p+0 * z * GR__FMA64(0x1.6e4e26d4801f7p-5 * z, z, 1.0);
    float c = (float)w, low = (float)((double)c - w);
    gr__decay32 e = gr__decay32_of(c);
    float q = (x < 0.0f ? a : x) / (1.0f + gr__decayed32(1.0f, e));
    return x < 0.0f ? -gr__decayed32(GR__FMA32(low, q, q), e) : q;
}

#endif
