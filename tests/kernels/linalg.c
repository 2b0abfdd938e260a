/* Kernels of linear algebra and Fourier transforms: the same bits on every instruction set that has
 * fma and for any number of threads, right next to pages that nobody may touch. */
#include "tests/kernels/help.h"

/* A call of a kernel. */
typedef struct call {
    const char *name;
    gr__opaque_kernel *const *(*slot)(const gr__kernels *k);
    gr_shape in[2], out;
    gr__system how;
} call;

#define SLOT(name) \
    static gr__opaque_kernel *const *slot_##name(const gr__kernels *k) \
    { \
        return k->name; \
    }

SLOT(cholesky)
SLOT(triangular_solve)
SLOT(lu)
SLOT(distance2)
SLOT(rfft)
SLOT(irfft)

#define SHAPE(...) \
    { \
        sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), \
        { \
            __VA_ARGS__ \
        } \
    }

static const call calls[] = {
    {"cholesky", slot_cholesky, {SHAPE(5, 70, 70)}, SHAPE(5, 70, 70), {0}},
    {"lower", slot_triangular_solve, {SHAPE(5, 70, 70), SHAPE(5, 70, 3)}, SHAPE(5, 70, 3), {0}},
    {"upper",
     slot_triangular_solve,
     {SHAPE(5, 70, 70), SHAPE(5, 70, 3)},
     SHAPE(5, 70, 3),
     {.upper = true}},
    {"lu", slot_lu, {SHAPE(5, 70, 70)}, SHAPE(5, 71, 70), {0}},
    {"distance2", slot_distance2, {SHAPE(3, 70, 30), SHAPE(3, 90, 30)}, SHAPE(3, 70, 90), {0}},
    {"rfft of 96", slot_rfft, {SHAPE(37, 96)}, SHAPE(37, 49, 2), {0}},
    {"rfft of 105", slot_rfft, {SHAPE(37, 105)}, SHAPE(37, 53, 2), {0}},
    {"rfft of 106", slot_rfft, {SHAPE(37, 106)}, SHAPE(37, 54, 2), {0}},
    {"irfft of 96", slot_irfft, {SHAPE(37, 49, 2)}, SHAPE(37, 96), {0}},
    {"irfft of 106", slot_irfft, {SHAPE(37, 54, 2)}, SHAPE(37, 106), {0}},
};

/* Bytes that any of the calls needs, and more. */
enum { SCRATCH = 1 << 22 };

/* An array between guarded pages; matrices are symmetric and positive definite. */
static gr__array operand(gr_dtype dtype, gr_shape shape, uint64_t seed, bool at_end)
{
    gr__array a = array_of(dtype, NULL, shape);

    a.data = guarded((size_t)a.count * dtype_size(dtype), at_end);
    fill(dtype, a.data, a.count, -1, 1, seed);
    for (int64_t i = 0, n = shape.dims[1]; i < a.count && shape.rank == 3 && n == shape.dims[2];
         i++) {
        int64_t row = i / n % n, column = i % n;
        if (row == column) set(dtype, a.data, i, 2 * (double)n);
        if (row < column) continue;
        set(dtype, a.data, i - row * n - column + column * n + row, get(dtype, a.data, i));
    }
    return a;
}

static void run(const call *c, const gr__kernels *k, gr_dtype dtype, int threads, gr__array *out)
{
    gr__array in[3] = {{0}};
    gr__fault fault = {.found = false};
    int arity = c->in[1].rank > 0 ? 2 : 1;
    bool at_end = threads == 1;
    void *scratch = aligned_alloc(64, SCRATCH);

    for (int i = 0; i < arity; i++) in[i] = operand(dtype, c->in[i], (uint64_t)i + 1, at_end);
    in[arity].data = memset(scratch, 0xFF, SCRATCH);
    *out = operand(dtype, c->out, 9, at_end);
    memset(out->data, 0xFF, (size_t)out->count * dtype_size(dtype));
    c->slot(k)[dtype](out, in, &c->how, threads, &fault);
    cr_assert(!fault.found, "%s: %s", c->name, fault.text);
    free(scratch);
    for (int i = 0; i < arity; i++)
        release_guarded(in[i].data, (size_t)in[i].count * dtype_size(dtype), at_end);
}

static void drop(const gr__array *a, bool at_end)
{
    release_guarded(a->data, (size_t)a->count * dtype_size(a->dtype), at_end);
}

static void check(const call *c, gr_dtype dtype)
{
    gr__array first = {.data = NULL};

    FOR_EACH_TABLE(t)
    {
        gr__array one, three;
        run(c, t->kernels, dtype, 1, &one);
        run(c, t->kernels, dtype, 3, &three);
        assert_same_bits(dtype, three.data, one.data, one.count, "%s, %s, 3 threads", c->name,
                         t->isa);
        drop(&three, false);
        for (int64_t i = 0; i < one.count; i++)
            cr_assert(isfinite(get(dtype, one.data, i)), "%s: element %d", c->name, (int)i);
        if (first.data)
            assert_same_bits(dtype, one.data, first.data, one.count, "%s, %s", c->name, t->isa);
        if (first.data || strcmp(t->isa, "v3") != 0)
            drop(&one, true);
        else
            first = one;
    }
    if (first.data) drop(&first, true);
}

Test(kernels_linalg, same_bits_everywhere)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        check(&calls[i], GR_F32);
        check(&calls[i], GR_F64);
    }
}

/* What is computed side by side does not matter to a row. */
Test(kernels_linalg, a_row_alone)
{
    call many = {"rfft", slot_rfft, {SHAPE(37, 60)}, SHAPE(37, 31, 2), {0}};
    call one = {"rfft", slot_rfft, {SHAPE(1, 60)}, SHAPE(1, 31, 2), {0}};
    gr__array a, b;

    run(&many, &gr__kernels_v1, GR_F32, 1, &a);
    run(&one, &gr__kernels_v1, GR_F32, 1, &b);
    assert_same_bits(GR_F32, a.data, b.data, b.count, "first row");
    drop(&a, true);
    drop(&b, true);
}
