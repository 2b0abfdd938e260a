/* gr_matmul: values against plain loops over every arrangement of the operands, gradients,
 * errors. */
#include "tests/common/check.h"

TestSuite(matmul, .init = silence);

/* c_ij = sum_k a_ik b_kj for one pair of matrices, in C order. */
static void product(double *c, const double *a, const double *b, int64_t m, int64_t k, int64_t n)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            c[i * n + j] = 0;
            for (int64_t l = 0; l < k; l++) {
                c[i * n + j] += a[i * k + l] * b[l * n + j];
            }
        }
    }
}

/* How a matrix of shape (..., r, c) may lie in memory. */
typedef enum layout { PLAIN, TRANSPOSED, SLICED, FLIPPED, EXPANDED, LAYOUTS } layout;

static gr_tensor *matrix(gr_dtype dtype, int64_t r, int64_t c, layout how, uint64_t seed)
{
    switch (how) {
    case TRANSPOSED: return gr_transpose(noise_tensor(dtype, GR_SHAPE(c, r), seed), 0, 1);
    case SLICED:
        return gr_slice(gr_slice(noise_tensor(dtype, GR_SHAPE(r + 3, c + 2), seed), 0, 2, r + 2), 1,
                        1, c + 1);
    case FLIPPED: return gr_flip(noise_tensor(dtype, GR_SHAPE(r, c), seed), GR_AXES(0, 1));
    case EXPANDED: return gr_expand(noise_tensor(dtype, GR_SHAPE(1, c), seed), GR_SHAPE(r, c));
    default: return noise_tensor(dtype, GR_SHAPE(r, c), seed);
    }
}

static void check_product(gr_dtype dtype, int64_t m, int64_t k, int64_t n, layout a, layout b)
{
    GR_SCOPE;
    gr_tensor *x = matrix(dtype, m, k, a, 1), *y = matrix(dtype, k, n, b, 2);
    double *p = numbers_of(x), *q = numbers_of(y);
    double *want = malloc((size_t)(m * n + 1) * sizeof *want);
    gr_tensor *z = gr_matmul(x, y);

    product(want, p, q, m, k, n);
    cr_assert_eq(gr_dtype_of(z), dtype);
    cr_assert(gr_rank(z) == 2 && gr_dim(z, 0) == m && gr_dim(z, 1) == n);
    expect_near(z, m * n, want, dtype == GR_F32 ? 2e-5 : 2e-14);
    free(p), free(q), free(want);
}

Test(matmul, every_layout_and_size)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 3, 4},    {7, 5, 3}, {1, 9, 6},
                                       {6, 9, 1}, {17, 33, 19}, {3, 1, 5}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int how = 0; how < LAYOUTS * LAYOUTS; how++) {
            for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
                check_product(dtype, sizes[s][0], sizes[s][1], sizes[s][2], (layout)(how / LAYOUTS),
                              (layout)(how % LAYOUTS));
            }
        }
    }
    EXPECT_NO_LEAK();
}

/* A sum over nothing is 0; a product with no rows or columns has no elements. */
Test(matmul, empty)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *a = gr_full(dtype, GR_SHAPE(2, 0), 1), *b = gr_full(dtype, GR_SHAPE(0, 3), 1);
        expect_numbers(gr_matmul(a, b), 0, 0, 0, 0, 0, 0);
        gr_tensor *none = gr_matmul(b, noise_tensor(dtype, GR_SHAPE(3, 4), 1));
        cr_assert(gr_dim(none, 0) == 0 && gr_dim(none, 1) == 4 && gr_data(none));
        none = gr_matmul(gr_full(dtype, GR_SHAPE(0, 2, 3), 1), gr_full(dtype, GR_SHAPE(3, 4), 1));
        cr_assert(gr_count(none) == 0 && gr_rank(none) == 3 && gr_data(none));
        gr_tensor *xs[] = {a, b}, *g[2];
        cr_assert(gr_gradients(gr_sum(gr_matmul(a, b), GR_ALL_AXES, false), xs, 2, g));
        cr_assert(gr_count(g[0]) == 0 && gr_dim(g[0], 0) == 2 && gr_dim(g[1], 1) == 3);
    }
    EXPECT_NO_LEAK();
}

