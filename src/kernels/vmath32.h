/*
 * The float half of vmath.h, which includes it. Each function reduces its argument to a short
 * interval, evaluates a polynomial there and puts the parts together again; special values are
 * selected at the end. The coefficients are minimax fits by Remez exchange, rounded one after the
 * other from the lowest order, the rest refitted each time. An error bound is the largest error in
 * units in the last place (ulp) over all 2^32 inputs; a second number is the one without fma, over
 * every 17th input.
 */
#ifndef GR__VMATH32_H
#define GR__VMATH32_H

static inline float gr__from_bits32(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t gr__to_bits32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The nearest integer, of any x. */
static inline float gr__rint32(float x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_rintf(x);
#else
    float a = fabsf(x), r = (a + 0x1p+23f) - 0x1p+23f;
    return copysignf(a < 0x1p+23f ? r : a, x);
#endif
}

/* x + GR__ROUND32 has rint(x) in its lowest bits, x + GR__SHIFT32 has rint(x) + 151 there. */
#define GR__ROUND32 0x1.8p+23f
#define GR__SHIFT32 0x1.80012ep+23f

#define GR__LOG2E32 0x1.715476p+0f
#define GR__LOG2E_FRACTION32 0x1.c551dap-2f /* log2(e) - 1 */
#define GR__LN2_32 0x1.62e43p-1f
/* The high part has 15 bits: its product with an exponent is exact, with and without fma. */
#define GR__LN2_HI32 0x1.62e4p-1f
#define GR__LN2_LO32 0x1.7f7d1cp-20f

/* The smaller of x >= 0 and limit; a NaN becomes the limit. The bits are compared, as integers: one
   operation of every vector instruction set, where a selection by a comparison of floats takes two
   of AVX-512, and two selections in a row become branches in gcc. */
static inline float gr__min32(float x, float limit)
{
    int32_t a = (int32_t)gr__to_bits32(x), b = (int32_t)gr__to_bits32(limit);
    return gr__from_bits32((uint32_t)(a < b ? a : b));
}

/* x moved into [low, high], where low < 0 < high, in the same way; a NaN becomes low or high. */
static inline float gr__clamp32(float x, float low, float high)
{
    uint32_t a = gr__to_bits32(x), b = gr__to_bits32(low);
    return gr__min32(gr__from_bits32(a < b ? a : b), high);
}

/* p 2^n for t = GR__SHIFT32 + n and -151 <= n <= 129, as two factors 2^(n/2): a denormal result is
   rounded once, and too large a one is infinite. The second factor is 0 for n = -151, since a
   product that vanishes takes several times as long. */
static inline float gr__scale32(float p, float t)
{
    uint32_t n = gr__to_bits32(t), half = n >> 1 << 23;
    return p * gr__from_bits32(half + (103u << 23)) * gr__from_bits32((n << 23) - half);
}

/* x - n ln 2. */
static inline float gr__exp_rest32(float x, float n)
{
    return GR__FMA32(-n, GR__LN2_LO32, GR__FMA32(-n, GR__LN2_HI32, x));
}

/* (e^r - 1) / r for |r| <= ln(2) / 2. */
static inline float gr__exp_slope32(float r)
{
    float p = 0x1.6a511ap-10f;
    p = GR__FMA32(p, r, 0x1.12397cp-7f);
    p = GR__FMA32(p, r, 0x1.5558acp-5f);
    p = GR__FMA32(p, r, 0x1.555492p-3f);
    p = GR__FMA32(p, r, 0x1.fffffcp-2f);
    return GR__FMA32(p, r, 1.0f);
}

static inline float gr__exp_near32(float r)
{
    return GR__FMA32(gr__exp_slope32(r), r, 1.0f);
}

/* e^x = 2^n e^r with x = n ln 2 + r. 0.9 ulp, 1.2. */
static inline float gr__exp32(float x)
{
    float c = gr__clamp32(x, -105.0f, 89.0f);
    float t = GR__FMA32(c, GR__LOG2E32, GR__SHIFT32);
    float y = gr__scale32(gr__exp_near32(gr__exp_rest32(c, t - GR__SHIFT32)), t);
    return x == x ? y : x;
}

/* e^-a for a >= 0; a NaN becomes 0. Here n <= 0, so that one factor 2^(n + 24), or 0 for n = -151,
   and a constant one do. 0.9 ulp, 1.2. */
static inline float gr__exp_minus32(float a)
{
    float c = -gr__min32(a, 105.0f);
    float t = GR__FMA32(c, GR__LOG2E32, GR__SHIFT32);
    float p = gr__exp_near32(gr__exp_rest32(c, t - GR__SHIFT32));
    return p * gr__from_bits32(gr__to_bits32(t) << 23) * 0x1p-24f;
}

/* e^x for |x| <= 80, where adding n to the exponent does. For sums in which it is small wherever n
   is large, so that the nearest float is as good as ln 2. */
static inline float gr__exp_short32(float x)
{
    float t = GR__FMA32(x, GR__LOG2E32, GR__ROUND32);
    float r = GR__FMA32(t - GR__ROUND32, -GR__LN2_32, x);
    return gr__from_bits32(gr__to_bits32(gr__exp_near32(r)) + (gr__to_bits32(t) << 23));
}

/* 2^x = 2^n 2^r with |r| <= 1/2, and 2^r = 1 + r Q(r); exact for integers. 0.9 ulp, 1.2. */
static inline float gr__exp2_32(float x)
{
    float c = gr__clamp32(x, -151.0f, 129.0f);
    float t = c + GR__SHIFT32, r = c - (t - GR__SHIFT32);
    float q = 0x1.4174fcp-13f;
    q = GR__FMA32(q, r, 0x1.5f0978p-10f);
    q = GR__FMA32(q, r, 0x1.3b2dd8p-7f);
    q = GR__FMA32(q, r, 0x1.c6af7ap-5f);
    q = GR__FMA32(q, r, 0x1.ebfbdcp-3f);
    q = GR__FMA32(q, r, 0x1.62e43p-1f);
    float y = gr__scale32(GR__FMA32(q, r, 1.0f), t);
    return x == x ? y : x;
}

/* e^x - 1 = 2^n (r + r^2 Q(r)) + (2^n - 1) with r as in exp, all of it halved, since 2^128 is no
   float. 1.5 ulp. */
static inline float gr__expm1_32(float x)
{
    float c = gr__clamp32(x, -18.0f, 89.0f);
    float t = GR__FMA32(c, GR__LOG2E32, GR__ROUND32 + 126.0f);
    float r = gr__exp_rest32(c, t - (GR__ROUND32 + 126.0f));
    float q = 0x1.9e4c7ep-13f;
    q = GR__FMA32(q, r, 0x1.6d3cecp-10f);
    q = GR__FMA32(q, r, 0x1.1112eap-7f);
    q = GR__FMA32(q, r, 0x1.5554f6p-5f);
    q = GR__FMA32(q, r, 0x1.555554p-3f);
    q = GR__FMA32(q, r, 0.5f);
    float s = gr__from_bits32(gr__to_bits32(t) << 23);
    float y = 2.0f * GR__FMA32(s, GR__FMA32(q, r * r, r), s - 0.5f);
    return fabsf(x) > 0x1p-25f ? y : x;
}

/* A positive number as 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2). */
typedef struct {
    float e, f;
} gr__binary32;

#define GR__SQRT_HALF32 0x3f3504f3u

static inline gr__binary32 gr__log_split32(float x)
{
    int tiny = x < 0x1p-126f;
    uint32_t bits = gr__to_bits32(tiny ? x * 0x1p+23f : x) - GR__SQRT_HALF32;
    float e = (float)((int32_t)bits >> 23);
    float m = gr__from_bits32((bits & 0x7fffffu) + GR__SQRT_HALF32);
    return (gr__binary32){e - (tiny ? 23.0f : 0.0f), m - 1.0f};
}

/* log(1 + f) - f = f^2 (-1/2 + f P(f)) for sqrt(1/2) <= 1 + f <= sqrt(2). The even and the odd
   powers of P are summed apart, which halves the chain of dependent operations. */
static inline float gr__log_tail32(float f)
{
    float u = f * f;
    float even = 0x1.13ba5p-4f;
    even = GR__FMA32(even, u, 0x1.e6e1aep-4f);
    even = GR__FMA32(even, u, 0x1.233ab2p-3f);
    even = GR__FMA32(even, u, 0x1.99a47ap-3f);
    even = GR__FMA32(even, u, 0x1.555548p-2f);
    float odd = -0x1.dd9ef4p-4f;
    odd = GR__FMA32(odd, u, -0x1.fc3dcep-4f);
    odd = GR__FMA32(odd, u, -0x1.555b8cp-3f);
    odd = GR__FMA32(odd, u, -0x1.000008p-2f);
    return GR__FMA32(GR__FMA32(odd, f, even), f, -0.5f) * u;
}

/* e ln 2 + log(1 + f), small terms first. */
static inline float gr__log_join32(gr__binary32 x)
{
    float tail = GR__FMA32(x.e, GR__LN2_LO32, gr__log_tail32(x.f));
    return GR__FMA32(x.e, GR__LN2_HI32, x.f + tail);
}

/* y = log(x) where x is positive and finite, else the limit or NaN. */
static inline float gr__log_select32(float x, float y)
{
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? NAN : y;
    return x < INFINITY ? y : x;
}

/* log(2^e (1 + f)) = e ln 2 + log(1 + f). 1 ulp. */
static inline float gr__log32(float x)
{
    return gr__log_select32(x, gr__log_join32(gr__log_split32(x)));
}

/* e + log2(1 + f), the latter as f + (log2(e) - 1) f + log2(e) (log(1 + f) - f); exact for powers
   of two. 1.3 ulp, 1.5. */
static inline float gr__log2_32(float x)
{
    gr__binary32 b = gr__log_split32(x);
    float tail = gr__log_tail32(b.f) * GR__LOG2E32;
    float y = b.f + GR__FMA32(b.f, GR__LOG2E_FRACTION32, tail);
    return gr__log_select32(x, b.e + y);
}

/* log(1 + x) with e from the rounded u = 1 + x, but f from x itself: f = x where e = 0, and
   elsewhere what f = 2^-e x + (2^-e - 1) rounds off is small beside e ln 2. s is 4 2^-e, since
   2^-128 is not normal. 1.5 ulp. */
static inline float gr__log1p_32(float x)
{
    float u = 1.0f + x;
    int32_t e = (int32_t)(gr__to_bits32(u) - GR__SQRT_HALF32) >> 23;
    float s = gr__from_bits32((uint32_t)(129 - e) << 23);
    float f = (0.25f * x) * s + (0.25f * s - 1.0f);
    float y = gr__log_join32((gr__binary32){(float)e, f});
    y = gr__log_select32(u, y);
    return fabsf(x) < 0x1p-25f ? x : y;
}

/* x + x^3 P(x^2) up to 9/16, then 1 - 2 / (e^2x + 1). 1.6 ulp. */
static inline float gr__tanh32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = -0x1.945f28p-8f;
    p = GR__FMA32(p, u, 0x1.5812a8p-6f);
    p = GR__FMA32(p, u, -0x1.b905c4p-5f);
    p = GR__FMA32(p, u, 0x1.110c5ep-3f);
    p = GR__FMA32(p, u, -0x1.555548p-2f);
    float small = GR__FMA32(p, u * a, a);
    float large = 1.0f - 2.0f / (gr__exp_short32(2.0f * gr__min32(a, 9.5f)) + 1.0f);
    return copysignf(a > 0.5625f ? large : small, x);
}

