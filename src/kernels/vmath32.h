/*
 * vmath32: the float half of vmath.h, which includes it.
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

/* 1.5 * 2^23 + 256: x + GR__SHIFT32 has rint(x) + 256 in its low bits, for |x| < 256. */
#define GR__SHIFT32 0x1.8002p+23f
#define GR__LOG2E32 0x1.715476p+0f
/* ln 2 in two parts; the high one has 15 bits, so its product with an exponent is exact. */
#define GR__LN2_HI32 0x1.62e4p-1f
#define GR__LN2_LO32 0x1.7f7d1cp-20f

/* p 2^n for t = n + GR__SHIFT32, n in -160..160: two factors, so that a denormal result
   is rounded once and an overflow gives infinity. */
static inline float gr__scale32(float p, float t)
{
    uint32_t n = gr__to_bits32(t), half = n >> 1;
    uint32_t bias = (uint32_t)(127 - 128) << 23;
    float a = gr__from_bits32((half << 23) + bias);
    float b = gr__from_bits32(((n - half) << 23) + bias);
    return p * a * b;
}

/* x = n ln 2 + r with |r| <= ln(2) / 2; e^r = 1 + r + r^2 Q(r). */
static inline float gr__exp32(float x)
{
    float c = x < -104.0f ? -104.0f : x;
    c = c > 89.0f ? 89.0f : c;
    float t = GR__FMA32(c, GR__LOG2E32, GR__SHIFT32);
    float n = t - GR__SHIFT32;
    float high = GR__FMA32(-n, GR__LN2_HI32, c), low = n * GR__LN2_LO32;
    float r = high - low;
    float q = 0x1.6a5606p-10f;
    q = GR__FMA32(q, r, 0x1.123b02p-7f);
    q = GR__FMA32(q, r, 0x1.5558aap-5f);
    q = GR__FMA32(q, r, 0x1.55549p-3f);
    q = GR__FMA32(q, r, 0x1.fffffcp-2f);
    q = GR__FMA32(q, r * r, -low);
    float p = 1.0f + high;
    p += (high - (p - 1.0f)) + q;
    return gr__scale32(p, t);
}

/* 2^n (1 + r + q) - 1 added from the small end; e^r - 1 = r + r^2 Q(r). */
static inline float gr__expm1_32(float x)
{
    float c = x < -18.0f ? -18.0f : x;
    c = c > 89.0f ? 89.0f : c;
    float t = GR__FMA32(c, GR__LOG2E32, GR__SHIFT32);
    float n = t - GR__SHIFT32;
    float r = GR__FMA32(-n, GR__LN2_HI32, c);
    r = GR__FMA32(-n, GR__LN2_LO32, r);
    float q = 0x1.9e4c7ep-13f;
    q = GR__FMA32(q, r, 0x1.6d3cecp-10f);
    q = GR__FMA32(q, r, 0x1.1112eap-7f);
    q = GR__FMA32(q, r, 0x1.5554f6p-5f);
    q = GR__FMA32(q, r, 0x1.555554p-3f);
    q = GR__FMA32(q, r, 0.5f);
    q = q * r * r;
    /* half of 2^n, since n may be 128 */
    uint32_t bits = gr__to_bits32(t) << 23;
    float s = gr__from_bits32(bits + ((uint32_t)(126 - 256) << 23));
    float y = GR__FMA32(s, r, s - 0.5f);
    y = 2.0f * GR__FMA32(s, q, y);
    return fabsf(x) < 0x1p-25f ? x : y;
}

/* log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2), as f^2 (-1/2 + f P(f)). */
static inline float gr__log_tail32(float f)
{
    float p = 0x1.13ba5p-4f;
    p = GR__FMA32(p, f, -0x1.dd9ef4p-4f);
    p = GR__FMA32(p, f, 0x1.e6e1aep-4f);
    p = GR__FMA32(p, f, -0x1.fc3dcep-4f);
    p = GR__FMA32(p, f, 0x1.233ab2p-3f);
    p = GR__FMA32(p, f, -0x1.555b8cp-3f);
    p = GR__FMA32(p, f, 0x1.99a47ap-3f);
    p = GR__FMA32(p, f, -0x1.000008p-2f);
    p = GR__FMA32(p, f, 0x1.555548p-2f);
    p = GR__FMA32(p, f, -0.5f);
    return p * (f * f);
}

