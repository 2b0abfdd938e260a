/*
 * The double half of vmath.h, which includes it: the methods of vmath32.h with longer polynomials,
 * most of them with even and odd powers summed apart. An error bound is the largest error in ulp
 * over ten million inputs: any bits, wide and narrow ranges, neighbours of special values, of
 * thresholds and of multiples of pi / 4; a second number is the one without fma.
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

/* The nearest integer, of any x. */
static inline double gr__rint64(double x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_rint(x);
#else
    double a = fabs(x), r = (a + 0x1p+52) - 0x1p+52;
    return copysign(a < 0x1p+52 ? r : a, x);
#endif
}

/* x + GR__ROUND64 has rint(x) in its lowest bits, x + GR__SHIFT64 has rint(x) + 1076 there. */
#define GR__ROUND64 0x1.8p+52
#define GR__SHIFT64 0x1.8000000000434p+52

#define GR__LOG2E64 0x1.71547652b82fep+0
#define GR__LOG2E_FRACTION64 0x1.c551d94ae0bf8p-2 /* log2(e) - 1 */
#define GR__LN2_64 0x1.62e42fefa39efp-1
/* The high part has 42 bits: its product with an exponent is exact, with and without fma. */
#define GR__LN2_HI64 0x1.62e42fefa38p-1
#define GR__LN2_LO64 0x1.ef35793c7673p-45

/* The smaller of x >= 0 and limit, by their bits where vectors of 64-bit integers are compared. */
static inline double gr__min64(double x, double limit)
{
#if defined(__SSE4_2__) || defined(__aarch64__)
    int64_t a = (int64_t)gr__to_bits64(x), b = (int64_t)gr__to_bits64(limit);
    return gr__from_bits64((uint64_t)(a < b ? a : b));
#else
    return x < limit ? x : limit;
#endif
}

/* p 2^n for t = GR__SHIFT64 + n and -1076 <= n <= 1025. */
static inline double gr__scale64(double p, double t)
{
    uint64_t n = gr__to_bits64(t), half = n >> 1 << 52;
    uint64_t other = half + ((uint64_t)970 << 52);
    return p * gr__from_bits64(other) * gr__from_bits64((n << 52) - half);
}

/* x - n ln 2. */
static inline double gr__exp_rest64(double x, double n)
{
    return GR__FMA64(-n, GR__LN2_LO64, GR__FMA64(-n, GR__LN2_HI64, x));
}

/* e^r - 1 for |r| <= ln(2) / 2, as what is to be added to 1. */
static inline double gr__exp_tail64(double r)
{
    double u = r * r;
    double even = 0x1.28aead49d2da4p-22;
    even = GR__FMA64(even, u, 0x1.a01998bcb541ap-16);
    even = GR__FMA64(even, u, 0x1.6c16c184a576fp-10);
    even = GR__FMA64(even, u, 0x1.555555555063bp-5);
    even = GR__FMA64(even, u, 0x1.000000000000ap-1);
    double odd = 0x1.ad8daee3775c5p-26;
    odd = GR__FMA64(odd, u, 0x1.71df1d097d185p-19);
    odd = GR__FMA64(odd, u, 0x1.a01a012de9842p-13);
    odd = GR__FMA64(odd, u, 0x1.11111111270e6p-7);
    odd = GR__FMA64(odd, u, 0x1.55555555554fdp-3);
    return GR__FMA64(GR__FMA64(odd, r, even), u, r);
}

static inline double gr__exp_near64(double r)
{
    return 1.0 + gr__exp_tail64(r);
}

/* Too large an x stops at n = 1024 and leaves the rest to r, which no coefficient makes less. There
   is no unsigned minimum of 64 bits in AVX2, hence a selection for the other end. 1.1 ulp. */
static inline double gr__exp64(double x)
{
    double c = x < -746.0 ? -746.0 : x;
    double t = gr__min64(GR__FMA64(c, GR__LOG2E64, GR__SHIFT64), GR__SHIFT64 + 1024.0);
    return gr__scale64(gr__exp_near64(gr__exp_rest64(c, t - GR__SHIFT64)), t);
}

