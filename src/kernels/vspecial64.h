/*
 * The special functions of vmath.h, which includes it, in double: the normal distribution with its
 * tails, gamma functions, scaled Bessel functions. Each is branch-free plain C in the manner of
 * vmath64.h, on which it builds; a loop has a fixed number of turns. An error bound is the largest
 * error seen in ulp, with and without fma, against MPFR or mpmath. Where a gamma function of a
 * negative number is less than 8, near its zeros, it holds for ulps of 8.
 */
#ifndef GR__VSPECIAL64_H
#define GR__VSPECIAL64_H

/* Compilers vectorise around what is inlined and unrolled; at these sizes they must be told. */
#define GR__INLINE static inline __attribute__((always_inline))
#define GR__UNROLL80 _Pragma("GCC unroll 80")

/* c < 0 ? b : a for a number c, by the sign bit. Inside a loop that is unrolled a condition on what
   does not change would be moved out, and compilers would not vectorise. */
GR__INLINE double gr__by_sign64(double c, double a, double b)
{
    uint64_t bits = gr__to_bits64(a), mask = -(gr__to_bits64(c) >> 63);
    return gr__from_bits64(bits ^ ((bits ^ gr__to_bits64(b)) & mask));
}

/* y where n is a whole number from 0 to 16, else NaN. */
GR__INLINE double gr__of_order64(double n, double y)
{
    double order = n * (16.0 - n) >= 0.0 ? n : 0.5;
    return order == gr__rint64(order) ? y : NAN;
}

/* ---- the normal distribution ---- */

/* What a^2 loses when it is rounded to `square`, for |a| < 2^500. */
GR__INLINE double gr__square_low64(double a, double square)
{
#ifdef GR__HAS_FMA
    return GR__FMA64(a, a, -square);
#else
    double h = gr__from_bits64(gr__to_bits64(a) & ~(uint64_t)0x7ffffff), l = a - h;
    return ((h * h - square) + 2.0 * h * l) + l * l;
#endif
}

/* (z + 1/2) e^(z^2) erfc(z) for z >= 0: a polynomial in t = (z - 13/4) / (z + 13/4), since the
   product hardly changes, from 1/2 at 0 to 1/sqrt(pi) at infinity (Shepherd and Laframboise, 1981).
   The rest of that division makes t exact where z is small. A NaN becomes a number. */
GR__INLINE double gr__erfcx_part64(double z)
{
    double c = gr__min64(z, 0x1p+1000), r = 1.0 / (c + 3.25), q = GR__FMA64(-6.5, r, 1.0);
    double t = GR__FMA64(GR__FMA64(-q, c, GR__FMA64(-3.25, q + 1.0, c)), r, q), u = t * t;
    double even = -0x1.fcb737bb3a525p-33;
    even = GR__FMA64(even, u, 0x1.8e3fb43139614p-29);
    even = GR__FMA64(even, u, -0x1.67ada2022ffe4p-26);
    even = GR__FMA64(even, u, 0x1.0af4f5f537a95p-23);
    even = GR__FMA64(even, u, -0x1.7fd5c7cbc55edp-21);
    even = GR__FMA64(even, u, 0x1.20d4a3b2d2d4ep-18);
    even = GR__FMA64(even, u, -0x1.c661ddcf2d061p-16);
    even = GR__FMA64(even, u, 0x1.3fdda4f267cf1p-13);
    even = GR__FMA64(even, u, -0x1.894fbae5b6d99p-14);
    even = GR__FMA64(even, u, -0x1.2ec7f60cbac89p-6);
    even = GR__FMA64(even, u, -0x1.e75668d4d99f6p-5);
    even = GR__FMA64(even, u, -0x1.c1da16512bd81p-7);
    even = GR__FMA64(even, u, 0x1.3f5d268476f91p-1);
    double odd = 0x1.8bdd496f7a6dcp-32;
    odd = GR__FMA64(odd, u, -0x1.afd887c561c2ep-29);
    odd = GR__FMA64(odd, u, 0x1.ca36b18d58145p-27);
    odd = GR__FMA64(odd, u, -0x1.48210f437328p-25);
    odd = GR__FMA64(odd, u, 0x1.4d92705311b2dp-23);
    odd = GR__FMA64(odd, u, -0x1.2610b5517ce4fp-19);
    odd = GR__FMA64(odd, u, 0x1.3abe904d271e7p-15);
    odd = GR__FMA64(odd, u, -0x1.19d65ccd7c70cp-11);
    odd = GR__FMA64(odd, u, 0x1.4c8d057f37d05p-8);
    odd = GR__FMA64(odd, u, 0x1.484a4db149145p-5);
    odd = GR__FMA64(odd, u, 0x1.d0ed3bd04ba17p-5);
    odd = GR__FMA64(odd, u, -0x1.1be042459f89bp-4);
    return GR__FMA64(odd, t, even);
}

