/*
 * vmath64: the double half of vmath.h, which includes it.
 */
#ifndef GR__VMATH64_H
#define GR__VMATH64_H

static inline double gr__from_bits64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t gr__to_bits64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 1.5 * 2^52 + 2048: x + GR__SHIFT64 has rint(x) + 2048 in its low bits, for |x| < 2048. */
#define GR__SHIFT64 0x1.80000000008p+52
#define GR__LOG2E64 0x1.71547652b82fep+0
/* ln 2 in two parts; the high one has 42 bits, so its product with an exponent is exact. */
#define GR__LN2_HI64 0x1.62e42fefa38p-1
#define GR__LN2_LO64 0x1.ef35793c7673p-45

static inline double gr__scale64(double p, double t)
{
    uint64_t n = gr__to_bits64(t), half = n >> 1;
    uint64_t bias = (uint64_t)(1023 - 1024) << 52;
    double a = gr__from_bits64((half << 52) + bias);
    double b = gr__from_bits64(((n - half) << 52) + bias);
    return p * a * b;
}

static inline double gr__exp64(double x)
{
    double c = x < -746.0 ? -746.0 : x;
    c = c > 710.0 ? 710.0 : c;
    double t = GR__FMA64(c, GR__LOG2E64, GR__SHIFT64);
    double n = t - GR__SHIFT64;
    double high = GR__FMA64(-n, GR__LN2_HI64, c), low = n * GR__LN2_LO64;
    double r = high - low;
    double q = 0x1.ad8daee3775c5p-26;
    q = GR__FMA64(q, r, 0x1.28aead49d2da4p-22);
    q = GR__FMA64(q, r, 0x1.71df1d097d185p-19);
    q = GR__FMA64(q, r, 0x1.a01998bcb541ap-16);
    q = GR__FMA64(q, r, 0x1.a01a012de9842p-13);
    q = GR__FMA64(q, r, 0x1.6c16c184a576fp-10);
    q = GR__FMA64(q, r, 0x1.11111111270e6p-7);
    q = GR__FMA64(q, r, 0x1.555555555063bp-5);
    q = GR__FMA64(q, r, 0x1.55555555554fdp-3);
    q = GR__FMA64(q, r, 0x1.000000000000ap-1);
    q = GR__FMA64(q, r * r, -low);
    double p = 1.0 + high;
    p += (high - (p - 1.0)) + q;
    return gr__scale64(p, t);
}

static inline double gr__expm1_64(double x)
{
    double c = x < -38.0 ? -38.0 : x;
    c = c > 710.0 ? 710.0 : c;
    double t = GR__FMA64(c, GR__LOG2E64, GR__SHIFT64);
    double n = t - GR__SHIFT64;
    double r = GR__FMA64(-n, GR__LN2_HI64, c);
    r = GR__FMA64(-n, GR__LN2_LO64, r);
    double q = 0x1.1f205a3d3e73ep-29;
    q = GR__FMA64(q, r, 0x1.af5fe224fe3c5p-26);
    q = GR__FMA64(q, r, 0x1.27e50f35d2cfbp-22);
    q = GR__FMA64(q, r, 0x1.71ddf7b930314p-19);
    q = GR__FMA64(q, r, 0x1.a01a018ffeef3p-16);
    q = GR__FMA64(q, r, 0x1.a01a01b01d52bp-13);
    q = GR__FMA64(q, r, 0x1.6c16c16c1a479p-10);
    q = GR__FMA64(q, r, 0x1.111111110f62ep-7);
    q = GR__FMA64(q, r, 0x1.555555555554ep-5);
    q = GR__FMA64(q, r, 0x1.5555555555559p-3);
    q = GR__FMA64(q, r, 0.5);
    q = q * r * r;
    /* half of 2^n, since n may be 1024 */
    uint64_t bits = gr__to_bits64(t) << 52;
    double s = gr__from_bits64(bits + ((uint64_t)(1022 - 2048) << 52));
    double y = GR__FMA64(s, r, s - 0.5);
    y = 2.0 * GR__FMA64(s, q, y);
    return fabs(x) < 0x1p-54 ? x : y;
}

