/* What the tests of the kernels share: the tables that this machine can run, numbers of high
 * entropy, comparison by bits, arrays. */
#ifndef GRADUS_TESTS_KERNELS_HELP_H
#define GRADUS_TESTS_KERNELS_HELP_H

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/kernels/kernels.h"
#include "tests/common/guard.h"

typedef struct table {
    const char *isa;
    const gr__kernels *kernels;
} table;

/* The tables that this machine can run: v1, and v3 and v4 if it has their instructions. */
static inline int tables(table list[3])
{
    int n = 0;

    list[n++] = (table){"v1", &gr__kernels_v1};
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return n;
    list[n++] = (table){"v3", &gr__kernels_v3};
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512bw"))
        return n;
    list[n++] = (table){"v4", &gr__kernels_v4};
#endif
    return n;
}

#define FOR_EACH_TABLE(t) \
    table list_[3]; \
    int count_ = tables(list_); \
    for (const table *t = list_; t < list_ + count_; t++)

static inline const char *dtype_name(gr_dtype dtype)
{
    return dtype == GR_F32 ? "f32" : dtype == GR_F64 ? "f64" : "i64";
}

static inline size_t dtype_size(gr_dtype dtype)
{
    return dtype == GR_F32 ? sizeof(float) : sizeof(double);
}

static inline double get(gr_dtype dtype, const void *data, int64_t i)
{
    if (dtype == GR_F32) return (double)((const float *)data)[i];
    if (dtype == GR_F64) return ((const double *)data)[i];
    return (double)((const int64_t *)data)[i];
}

static inline void set(gr_dtype dtype, void *data, int64_t i, double x)
{
    if (dtype == GR_F32) ((float *)data)[i] = (float)x;
    if (dtype == GR_F64) ((double *)data)[i] = x;
    if (dtype == GR_I64) ((int64_t *)data)[i] = (int64_t)x;
}

/* splitmix64 (Steele, Lea and Flood, 2014) */
static inline uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static inline double random_between(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* n elements between low and high; integers a hundred times as far, so that they differ too. */
static inline void fill(gr_dtype dtype, void *data, int64_t n, double low, double high,
                        uint64_t seed)
{
    double scale = dtype == GR_I64 ? 100 : 1;

    for (int64_t i = 0; i < n; i++)
        set(dtype, data, i, random_between(&seed, scale * low, scale * high));
}

/* The first element whose bits differ (all NaNs are the same), or -1. */
static inline int64_t first_difference(gr_dtype dtype, const void *a, const void *b, int64_t n)
{
    size_t size = dtype_size(dtype);

    for (int64_t i = 0; i < n; i++) {
        size_t at = (size_t)i * size;
        if (memcmp((const char *)a + at, (const char *)b + at, size) == 0) continue;
        if (dtype == GR_I64 || !isnan(get(dtype, a, i)) || !isnan(get(dtype, b, i))) return i;
    }
    return -1;
}

#define assert_same_bits(dtype, a, b, n, ...) \
    do { \
        int64_t at_ = first_difference(dtype, a, b, n); \
        char what_[200]; \
        snprintf(what_, sizeof what_, __VA_ARGS__); \
        cr_assert(at_ < 0, "%s, %s: element %lld is %.17g, want %.17g", what_, dtype_name(dtype), \
                  (long long)at_, get(dtype, a, at_ < 0 ? 0 : at_), \
                  get(dtype, b, at_ < 0 ? 0 : at_)); \
    } while (0)

/* A contiguous array of the given extents over data. */
static inline gr__array array_of(gr_dtype dtype, void *data, gr_shape shape)
{
    gr__array a = {.data = data, .dtype = dtype, .rank = shape.rank, .count = 1};

    for (int d = shape.rank - 1; d >= 0; d--) {
        a.dims[d] = shape.dims[d];
        a.strides[d] = a.count;
        a.count *= shape.dims[d];
    }
    return a;
}

/* Element number i, in logical order, of any array: its offset. */
static inline int64_t offset_of(const gr__array *a, int64_t i)
{
    int64_t offset = 0;

    for (int d = a->rank - 1; d >= 0; d--) {
        offset += i % a->dims[d] * a->strides[d];
        i /= a->dims[d];
    }
    return offset;
}

#endif