/* factor e^(-scale a^2), rounded once where it is denormal, for scale 1 or 1/2 and an exponent down
   to -745.5. */
GR__INLINE double gr__gauss64(double a, double scale, double factor)
{
    double square = a * a, low = gr__square_low64(a, square);
    double x = -scale * square, t = GR__FMA64(x, GR__LOG2E64, GR__SHIFT64);
    double r = gr__exp_rest64(x, t - GR__SHIFT64);
    return gr__scale64(gr__exp_near64(GR__FMA64(-scale, low, r)) * factor, t);
}

/* erfc(z) = e^(-z^2) part / (z + 1/2) for z = |x|, and 2 less that for x < 0. Beyond 27.3 it is 0.
   4.6 ulp, just below 1. */
GR__INLINE double gr__erfc64(double x)
{
    double z = gr__min64(fabs(x), 27.3);
    double tail = gr__gauss64(z, 1.0, gr__erfcx_part64(z) / (z + 0.5));
    tail = x < 0.0 ? 2.0 - tail : tail;
    return x == x ? tail : x;
}

#define GR__SQRT_HALF_64 0x1.6a09e667f3bcdp-1

/* The part of a normal distribution beyond a >= 0, as erfc(a / sqrt(2)) / 2 with the exponent taken
   from a itself. Beyond 38.6 it is 0. */
GR__INLINE double gr__normal_tail64(double a)
{
    double z = a * GR__SQRT_HALF_64;
    return gr__gauss64(gr__min64(a, 38.6), 0.5, 0.5 * gr__erfcx_part64(z) / (z + 0.5));
}

/* 4.5 ulp, just below 1/2. */
GR__INLINE double gr__ndtr64(double x)
{
    double tail = gr__normal_tail64(fabs(x));
    tail = x < 0.0 ? tail : 1.0 - tail;
    return x == x ? tail : x;
}

/* For x < 0 the sum of -x^2 / 2 and the logarithm of what multiplies that power of e, both of one
   sign; from 0 on log1p(-tail), with 1 - tail = 2^e (1 + f) where e = 0 or -1. 5 ulp. */
GR__INLINE double gr__log_ndtr64(double x)
{
    double a = fabs(x), z = a * GR__SQRT_HALF_64, tail = gr__normal_tail64(a);
    gr__binary64 left = gr__log_split64(0.5 * gr__erfcx_part64(z) / (z + 0.5));
    double e = tail > 0.29289 ? -1.0 : -0.0, f = tail > 0.29289 ? 1.0 - 2.0 * tail : -tail;
    double y = gr__log_join64((gr__binary64){x < 0.0 ? left.e : e, x < 0.0 ? left.f : f});
    y = GR__FMA64(x < 0.0 ? -0.5 * x : -0.0, x < 0.0 ? x : 0.0, y);
    return x == x ? y : x;
}