/* With z = e^-|x| and q = z / (1 + z): 1 / (1 + z) = 1 - q for x >= 0, and z / (1 + z) = z - z q
   for x < 0, where q alone would be off by another half ulp. 1.7 ulp, 2. */
static inline float gr__sigmoid32(float x)
{
    float z = gr__exp_minus32(fabsf(x));
    float c = x < 0.0f ? z : 1.0f;
    c = x == x ? c : x;
    return GR__FMA32(-c, z / (1.0f + z), c);
}

/* max(x, 0) + log(1 + z) with z = e^-|x| in [0, 1]. log(1 + z) = z + z^2 Q(z) needs no reduction
   and is a third faster than the way of log, but without fma it is off by more than 2 ulp.
   1.9 ulp. */
static inline float gr__softplus32(float x)
{
    float z = gr__exp_minus32(fabsf(x));
#ifdef GR__HAS_FMA
    float q = 0x1.2a32bep-9f;
    q = GR__FMA32(q, z, -0x1.e0eb6ap-7f);
    q = GR__FMA32(q, z, 0x1.6acefep-5f);
    q = GR__FMA32(q, z, -0x1.5fe214p-4f);
    q = GR__FMA32(q, z, 0x1.03abp-3f);
    q = GR__FMA32(q, z, -0x1.4c5ad8p-3f);
    q = GR__FMA32(q, z, 0x1.981756p-3f);
    q = GR__FMA32(q, z, -0x1.ffdcfp-3f);
    q = GR__FMA32(q, z, 0x1.5554b4p-2f);
    q = GR__FMA32(q, z, -0.5f);
    float y = GR__FMA32(q, z * z, z);
#else
    int upper = z > 0.4140625f;
    float y = gr__log_join32((gr__binary32){upper ? 1.0f : 0.0f, upper ? 0.5f * z - 0.5f : z});
#endif
    return (x < 0.0f ? 0.0f : x) + y;
}