static inline float gr__log32(float x)
{
    int tiny = x < 0x1p-126f;
    uint32_t bits = gr__to_bits32(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;
    int32_t k = (int32_t)bits >> 23;
    float e = (float)k - (tiny ? 23.0f : 0.0f);
    float f = gr__from_bits32((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float tail = GR__FMA32(e, GR__LN2_LO32, gr__log_tail32(f));
    float y = GR__FMA32(e, GR__LN2_HI32, f + tail);
    y = x == 0.0f ? -INFINITY : y;
    y = x < 0.0f ? NAN : y;
    return x < INFINITY ? y : x;
}

static inline float gr__log1p_32(float x)
{
    float u = 1.0f + x;
    uint32_t bits = gr__to_bits32(u) - 0x3f3504f3u;
    int32_t k = (int32_t)bits >> 23;
    float e = (float)k;
    float s = gr__from_bits32((uint32_t)(129 - k) << 23); /* 4 * 2^-k */
    float f = (0.25f * x) * s + (0.25f * s - 1.0f);
    float tail = GR__FMA32(e, GR__LN2_LO32, gr__log_tail32(f));
    float y = GR__FMA32(e, GR__LN2_HI32, f + tail);
    y = u == 0.0f ? -INFINITY : y;
    y = u < 0.0f ? NAN : y;
    y = x < INFINITY ? y : x;
    return fabsf(x) < 0x1p-25f ? x : y;
}

static inline float gr__tanh32(float x)
{
    float a = fabsf(x), u = a * a;
    float p = -0x1.945f28p-8f;
    p = GR__FMA32(p, u, 0x1.5812a8p-6f);
    p = GR__FMA32(p, u, -0x1.b905c4p-5f);
    p = GR__FMA32(p, u, 0x1.110c5ep-3f);
    p = GR__FMA32(p, u, -0x1.555548p-2f);
    float small = GR__FMA32(p, u * a, a);
    float large = 1.0f - 2.0f / (gr__exp32(2.0f * a) + 1.0f);
    return copysignf(a < 0.5625f ? small : large, x);
}

static inline float gr__sigmoid32(float x)
{
    float z = gr__exp32(-fabsf(x));
    float c = x < 0.0f ? z : 1.0f;
    return GR__FMA32(-c, z / (1.0f + z), c);
}

static inline float gr__softplus32(float x)
{
    float z = gr__exp32(-fabsf(x));
    float q = 0x1.1139b4p-9f;
    q = GR__FMA32(q, z, -0x1.c0a61p-7f);
    q = GR__FMA32(q, z, 0x1.59013p-5f);
    q = GR__FMA32(q, z, -0x1.54f25ep-4f);
    q = GR__FMA32(q, z, 0x1.ff295ap-4f);
    q = GR__FMA32(q, z, -0x1.4a72c4p-3f);
    q = GR__FMA32(q, z, 0x1.978b56p-3f);
    q = GR__FMA32(q, z, -0x1.ffc59ep-3f);
    q = GR__FMA32(q, z, 0x1.5553b6p-2f);
    q = GR__FMA32(q, z, -0x1.fffff8p-2f);
    float y = GR__FMA32(q, z * z, z);
    return (x > 0.0f ? x : 0.0f) + y;
}

/* rint(x) for any x */
static inline float gr__rint32(float x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_rintf(x);
#else
    float a = fabsf(x), r = (a + 0x1p23f) - 0x1p23f;
    return copysignf(a < 0x1p23f ? r : a, x);
#endif
}

/* sin(pi (x + quarter / 2)) */
static inline float gr__sinpi_shifted32(float x, uint32_t quarter)
{
    float h = x - 2.0f * gr__rint32(0.5f * x);
    float t = GR__FMA32(h, 2.0f, 0x1.8p+23f);
    float n = t - 0x1.8p+23f;
    float r = GR__FMA32(n, -0.5f, h), u = r * r;
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
    uint32_t q = gr__to_bits32(t) + quarter;
    float y = (q & 1u) ? c : s;
    return gr__from_bits32(gr__to_bits32(y) ^ ((q & 2u) << 30));
}

static inline float gr__sinpi32(float x)
{
    float y = gr__sinpi_shifted32(x, 0);
    return y == 0.0f ? copysignf(0.0f, x) : y;
}

static inline float gr__cospi32(float x)
{
    return gr__sinpi_shifted32(x, 1) + 0.0f;
}

#endif