/* log(1 + f) - f for sqrt(1/2) <= 1 + f <= sqrt(2), as f^2 (-1/2 + f P(f)). */
static inline double gr__log_tail64(double f)
{
    double p = -0x1.8c85bc3f64414p-6;
    p = GR__FMA64(p, f, 0x1.d1f5be1fc1775p-5);
    p = GR__FMA64(p, f, -0x1.01039b318eeb6p-4);
    p = GR__FMA64(p, f, 0x1.bbf23e470d9eep-5);
    p = GR__FMA64(p, f, -0x1.b47026d4388f5p-5);
    p = GR__FMA64(p, f, 0x1.dc8d41bf7d0b8p-5);
    p = GR__FMA64(p, f, -0x1.00cdb2b5a2e4ep-4);
    p = GR__FMA64(p, f, 0x1.116a6997edeabp-4);
    p = GR__FMA64(p, f, -0x1.24897fee08f8ep-4);
    p = GR__FMA64(p, f, 0x1.3b0d74424849bp-4);
    p = GR__FMA64(p, f, -0x1.555573aa2a7ecp-4);
    p = GR__FMA64(p, f, 0x1.745d58ebeb4a1p-4);
    p = GR__FMA64(p, f, -0x1.99999abbb9a6ep-4);
    p = GR__FMA64(p, f, 0x1.c71c702dbe1dep-4);
    p = GR__FMA64(p, f, -0x1.fffffff31e4dcp-4);
    p = GR__FMA64(p, f, 0x1.249249275e2ap-3);
    p = GR__FMA64(p, f, -0x1.555555556bcb4p-3);
    p = GR__FMA64(p, f, 0x1.9999999994d83p-3);
    p = GR__FMA64(p, f, -0x1.ffffffffffe71p-3);
    p = GR__FMA64(p, f, 0x1.555555555556bp-2);
    p = GR__FMA64(p, f, -0.5);
    return p * (f * f);
}

/* k + log2-mantissa split shared by log and log1p: the bits of x with 1023 * 2^52 taken as the origin */
#define GR__SQRT_HALF64 0x3fe6a09e667f3bcdu
static inline uint64_t gr__log_bits64(double x)
{
    return gr__to_bits64(x) + (0x3ff0000000000000u - GR__SQRT_HALF64);
}
static inline double gr__log_exponent64(uint64_t bits)
{
    return gr__from_bits64(0x4330000000000000u | (bits >> 52)) - (0x1p52 + 1023.0);
}

static inline double gr__log64(double x)
{
    int tiny = x < 0x1p-1022;
    uint64_t bits = gr__log_bits64(tiny ? x * 0x1p52 : x);
    double e = gr__log_exponent64(bits) - (tiny ? 52.0 : 0.0);
    double f = gr__from_bits64((bits & 0xfffffffffffffu) + GR__SQRT_HALF64) - 1.0;
    double tail = GR__FMA64(e, GR__LN2_LO64, gr__log_tail64(f));
    double y = GR__FMA64(e, GR__LN2_HI64, f + tail);
    y = x == 0.0 ? -(double)INFINITY : y;
    y = x < 0.0 ? (double)NAN : y;
    return x < (double)INFINITY ? y : x;
}

static inline double gr__log1p_64(double x)
{
    double u = 1.0 + x;
    uint64_t bits = gr__log_bits64(u);
    double e = gr__log_exponent64(bits);
    double s = gr__from_bits64((2048 - (bits >> 52)) << 52); /* 4 * 2^-k */
    double f = (0.25 * x) * s + (0.25 * s - 1.0);
    double tail = GR__FMA64(e, GR__LN2_LO64, gr__log_tail64(f));
    double y = GR__FMA64(e, GR__LN2_HI64, f + tail);
    y = u == 0.0 ? -(double)INFINITY : y;
    y = u < 0.0 ? (double)NAN : y;
    y = x < (double)INFINITY ? y : x;
    return fabs(x) < 0x1p-54 ? x : y;
}