/* The density over the distribution: sqrt(2 / pi) / (e^(z^2) erfc(z)) for x < 0. 4.2 ulp. */
GR__INLINE double gr__inverse_mills64(double x)
{
    double a = fabs(x), z = a * GR__SQRT_HALF_64;
    double left = 0x1.9884533d43651p-1 * (z + 0.5) / gr__erfcx_part64(z);
    double density = gr__gauss64(gr__min64(a, 38.6), 0.5, 0x1.9884533d43651p-2);
    double y = x < 0.0 ? left : density / (1.0 - density / left);
    return x == x ? y : x;
}

/* M(n) = E(u^n) for a normal u of mean x and variance 1 given that u > 0, for whole n from 0 to 16:
   M(k + 1) = x M(k) + k M(k - 1), M(0) = 1, M(1) = x + inverse_mills(x). Upward that is stable for
   x > -3/2; below, M(k) / M(k - 1) = k / (-x + M(k + 1) / M(k)) is run downward, as a continued
   fraction, from an estimate at 80 (Gautschi, 1967). 7 ulp for n = 1, 50 for n = 4, 500 for n = 8
   and 15,000 for n = 16, all of them near -3/2. */
GR__INLINE double gr__truncated_moment64(double n, double x)
{
    double above = 1.0, m = x + gr__inverse_mills64(x), upward = gr__by_sign64(n - 1.0, m, 1.0);
    double t = x < -1.5 ? -x : 1.5, s = t + 1.0 / sqrt(t * t + 324.0);
    double ratio = 162.0 / (sqrt(s * s + 324.0) + s), downward = 1.0;
    GR__UNROLL80
    for (int k = 80; k > 16; k--) ratio = (double)k / (t + ratio);
    GR__UNROLL80
    for (int k = 16; k > 0; k--) {
        ratio = (double)k / (t + ratio);
        downward *= gr__by_sign64(n - (double)k, ratio, 1.0);
    }
    GR__UNROLL80
    for (int k = 1; k < 16; k++) {
        double next = GR__FMA64(x, m, (double)k * above);
        above = m, m = next;
        upward = gr__by_sign64(n - (double)(k + 1), m, upward);
    }
    double y = x < -1.5 ? downward : upward;
    return gr__of_order64(n, x == x ? y : x);
}

/* ---- gamma functions ---- */

/* log Gamma(x) for x >= -1/2. Below 8.5: x = 2 + m + z with |z| <= 1/2 and
   log Gamma(2 + z) = z P(z), to which the recurrence adds log (x - 1)(x - 2)...(x - m), or from
   which it takes log x(x + 1); no two large terms cancel. From there on Stirling's series. */
GR__INLINE double gr__lgamma_right64(double x)
{
    double m = gr__rint64(x - 2.0), z = x - (m + 2.0), u = z * z;
    double even = -0x1.33af0d7bb4269p-23;
    even = GR__FMA64(even, u, -0x1.c309f5d07b164p-22);
    even = GR__FMA64(even, u, -0x1.131cbb79da3cfp-19);
    even = GR__FMA64(even, u, -0x1.3ca9432e12babp-17);
    even = GR__FMA64(even, u, -0x1.78defd8f81acdp-15);
    even = GR__FMA64(even, u, -0x1.d3fd4943f761ep-13);
    even = GR__FMA64(even, u, -0x1.38ac5c309c6b4p-10);
    even = GR__FMA64(even, u, -0x1.e404fc218889dp-8);
    even = GR__FMA64(even, u, -0x1.13e001a557616p-4);
    even = GR__FMA64(even, u, 0x1.b0ee6072093cep-2);
    double odd = 0x1.2b09335146cbdp-22;
    odd = GR__FMA64(odd, u, 0x1.ee1671b094fd8p-21);
    odd = GR__FMA64(odd, u, 0x1.263eb67bf175fp-18);
    odd = GR__FMA64(odd, u, 0x1.5806f44288e0cp-16);
    odd = GR__FMA64(odd, u, 0x1.a127dc2f17cd7p-14);
    odd = GR__FMA64(odd, u, 0x1.0b36af366ff6fp-11);
    odd = GR__FMA64(odd, u, 0x1.7add6eae55b28p-9);
    odd = GR__FMA64(odd, u, 0x1.51322ac7d8008p-6);
    odd = GR__FMA64(odd, u, 0x1.4a34cc4a60fa7p-2);
    double near = GR__FMA64(odd, z, even) * z;
    double product = m < 0.0 ? x : 1.0;
    product = m < -1.0 ? GR__FMA64(x, x, x) : product;
    for (int k = 1; k <= 6; k++) product *= (double)k <= m ? x - (double)k : 1.0;
    int far = m > 6.0;
    double log = gr__log64(far ? x : fabs(product)), r = 1.0 / x, w = r * r;
    near += m < 0.0 ? -log : log;
    double p = -0x1.b840a72548f3dp-10;
    p = GR__FMA64(p, w, 0x1.b7722040b7c26p-11);
    p = GR__FMA64(p, w, -0x1.38101f0ec9b2cp-11);
    p = GR__FMA64(p, w, 0x1.a019fed826958p-11);
    p = GR__FMA64(p, w, -0x1.6c16c16be1171p-9);
    p = GR__FMA64(p, w, 0x1.5555555555554p-4);
    double stirling = GR__FMA64(x - 0.5, log - 1.0, GR__FMA64(p, r, 0x1.acfe390c97d69p-2));
    return far ? stirling : near;
}

