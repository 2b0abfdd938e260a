/* What the machine can do: plain C loops, memory bandwidth, fused multiply-adds. Compiled for
 * several instruction sets and with contraction to fma; no tensors. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <time.h>

#include "bench/bench.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && __GNUC__ >= 12
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

enum { LANES = 16, CHAINS = 8 };

typedef float lanes __attribute__((vector_size(4 * LANES)));

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- losses ----
 * r = x - y, m = 1 - x y; sums in lanes, since a compiler may not reorder one, and of blocks, which
 * keeps them exact. */

enum { BLOCK = 4096 };

#define SQUARE(r) ((r) * (r))
#define SIGN(r) ((float)((r) > 0) - (float)((r) < 0))
#define CUT(r) ((r) < -1 ? -1 : (r) > 1 ? 1 : (r))
#define LOOP(name, term, slope) \
    CLONES static float name##_block(int64_t n, const float *restrict x, const float *restrict y, \
                                     float *restrict g, float scale) \
    { \
        float lane[LANES] = {0}, sum = 0; \
        for (int64_t i = 0; i < n; i += LANES) { \
            for (int j = 0; j < LANES; j++) { \
                float p = x[i + j], t = y[i + j], r = p - t, m = 1 - p * t; \
                lane[j] += term; \
                g[i + j] = scale * (slope); \
                (void)r, (void)m; \
            } \
        } \
        for (int j = 0; j < LANES; j++) sum += lane[j]; \
        return sum; \
    } \
    float name##_loop(int64_t n, const float *x, const float *y, float *g) \
    { \
        return in_blocks(name##_block, n, x, y, g); \
    }

typedef float block_loop(int64_t n, const float *x, const float *y, float *g, float scale);

/* Threads from the size where a second one pays. */
static float in_blocks(block_loop *loop, int64_t n, const float *x, const float *y, float *g)
{
    float scale = 1.0f / (float)n;
    double sum = 0;

#pragma omp parallel num_threads(gr_threads()) if (n >= 131072)
    {
        double part = 0;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n; i += BLOCK) {
            part += (double)loop(n - i < BLOCK ? n - i : BLOCK, x + i, y + i, g + i, scale);
        }
#pragma omp critical
        sum += part;
    }
    return (float)(sum * (double)scale);
}

LOOP(mse, SQUARE(r), 2 * r)
LOOP(mae, r < 0 ? -r : r, SIGN(r))
LOOP(huber, CUT(r) * (r - 0.5f * CUT(r)), CUT(r))
LOOP(hinge, m > 0 ? m : 0, m > 0 ? -t : 0)

/* ---- limits ---- */

/* Arrays of n numbers each, three for each thread; or nothing. */
typedef struct {
    int threads;
    int64_t n;
    float *arrays;
} burst;

/* Seconds for `times` rounds of something by each thread. */
typedef double burst_seconds(const burst *b, int64_t times);

static double best_of(int rounds, burst_seconds *seconds, const burst *b, int64_t times)
{
    double best = INFINITY;

    for (int i = 0; i < rounds; i++) best = fmin(best, seconds(b, times));
    return best;
}

/* Rounds a second by each thread: the best of many short bursts, since other programs take the
 * cores away for longer than one lasts. */
static double best_rate(burst_seconds *seconds, const burst *b)
{
    int64_t times = 1;

    while (best_of(3, seconds, b, times) < 1e-3) times *= 2;
    return (double)times / best_of(30, seconds, b, times);
}

CLONES static void triad(int64_t n, float *restrict a, const float *restrict b,
                         const float *restrict c, float s)
{
    for (int64_t i = 0; i < n; i++) a[i] = b[i] + s * c[i];
}

static double triad_seconds(const burst *b, int64_t times)
{
    double start = seconds_now();

#pragma omp parallel num_threads(b->threads)
    {
        float *a = b->arrays + 3 * b->n * omp_get_thread_num();
        for (int64_t i = 0; i < times; i++) triad(b->n, a, a + b->n, a + 2 * b->n, 1e-3f);
    }
    return seconds_now() - start;
}

double measured_bandwidth(int threads, int64_t bytes)
{
    burst b = {threads, (bytes / threads / 12 + LANES - 1) / LANES * LANES, NULL};
    size_t count = (size_t)(3 * b.n * threads);

    b.arrays = aligned_alloc(64, count * sizeof *b.arrays);
    if (!b.arrays) return NAN;
    for (size_t i = 0; i < count; i++) b.arrays[i] = 1;
    double rate = best_rate(triad_seconds, &b);
    free(b.arrays);
    return rate * (double)(count * sizeof *b.arrays);
}

/* Eight chains of fma, to hide its latency, each in one register: 0 stays 0 under x <- x x + x. */
CLONES static float fma_chains(int64_t times, const float *zero)
{
    lanes n = {0}, a = n + zero[0], b = n + zero[1], c = n + zero[2], d = n + zero[3];
    lanes e = n + zero[4], f = n + zero[5], g = n + zero[6], h = n + zero[7];

    for (int64_t t = 0; t < times; t++) {
        a = a * a + a, b = b * b + b, c = c * c + c, d = d * d + d;
        e = e * e + e, f = f * f + f, g = g * g + g, h = h * h + h;
    }
    a += b + c + d + e + f + g + h;
    return a[0];
}

static double fma_seconds(const burst *b, int64_t times)
{
    float zero[CHAINS] = {0};
    double start = seconds_now();

#pragma omp parallel num_threads(b->threads)
    {
        float sum = fma_chains(times, zero);
#pragma omp critical
        zero[0] += sum;
    }
    return seconds_now() - start;
}

double measured_flops(int threads)
{
    burst b = {threads, 0, NULL};

    return 2.0 * LANES * CHAINS * threads * best_rate(fma_seconds, &b);
}
