/* Copies past the caches: every length, every pair of alignments, and nothing else is touched. */
#include "tests/kernels/help.h"

enum { ROOM = 4096 };

static _Alignas(64) unsigned char x[ROOM], out[ROOM];

static void fill_bytes(void)
{
    uint64_t seed = 1;

    for (int i = 0; i < ROOM; i++) x[i] = (unsigned char)random_bits(&seed);
}

static void check_copy(const table *t, size_t to, size_t from, size_t bytes)
{
    memset(out, 0xA5, sizeof out);
    t->kernels->stream(out + to, x + from, bytes);
    t->kernels->fence();
    cr_assert_eq(memcmp(out + to, x + from, bytes), 0, "%s: %zu bytes from %zu to %zu", t->isa,
                 bytes, from, to);
    for (size_t i = 0; i < ROOM; i++)
        if ((i < to || i >= to + bytes) && out[i] != 0xA5)
            cr_assert_fail("%s: %zu bytes to %zu: byte %zu is out of bounds", t->isa, bytes, to, i);
}

Test(kernels_stream, every_length)
{
    fill_bytes();
    FOR_EACH_TABLE(t)
    {
        for (size_t bytes = 0; bytes < 1300; bytes++) check_copy(t, 0, 0, bytes);
        check_copy(t, 0, 0, ROOM);
    }
}

Test(kernels_stream, every_alignment)
{
    static const size_t sizes[] = {0, 1, 3, 4, 31, 32, 63, 64, 65, 127, 128, 200, 777};

    fill_bytes();
    FOR_EACH_TABLE(t)
    {
        for (size_t to = 0; to <= 64; to++) {
            for (size_t from = 0; from <= 64; from++)
                check_copy(t, to, from, sizes[(to + from) % (sizeof sizes / sizeof *sizes)]);
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                check_copy(t, to, to, sizes[i]);
        }
    }
}

/* Neither side is left where it ends at the end of a page, or begins at the beginning of one. */
Test(kernels_stream, stays_inside)
{
    for (size_t bytes = 1; bytes < 300; bytes += bytes < 70 ? 1 : 13) {
        for (int at_end = 0; at_end < 2; at_end++) {
            char *from = guarded(bytes, at_end), *to = guarded(bytes, at_end);
            for (size_t i = 0; i < bytes; i++) from[i] = (char)(i * 7 + 1);
            FOR_EACH_TABLE(t)
            {
                memset(to, 0, bytes);
                t->kernels->stream(to, from, bytes);
                t->kernels->fence();
                cr_assert_eq(memcmp(to, from, bytes), 0, "%s: %zu bytes", t->isa, bytes);
            }
            release_guarded(from, bytes, at_end);
            release_guarded(to, bytes, at_end);
        }
    }
}