/* e^-a for a >= 0; a NaN becomes 0. 1.1 ulp. */
static inline double gr__exp_minus64(double a)
{
    double c = -gr__min64(a, 746.0);
    double t = GR__FMA64(c, GR__LOG2E64, GR__SHIFT64);
    double p = gr__exp_near64(gr__exp_rest64(c, t - GR__SHIFT64));
    return p * gr__from_bits64(gr__to_bits64(t) << 52) * 0x1p-53;
}

/* e^x for |x| <= 80, in sums as in vmath32.h. */
static inline double gr__exp_short64(double x)
{
    double t = GR__FMA64(x, GR__LOG2E64, GR__ROUND64);
    double r = GR__FMA64(t - GR__ROUND64, -GR__LN2_64, x);
    return gr__from_bits64(gr__to_bits64(gr__exp_near64(r)) + (gr__to_bits64(t) << 52));
}

/* 2^r for |r| <= 1/2. */
static inline double gr__exp2_near64(double r)
{
    double u = r * r;
    double even = 0x1.e82067ad12215p-32;
    even = GR__FMA64(even, u, 0x1.b5260368c08bep-24);
    even = GR__FMA64(even, u, 0x1.ffcbfbfce5af4p-17);
    even = GR__FMA64(even, u, 0x1.5d87fe78b3129p-10);
    even = GR__FMA64(even, u, 0x1.c6b08d704a0d6p-5);
    even = GR__FMA64(even, u, 0x1.62e42fefa39efp-1);
    double odd = 0x1.e61388d63cad8p-28;
    odd = GR__FMA64(odd, u, 0x1.62bfccbf37745p-20);
    odd = GR__FMA64(odd, u, 0x1.4309130c76743p-13);
    odd = GR__FMA64(odd, u, 0x1.3b2ab6fba0f9p-7);
    odd = GR__FMA64(odd, u, 0x1.ebfbdff82c59dp-3);
    double q = GR__FMA64(odd, r, even);
    return GR__FMA64(q, r, 1.0);
}

/* 1.1 ulp, 1.3. */
static inline double gr__exp2_64(double x)
{
    double c = x < -1076.0 ? -1076.0 : x;
    double t = gr__min64(c + GR__SHIFT64, GR__SHIFT64 + 1025.0);
    return gr__scale64(gr__exp2_near64(c - (t - GR__SHIFT64)), t);
}

/* e^(r + low) - 1 - (r + low) less `low`: what is to be added to the high part of r + low. */
static inline double gr__expm1_tail64(double r, double low)
{
    double u = r * r;
    double even = 0x1.1f205a3d3e73ep-29;
    even = GR__FMA64(even, u, 0x1.27e50f35d2cfbp-22);
    even = GR__FMA64(even, u, 0x1.a01a018ffeef3p-16);
    even = GR__FMA64(even, u, 0x1.6c16c16c1a479p-10);
    even = GR__FMA64(even, u, 0x1.555555555554ep-5);
    even = GR__FMA64(even, u, 0.5);
    double odd = 0x1.af5fe224fe3c5p-26;
    odd = GR__FMA64(odd, u, 0x1.71ddf7b930314p-19);
    odd = GR__FMA64(odd, u, 0x1.a01a01b01d52bp-13);
    odd = GR__FMA64(odd, u, 0x1.111111110f62ep-7);
    odd = GR__FMA64(odd, u, 0x1.5555555555559p-3);
    return GR__FMA64(GR__FMA64(odd, r, even), u, -low);
}

/* 1.3 ulp. */
static inline double gr__expm1_64(double x)
{
    double t = GR__FMA64(x, GR__LOG2E64, GR__ROUND64 + 1022.0);
    double n = t - (GR__ROUND64 + 1022.0);
    double high = GR__FMA64(-n, GR__LN2_HI64, x), low = n * GR__LN2_LO64;
    double q = gr__expm1_tail64(high - low, low);
    double s = gr__from_bits64(gr__to_bits64(t) << 52);
    double y = GR__FMA64(s, high, s - 0.5);
    y = 2.0 * GR__FMA64(s, q, y);
    y = fabs(x) < 0x1p-54 ? x : y;
    y = x < -38.0 ? -1.0 : y;
    return x > 710.0 ? INFINITY : y;
}

/* A positive number as 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2). */
typedef struct {
    double e, f;
} gr__binary64;

#define GR__SQRT_HALF64 0x3fe6a09e667f3bcdu