static inline double gr__tanh64(double x)
{
    double a = fabs(x), u = a * a;
    double p = -0x1.3da1c90e6e166p-16;
    p = GR__FMA64(p, u, 0x1.599b29d3e4dafp-14);
    p = GR__FMA64(p, u, -0x1.e814fe1387e9ep-13);
    p = GR__FMA64(p, u, 0x1.34613c1a2c90bp-11);
    p = GR__FMA64(p, u, -0x1.7d8b961a69ddfp-10);
    p = GR__FMA64(p, u, 0x1.d6d2460f847f7p-9);
    p = GR__FMA64(p, u, -0x1.226e2cee381d6p-7);
    p = GR__FMA64(p, u, 0x1.664f484866de5p-6);
    p = GR__FMA64(p, u, -0x1.ba1ba1b930717p-5);
    p = GR__FMA64(p, u, 0x1.1111111110246p-3);
    p = GR__FMA64(p, u, -0x1.555555555554bp-2);
    double small = GR__FMA64(p, u * a, a);
    double large = 1.0 - 2.0 / (gr__exp64(2.0 * a) + 1.0);
    return copysign(a < 0.5625 ? small : large, x);
}

static inline double gr__sigmoid64(double x)
{
    double z = gr__exp64(-fabs(x));
    double c = x < 0.0 ? z : 1.0;
    return GR__FMA64(-c, z / (1.0 + z), c);
}

static inline double gr__softplus64(double x)
{
    double z = gr__exp64(-fabs(x));
    int half = z > 0x1.a8p-2;
    double f = half ? 0.5 * z - 0.5 : z;
    double e = half ? 1.0 : 0.0;
    double tail = GR__FMA64(e, GR__LN2_LO64, gr__log_tail64(f));
    double y = GR__FMA64(e, GR__LN2_HI64, f + tail);
    return (x > 0.0 ? x : 0.0) + y;
}

/* rint(x) for any x */
static inline double gr__rint64(double x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_rint(x);
#else
    double a = fabs(x), r = (a + 0x1p52) - 0x1p52;
    return copysign(a < 0x1p52 ? r : a, x);
#endif
}

/* sin(pi (x + quarter / 2)) */
static inline double gr__sinpi_shifted64(double x, uint64_t quarter)
{
    double h = x - 2.0 * gr__rint64(0.5 * x);
    double t = GR__FMA64(h, 2.0, 0x1.8p+52);
    double n = t - 0x1.8p+52;
    double r = GR__FMA64(n, -0.5, h), u = r * r;
    double s = 0x1.e3fbe659a0bd8p-12;
    s = GR__FMA64(s, u, -0x1.e3008fb722e55p-8);
    s = GR__FMA64(s, u, 0x1.5078300350aa3p-4);
    s = GR__FMA64(s, u, -0x1.32d2cce31bf5ap-1);
    s = GR__FMA64(s, u, 0x1.466bc67758c4cp+1);
    s = GR__FMA64(s, u, -0x1.4abbce625be46p+2);
    s = GR__FMA64(s, u, 0x1.1a62633145c07p-53);
    s = GR__FMA64(r, 0x1.921fb54442d18p+1, s * r);
    double c = -0x1.afee44e93b969p-14;
    c = GR__FMA64(c, u, 0x1.f9c3d3bf04bf4p-10);
    c = GR__FMA64(c, u, -0x1.a6d1e138c5966p-6);
    c = GR__FMA64(c, u, 0x1.e1f506749a3e4p-3);
    c = GR__FMA64(c, u, -0x1.55d3c7e3bf5abp+0);
    c = GR__FMA64(c, u, 0x1.03c1f081b5a4fp+2);
    c = GR__FMA64(c, u, -0x1.3bd3cc9be45dep+2);
    c = GR__FMA64(c, u, 1.0);
    uint64_t q = gr__to_bits64(t) + quarter;
    double y = (q & 1u) ? c : s;
    return gr__from_bits64(gr__to_bits64(y) ^ ((q & 2u) << 62));
}

static inline double gr__sinpi64(double x)
{
    double y = gr__sinpi_shifted64(x, 0);
    return y == 0.0 ? copysign(0.0, x) : y;
}

static inline double gr__cospi64(double x)
{
    return gr__sinpi_shifted64(x, 1) + 0.0;
}

#endif