/* Leading axes are broadcast as NumPy does. */
Test(matmul, batches)
{
    static const struct {
        gr_shape a, b, c;
    } rows[] = {
        {{3, {4, 2, 3}}, {3, {4, 3, 5}}, {3, {4, 2, 5}}},
        {{3, {4, 2, 3}}, {2, {3, 5}}, {3, {4, 2, 5}}},
        {{2, {2, 3}}, {3, {4, 3, 5}}, {3, {4, 2, 5}}},
        {{4, {6, 1, 2, 3}}, {3, {4, 3, 1}}, {4, {6, 4, 2, 1}}},
        {{4, {1, 4, 1, 3}}, {4, {6, 1, 3, 2}}, {4, {6, 4, 1, 2}}},
        {{8, {1, 1, 1, 1, 1, 2, 2, 3}}, {2, {3, 2}}, {8, {1, 1, 1, 1, 1, 2, 2, 2}}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gr_shape s = rows[i].a, t = rows[i].b, u = rows[i].c;
        gr_tensor *a = noise_tensor(GR_F64, s, 3), *b = noise_tensor(GR_F64, t, 4);
        gr_tensor *c = gr_matmul(a, b);
        int64_t m = u.dims[u.rank - 2], n = u.dims[u.rank - 1], k = s.dims[s.rank - 1], count = 1;
        double *p = numbers_of(a), *q = numbers_of(b), want[64 * 8];
        cr_assert_eq(gr_rank(c), u.rank);
        for (int d = 0; d < u.rank; d++) {
            cr_assert_eq(gr_dim(c, d), u.dims[d]);
            count *= u.dims[d];
        }
        for (int64_t batch = 0; batch < count / (m * n); batch++) {
            int64_t rest = batch, pa = 0, pb = 0, sa = m * k, sb = k * n;
            for (int d = 3; d <= u.rank; d++) {
                int64_t at = rest % u.dims[u.rank - d];
                rest /= u.dims[u.rank - d];
                if (s.rank >= d) {
                    pa += s.dims[s.rank - d] == 1 ? 0 : at * sa;
                    sa *= s.dims[s.rank - d];
                }
                if (t.rank >= d) {
                    pb += t.dims[t.rank - d] == 1 ? 0 : at * sb;
                    sb *= t.dims[t.rank - d];
                }
            }
            product(want + batch * m * n, p + pa, q + pb, m, k, n);
        }
        expect_near(c, count, want, 1e-15);
        free(p), free(q);
    }
    EXPECT_NO_LEAK();
}

Test(matmul, infinities_and_nan_arrive)
{
    gr_tensor *a = tensor(GR_F64, GR_SHAPE(2, 2), INFINITY, 1, NAN, 0);

    expect_numbers(gr_matmul(a, tensor(GR_F64, GR_SHAPE(2, 1), 1, 2)), INFINITY, NAN);
    expect_numbers(gr_matmul(a, tensor(GR_F64, GR_SHAPE(2, 1), 0, 2)), NAN, NAN);
    EXPECT_NO_LEAK();
}

/* ---- derivatives ---- */

static gr_tensor *multiply(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_matmul(x[0], x[1]);
}

static gr_tensor *with_itself(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    gr_tensor *t = gr_transpose(x[0], 0, 1);
    return gr_matmul(gr_matmul(t, x[0]), gr_flip(gr_slice(t, 1, 0, 2), GR_AXES(1)));
}

Test(matmul, gradients)
{
    static const gr_shape rows[][2] = {
        {{2, {2, 3}}, {2, {3, 4}}},          {{2, {1, 3}}, {2, {3, 1}}},
        {{3, {2, 2, 3}}, {2, {3, 2}}},       {{2, {2, 3}}, {3, {2, 3, 2}}},
        {{4, {2, 1, 2, 3}}, {3, {3, 3, 1}}}, {{3, {1, 2, 3}}, {3, {2, 3, 2}}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gr_tensor *x[] = {noise_tensor(GR_F64, rows[i][0], 5), noise_tensor(GR_F64, rows[i][1], 6)};
        cr_assert(gr_gradcheck(multiply, NULL, x, 2, 2), "row %zu: %s", i, gr_error_message());
    }
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 2), 7);
    cr_assert(gr_gradcheck(with_itself, NULL, &x, 1, 3), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

/* c = a b:  d sum(w c) / da = w b^T,  / db = a^T w */
Test(matmul, gradients_in_f32)
{
    gr_tensor *a = tensor(GR_F32, GR_SHAPE(2, 2), 1, 2, 3, 4),
              *b = tensor(GR_F32, GR_SHAPE(2, 1), 5, 7);
    gr_tensor *w = tensor(GR_F32, GR_SHAPE(2, 1), 0.5, -2), *xs[] = {a, b}, *g[2];

    cr_assert(gr_gradients(gr_sum(gr_mul(w, gr_matmul(a, b)), GR_ALL_AXES, false), xs, 2, g));
    expect_numbers(g[0], 2.5, 3.5, -10, -14);
    expect_numbers(g[1], -5.5, -7);
    cr_assert_eq(gr_dtype_of(g[0]), GR_F32);
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

static gr_tensor *ones(gr_shape shape)
{
    return gr_full(GR_F32, shape, 1);
}

Test(matmul, errors)
{
    gr_tensor *a = ones(GR_SHAPE(2, 3));

    cr_assert(gr_is_error(gr_matmul(a, ones(GR_SHAPE(4, 5)))));
    expect_error(GR_ERROR_SHAPE, "gr_matmul: b: got (4,5), want (3,*) since a is (2,3)");
    cr_assert(gr_is_error(gr_matmul(a, ones(GR_SHAPE(6, 4, 5)))));
    expect_error(GR_ERROR_SHAPE, "gr_matmul: b: got (6,4,5), want (*,3,*) since a is (2,3)");
    cr_assert(gr_is_error(gr_matmul(ones(GR_SHAPE(3)), a)));
    expect_error(GR_ERROR_SHAPE,
                 "gr_matmul: a: got (3), want a rank of 2 or more; gr_unsqueeze makes "
                 "a vector a matrix");
    cr_assert(gr_is_error(gr_matmul(a, ones(GR_SCALAR))));
    expect_error(GR_ERROR_SHAPE, "gr_matmul: b: got (), want a rank of 2 or more");
    cr_assert(gr_is_error(gr_matmul(a, gr_full(GR_F64, GR_SHAPE(3, 2), 1))));
    expect_error(GR_ERROR_DTYPE, "gr_matmul: b: got f64, want f32 as a; convert with gr_cast");
    cr_assert(gr_is_error(gr_matmul(a, gr_full(GR_I64, GR_SHAPE(3, 2), 1))));
    expect_error(GR_ERROR_DTYPE, "gr_matmul: b: got i64, want f32 or f64; convert with gr_cast");
    cr_assert(gr_is_error(gr_matmul(gr_full(GR_I64, GR_SHAPE(3, 2), 1), a)));
    expect_error(GR_ERROR_DTYPE, "gr_matmul: a: got i64, want f32 or f64; convert with gr_cast");
    cr_assert(gr_is_error(gr_matmul(ones(GR_SHAPE(4, 2, 3)), ones(GR_SHAPE(5, 3, 2)))));
    expect_error(GR_ERROR_SHAPE,
                 "gr_matmul: b: got (5,3,2), whose leading axes do not broadcast with "
                 "those of a, (4,2,3)");
    cr_assert(gr_is_error(gr_matmul(NULL, a)));
    expect_error(GR_ERROR_VALUE, "gr_matmul: a: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_matmul(a, NULL)));
    expect_error(GR_ERROR_VALUE, "gr_matmul: b: got NULL, want a tensor");
    int64_t many = INT64_C(1) << 33;
    cr_assert(gr_is_error(gr_matmul(ones(GR_SHAPE(many, 0)), ones(GR_SHAPE(0, many)))));
    expect_error(GR_ERROR_MEMORY, "gr_matmul: the product of the extents overflows");
    EXPECT_NO_LEAK();
}