/* log |Gamma(x)|; below -1/2 log(pi / |x sin(pi x)|) - log Gamma(-x). 6.4 ulp, where it is small
   between 1 and 2. */
GR__INLINE double gr__lgamma64(double x)
{
    double a = fabs(x), s = fabs(gr__sinpi_shifted64(gr__min64(a, 0x1p+60), 0));
    int left = x < -0.5;
    double y = gr__lgamma_right64(left ? a : x);
    double reflected = gr__log64(0x1.921fb54442d18p+1 / (a * s)) - y;
    reflected = s == 0.0 ? INFINITY : reflected;
    return left ? reflected : y;
}

/* The derivative of log Gamma for x >= 0. Below 7.96: x = c + m + d with |d| <= 1/2, where c is its
   zero and its value at c + d is d P(d), to which the recurrence adds 1 / (x - 1) + ... +
   1 / (x - m), or from which it takes 1 / x. From there on the asymptotic series. */
GR__INLINE double gr__digamma_right64(double x)
{
    double m = gr__rint64(x - 1.46), d = ((x - m) - 0x1.762d86356be3fp+0) - 0x1.b86a722197829p-54,
           u = d * d;
    double even = 0x1.e2191f2285dadp-13;
    even = GR__FMA64(even, u, 0x1.36ace322cf7e8p-13);
    even = GR__FMA64(even, u, 0x1.1b21dd770e96ap-11);
    even = GR__FMA64(even, u, 0x1.188d241fa095bp-10);
    even = GR__FMA64(even, u, 0x1.2e514bca4f708p-9);
    even = GR__FMA64(even, u, 0x1.42df3f6fff9acp-8);
    even = GR__FMA64(even, u, 0x1.5955e0084233dp-7);
    even = GR__FMA64(even, u, 0x1.723d6791b459p-6);
    even = GR__FMA64(even, u, 0x1.8fce02b3b86b9p-5);
    even = GR__FMA64(even, u, 0x1.b9a5b6370cc15p-4);
    even = GR__FMA64(even, u, 0x1.08b4294d5038dp-2);
    even = GR__FMA64(even, u, 0x1.ef72bc8ee38acp-1);
    double odd = -0x1.594527a5ebc2ap-12;
    odd = GR__FMA64(odd, u, -0x1.d9a898efb807ap-13);
    odd = GR__FMA64(odd, u, -0x1.9aea7b943c1cap-11);
    odd = GR__FMA64(odd, u, -0x1.9a94f30097056p-10);
    odd = GR__FMA64(odd, u, -0x1.b9e5d6c07dfeap-9);
    odd = GR__FMA64(odd, u, -0x1.d82560fe00ddap-8);
    odd = GR__FMA64(odd, u, -0x1.f97065d363e61p-7);
    odd = GR__FMA64(odd, u, -0x1.0fa7ec02adf89p-5);
    odd = GR__FMA64(odd, u, -0x1.27baba26a9907p-4);
    odd = GR__FMA64(odd, u, -0x1.4fc13172572acp-3);
    odd = GR__FMA64(odd, u, -0x1.c563b54aa1a39p-2);
    double top = m < 0.0 ? -1.0 : 0.0, bottom = m < 0.0 ? x : 1.0;
    for (int k = 1; k <= 6; k++) {
        double used = (double)k <= m ? 1.0 : 0.0,
               factor = GR__FMA64(used, x - (double)(k + 1), 1.0);
        top = GR__FMA64(top, factor, used * bottom);
        bottom *= factor;
    }
    double near = GR__FMA64(GR__FMA64(odd, d, even), d, top / bottom);
    double r = 1.0 / x, w = r * r;
    double p = -0x1.2191f268553ap-6;
    p = GR__FMA64(p, w, 0x1.ecafdcbe7aa5ep-8);
    p = GR__FMA64(p, w, -0x1.11094789c20e2p-8);
    p = GR__FMA64(p, w, 0x1.041039baee2c5p-8);
    p = GR__FMA64(p, w, -0x1.1111110fd0b5fp-7);
    p = GR__FMA64(p, w, 0x1.5555555555532p-4);
    double far = gr__log64(x) - GR__FMA64(p, w, 0.5 * r);
    return m > 6.0 ? far : near;
}

