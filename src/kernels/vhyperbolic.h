/*
 * Hyperbolic functions, their inverses and log(1 - e^x): a part of vmath.h, which includes it.
 */
#ifndef GR__VHYPERBOLIC_H
#define GR__VHYPERBOLIC_H

/* e^a / 2 for a >= 0. */
static inline double gr__half_exp64(double a)
{
    double t = gr__min64(GR__FMA64(a, GR__LOG2E64, GR__SHIFT64), GR__SHIFT64 + 1026.0);
    return gr__scale64(gr__exp_near64(gr__exp_rest64(a, t - GR__SHIFT64)), t - 1.0);
}

static inline float gr__half_exp32(float a)
{
    float c = gr__min32(a, 90.0f), t = GR__FMA32(c, GR__LOG2E32, GR__SHIFT32);
    return gr__scale32(gr__exp_near32(gr__exp_rest32(c, t - GR__SHIFT32)), t - 1.0f);
}

/* x + x^3 P(x^2) up to 1, then e^x / 2 - e^-x / 2. 1.7 ulp. */
static inline double gr__sinh64(double x)
{
    double a = fabs(x), u = a * a;
    double p = 0x1.b5c98bad458f4p-41;
    p = GR__FMA64(p, u, 0x1.6116f239d5a32p-33);
    p = GR__FMA64(p, u, 0x1.ae646ff959604p-26);
    p = GR__FMA64(p, u, 0x1.71de3a3b0382ep-19);
    p = GR__FMA64(p, u, 0x1.a01a01a037284p-13);
    p = GR__FMA64(p, u, 0x1.111111111101ep-7);
    p = GR__FMA64(p, u, 0x1.5555555555556p-3);
    double e = gr__half_exp64(a);
    return copysign(a < 1.0 ? GR__FMA64(p, u * a, a) : e - 0.25 / e, x);
}

static inline float gr__sinh32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = 0x1.756c1ep-19f;
    p = GR__FMA32(p, u, 0x1.a022bcp-13f);
    p = GR__FMA32(p, u, 0x1.1110ep-7f);
    p = GR__FMA32(p, u, 0x1.555556p-3f);
    float e = gr__half_exp32(a);
    float y = copysignf(a < 1.0f ? GR__FMA32(p, u * a, a) : e - 0.25f / e, x);
    return x == x ? y : x;
}

/* e^x / 2 + e^-x / 2. 1.4 ulp, 1.6. */
static inline double gr__cosh64(double x)
{
    double e = gr__half_exp64(fabs(x));
    return e + 0.25 / e;
}

static inline float gr__cosh32(float x)
{
    float e = gr__half_exp32(fabsf(x)), y = e + 0.25f / e;
    return x == x ? y : x;
}

/* x - tanh(x) as x^3 P(x^2) up to 1, then (x - 1) + 2 / (e^2x + 1). 2.2 ulp, 2.5. */
static inline double gr__tanhshrink64(double x)
{
    double a = fabs(x), u = a * a, v = u * u;
    double even = -0x1.27093370da5dap-26;
    even = GR__FMA64(even, v, -0x1.3c544f91b157fp-20);
    even = GR__FMA64(even, v, -0x1.d84b72c345b2p-17);
    even = GR__FMA64(even, v, -0x1.933f91d820953p-14);
    even = GR__FMA64(even, v, -0x1.354ac47ee03c2p-11);
    even = GR__FMA64(even, v, -0x1.d6d3b3d4a6acbp-9);
    even = GR__FMA64(even, v, -0x1.664f487cfc6b2p-6);
    even = GR__FMA64(even, v, -0x1.1111111110fd8p-3);
    double odd = 0x1.b54a11924530bp-23;
    odd = GR__FMA64(odd, v, 0x1.33c96fc927cafp-18);
    odd = GR__FMA64(odd, v, 0x1.3df02ff9fa64ep-15);
    odd = GR__FMA64(odd, v, 0x1.f4cf98416813ep-13);
    odd = GR__FMA64(odd, v, 0x1.7da1e9d16b9d6p-10);
    odd = GR__FMA64(odd, v, 0x1.226e34a264947p-7);
    odd = GR__FMA64(odd, v, 0x1.ba1ba1ba03c5ap-5);
    double p = GR__FMA64(GR__FMA64(odd, u, even), u, 0x1.5555555555555p-2);
    gr__pair64 square = gr__product64(a, a), cube = gr__scale_pair64(square, a, 0.0);
    double small = GR__FMA64(p, cube.high, p * cube.low);
    double z = gr__exp_minus64(2.0 * a), large = (a - 1.0) + 2.0 * z / (1.0 + z);
    return copysign(a < 1.0 ? small : large, x);
}

static inline float gr__tanhshrink32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = -0x1.b4c458p-13f;
    p = GR__FMA32(p, u, 0x1.2f9f26p-10f);
    p = GR__FMA32(p, u, -0x1.cfdc5cp-9f);
    p = GR__FMA32(p, u, 0x1.24b2d4p-7f);
    p = GR__FMA32(p, u, -0x1.670fbap-6f);
    p = GR__FMA32(p, u, 0x1.ba314p-5f);
    p = GR__FMA32(p, u, -0x1.11117cp-3f);
    p = GR__FMA32(p, u, 0x1.555556p-2f);
    float small = (float)((double)a * (double)a * (double)a * (double)p);
    float z = gr__exp_minus32(2.0f * a), large = (a - 1.0f) + 2.0f * z / (1.0f + z);
    return copysignf(a < 1.0f ? small : large, x);
}

