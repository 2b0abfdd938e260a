/*
 * The tangent and the inverses of sine, cosine and tangent: a part of vmath.h, which includes it.
 */
#ifndef GR__VTRIG_H
#define GR__VTRIG_H

/* sin / cos of the rest r + d, or -cos / sin after an odd number of quarter turns, both as pairs: a
   quotient of doubles, and what it leaves of the dividend. */
static inline double gr__tan_at64(gr__angle64 a)
{
    gr__pair64 s = gr__sum64(a.r, gr__sin_tail64(a.r, a.d));
    gr__pair64 c = gr__sum64(1.0, gr__cos_tail64(a.r, a.d));
    int odd = (int)(gr__to_bits64(a.t) & 1u);
    double p = odd ? -c.high : s.high, p_low = odd ? -c.low : s.low;
    double q = odd ? s.high : c.high, q_low = odd ? s.low : c.low;
    double y = p / q;
    gr__pair64 yq = gr__product64(y, q);
    return y + (((p - yq.high) - yq.low) + (p_low - y * q_low)) / q;
}

/* Where x is not far. 1.6 ulp, 1.8. */
static inline double gr__tan64(double x)
{
    double y = gr__tan_at64(gr__reduce64(x));
    return x == 0.0 ? x : y;
}

/* In double, rounded once. 0.6 ulp. */
static inline float gr__tan32(float x)
{
    double turns = gr__turns32(x), n = gr__rint64(4.0 * turns);
    double t = (turns - 0.25 * n) * 0x1.921fb54442d18p+2, u = t * t;
    double s = 0x1.6cd20306959f1p-19;
    s = GR__FMA64(s, u, -0x1.a00f7f8b83b9ap-13);
    s = GR__FMA64(s, u, 0x1.1111086b14912p-7);
    s = GR__FMA64(s, u, -0x1.5555554c733b3p-3);
    s = GR__FMA64(s, u * t, t);
    double c = 0x1.991690b230f97p-16;
    c = GR__FMA64(c, u, -0x1.6c07f11f0a245p-10);
    c = GR__FMA64(c, u, 0x1.55553c77aab08p-5);
    c = GR__FMA64(c, u, -0x1.ffffffcb7ec57p-2);
    c = GR__FMA64(c, u, 1.0);
    int odd = (int)(gr__to_bits64(n + GR__ROUND64) & 1u);
    float y = (float)((odd ? -c : s) / (odd ? s : c));
    return x == 0.0f ? x : y;
}

/* atan(y / x) for x, y >= 0, and 0 for 0 / 0: t + t^3 P(t^2) with t the smaller by the larger. The
   lower and the upper half of P are summed apart; even and odd powers would cancel. */
static inline double gr__atan_quotient64(double y, double x)
{
    double small = y < x ? y : x, large = y < x ? x : y;
    double t = small / large;
    t = small == large ? 1.0 : t;
    t = small + large == 0.0 ? 0.0 : t;
    double u = t * t, v = u * u, v4 = v * v * (v * v);
    double low = -0x1.59a3f155ef0bap-5;
    low = GR__FMA64(low, u, 0x1.82dad206b1109p-5);
    low = GR__FMA64(low, u, -0x1.ae5e70fd2ea27p-5);
    low = GR__FMA64(low, u, 0x1.e1bba5fdc9afep-5);
    low = GR__FMA64(low, u, -0x1.110e511cc02e3p-4);
    low = GR__FMA64(low, u, 0x1.3b136698c1ce1p-4);
    low = GR__FMA64(low, u, -0x1.745d11ae518a8p-4);
    low = GR__FMA64(low, u, 0x1.c71c717fcd2a3p-4);
    low = GR__FMA64(low, u, -0x1.249249237f4c8p-3);
    low = GR__FMA64(low, u, 0x1.99999999955b1p-3);
    double high = 0x1.bbeb9b91e755cp-17;
    high = GR__FMA64(high, u, -0x1.3f350d9f49e6bp-13);
    high = GR__FMA64(high, u, 0x1.b3f95c21614ddp-11);
    high = GR__FMA64(high, u, -0x1.7a38965472947p-9);
    high = GR__FMA64(high, u, 0x1.d7b8292f649e2p-8);
    high = GR__FMA64(high, u, -0x1.c78f1765f85a3p-7);
    high = GR__FMA64(high, u, 0x1.683c67166218fp-6);
    high = GR__FMA64(high, u, -0x1.e9f9bb57bdee4p-6);
    high = GR__FMA64(high, u, 0x1.2c2e41e70f1c8p-5);
    double p = GR__FMA64(GR__FMA64(high, v4 * v, low), u, -0x1.5555555555526p-2);
    p *= u * t;
    gr__pair64 turned = gr__sum64(0x1.921fb54442d18p+0, -t);
    double other = turned.high + (turned.low - (p - 0x1.1a62633145c07p-54));
    return y > x ? other : t + p;
}

static inline float gr__atan_quotient32(float y, float x)
{
    float small = y < x ? y : x, large = y < x ? x : y;
    float t = small / large;
    t = small == large ? 1.0f : t;
    t = small + large == 0.0f ? 0.0f : t;
    float u = t * t;
    float p = -0x1.d32b8cp-10f;
    p = GR__FMA32(p, u, 0x1.640fdcp-7f);
    p = GR__FMA32(p, u, -0x1.fd6ef2p-6f);
    p = GR__FMA32(p, u, 0x1.da247ep-5f);
    p = GR__FMA32(p, u, -0x1.580806p-4f);
    p = GR__FMA32(p, u, 0x1.c08c18p-4f);
    p = GR__FMA32(p, u, -0x1.242084p-3f);
    p = GR__FMA32(p, u, 0x1.9991e4p-3f);
    p = GR__FMA32(p, u, -0x1.55553ep-2f);
    p *= u * t;
    float turned = 0x1.921fb6p+0f - t, low = (0x1.921fb6p+0f - turned) - t;
    return y > x ? turned + (low - (p + 0x1.777a5cp-25f)) : t + p;
}