/* x^2 / 2 + x^4 P(x^2) up to 35/32, where the result is 1/2, then |x| + log((1 + z) / 2), a
   polynomial in z = e^-2|x| < 1/8. 1.5 ulp, 2. */
static inline float gr__log_cosh32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = 0x1.32c928p-14f;
    p = GR__FMA32(p, u, -0x1.0efa72p-11f);
    p = GR__FMA32(p, u, 0x1.0ab65ap-9f);
    p = GR__FMA32(p, u, -0x1.b66f68p-8f);
    p = GR__FMA32(p, u, 0x1.6bedb6p-6f);
    p = GR__FMA32(p, u, -0x1.5554bap-4f);
    float small = GR__FMA32(0.5f * a, a, p * (u * u));
    float z = gr__exp_short32(-2.0f * gr__min32(a, 40.0f));
    float q = -0x1.9f2e7ap-3f;
    q = GR__FMA32(q, z, 0x1.5100aap-2f);
    q = GR__FMA32(q, z, -0x1.ffd7f8p-2f);
    q = GR__FMA32(q, z, 0x1.ffffc6p-1f);
    q = GR__FMA32(q, z, -GR__LN2_32);
    return a < 1.09375f ? small : a + q;
}

/* x + x P(x^2) up to 3/4, then 1 - e^-G(x) with a polynomial G for -log(erfc). 1.4 ulp, 1.7. */
static inline float gr__erf32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = -0x1.61d7c8p-11f;
    p = GR__FMA32(p, u, 0x1.4f2d9cp-8f);
    p = GR__FMA32(p, u, -0x1.b7a92ap-6f);
    p = GR__FMA32(p, u, 0x1.ce2adap-4f);
    p = GR__FMA32(p, u, -0x1.81273ap-2f);
    p = GR__FMA32(p, u, 0x1.06eba8p-3f);
    float small = GR__FMA32(p, a, a);
    float c = a > 4.0f ? 4.0f : a;
    float g = -0x1.bf0f96p-13f;
    g = GR__FMA32(g, c, 0x1.a430f8p-9f);
    g = GR__FMA32(g, c, -0x1.76594p-6f);
    g = GR__FMA32(g, c, 0x1.aec14p-4f);
    g = GR__FMA32(g, c, 0x1.458d0ap-1f);
    g = GR__FMA32(g, c, 0x1.20e104p+0f);
    g = GR__FMA32(g, c, 0x1.675492p-16f);
    float large = 1.0f - gr__exp32(-g);
    return copysignf(a < 0.75f ? small : large, x);
}