/* Below 0 psi(1 - x) - pi cot(pi x); NaN at the poles, but for 0, which has a sign. 4.3 ulp. */
GR__INLINE double gr__digamma64(double x)
{
    double a = gr__min64(fabs(x), 0x1p+60), s = gr__sinpi_shifted64(a, 0);
    double cot = gr__sinpi_shifted64(a, 1) / (s == 0.0 ? NAN : s);
    double y = gr__digamma_right64(x < 0.0 ? 1.0 - x : x);
    return GR__FMA64(0x1.921fb54442d18p+1, x < 0.0 ? cot : 0.0, y);
}

/* The second derivative of log Gamma: eight terms of its series and the asymptotic series of the
   rest (Abramowitz and Stegun 6.4.10, 6.4.12); below 0 reflected, pi^2 / sin(pi x)^2 less that of
   1 - x. Infinite at the poles. 4.5 ulp. */
GR__INLINE double gr__trigamma64(double x)
{
    double q = x < 0.0 ? 1.0 - x : x, sum = 0.0;
    for (int k = 7; k >= 0; k--) {
        double term = 1.0 / (q + (double)k);
        sum = GR__FMA64(term, term, sum);
    }
    double r = 1.0 / (q + 8.0), w = r * r;
    double p = 0x1.b81afb86fd7c2p-1;
    p = GR__FMA64(p, w, -0x1.f9efc526a272fp-3);
    p = GR__FMA64(p, w, 0x1.360c8a0c259aep-4);
    p = GR__FMA64(p, w, -0x1.11105fc13d38ap-5);
    p = GR__FMA64(p, w, 0x1.8618609e356f3p-6);
    p = GR__FMA64(p, w, -0x1.11111110f48a6p-5);
    p = GR__FMA64(p, w, 0x1.5555555555551p-3);
    double y = sum + GR__FMA64(GR__FMA64(p, r, 0.5), w, r);
    double s = 0x1.921fb54442d18p+1 / gr__sinpi_shifted64(gr__min64(fabs(x), 0x1p+60), 0);
    return x < 0.0 ? GR__FMA64(s, s, -y) : y;
}