/* e ln 2 + log(1 + f) + low. */
static inline double gr__log_join_low64(gr__binary64 x, double low)
{
    double tail = GR__FMA64(x.e, GR__LN2_LO64, gr__log_tail64(x.f)) + low;
    return GR__FMA64(x.e, GR__LN2_HI64, x.f + tail);
}

/* log(1 + p + low) for p >= 0, as log1p. */
static inline double gr__log1p_pair64(double p, double low)
{
    double u = 1.0 + p;
    uint64_t bits = gr__log_bits64(u);
    double s = gr__from_bits64((2048 - (bits >> 52)) << 52);
    double f = (0.25 * p) * s + (0.25 * s - 1.0);
    return gr__log_join_low64((gr__binary64){gr__log_exponent64(bits), f}, low / u);
}

/* log1p(a + a^2 / (1 + sqrt(a^2 + 1))), for huge a log(2 a). 1.6 ulp. */
static inline double gr__asinh64(double x)
{
    double a = fabs(x), c = a > 0x1p+60 ? 1.0 : a, u = c * c;
    double w = u / (1.0 + sqrt(1.0 + u)), p = c + w;
    double y = gr__log1p_pair64(a > 0x1p+60 ? a : p, a > 0x1p+60 ? 0.0 : (c - p) + w);
    y = a > 0x1p+60 ? y + GR__LN2_64 : y;
    y = a < 0x1p-28 ? a : y;
    return a < INFINITY ? copysign(y, x) : x;
}

/* log1p(t + sqrt(t^2 + 2 t)) with t = x - 1. 1.9 ulp. */
static inline double gr__acosh64(double x)
{
    double t = x > 0x1p+60 ? 0.0 : x - 1.0, w = sqrt(GR__FMA64(t, t, 2.0 * t)), p = t + w;
    double large = t > w ? t : w, small = t > w ? w : t;
    double y = gr__log1p_pair64(x > 0x1p+60 ? x : p, (large - p) + small);
    y = x > 0x1p+60 ? y + GR__LN2_64 : y;
    y = x < 1.0 ? NAN : y;
    return x < INFINITY ? y : x;
}

/* log1p(2 a / (1 - a)) / 2. 1.4 ulp. */
static inline double gr__atanh64(double x)
{
    double a = fabs(x);
    gr__pair64 d = gr__sum64(1.0, -a);
    double q = 2.0 * a / d.high;
    gr__pair64 qd = gr__product64(q, d.high);
    double low = (((2.0 * a - qd.high) - qd.low) - q * d.low) / d.high;
    double y = 0.5 * gr__log1p_pair64(q, low);
    y = a < 0x1p-28 ? a : y;
    y = a == 1.0 ? INFINITY : y;
    y = a > 1.0 ? NAN : y;
    return copysign(y, x);
}

/* log(1 - e^x) for x <= 0. With e^x = 2^n (1 + h + q) as in expm1, 1 - e^x is a pair, of which the
   logarithm is taken where it is below 0.7; else the logarithm of 1 - e^x from e^x. 1.1 ulp. */
static inline double gr__log1mexp64(double x)
{
    double c = x < -64.0 ? -64.0 : x, t = GR__FMA64(c, GR__LOG2E64, GR__ROUND64 + 1023.0);
    double n = t - (GR__ROUND64 + 1023.0), s = gr__from_bits64(gr__to_bits64(t) << 52);
    double h = GR__FMA64(-n, GR__LN2_HI64, c), low = n * GR__LN2_LO64;
    double q = gr__expm1_tail64(h - low, low);
    gr__pair64 z = gr__sum64(s, s * h), v = gr__sum64(s - 1.0, s * h);
    z = gr__sum64(z.high, GR__FMA64(s, q, z.low));
    v = gr__sum64(-v.high, GR__FMA64(-s, q, -v.low));
    gr__binary64 b = gr__log_split64(v.high);
    int far = x < -1.203125;
    b.e = far ? 0.0 : b.e, b.f = far ? -z.high : b.f;
    double y = gr__log_join_low64(b, (far ? -z.low : v.low) / v.high);
    y = x < -64.0 ? -gr__exp64(x) : y;
    y = x == 0.0 ? -INFINITY : y;
    return x > 0.0 ? NAN : y;
}

/* The same for floats, in double and rounded once: 0.6 ulp. */
static inline float gr__asinh32(float x)
{
    return (float)gr__asinh64((double)x);
}

static inline float gr__acosh32(float x)
{
    return (float)gr__acosh64((double)x);
}

static inline float gr__atanh32(float x)
{
    return (float)gr__atanh64((double)x);
}

static inline float gr__log1mexp32(float x)
{
    return (float)gr__log1mexp64((double)x);
}

#endif