/* The bits of 2^e (1 + f), moved so that the upper 12 hold e + 1023. */
static inline uint64_t gr__log_bits64(double x)
{
    return gr__to_bits64(x) + (0x3ff0000000000000u - GR__SQRT_HALF64);
}

/* That e, by way of the low bits of 2^52: not every instruction set converts 64-bit integers. */
static inline double gr__log_exponent64(uint64_t bits)
{
    return gr__from_bits64(0x4330000000000000u | (bits >> 52)) - (0x1p+52 + 1023.0);
}

static inline gr__binary64 gr__log_split64(double x)
{
    int tiny = x < 0x1p-1022;
    uint64_t bits = gr__log_bits64(tiny ? x * 0x1p+52 : x);
    double e = gr__log_exponent64(bits);
    double m = gr__from_bits64((bits & 0xfffffffffffffu) + GR__SQRT_HALF64);
    return (gr__binary64){e - (tiny ? 52.0 : 0.0), m - 1.0};
}

/* log(1 + f) - f = f^2 (-1/2 + f P(f)) for sqrt(1/2) <= 1 + f <= sqrt(2). Every fourth power of P
   is summed apart: this is the longest chain of all. */
static inline double gr__log_tail64(double f)
{
    double u = f * f, v = u * u;
    double a = 0x1.bbf23e470d9eep-5;
    a = GR__FMA64(a, v, 0x1.116a6997edeabp-4);
    a = GR__FMA64(a, v, 0x1.745d58ebeb4a1p-4);
    a = GR__FMA64(a, v, 0x1.249249275e2ap-3);
    a = GR__FMA64(a, v, 0x1.555555555556bp-2);
    double b = -0x1.01039b318eeb6p-4;
    b = GR__FMA64(b, v, -0x1.00cdb2b5a2e4ep-4);
    b = GR__FMA64(b, v, -0x1.555573aa2a7ecp-4);
    b = GR__FMA64(b, v, -0x1.fffffff31e4dcp-4);
    b = GR__FMA64(b, v, -0x1.ffffffffffe71p-3);
    double c = 0x1.d1f5be1fc1775p-5;
    c = GR__FMA64(c, v, 0x1.dc8d41bf7d0b8p-5);
    c = GR__FMA64(c, v, 0x1.3b0d74424849bp-4);
    c = GR__FMA64(c, v, 0x1.c71c702dbe1dep-4);
    c = GR__FMA64(c, v, 0x1.9999999994d83p-3);
    double d = -0x1.8c85bc3f64414p-6;
    d = GR__FMA64(d, v, -0x1.b47026d4388f5p-5);
    d = GR__FMA64(d, v, -0x1.24897fee08f8ep-4);
    d = GR__FMA64(d, v, -0x1.99999abbb9a6ep-4);
    d = GR__FMA64(d, v, -0x1.555555556bcb4p-3);
    double p = GR__FMA64(GR__FMA64(d, f, c), u, GR__FMA64(b, f, a));
    return GR__FMA64(p, f, -0.5) * u;
}

static inline double gr__log_join64(gr__binary64 x)
{
    double tail = GR__FMA64(x.e, GR__LN2_LO64, gr__log_tail64(x.f));
    return GR__FMA64(x.e, GR__LN2_HI64, x.f + tail);
}

/* y = log(x) where x is positive and finite, else the limit or NaN. */
static inline double gr__log_select64(double x, double y)
{
    y = x == 0.0 ? -INFINITY : y;
    y = x < 0.0 ? NAN : y;
    return x < INFINITY ? y : x;
}

/* 1 ulp. */
static inline double gr__log64(double x)
{
    return gr__log_select64(x, gr__log_join64(gr__log_split64(x)));
}

/* 1.2 ulp, 1.4. */
static inline double gr__log2_64(double x)
{
    gr__binary64 b = gr__log_split64(x);
    double tail = gr__log_tail64(b.f) * GR__LOG2E64;
    double y = b.f + GR__FMA64(b.f, GR__LOG2E_FRACTION64, tail);
    return gr__log_select64(x, b.e + y);
}

/* 1.5 ulp. */
static inline double gr__log1p_64(double x)
{
    double u = 1.0 + x;
    uint64_t bits = gr__log_bits64(u);
    double s = gr__from_bits64((2048 - (bits >> 52)) << 52);
    double f = (0.25 * x) * s + (0.25 * s - 1.0);
    double y = gr__log_join64((gr__binary64){gr__log_exponent64(bits), f});
    y = gr__log_select64(u, y);
    return fabs(x) < 0x1p-54 ? x : y;
}

