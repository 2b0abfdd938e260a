/* Random numbers from Philox: the sources uniform, normal, bernoulli and integers, and
 * permutations.
 *
 * Element i of a tensor takes word i % 4 of counter high + i / 4, and where 32 bits are too few
 * also word i % 4 of counter low + i / 4, so a value depends on the element's index alone. Whole
 * blocks are computed, then cut, so that no value comes from a vector's tail. */
#include "src/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "src/kernels/philox.h"
#include "src/kernels/vmath.h"

enum { COUNTERS = 32, BLOCK = 4 * COUNTERS };

static void words(uint32_t *restrict w, uint64_t key, uint64_t counter)
{
    for (uint32_t i = 0; i < COUNTERS; i++) {
        gr__words x = gr__philox(key, counter + i, GR__STREAM_DATA);
        for (uint32_t j = 0; j < 4; j++) w[4 * i + j] = x.w[j];
    }
}

/* The draws of one block: the high 32 bits, or all 64. */
typedef struct draws {
    uint32_t high[BLOCK], low[BLOCK];
} draws;

static void draw32(draws *d, const gr__random *r, int64_t block)
{
    words(d->high, r->key, r->high + (uint64_t)block * COUNTERS);
}

static void draw64(draws *d, const gr__random *r, int64_t block)
{
    draw32(d, r, block);
    words(d->low, r->key, r->low + (uint64_t)block * COUNTERS);
}

/* Elements block * BLOCK ... of a tensor. */
typedef void fill(void *out, const gr__random *r, int64_t block);

static inline void cut(fill *compute, size_t size, void *out, const void *detail, int64_t first,
                       int64_t n)
{
    double buffer[BLOCK];
    char *to = out;

    while (n > 0) {
        int64_t skip = first % BLOCK, take = BLOCK - skip < n ? BLOCK - skip : n;
        bool whole = take == BLOCK;
        compute(whole ? to : (char *)buffer, detail, first / BLOCK);
        if (!whole) memcpy(to, (char *)buffer + (size_t)skip * size, (size_t)take * size);
        to += (size_t)take * size;
        first += take;
        n -= take;
    }
}

/* ---- uniform: low + (high - low) u ---- */

/* The largest f32 below high: where the sum rounds up to high, or high itself to an f32 above. */
static float below32(double high)
{
    float x = (float)high;
    return (double)x < high ? x : nextafterf(x, -INFINITY);
}

static void uniform_f32(void *out, const gr__random *r, int64_t block)
{
    float *restrict y = out;
    float low = (float)r->a, width = (float)(r->b - r->a), most = below32(r->b);
    draws d;

    draw32(&d, r, block);
    for (int i = 0; i < BLOCK; i++) {
        float x = low + width * ((float)(int32_t)(d.high[i] >> 8) * 0x1p-24f);
        y[i] = x < most ? x : most;
    }
}

/* The first 53 bits of a draw as a fraction in [0, 1); exact. */
static inline double fraction(uint32_t high, uint32_t low)
{
    return (double)(int32_t)(high >> 5) * 0x1p-27 +
           (double)(int32_t)((high & 31) << 21 | low >> 11) * 0x1p-53;
}

static void uniform_f64(void *out, const gr__random *r, int64_t block)
{
    double *restrict y = out;
    double low = r->a, width = r->b - r->a, most = nextafter(r->b, -INFINITY);
    draws d;

    draw64(&d, r, block);
    for (int i = 0; i < BLOCK; i++) {
        double x = low + width * fraction(d.high[i], d.low[i]);
        y[i] = x < most ? x : most;
    }
}

/* ---- normal: mean + std z ----
 *
 * Box and Muller (1958): elements 2j and 2j + 1 are r cos(pi t) and r sin(pi t), where
 * r = sqrt(-2 log v), v in (0, 1] from the first one's draw and t in [-1, 1] from the second's.
 * |z| <= 6.67 for f32 (v >= 2^-32), 8.58 for f64 (v >= 2^-53). */

static void normal_f32(void *out, const gr__random *r, int64_t block)
{
    float *restrict y = out;
    float mean = (float)r->a, std = (float)r->b;
    draws d;

    draw32(&d, r, block);
    for (int i = 0; i < BLOCK; i += 2) {
        float v = ((float)~d.high[i] + 1.0f) * 0x1p-32f;
        float t = (float)(int32_t)d.high[i + 1] * 0x1p-31f;
        float s = std * sqrtf(-2.0f * v_log(v));
        y[i] = mean + s * v_cospi(t);
        y[i + 1] = mean + s * v_sinpi(t);
    }
}

