/*
 * Powers and roots: the part of vmath.h, which includes it, that needs more bits than a double has
 * or, for floats, than a float has. Sums and products of doubles come as pairs, whose low part is
 * what the high part rounds off (Dekker, 1971). A float's function is computed in double and
 * rounded once: 0.6 ulp.
 */
#ifndef GR__VPOWER_H
#define GR__VPOWER_H

typedef struct {
    double high, low;
} gr__pair64;

/* a + b for |a| >= |b| or a = 0. */
static inline gr__pair64 gr__sum64(double a, double b)
{
    double s = a + b;
    return (gr__pair64){s, (a - s) + b};
}

/* a b, where neither comes near the ends of the range. */
static inline gr__pair64 gr__product64(double a, double b)
{
    double p = a * b;
#ifdef GR__HAS_FMA
    return (gr__pair64){p, GR__FMA64(a, b, -p)};
#else
    double c = 0x1.0000002p+27 * a, d = 0x1.0000002p+27 * b;
    double a1 = c - (c - a), a2 = a - a1, b1 = d - (d - b), b2 = b - b1;
    return (gr__pair64){p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
#endif
}

/* a times the number whose nearest double is `high`. */
static inline gr__pair64 gr__scale_pair64(gr__pair64 a, double high, double low)
{
    gr__pair64 p = gr__product64(a.high, high);
    return (gr__pair64){p.high, p.low + GR__FMA64(a.high, low, a.low * high)};
}

/* log2(x) for positive finite x, relative error 2^-64: e + 2 log2(e) artanh(s) with
   s = f / (2 + f), and artanh(s) = s (1 + u / 3 + u^2 Q(u)) with u = s^2. */
static inline gr__pair64 gr__log2_pair64(double x)
{
    gr__binary64 b = gr__log_split64(x);
    gr__pair64 t = gr__sum64(2.0, b.f);
    double s = b.f / t.high;
    gr__pair64 st = gr__product64(s, t.high), u = gr__product64(s, s);
    double s_low = (((b.f - st.high) - st.low) - s * t.low) / t.high;
    u.low = GR__FMA64(2.0 * s, s_low, u.low);
    double q = 0x1.0e5396f18b1d6p-4;
    q = GR__FMA64(q, u.high, 0x1.0f7e25560dcd6p-4);
    q = GR__FMA64(q, u.high, 0x1.3b1efecc63989p-4);
    q = GR__FMA64(q, u.high, 0x1.745ce97f2c028p-4);
    q = GR__FMA64(q, u.high, 0x1.c71c722e7e7a7p-4);
    q = GR__FMA64(q, u.high, 0x1.2492492457174p-3);
    q = GR__FMA64(q, u.high, 0x1.9999999999b36p-3);
    gr__pair64 w = gr__scale_pair64(u, 0x1.5555555555555p-2, 0x1.5555555555555p-56);
    w.low = GR__FMA64(u.high * u.high, q, w.low);
    gr__pair64 sw = gr__product64(s, w.high), a = gr__sum64(s, sw.high);
    a.low += sw.low + GR__FMA64(s, w.low, s_low * (1.0 + w.high));
    a = gr__scale_pair64(a, 0x1.71547652b82fep+1, 0x1.777d0ffda0d24p-55);
    gr__pair64 y = gr__sum64(b.e, a.high);
    return gr__sum64(y.high, y.low + a.low);
}

/* The same for a normal x as one double, relative error 2^-37. */
static inline double gr__log2_short64(double x)
{
    gr__binary64 b = gr__log_split64(x);
    double s = b.f / (2.0 + b.f), u = s * s;
    double p = 0x1.5cf38a23638bcp-2;
    p = GR__FMA64(p, u, 0x1.a58cf4caab71bp-2);
    p = GR__FMA64(p, u, 0x1.277781138ec5bp-1);
    p = GR__FMA64(p, u, 0x1.ec709d115795cp-1);
    p = GR__FMA64(p, u, 0x1.71547652bef0ep+1);
    return GR__FMA64(p, s, b.e);
}

/* a^b from p = |a|^b for positive finite |a|: signs, limits and NaN as C has them, by masks of bits.
   A selection would be right as well, but gcc has no vector code for one whose condition stays the
   same in a loop, as it does where a or b is one number. */
static inline double gr__pow_select64(double a, double b, double p)
{
    double x = fabs(a), half = 0.5 * b;
    int whole = gr__rint64(b) == b, odd = whole & (gr__rint64(half) != half);
    int none = (a != a) | (b != b) | ((a < 0.0) & (x < INFINITY) & !whole);
    uint64_t zero = -(uint64_t)(x == 0.0), infinite = -(uint64_t)(x == INFINITY);
    uint64_t limit = (zero & -(uint64_t)(b < 0.0)) | (infinite & -(uint64_t)(b > 0.0));
    uint64_t y = gr__to_bits64(p) & ~(zero | infinite);
    y |= (limit & gr__to_bits64(INFINITY)) | (gr__to_bits64(a) & (uint64_t)odd << 63);
    y |= -(uint64_t)none;
    uint64_t one = -(uint64_t)((a == 1.0) | (b == 0.0));
    return gr__from_bits64((one & gr__to_bits64(1.0)) | (~one & y));
}

/* Exponents beyond 2^65 overflow or vanish as that does. */
static inline double gr__pow_exponent64(double b)
{
    return copysign(gr__min64(fabs(b), 0x1p+65), b);
}

/* 2^(y log2 |a|). 1.1 ulp, 1.4. */
static inline double gr__pow64(double a, double b)
{
    double y = gr__pow_exponent64(b);
    gr__pair64 log2 = gr__log2_pair64(fabs(a)), z = gr__product64(y, log2.high);
    double low = GR__FMA64(y, log2.low, z.low);
    double c = z.high < -1076.0 ? -1076.0 : z.high;
    double t = gr__min64(c + GR__SHIFT64, GR__SHIFT64 + 1025.0);
    double r = (c - (t - GR__SHIFT64)) + (c == z.high ? low : 0.0);
    return gr__pow_select64(a, b, gr__scale64(gr__exp2_near64(r), t));
}

static inline float gr__pow32(float a, float b)
{
    double z = gr__pow_exponent64((double)b) * gr__log2_short64(fabs((double)a));
    return (float)gr__pow_select64((double)a, (double)b, gr__exp2_64(z));
}

/* log2(x) log10(2); exact for powers of ten. 0.6 ulp. */
static inline double gr__log10_64(double x)
{
    gr__pair64 y = gr__log2_pair64(x);
    y = gr__scale_pair64(y, 0x1.34413509f79ffp-2, -0x1.9dc1da994fd21p-59);
    return gr__log_select64(x, y.high + y.low);
}

static inline float gr__log10_32(float x)
{
    double y = gr__log2_short64((double)x) * 0x1.34413509f79ffp-2;
    return (float)gr__log_select64((double)x, y);
}

/* t = x^(1/3) to 5 bits by a third of the exponent, to 22 by a polynomial for (t^3 / x)^(-1/3),
   rounded so that t^2 is exact, and a step of Halley's. 0.9 ulp. */
static inline double gr__cbrt64(double x)
{
    double a = fabs(x), m = a < 0x1p-1022 ? a * 0x1p+54 : a;
    double upper = gr__from_bits64(0x4330000000000000u | (gr__to_bits64(m) >> 32)) - 0x1p+52;
    double third = upper * 0x1.5555555555555p-2 + (0x1p+52 + 715094163.0);
    double t = gr__from_bits64(gr__to_bits64(third) << 32), r = t * t * (t / m);
    double p = 0x1.25483977c545bp-3;
    p = GR__FMA64(p, r, -0x1.7ed2e939adb43p-1);
    p = GR__FMA64(p, r, 0x1.9b2afaed07753p+0);
    p = GR__FMA64(p, r, -0x1.e012997078c14p+0);
    p = GR__FMA64(p, r, 0x1.dfa80b8ab5896p+0);
    t = gr__from_bits64((gr__to_bits64(p * t) + 0x20000000u) & 0xffffffffc0000000u);
    double s = m / (t * t);
    double y = GR__FMA64(t, (s - t) / (t + t + s), t);
    y = copysign(a < 0x1p-1022 ? y * 0x1p-18 : y, x);
    y = x == 0.0 ? x : y;
    return a < INFINITY ? y : x;
}

static inline float gr__cbrt32(float x)
{
    return (float)gr__cbrt64((double)x);
}

/* The larger one is scaled to where no square overflows or vanishes. An infinity wins over NaN.
   1.2 ulp. */
static inline double gr__hypot64(double a, double b)
{
    double x = fabs(a), y = fabs(b), large = x > y ? x : y, small = x > y ? y : x;
    double s = large < 0x1p-400 ? 0x1p+600 : 1.0, back = large < 0x1p-400 ? 0x1p-600 : 1.0;
    s = large > 0x1p+500 ? 0x1p-600 : s, back = large > 0x1p+500 ? 0x1p+600 : back;
    large *= s, small *= s;
    double h = sqrt(GR__FMA64(small, small, large * large)) * back;
    h = x == INFINITY ? x : h;
    return y == INFINITY ? y : h;
}

static inline float gr__hypot32(float a, float b)
{
    double x = (double)a, y = (double)b, h = sqrt(x * x + y * y);
    h = fabs(x) == (double)INFINITY ? fabs(x) : h;
    return (float)(fabs(y) == (double)INFINITY ? fabs(y) : h);
}

#endif