/* 1.6 ulp. */
static inline double gr__tanh64(double x)
{
    double a = fabs(x), u = a * a, v = u * u;
    double even = -0x1.3da1c90e6e166p-16;
    even = GR__FMA64(even, v, -0x1.e814fe1387e9ep-13);
    even = GR__FMA64(even, v, -0x1.7d8b961a69ddfp-10);
    even = GR__FMA64(even, v, -0x1.226e2cee381d6p-7);
    even = GR__FMA64(even, v, -0x1.ba1ba1b930717p-5);
    even = GR__FMA64(even, v, -0x1.555555555554bp-2);
    double odd = 0x1.599b29d3e4dafp-14;
    odd = GR__FMA64(odd, v, 0x1.34613c1a2c90bp-11);
    odd = GR__FMA64(odd, v, 0x1.d6d2460f847f7p-9);
    odd = GR__FMA64(odd, v, 0x1.664f484866de5p-6);
    odd = GR__FMA64(odd, v, 0x1.1111111110246p-3);
    double p = GR__FMA64(odd, u, even);
    double small = GR__FMA64(p, u * a, a);
    double large = 1.0 - 2.0 / (gr__exp_short64(2.0 * gr__min64(a, 20.0)) + 1.0);
    return copysign(a > 0.5625 ? large : small, x);
}

/* 1.7 ulp, 1.9. */
static inline double gr__sigmoid64(double x)
{
    double z = gr__exp_minus64(fabs(x));
    double c = x < 0.0 ? z : 1.0;
    c = x == x ? c : x;
    return GR__FMA64(-c, z / (1.0 + z), c);
}

/* max(x, 0) + log(1 + z) with z = e^-|x| in [0, 1]; 1 + z = 2^e (1 + f) with e = 0 or 1.
   1.9 ulp. */
static inline double gr__softplus64(double x)
{
    double z = gr__exp_minus64(fabs(x));
    double e = z > 0.4140625 ? 1.0 : 0.0, f = z > 0.4140625 ? 0.5 * z - 0.5 : z;
    return (x < 0.0 ? 0.0 : x) + gr__log_join64((gr__binary64){e, f});
}

/* 1.2 ulp, 1.8. */
static inline double gr__log_cosh64(double x)
{
    double a = fabs(x), u = a * a, v = u * u;
    double even = -0x1.943cf76272811p-30;
    even = GR__FMA64(even, v, -0x1.d03aafeb1cf93p-24);
    even = GR__FMA64(even, v, -0x1.8846ce71f6744p-20);
    even = GR__FMA64(even, v, -0x1.8e6791a5c8d21p-17);
    even = GR__FMA64(even, v, -0x1.7d9653a4d01bdp-14);
    even = GR__FMA64(even, v, -0x1.833d8c717be6ep-11);
    even = GR__FMA64(even, v, -0x1.ba1ba1b69e9d2p-8);
    even = GR__FMA64(even, v, -0x1.5555555555501p-4);
    double odd = 0x1.33b2fc0f6105bp-26;
    odd = GR__FMA64(odd, v, 0x1.dd796478d41d9p-22);
    odd = GR__FMA64(odd, v, 0x1.1e4de8f0d854p-18);
    odd = GR__FMA64(odd, v, 0x1.12a96383b5128p-15);
    odd = GR__FMA64(odd, v, 0x1.0d0a8dd864883p-12);
    odd = GR__FMA64(odd, v, 0x1.1ea5d32e4caccp-9);
    odd = GR__FMA64(odd, v, 0x1.6c16c16c0f867p-6);
    double small = GR__FMA64(0.5 * a, a, GR__FMA64(odd, u, even) * v);
    double z = gr__exp_short64(-2.0 * gr__min64(a, 40.0));
    double p = -0x1.e5aa0d0072472p-5;
    p = GR__FMA64(p, z, 0x1.a089f6780ac95p-4);
    p = GR__FMA64(p, z, -0x1.fabbc065bea88p-4);
    p = GR__FMA64(p, z, 0x1.24589a13390c7p-3);
    p = GR__FMA64(p, z, -0x1.55522f972d6b1p-3);
    p = GR__FMA64(p, z, 0x1.99997dff8a4a3p-3);
    p = GR__FMA64(p, z, -0x1.ffffff6fef2a3p-3);
    p = GR__FMA64(p, z, 0x1.555555548eb3bp-2);
    p = GR__FMA64(p, z, -0x1.ffffffffff2a6p-2);
    p = GR__FMA64(p, z, 1.0);
    return a < 1.09375 ? small : a + GR__FMA64(p, z, -GR__LN2_64);
}