/* 1.2 ulp. */
static inline double gr__atan64(double x)
{
    return copysign(gr__atan_quotient64(fabs(x), 1.0), x);
}

/* 1.1 ulp, 1.3. */
static inline float gr__atan32(float x)
{
    return copysignf(gr__atan_quotient32(fabsf(x), 1.0f), x);
}

/* The angle of the point (x, y); signed zeros and infinities as in C. 1.5 ulp. */
static inline double gr__atan2_64(double y, double x)
{
    double p = gr__atan_quotient64(fabs(y), fabs(x));
    double other = (0x1.921fb54442d18p+1 - p) + 0x1.1a62633145c07p-53;
    return copysign(gr__to_bits64(x) >> 63 ? other : p, y);
}

static inline float gr__atan2_32(float y, float x)
{
    float p = gr__atan_quotient32(fabsf(y), fabsf(x));
    float other = (0x1.921fb6p+1f - p) - 0x1.777a5cp-24f;
    return copysignf(gr__to_bits32(x) >> 31 ? other : p, y);
}

/* asin(s) - s = s^3 P(s^2) for 0 <= s <= 1/2 and u = s^2. */
static inline double gr__asin_tail64(double s, double u)
{
    double v = u * u;
    double even = -0x1.09e29936c167p-6;
    even = GR__FMA64(even, v, 0x1.abc2106087831p-8);
    even = GR__FMA64(even, v, 0x1.c6fd8c2d30099p-7);
    even = GR__FMA64(even, v, 0x1.6e89f419ccb8ep-6);
    even = GR__FMA64(even, v, 0x1.6db6db4276cb4p-5);
    even = GR__FMA64(even, v, 0x1.555555555539p-3);
    double odd = 0x1.0572e21b0f84fp-5;
    odd = GR__FMA64(odd, v, 0x1.3ffe27aadf6d2p-6);
    odd = GR__FMA64(odd, v, 0x1.8ec472a5f911ep-7);
    odd = GR__FMA64(odd, v, 0x1.1c6be426ca563p-6);
    odd = GR__FMA64(odd, v, 0x1.f1c72c3a5f077p-6);
    odd = GR__FMA64(odd, v, 0x1.333333336e84ap-4);
    return GR__FMA64(odd, u, even) * (u * s);
}

static inline float gr__asin_tail32(float s, float u)
{
    float p = 0x1.595f8ep-5f;
    p = GR__FMA32(p, u, 0x1.8c3aecp-6f);
    p = GR__FMA32(p, u, 0x1.747c02p-5f);
    p = GR__FMA32(p, u, 0x1.330202p-4f);
    p = GR__FMA32(p, u, 0x1.5555c8p-3f);
    return p * (u * s);
}

/* Beyond 1/2 from asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)). 1.2 ulp. */
static inline double gr__asin64(double x)
{
    double a = fabs(x), half = 0.5 - 0.5 * a, u = a > 0.5 ? half : a * a;
    double s = a > 0.5 ? sqrt(half) : a, p = gr__asin_tail64(s, u);
    gr__pair64 turned = gr__sum64(0x1.921fb54442d18p+0, -2.0 * s);
    double other = turned.high + (turned.low - (2.0 * p - 0x1.1a62633145c07p-54));
    return copysign(a > 0.5 ? other : s + p, x);
}

static inline float gr__asin32(float x)
{
    float a = fabsf(x), half = 0.5f - 0.5f * a, u = a > 0.5f ? half : a * a;
    float s = a > 0.5f ? sqrtf(half) : a, p = gr__asin_tail32(s, u);
    float turned = 0x1.921fb6p+0f - 2.0f * s, low = (0x1.921fb6p+0f - turned) - 2.0f * s;
    float other = turned + (low - (2.0f * p + 0x1.777a5cp-25f));
    return copysignf(a > 0.5f ? other : s + p, x);
}

/* pi / 2 - asin(x), or 2 asin(sqrt((1 - a) / 2)), less than pi for negative x. 1.2 ulp. */
static inline double gr__acos64(double x)
{
    double a = fabs(x), half = 0.5 - 0.5 * a, u = a > 0.5 ? half : a * a;
    double s = a > 0.5 ? sqrt(half) : a, p = s + gr__asin_tail64(s, u);
    double low = 0x1.921fb54442d18p+0 - (copysign(p, x) - 0x1.1a62633145c07p-54);
    double high = x < 0.0 ? 0x1.921fb54442d18p+1 - (2.0 * p - 0x1.1a62633145c07p-53) : 2.0 * p;
    return a > 0.5 ? high : low;
}

static inline float gr__acos32(float x)
{
    float a = fabsf(x), half = 0.5f - 0.5f * a, u = a > 0.5f ? half : a * a;
    float s = a > 0.5f ? sqrtf(half) : a, p = s + gr__asin_tail32(s, u);
    float low = 0x1.921fb6p+0f - (copysignf(p, x) + 0x1.777a5cp-25f);
    float high = x < 0.0f ? 0x1.921fb6p+1f - (2.0f * p + 0x1.777a5cp-24f) : 2.0f * p;
    return a > 0.5f ? high : low;
}

#endif