/* x^-n for whole n from 0 to 31, by squaring: bit i of n becomes the sign that chooses. */
GR__INLINE double gr__inverse_power64(double x, double n)
{
    uint64_t bits = gr__to_bits64(n + GR__ROUND64);
    double square = 1.0 / x, power = 1.0;
    GR__UNROLL80
    for (int i = 0; i < 5; i++) {
        power *= gr__by_sign64(gr__from_bits64(bits << (63 - i)), 1.0, square);
        square *= square;
    }
    return power;
}

/* The rest of the sum of (q + k)^-(n + 1) from y = q + k on, by Euler and Maclaurin
   (DLMF 25.11.5), for y >= 8. */
GR__INLINE double gr__zeta_rest64(double n, double y)
{
    static const double bernoulli[] = {
        0x1.5555555555555p-4,   -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15,
        -0x1.bbd779334ef0bp-21, 0x1.66a8f2bf70ebep-26,  -0x1.22805d644267fp-31,
        0x1.d6db2c4e09162p-37,  -0x1.7da4e1f79955cp-42, 0x1.355871d652e9ep-47,
        -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58,  -0x1.497d9033a2b5cp-63,
    };
    double r = 1.0 / y, w = r * r, sum = 0.0;
    GR__UNROLL80
    for (int j = 11; j >= 0; j--) {
        double next = (n + (double)(2 * j + 2)) * (n + (double)(2 * j + 3));
        sum = GR__FMA64(sum, next * w, bernoulli[j]);
    }
    sum = GR__FMA64(sum * (n + 1.0), w, GR__FMA64(0.5, r, 1.0 / n));
    return gr__inverse_power64(y, n) * sum;
}

/* Derivative n of digamma, for whole n from 0 to 16: (-1)^(n + 1) n! times the sum over k >= 0 of
   (x + k)^-(n + 1). For x < 0 that is the sum over all whole numbers, which depends on the fraction
   of x alone and comes from both sides of it, less the part below x. Infinite at the poles.
   6 ulp up to n = 4 and 15 up to n = 16 for x > 0; below, of the largest term. */
GR__INLINE double gr__polygamma64(double n, double x)
{
    double c = x < -0x1p+60 ? -0x1p+60 : x, d = c - gr__rint64(c);
    double q = c < 0.0 ? (d > 0.0 ? d : 1.0 + d) : c;
    double beside = c < 0.0 ? (d > 0.0 ? 1.0 - d : -d) : 1.0, below = c < 0.0 ? 1.0 - c : 1.0;
    double sum = gr__zeta_rest64(n, q + 8.0), factorial = 1.0;
    double other = gr__zeta_rest64(n, beside + 8.0) - gr__zeta_rest64(n, below + 8.0);
    GR__UNROLL80
    for (int k = 7; k >= 0; k--) {
        sum += gr__inverse_power64(q + (double)k, n + 1.0);
        other += gr__inverse_power64(beside + (double)k, n + 1.0);
        other -= gr__inverse_power64(below + (double)k, n + 1.0);
    }
    GR__UNROLL80
    for (int k = 2; k <= 16; k++) factorial *= gr__by_sign64(n - (double)k, (double)k, 1.0);
    double sign = n == 2.0 * gr__rint64(0.5 * n) ? -1.0 : 1.0;
    double from_pole = x <= 0.0 ? d : 1.0, zeta = from_pole == 0.0 ? INFINITY : sum + sign * other;
    double y = gr__by_sign64(n - 1.0, sign * factorial * zeta, gr__digamma64(x));
    return gr__of_order64(n, y);
}

/* ---- modified Bessel functions of the first kind, times e^-|x| ---- */

/* Up to 10 e^-|x| times a polynomial in x^2 without cancellation, where 1/20 is about the slope of
   its logarithm and gives back what x^2 was rounded by; from there on a polynomial in 1 / |x|.
   3 ulp. */
