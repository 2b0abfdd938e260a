/* Blocks: any layout, any stretch of it, in logical order. */
#include "src/eval/eval.h"

#include "tests/common/check.h"

typedef struct place {
    int rank;
    int64_t dims[GR_MAX_RANK], strides[GR_MAX_RANK], offset;
} place;

static const place places[] = {
    {1, {50}, {1}, 0},
    {1, {50}, {3}, 0},
    {1, {50}, {-1}, 49},
    {1, {50}, {0}, 7},
    {2, {6, 7}, {7, 1}, 0},
    {2, {6, 7}, {1, 6}, 0},
    {2, {6, 7}, {0, 1}, 5},
    {2, {6, 7}, {1, 0}, 5},
    {2, {6, 7}, {0, 0}, 5},
    {2, {6, 7}, {-14, 2}, 90},
    {3, {3, 1, 5}, {5, 99, 1}, 0},
    {3, {3, 4, 5}, {20, 5, 1}, 0},
    {3, {3, 4, 5}, {1, 3, 12}, 0},
    {3, {3, 4, 5}, {40, 10, 2}, 1},
    {3, {3, 4, 5}, {0, 5, 1}, 0},
    {3, {3, 4, 5}, {4, 1, 0}, 0},
    {3, {3, 4, 5}, {-20, 5, -1}, 44},
    {4, {2, 3, 2, 4}, {24, 4, 12, 1}, 0},
    {8, {2, 1, 2, 3, 1, 2, 2, 1}, {24, 0, 12, 4, 7, 2, 1, 9}, 0},
    {0, {0}, {0}, 3},
};

enum { PLACES = sizeof places / sizeof *places, MEMORY = 400 };

static int64_t count_of(const place *p)
{
    int64_t n = 1;

    for (int i = 0; i < p->rank; i++) {
        n *= p->dims[i];
    }
    return n;
}

/* Where element n of the logical order is. */
static int64_t at(const place *p, int64_t n)
{
    int64_t where = p->offset;

    for (int i = p->rank - 1; i >= 0; i--) {
        where += n % p->dims[i] * p->strides[i];
        n /= p->dims[i];
    }
    return where;
}

static void check_place(const place *p, size_t size)
{
    char memory[MEMORY * 8], scratch[MEMORY * 8];
    int64_t count = count_of(p);

    for (size_t i = 0; i < sizeof memory; i++) {
        memory[i] = (char)(i * 31 + i / 256);
    }
    gr__load load = gr__load_plan(memory + (size_t)p->offset * size, size, p->rank, p->dims,
                                  p->strides);
    for (int64_t first = 0; first < count; first++) {
        for (int64_t n = 1; n <= count - first; n++) {
            const char *block = gr__load_block(&load, first, n, scratch);
            for (int64_t i = 0; i < n; i++) {
                bool same = memcmp(block + (size_t)i * size,
                                   memory + (size_t)at(p, first + i) * size, size) == 0;
                if (!same) {
                    cr_assert(false, "place %td, size %zu: element %lld of %lld from %lld",
                              p - places, size, (long long)i, (long long)n, (long long)first);
                }
            }
        }
    }
}

Test(load, every_stretch_of_every_layout)
{
    for (int i = 0; i < PLACES; i++) {
        check_place(&places[i], 4);
        check_place(&places[i], 8);
    }
}

/* Neighbouring axes that are one run become one, axes of extent 1 vanish. */
Test(load, axes_are_merged)
{
    static const int ranks[PLACES] = {1, 1, 1, 0, 1, 2, 2, 2, 0, 2, 1, 1, 3, 1, 2, 2, 3};

    for (int i = 0; i < 17; i++) {
        const place *p = &places[i];
        gr__load load = gr__load_plan(NULL, 4, p->rank, p->dims, p->strides);
        cr_assert_eq(load.rank, ranks[i], "place %d: got rank %d, want %d", i, load.rank, ranks[i]);
    }
}

/* Contiguous memory is used where it lies. */
Test(load, contiguous_blocks_are_not_copied)
{
    double memory[60] = {0}, scratch[60];
    gr__load load = gr__load_plan(memory, 8, 3, (int64_t[]){3, 4, 5}, (int64_t[]){20, 5, 1});

    cr_assert_eq(gr__load_block(&load, 7, 20, scratch), (const void *)(memory + 7));
}