static void normal_f64(void *out, const gr__random *r, int64_t block)
{
    double *restrict y = out;
    double mean = r->a, std = r->b;
    draws d;

    draw64(&d, r, block);
    for (int i = 0; i < BLOCK; i += 2) {
        double v = 1.0 - fraction(d.high[i], d.low[i]);
        double t = (double)(int32_t)d.high[i + 1] * 0x1p-31 +
                   (double)(int32_t)(d.low[i + 1] >> 11) * 0x1p-52;
        double s = std * sqrt(-2.0 * v_log(v));
        y[i] = mean + s * v_cospi(t);
        y[i + 1] = mean + s * v_sinpi(t);
    }
}

/* ---- bernoulli: 1 where u < p, else b; the probability is exact to 2^-33 (f32), 2^-53 (f64) ---- */

static void bernoulli_f32(void *out, const gr__random *r, int64_t block)
{
    float *restrict y = out;
    uint64_t bound = (uint64_t)(r->a * 0x1p32 + 0.5);
    uint32_t some = (uint32_t)bound, all = bound >> 32 ? UINT32_MAX : 0;
    float other = (float)r->b;
    draws d;

    draw32(&d, r, block);
    for (int i = 0; i < BLOCK; i++) y[i] = (d.high[i] & ~all) < (some | all) ? 1.0f : other;
}

static void bernoulli_f64(void *out, const gr__random *r, int64_t block)
{
    double *restrict y = out;
    double p = r->a, other = r->b;
    draws d;

    draw64(&d, r, block);
    for (int i = 0; i < BLOCK; i++) y[i] = fraction(d.high[i], d.low[i]) < p ? 1.0 : other;
}

/* ---- integers ---- */

/* floor(draw * span / 2^64): each of span numbers with probability 1 / span, within 2^-64. */
static inline uint64_t below(uint64_t span, uint32_t high, uint32_t low)
{
    uint64_t s = (uint32_t)span, t = span >> 32;
    uint64_t p = high * s + (low * s >> 32);
    uint64_t q = low * t + (uint32_t)p;

    return high * t + (p >> 32) + (q >> 32);
}

static void integers_i64(void *out, const gr__random *r, int64_t block)
{
    int64_t *restrict y = out;
    uint64_t first = (uint64_t)r->first, span = r->span;
    draws d;

    draw64(&d, r, block);
    for (int i = 0; i < BLOCK; i++) y[i] = (int64_t)(first + below(span, d.high[i], d.low[i]));
}

/* ---- the kernels ---- */

#define SOURCE(kernel, compute, type) \
    gr__source_kernel GR__KERNEL(kernel); \
    void GR__KERNEL(kernel)(void *out, const void *detail, int64_t first, int64_t n) \
    { \
        cut(compute, sizeof(type), out, detail, first, n); \
    }

SOURCE(gr__uniform_f32, uniform_f32, float)
SOURCE(gr__uniform_f64, uniform_f64, double)
SOURCE(gr__normal_f32, normal_f32, float)
SOURCE(gr__normal_f64, normal_f64, double)
SOURCE(gr__bernoulli_f32, bernoulli_f32, float)
SOURCE(gr__bernoulli_f64, bernoulli_f64, double)
SOURCE(gr__integers_i64, integers_i64, int64_t)

/* Fisher and Yates's shuffle, inside out: i goes to a random place among the first i + 1, and what
 * was there to the end. The bias of each choice is below (i + 1) / 2^64. */
gr__opaque_kernel GR__KERNEL(gr__permutation_i64);
void GR__KERNEL(gr__permutation_i64)(const gr__array *out, const gr__array *in, const void *detail,
                                     int threads, gr__fault *fault)
{
    int64_t *p = out->data;
    draws d;
    (void)in, (void)threads, (void)fault;

    for (int64_t i = 0; i < out->count; i++) {
        int64_t at = i % BLOCK;
        if (at == 0) draw64(&d, detail, i / BLOCK);
        uint64_t j = below((uint64_t)i + 1, d.high[at], d.low[at]);
        p[i] = p[j];
        p[j] = i;
    }
}