GR__INLINE double gr__i0e64(double x)
{
    double a = fabs(x), u = a * a, s = 1.0 / a;
    double near = 0x1.5b02e2bd37d38p-120;
    near = GR__FMA64(near, u, 0x1.de8a3ed1604eep-112);
    near = GR__FMA64(near, u, 0x1.57e2cb0ecccdp-101);
    near = GR__FMA64(near, u, 0x1.e016af6cc3825p-92);
    near = GR__FMA64(near, u, 0x1.4243ee473f9abp-82);
    near = GR__FMA64(near, u, 0x1.69b300b77250bp-73);
    near = GR__FMA64(near, u, 0x1.5603e4af1f489p-64);
    near = GR__FMA64(near, u, 0x1.0b31064e9401ep-55);
    near = GR__FMA64(near, u, 0x1.522a48ac78219p-47);
    near = GR__FMA64(near, u, 0x1.522a439a3fe07p-39);
    near = GR__FMA64(near, u, 0x1.02e85c0d81eb9p-31);
    near = GR__FMA64(near, u, 0x1.2345678951b5cp-24);
    near = GR__FMA64(near, u, 0x1.c71c71c724a03p-18);
    near = GR__FMA64(near, u, 0x1.c71c71c71c03cp-12);
    near = GR__FMA64(near, u, 0x1.000000000002ep-6);
    near = GR__FMA64(near, u, 0x1.ffffffffffffcp-3);
    near = GR__FMA64(near, u, 0x1p+0);
    near *= gr__exp_minus64(a) * GR__FMA64(0.05, gr__square_low64(a, u), 1.0);
    double far = 0x1.9e6ad2f93499p+43;
    far = GR__FMA64(far, s, -0x1.bc2ca077417bbp+43);
    far = GR__FMA64(far, s, 0x1.aae28428fc89dp+42);
    far = GR__FMA64(far, s, -0x1.e8ca68268b971p+40);
    far = GR__FMA64(far, s, 0x1.757f97b870c6p+38);
    far = GR__FMA64(far, s, -0x1.9466d8434fb64p+35);
    far = GR__FMA64(far, s, 0x1.4158687770a05p+32);
    far = GR__FMA64(far, s, -0x1.7ed2193063af5p+28);
    far = GR__FMA64(far, s, 0x1.59e8c02ba8ba1p+24);
    far = GR__FMA64(far, s, -0x1.dc33ef9910857p+19);
    far = GR__FMA64(far, s, 0x1.f2a8cc9c35f44p+14);
    far = GR__FMA64(far, s, -0x1.8844ce2386c01p+9);
    far = GR__FMA64(far, s, 0x1.e3474cc20ff99p+3);
    far = GR__FMA64(far, s, 0x1.2fa2aa9a1ad7p-5);
    far = GR__FMA64(far, s, 0x1.7a61eb0094182p-4);
    far = GR__FMA64(far, s, 0x1.6e705756499b8p-5);
    far = GR__FMA64(far, s, 0x1.debb3d5d33bb9p-6);
    far = GR__FMA64(far, s, 0x1.cb94dd8ecbdddp-6);
    far = GR__FMA64(far, s, 0x1.9884533d459b9p-5);
    far = GR__FMA64(far, s, 0x1.9884533d4365p-2);
    far /= sqrt(a);
    return fabs(a > 10.0 ? far : near);
}

