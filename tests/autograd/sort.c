/* What the certification table cannot say of sorting: every length around those where another way
 * of sorting begins, and what memory the selection of a few takes. */
#include "tests/common/check.h"

TestSuite(sort, .init = silence);

enum { MOST = 300 };

/* Whether a comes before b: NaN is the largest number. */
static bool precedes(double a, double b, bool descending)
{
    bool below = isnan(b) ? !isnan(a) : a < b, above = isnan(a) ? !isnan(b) : a > b;

    return descending ? above : below;
}

/* Where element i goes: behind all that precede it, and behind earlier ones that are equal. */
static int64_t place_of(const double *x, int64_t n, int64_t i, bool descending)
{
    int64_t place = 0;

    for (int64_t j = 0; j < n; j++) {
        bool after = precedes(x[i], x[j], descending);
        place += precedes(x[j], x[i], descending) || (!after && j < i);
    }
    return place;
}

/* With many ties, and among floats NaN, infinities and zeros of both signs. */
static gr_tensor *numbers(gr_dtype dtype, int64_t n)
{
    static const double special[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0};
    double x[MOST];

    for (int64_t i = 0; i < n; i++) {
        double u = noise((uint64_t)(977 * n + i)) + 2;
        x[i] = i % 2 ? floor(u * (double)n / 4) : u;
        x[i] = i % 7 == 3 ? special[i % 5] : x[i];
        x[i] = dtype == GR_I64 ? isfinite(x[i]) ? floor(x[i] * 1000) - 2000 : 0 : x[i];
    }
    return tensor_of(dtype, GR_SHAPE(n), x);
}

static void expect_order(gr_dtype dtype, int64_t n, int64_t k, bool descending)
{
    GR_SCOPE;
    gr_tensor *x = numbers(dtype, n);
    const int64_t *first = gr_data_i64(gr_argtopk(x, k, 0, descending));
    const int64_t *ranks = gr_data_i64(gr_ranks(x, 0, descending));
    double *v = numbers_of(x);

    for (int64_t i = 0; i < n; i++) {
        int64_t place = place_of(v, n, i, descending);
        cr_assert_eq(ranks[i], place, "%s, %lld elements: rank %lld", gr_dtype_name(dtype),
                     (long long)n, (long long)i);
        cr_assert(place >= k || first[place] == i, "%s, %lld of %lld elements: place %lld",
                  gr_dtype_name(dtype), (long long)k, (long long)n, (long long)place);
    }
    free(v);
}

Test(sort, lengths_and_selections_against_counting)
{
    static const int64_t lengths[] = {1, 2, 7, 8, 9, 63, 64, 65, 66, 128, 255, MOST};

    for (int l = 0; l < (int)(sizeof lengths / sizeof *lengths); l++) {
        int64_t n = lengths[l], wanted[] = {0, 1, n / 2, n < 64 ? n : 64, n < 65 ? n : 65, n};
        for (int w = 0; w < (int)(sizeof wanted / sizeof *wanted); w++) {
            for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
                expect_order(dtype, n, wanted[w], false);
                expect_order(dtype, n, wanted[w], true);
            }
        }
    }
    expect_ok();
    EXPECT_NO_LEAK();
}

/* A few of many are kept in a list; the row is not copied. */
Test(sort, selecting_a_few_takes_no_working_memory)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(200000), 3);
    gr_eval(1, &x);
    int64_t before = gr_memory_stats().current;

    gr_memory_reset_peak();
    gr_tensor *top = gr_topk(x, 64, 0, true);
    gr_eval(1, &top);
    cr_assert_lt(gr_memory_stats().peak - before, 100000);
    EXPECT_NO_LEAK();
}