/* -log(erfc(x)) for 3/4 <= x <= 6. */
static inline double gr__log_erfc64(double x)
{
    double u = x * x;
    double even = -0x1.048173d4684b2p-39;
    even = GR__FMA64(even, u, -0x1.c18e997048f79p-30);
    even = GR__FMA64(even, u, -0x1.887bde8e9b5cp-23);
    even = GR__FMA64(even, u, -0x1.889f03567039fp-18);
    even = GR__FMA64(even, u, -0x1.f68b4617fa96cp-15);
    even = GR__FMA64(even, u, -0x1.b9a10c8eaa6ap-17);
    even = GR__FMA64(even, u, 0x1.b806fcf004c14p-10);
    even = GR__FMA64(even, u, -0x1.396ca228c800fp-6);
    even = GR__FMA64(even, u, 0x1.45f30e173b8a2p-1);
    even = GR__FMA64(even, u, 0x1.b9efce816e39fp-28);
    double odd = 0x1.617dd7ce0be16p-34;
    odd = GR__FMA64(odd, u, 0x1.63e28a0522378p-26);
    odd = GR__FMA64(odd, u, 0x1.3efc5249fdd04p-20);
    odd = GR__FMA64(odd, u, 0x1.6ee676076c99dp-16);
    odd = GR__FMA64(odd, u, 0x1.b1028a19bb256p-14);
    odd = GR__FMA64(odd, u, -0x1.25758d9f05bbfp-11);
    odd = GR__FMA64(odd, u, -0x1.a7fd9c93baa54p-13);
    odd = GR__FMA64(odd, u, 0x1.a4f4b5638e3c6p-4);
    odd = GR__FMA64(odd, u, 0x1.20dd73ff52da3p+0);
    return GR__FMA64(odd, x, even);
}

/* 1.4 ulp. */
static inline double gr__erf64(double x)
{
    double a = fabs(x), u = a * a, v = u * u;
    double even = 0x1.908d22e4fb09dp-27;
    even = GR__FMA64(even, v, 0x1.b93f1afff5d6bp-20);
    even = GR__FMA64(even, v, 0x1.f9a2ec3a2bd8cp-14);
    even = GR__FMA64(even, v, 0x1.565bcd0f172dp-8);
    even = GR__FMA64(even, v, 0x1.ce2f21a0436d9p-4);
    even = GR__FMA64(even, v, 0x1.06eba8214db69p-3);
    double odd = -0x1.577e3b442aaafp-23;
    odd = GR__FMA64(odd, v, -0x1.f4ca2fad88f46p-17);
    odd = GR__FMA64(odd, v, -0x1.c02db33ba92fap-11);
    odd = GR__FMA64(odd, v, -0x1.b82ce312a5a76p-6);
    odd = GR__FMA64(odd, v, -0x1.812746b0379ffp-2);
    double p = GR__FMA64(odd, u, even);
    double small = GR__FMA64(p, a, a);
    double large = 1.0 - gr__exp64(-gr__log_erfc64(a > 6.0 ? 6.0 : a));
    return copysign(a < 0.75 ? small : large, x);
}

/* Quarter turn q of a circle whose first eighth has sine s and cosine c: the sine there. */
static inline double gr__quadrant64(uint64_t q, double s, double c)
{
    uint64_t sine = gr__to_bits64(s), other = (sine ^ gr__to_bits64(c)) & -(q & 1u);
    return gr__from_bits64(sine ^ other ^ ((q & 2u) << 62));
}

/* x - n a, exact where the result is about 1 and a has 33 bits. */
static inline double gr__subtract_product64(double x, double n, double a)
{
#ifdef GR__HAS_FMA
    return GR__FMA64(-n, a, x);
#else
    double upper = (n + 0x1.8p+72) - 0x1.8p+72;
    return (x - upper * a) - (n - upper) * a;
#endif
}