/* Quarter turn q of a circle whose first eighth has sine s and cosine c: the sine there. */
static inline float gr__quadrant32(uint32_t q, float s, float c)
{
    uint32_t sine = gr__to_bits32(s), other = (sine ^ gr__to_bits32(c)) & -(q & 1u);
    return gr__from_bits32(sine ^ other ^ ((q & 2u) << 30));
}

/* x / (2 pi) less whole turns, in [-1/2, 1/2], for every finite x. 1 / (2 pi) comes in pieces of
   24 bits, whose products with a float are exact in double; whole turns are dropped after each, so
   that the sums are exact until they are small (after Payne and Hanek, 1983). */
static inline double gr__turns32(float x)
{
    double z = (double)x, a = z * 0x1.45f3p-3;
    a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.b72722p-25, a), a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.529fcp-54, a), a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.3abe8p-77, a), a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.f534dcp-98, a), a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.c0db6p-122, a), a -= gr__rint64(a);
    a = GR__FMA64(z, 0x1.4acc9ep-145, a), a -= gr__rint64(a);
    return GR__FMA64(z, 0x1.0e41p-172, a);
}

/* No float is too large an angle. */
static inline int gr__is_far32(float x)
{
    (void)x;
    return 0;
}

/* sin(x + quarter pi / 2), from sin t = t + t^3 S(t^2) and cos t = 1 - t^2 / 2 + t^4 C(t^2) for
   |t| <= pi / 4. */
