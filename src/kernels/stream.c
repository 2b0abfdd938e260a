/* Writing past the caches: what is too large to be found there again need not displace what is
 * there, and its old contents need not be read first. */
#include "src/kernels/kernels.h"

#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512i line;
#define READ(x) _mm512_load_si512(x)
#define STREAM(to, x) _mm512_stream_si512(to, x)
#elif defined(__AVX__)
#include <immintrin.h>
typedef __m256i line;
#define READ(x) _mm256_load_si256(x)
#define STREAM(to, x) _mm256_stream_si256(to, x)
#elif defined(__SSE2__)
#include <emmintrin.h>
typedef __m128i line;
#define READ(x) _mm_load_si128(x)
#define STREAM(to, x) _mm_stream_si128(to, x)
#endif

gr__stream_kernel GR__KERNEL(gr__stream);
gr__fence_kernel GR__KERNEL(gr__fence);

#ifdef READ
/* Whole lines where the addresses allow it. */
void GR__KERNEL(gr__stream)(void *out, const void *x, size_t bytes)
{
    bool aligned = ((uintptr_t)out | (uintptr_t)x) % sizeof(line) == 0;
    size_t whole = aligned ? bytes / sizeof(line) : 0;
    line *to = out;
    const line *from = x;

    for (size_t i = 0; i < whole; i++) STREAM(to + i, READ(from + i));
    memcpy(to + whole, from + whole, bytes - whole * sizeof(line));
}

void GR__KERNEL(gr__fence)(void)
{
    _mm_sfence();
}
#else
void GR__KERNEL(gr__stream)(void *out, const void *x, size_t bytes)
{
    memcpy(out, x, bytes);
}

void GR__KERNEL(gr__fence)(void) {}
#endif