/* An angle as quarter turns, in the lowest bits of t, and the rest r + d. */
typedef struct {
    double t, r, d;
} gr__angle64;

/* Is an angle too large for gr__reduce64, and so for a loop? angle.c has what those need. */
static inline int gr__is_far64(double x)
{
    return fabs(x) > 0x1p+27;
}

/* x - n pi / 2 = r + d with pi / 2 in parts of 33, 26, 26 and 53 bits (Cody and Waite, 1980): the
   products with the first three are exact for |n| < 2^27, and `low` collects what the differences
   round off. */
static inline gr__angle64 gr__reduce64(double x)
{
    double t = GR__FMA64(x, 0x1.45f306dc9c883p-1, GR__ROUND64), n = t - GR__ROUND64;
    double a = gr__subtract_product64(x, n, 0x1.921fb544p+0);
    double w = n * 0x1.0b46118p-34, v = n * 0x1.3131988p-61;
    double b = a - w, c = b - v;
    double low = ((a - b) - w) + ((b - c) - v) - n * 0x1.1701b839a252p-88;
    double r = c + low;
    return (gr__angle64){t, r, (c - r) + low};
}

/* sin(r + d) - r for |r| <= pi / 4. */
static inline double gr__sin_tail64(double r, double d)
{
    double u = r * r;
    double s = 0x1.5d8c7cac963cfp-33;
    s = GR__FMA64(s, u, -0x1.ae5e4f04bd6fdp-26);
    s = GR__FMA64(s, u, 0x1.71de3558e6e4fp-19);
    s = GR__FMA64(s, u, -0x1.a01a019bec575p-13);
    s = GR__FMA64(s, u, 0x1.111111110f73ep-7);
    s = GR__FMA64(s, u, -0x1.5555555555548p-3);
    return GR__FMA64(s, u * r, d);
}

/* cos(r + d) - 1. */
static inline double gr__cos_tail64(double r, double d)
{
    double u = r * r;
    double c = -0x1.8fb002316cdf7p-37;
    c = GR__FMA64(c, u, 0x1.1ee9ef599284ap-29);
    c = GR__FMA64(c, u, -0x1.27e4f810568e1p-22);
    c = GR__FMA64(c, u, 0x1.a01a019cbcf6p-16);
    c = GR__FMA64(c, u, -0x1.6c16c16c15211p-10);
    c = GR__FMA64(c, u, 0x1.555555555554cp-5);
    c = GR__FMA64(c, u, -0.5);
    return GR__FMA64(c, u, -r * d);
}

/* The sine `quarter` quarter turns further. */
static inline double gr__sin_at64(gr__angle64 a, uint64_t quarter)
{
    double s = a.r + gr__sin_tail64(a.r, a.d), c = 1.0 + gr__cos_tail64(a.r, a.d);
    return gr__quadrant64(gr__to_bits64(a.t) + quarter, s, c);
}

/* Where x is not far. 1.2 ulp, 1.4. */
static inline double gr__sin64(double x)
{
    double y = gr__sin_at64(gr__reduce64(x), 0);
    return x == 0.0 ? x : y;
}

/* Where x is not far. 1.2 ulp, 1.4. */
static inline double gr__cos64(double x)
{
    return gr__sin_at64(gr__reduce64(x), 1);
}

/* sin(pi (x + quarter / 2)). */
static inline double gr__sinpi_shifted64(double x, uint64_t quarter)
{
    double h = x - 2.0 * gr__rint64(0.5 * x);
    double t = GR__FMA64(h, 2.0, GR__ROUND64);
    double r = GR__FMA64(t - GR__ROUND64, -0.5, h), u = r * r;
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
    return gr__quadrant64(gr__to_bits64(t) + quarter, s, c);
}

/* Zero has the sign of x. 0.9 ulp, 1.7. */
static inline double gr__sinpi64(double x)
{
    double y = gr__sinpi_shifted64(x, 0);
    return y == 0.0 ? copysign(0.0, x) : y;
}

/* Zero is positive. 0.9 ulp, 1.7. */
static inline double gr__cospi64(double x)
{
    return gr__sinpi_shifted64(x, 1) + 0.0;
}

#endif
