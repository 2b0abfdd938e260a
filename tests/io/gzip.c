/* Memory read in order, gzip-compressed or not. */

#include "tests/io/expect.h"

#include <zlib.h>

#include "src/core/alloc.h"
#include "src/io/gzip.h"

enum { SIZE = 200000 };

static unsigned char plain[SIZE], packed[2 * SIZE + 64], back[SIZE + 1];

/* Bytes that compress about by half. */
static void fill(void)
{
    uint32_t x = 12345;

    quiet();
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = (unsigned char)(x >> 28);
    }
}

static size_t pack(unsigned char *to, const unsigned char *from, size_t size)
{
    z_stream s = {.next_in = (Bytef *)(uintptr_t)from,
                  .avail_in = (uInt)size,
                  .next_out = to,
                  .avail_out = SIZE + 64};

    cr_assert_eq(deflateInit2(&s, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    deflateEnd(&s);
    return s.total_out;
}

/* Reads it all in parts; how many bytes came. */
static size_t unpack(size_t size, size_t part, const char **failure)
{
    gr__input in;
    size_t got = 0, n;

    gr__input_open(&in, packed, size);
    do {
        n = gr__input_read(&in, back + got, part < SIZE + 1 - got ? part : SIZE + 1 - got);
        got += n;
    } while (n == part);
    *failure = in.failure;
    gr__input_close(&in);
    return got;
}

static void assert_unpacks(size_t size, size_t part)
{
    const char *failure;
    size_t got = unpack(size, part, &failure);

    cr_assert_null(failure, "%s", failure);
    cr_assert_eq(got, SIZE);
    cr_assert_eq(memcmp(back, plain, SIZE), 0);
}

TestSuite(gzip, .init = fill);

Test(gzip, plain_bytes_pass_through)
{
    gr__input in;

    gr__input_open(&in, "abcdef", 6);
    cr_assert_eq(gr__input_bound(&in), 6);
    cr_assert_eq(gr__input_read(&in, back, 4), 4);
    cr_assert_eq(gr__input_bound(&in), 2);
    cr_assert_eq(gr__input_read(&in, back + 4, 4), 2);
    cr_assert_eq(gr__input_read(&in, back + 6, 4), 0);
    cr_assert_eq(memcmp(back, "abcdef", 6), 0);
    gr__input_close(&in);
}

Test(gzip, compressed_bytes_are_unpacked_in_parts_of_any_size)
{
    size_t size = pack(packed, plain, SIZE);

    assert_unpacks(size, SIZE + 1);
    assert_unpacks(size, 7777);
    assert_unpacks(size, 1);
}

Test(gzip, members_follow_each_other)
{
    size_t first = pack(packed, plain, 1000);
    size_t second = pack(packed + first, plain + 1000, SIZE - 1000);

    assert_unpacks(first + second, SIZE + 1);
    assert_unpacks(first + second, 1000);
}

Test(gzip, what_ends_too_early_fails)
{
    size_t size = pack(packed, plain, 3000);

    for (size_t cut = 2; cut < size; cut++) {
        const char *failure;
        size_t got = unpack(cut, SIZE + 1, &failure);
        cr_assert(failure && strcmp(failure, "the compressed bytes are cut short") == 0,
                  "%zu of %zu bytes gave %zu: %s", cut, size, got, failure ? failure : "ok");
    }
}

/* The header's first two bytes say that it is gzip; four to nine (time, system) mean nothing. */
Test(gzip, a_flipped_byte_never_gives_other_bytes)
{
    size_t size = pack(packed, plain, 3000);

    for (size_t i = 2; i < size; i++) {
        const char *failure;
        packed[i] ^= 0x55;
        size_t got = unpack(size, SIZE + 1, &failure);
        packed[i] ^= 0x55;
        cr_assert(failure || (got == 3000 && memcmp(back, plain, 3000) == 0), "byte %zu", i);
        cr_assert(failure || (i >= 4 && i <= 9), "byte %zu", i);
    }
}

Test(gzip, other_bytes_behind_the_end_fail)
{
    size_t size = pack(packed, plain, 3000);
    const char *failure;

    memcpy(packed + size, "more", 4);
    unpack(size + 4, SIZE + 1, &failure);
    cr_assert_str_eq(failure, "the compressed bytes are damaged");
}

Test(gzip, the_bound_is_never_too_small)
{
    static unsigned char zeros[SIZE];
    size_t size = pack(packed, zeros, SIZE);
    gr__input in;

    gr__input_open(&in, packed, size);
    for (size_t left = SIZE; left > 0; left -= 1000) {
        cr_assert_geq(gr__input_bound(&in), left);
        cr_assert_eq(gr__input_read(&in, back, 1000), 1000);
    }
    cr_assert_leq(gr__input_bound(&in), 100000);
    gr__input_close(&in);
}

/* zlib allocates its state when it starts, and its window when a read ends inside a member. */
Test(gzip, no_memory_is_a_failure)
{
    size_t size = pack(packed, plain, SIZE);
    gr__input in;

    for (int n = 1; n <= 2; n++) {
        gr__fail_allocation(n);
        gr__input_open(&in, packed, size);
        gr__input_read(&in, back, 1000);
        gr__fail_allocation(0);
        cr_assert_str_eq(in.failure, "no memory for zlib");
        cr_assert_eq(in.code, GR_ERROR_MEMORY);
        gr__input_close(&in);
    }
}