/* 3.5 ulp. */
GR__INLINE double gr__i1e64(double x)
{
    double a = fabs(x), u = a * a, s = 1.0 / a;
    double near = 0x1.3f8121f7d52c2p-125;
    near = GR__FMA64(near, u, 0x1.f2bd3aa799ac5p-117);
    near = GR__FMA64(near, u, 0x1.6b93594e11c5ap-106);
    near = GR__FMA64(near, u, 0x1.12f4096f6335fp-96);
    near = GR__FMA64(near, u, 0x1.8c7a7a1b7340ep-87);
    near = GR__FMA64(near, u, 0x1.e24b0b61dcbdcp-78);
    near = GR__FMA64(near, u, 0x1.f179229b3142cp-69);
    near = GR__FMA64(near, u, 0x1.ab81b8a945577p-60);
    near = GR__FMA64(near, u, 0x1.2c975ba4f13d5p-51);
    near = GR__FMA64(near, u, 0x1.522a43bc9e72bp-43);
    near = GR__FMA64(near, u, 0x1.27e4fb7ad3228p-35);
    near = GR__FMA64(near, u, 0x1.845c8a0ca412p-28);
    near = GR__FMA64(near, u, 0x1.6c16c16c19fa5p-21);
    near = GR__FMA64(near, u, 0x1.c71c71c71c41cp-15);
    near = GR__FMA64(near, u, 0x1.555555555556cp-9);
    near = GR__FMA64(near, u, 0x1.fffffffffffffp-5);
    near = GR__FMA64(near, u, 0x1p-1);
    near *= gr__exp_minus64(a) * GR__FMA64(0.05, gr__square_low64(a, u), 1.0) * a;
    double far = -0x1.9f3e8ab972962p+43;
    far = GR__FMA64(far, s, 0x1.c0268ed7ba69ep+43);
    far = GR__FMA64(far, s, -0x1.b1219c4fe1e65p+42);
    far = GR__FMA64(far, s, 0x1.f244f8ee2ff0fp+40);
    far = GR__FMA64(far, s, -0x1.7e43bec1facebp+38);
    far = GR__FMA64(far, s, 0x1.9f56ac97ad8cbp+35);
    far = GR__FMA64(far, s, -0x1.4b10fd9412f2bp+32);
    far = GR__FMA64(far, s, 0x1.8b8748938a141p+28);
    far = GR__FMA64(far, s, -0x1.66590ceda3425p+24);
    far = GR__FMA64(far, s, 0x1.ee95e130eef6ap+19);
    far = GR__FMA64(far, s, -0x1.039abe52602fcp+15);
    far = GR__FMA64(far, s, 0x1.9951cae85c629p+9);
    far = GR__FMA64(far, s, -0x1.fc08643f42517p+3);
    far = GR__FMA64(far, s, -0x1.1b907bba25a69p-4);
    far = GR__FMA64(far, s, -0x1.cd3a0cedc8294p-4);
    far = GR__FMA64(far, s, -0x1.d7280464f77ffp-5);
    far = GR__FMA64(far, s, -0x1.4f1ca372a2594p-5);
    far = GR__FMA64(far, s, -0x1.7efc0dfdb3f18p-5);
    far = GR__FMA64(far, s, -0x1.32633e6df3227p-3);
    far = GR__FMA64(far, s, 0x1.9884533d43651p-2);
    far /= sqrt(a);
    return copysign(a > 10.0 ? far : near, x);
}

/* Of whole order n from 0 to 16. Up to 60 the ratio I(k) / I(k - 1) = x / (2 k + x I(k + 1) / I(k))
   is run downward, as a continued fraction, from an estimate at 48 (Amos, 1974); beyond 60 there is
   Hankel's expansion (DLMF 10.40.1), nested. One loop does either, by its coefficients.
   4.5 ulp up to n = 8, 20 ulp. */
GR__INLINE double gr__ive64(double n, double x)
{
    double a = fabs(x), square = 4.0 * n * n, near = gr__i0e64(x);
    int far = a > 60.0;
    double slope = far ? 0.0 : a, one = far ? 1.0 : 0.0, twice = far ? 8.0 * a : 2.0;
    double ratio = far ? 1.0 : a / (48.0 + sqrt(a * a + 2304.0));
    GR__UNROLL80
    for (int k = 47; k > 0; k--) {
        double odd = (double)(2 * k - 1);
        double top = GR__FMA64(one * (odd * odd - square), ratio, slope);
        double quotient = top / GR__FMA64(slope, ratio, (double)k * twice);
        ratio = one + quotient;
        if (k <= 16) near *= gr__by_sign64(n - (double)k, quotient, 1.0);
    }
    double y = far ? 0x1.9884533d43651p-2 * ratio / sqrt(a) : near;
    y = copysign(y, n == 2.0 * gr__rint64(0.5 * n) ? 1.0 : x);
    return gr__of_order64(n, y);
}

#endif