static inline float gr__sin_shifted32(float x, uint32_t quarter)
{
    double turns = gr__turns32(x), n = gr__rint64(4.0 * turns);
    float t = (float)((turns - 0.25 * n) * 0x1.921fb54442d18p+2), u = t * t;
    float s = -0x1.9951dcp-13f;
    s = GR__FMA32(s, u, 0x1.110774p-7f);
    s = GR__FMA32(s, u, -0x1.555546p-3f);
    s = GR__FMA32(s, u * t, t);
    float c = 0x1.99e82ap-16f;
    c = GR__FMA32(c, u, -0x1.6c0c28p-10f);
    c = GR__FMA32(c, u, 0x1.55554ap-5f);
    c = GR__FMA32(c, u, -0.5f);
    c = GR__FMA32(c, u, 1.0f);
    return gr__quadrant32(gr__to_bits32((float)n + GR__ROUND32) + quarter, s, c);
}

/* 1.7 ulp. */
static inline float gr__sin32(float x)
{
    float y = gr__sin_shifted32(x, 0);
    return x == 0.0f ? x : y;
}

/* 1.6 ulp. */
static inline float gr__cos32(float x)
{
    return gr__sin_shifted32(x, 1);
}

/* sin(pi (x + quarter / 2)) from x = 2 k + n / 2 + r with |r| <= 1/4, which is exact, and
   sin(pi r) = pi r + r^3 S(r^2) with pi in two parts, cos(pi r) = 1 + r^2 C(r^2). */
static inline float gr__sinpi_shifted32(float x, uint32_t quarter)
{
    float h = x - 2.0f * gr__rint32(0.5f * x);
    float t = GR__FMA32(h, 2.0f, GR__ROUND32);
    float r = GR__FMA32(t - GR__ROUND32, -0.5f, h), u = r * r;
    float s = -0x1.2db5a6p-1f;
    s = GR__FMA32(s, u, 0x1.465facp+1f);
    s = GR__FMA32(s, u, -0x1.4abbbep+2f);
    s = GR__FMA32(s, u, -0x1.777a5cp-24f);
    s = GR__FMA32(r, 0x1.921fb6p+1f, s * r);
    float c = 0x1.d47d6p-3f;
    c = GR__FMA32(c, u, -0x1.55b146p+0f);
    c = GR__FMA32(c, u, 0x1.03c1aep+2f);
    c = GR__FMA32(c, u, -0x1.3bd3ccp+2f);
    c = GR__FMA32(c, u, 1.0f);
    return gr__quadrant32(gr__to_bits32(t) + quarter, s, c);
}

/* Zero has the sign of x. 1 ulp, 1.8. */
static inline float gr__sinpi32(float x)
{
    float y = gr__sinpi_shifted32(x, 0);
    return y == 0.0f ? copysignf(0.0f, x) : y;
}

/* Zero is positive. 0.9 ulp, 1.8. */
static inline float gr__cospi32(float x)
{
    return gr__sinpi_shifted32(x, 1) + 0.0f;
}

#endif
