/* Linear algebra and Fourier transforms: what their tables cannot express. Errors that only the
 * numbers show, second results, accuracy over many sizes. */
#include "tests/common/check.h"

#include <float.h>

TestSuite(linalg, .init = silence);

/* ---- errors that come with the numbers ---- */

/* y cannot be computed, for this reason. */
static void expect_late(gr_tensor *y, const char *message)
{
    gr_eval(1, &y);
    cr_assert(gr_is_error(y), "no error, want %s", message);
    cr_assert(strncmp(gr_error_message(), message, strlen(message)) == 0, "got \"%s\", want \"%s\"",
              gr_error_message(), message);
    gr_error_clear();
}

/* The identity, six times as (2, 3, 3, 3), but for the last element of matrix `which`. */
static gr_tensor *identities(int which, double last)
{
    double numbers[54] = {0};

    for (int i = 0; i < 18; i++) {
        numbers[i / 3 * 9 + i % 3 * 4] = i == 3 * which + 2 ? last : 1;
    }
    return gr_from_f64(GR_SHAPE(2, 3, 3, 3), numbers);
}

Test(linalg, what_is_wrong_is_named)
{
    GR_SCOPE;
    gr_tensor *a = identities(4, 0), *b = gr_full(GR_F64, GR_SHAPE(3, 1), 1), *g;

    expect_late(
        gr_cholesky(a),
        "gr_cholesky: a: got leading minor 3 not positive at (1,1), want positive definite");
    expect_late(gr_logdet(a), "gr_logdet: a: got leading minor 3 not positive at (1,1)");
    expect_late(gr_cholesky(identities(0, NAN)),
                "gr_cholesky: a: got leading minor 3 not positive");
    expect_late(gr_solve(a, b), "gr_solve: a: got a singular matrix, pivot 3 is 0 at (1,1)");
    expect_late(gr_inverse(a), "gr_inverse: a: got a singular matrix, pivot 3 is 0 at (1,1)");
    expect_late(gr_triangular_solve(a, b, GR_UPPER),
                "gr_triangular_solve: a: got a singular matrix, pivot 3 is 0 at (1,1)");
    expect_late(gr_inverse(gr_full(GR_F64, GR_SHAPE(2, 2), 1)),
                "gr_inverse: a: got a singular matrix, pivot 2 is 0 (");
    cr_assert(gr_gradients(gr_sum(gr_slogdet(a, NULL), GR_ALL_AXES, false), &a, 1, &g));
    expect_late(g, "gr_inverse: a: got a singular matrix, pivot 3 is 0 at (1,1)");
    expect_ok();
    EXPECT_NO_LEAK();
}

/* Whatever the diagonal holds, GR_UNIT takes it for 1. */
Test(linalg, a_unit_diagonal_is_not_read)
{
    GR_SCOPE;
    gr_tensor *a = identities(0, NAN), *b = gr_full(GR_F64, GR_SHAPE(3, 1), 1);
    gr_tensor *x = gr_triangular_solve(a, b, GR_LOWER | GR_UNIT);

    cr_assert_eq(gr_item(gr_sum(x, GR_ALL_AXES, false)), 18);
    expect_ok();
}

/* The triangle above the diagonal is not read. */
Test(linalg, cholesky_reads_the_lower_triangle)
{
    GR_SCOPE;
    gr_tensor *a = gr_from_f64(GR_SHAPE(2, 2), (double[]){4, NAN, 2, 5});
    const double *l = gr_data_f64(gr_cholesky(a));

    cr_assert(l[0] == 2 && l[1] == 0 && l[2] == 1 && l[3] == 2);
    expect_ok();
}

/* ---- second results ---- */

/* d sigma / d W = u v^T, and nothing for u. */
Test(linalg, spectral_norm_is_a_function_of_w)
{
    GR_SCOPE;
    gr_tensor *w = noise_tensor(GR_F64, GR_SHAPE(4, 3), 5),
              *u = noise_tensor(GR_F64, GR_SHAPE(4), 6);
    gr_tensor *next, *g[2];

    gr_tensor *sigma = gr_spectral_norm(w, u, 3, &next);
    cr_assert(gr_gradients(sigma, (gr_tensor *[]){w, u}, 2, g));
    cr_assert_float_eq(gr_item(gr_dot(next, next)), 1, 1e-14);
    cr_assert_eq(gr_item(gr_sum(gr_abs(g[1]), GR_ALL_AXES, false)), 0);
    cr_assert_float_eq(gr_item(gr_sum(gr_mul(g[0], w), GR_ALL_AXES, false)), gr_item(sigma), 1e-14);
    cr_assert_float_eq(gr_item(gr_sum(gr_square(g[0]), GR_ALL_AXES, false)), 1, 1e-14);
    /* from where it ended: the same as more iterations at once */
    cr_assert_eq(gr_item(gr_spectral_norm(w, next, 2, NULL)),
                 gr_item(gr_spectral_norm(w, u, 5, NULL)));
    cr_assert_eq(gr_item(gr_spectral_norm(gr_mul(0, w), u, 1, NULL)), 0);
    expect_ok();
    EXPECT_NO_LEAK();
}

/* ---- accuracy ---- */

/* Roots of eigenvalues 1 .. 1e-6, in the stated number of steps. */
Test(linalg, a_condition_of_a_million)
{
    GR_SCOPE;
    double numbers[64] = {0};

    for (int i = 0; i < 8; i++) {
        numbers[9 * i] = pow(10, -6.0 * i / 7);
    }
    const double *r = gr_data_f64(
        gr_matrix_sqrt(gr_from_f64(GR_SHAPE(8, 8), numbers), GR_SQRT_ITERATIONS));
    for (int i = 0; i < 64; i++) {
        cr_assert_float_eq(r[i], sqrt(numbers[i]), 1e-12, "element %d: %g, want %g", i, r[i],
                           sqrt(numbers[i]));
    }
}

/* |a x - b| <= 8 n eps |a| |x| for random matrices of several blocks (Higham 2002, section 9). */
static void check_residual(gr_dtype dtype, int64_t n)
{
    GR_SCOPE;
    double eps = dtype == GR_F32 ? FLT_EPSILON : DBL_EPSILON;
    gr_tensor *a = noise_tensor(dtype, GR_SHAPE(n, n), 1),
              *b = noise_tensor(dtype, GR_SHAPE(n, 2), 2);
    gr_tensor *x = gr_cast(gr_solve(a, b), GR_F64);
    gr_tensor *r = gr_sub(gr_matmul(gr_cast(a, GR_F64), x), gr_cast(b, GR_F64));
    double size = gr_item(gr_max(gr_abs(x), GR_ALL_AXES, false));
    double error = gr_item(gr_max(gr_abs(r), GR_ALL_AXES, false));

    cr_assert(error <= 8 * (double)n * eps * 2 * size, "n = %d: %g", (int)n, error);
}

Test(linalg, residuals_are_small)
{
    for (int64_t n = 1; n <= 200; n += n < 4 ? 1 : 28) {
        check_residual(GR_F32, n);
        check_residual(GR_F64, n);
    }
    expect_ok();
}

/* Rows far from the origin and close to each other: what norms and a product would cancel. */
Test(linalg, near_rows_far_out)
{
    GR_SCOPE;
    gr_tensor *x = gr_from_f32(GR_SHAPE(3, 1), (float[]){4096, 4096.25F, 4096});
    const float *d = gr_data_f32(gr_pairwise_distance2(x, x));
    const float want[] = {0, 0.0625F, 0, 0.0625F, 0, 0.0625F, 0, 0.0625F, 0};

    cr_assert_arr_eq(d, want, sizeof want);
    gr_tensor *g;
    gr_gradients(gr_sum(gr_pairwise_distance(x, x), GR_ALL_AXES, false), &x, 1, &g);
    const float *slope = gr_data_f32(g);
    cr_assert(slope[0] == -2 && slope[1] == 4 && slope[2] == -2);
}

/* Errors of X_k = sum_j x_j e^(-2 pi i j k / n) in ulp of the norm of x, which is the mean size of
 * X_k: the root of their mean square, and the largest. */
static void spectrum_error(gr_dtype dtype, int n, double *mean, double *largest)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(dtype, GR_SHAPE(n), 3), *y = gr_rfft(x);
    double *in = numbers_of(x), *out = numbers_of(y), worst = 0, sum = 0;
    double norm = gr_item(gr_norm(gr_cast(x, GR_F64), GR_ALL_AXES, false));

    for (int k = 0; k <= n / 2; k++) {
        long double re = 0, im = 0;
        for (int j = 0; j < n; j++) {
            long double angle = 2 * acosl(-1) * (long double)((int64_t)j * k % n) / n;
            re += in[j] * cosl(angle);
            im -= in[j] * sinl(angle);
        }
        double error = hypot((double)(out[2 * k] - re), (double)(out[2 * k + 1] - im));
        worst = fmax(worst, error);
        sum += error * error;
    }
    norm *= dtype == GR_F32 ? FLT_EPSILON : DBL_EPSILON;
    *mean = sqrt(sum / (n / 2 + 1)) / norm;
    *largest = worst / norm;
    free(in), free(out);
}

Test(linalg, spectra_are_accurate)
{
    static const int sizes[] = {1,  2,  3,  4,  5,   6,   7,   12,  16,  30,  47,  49,
                                53, 64, 94, 97, 101, 106, 128, 210, 509, 512, 720, 1009};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
            double mean, largest;
            spectrum_error(dtype, sizes[i], &mean, &largest);
            cr_assert(mean <= 2 && largest <= 8, "n = %d, %s: %.2f and %.2f ulp of the norm",
                      sizes[i], gr_dtype_name(dtype), mean, largest);
        }
    }
    expect_ok();
}

/* irfft(rfft(x)) = x for every length, in rows side by side. */
Test(linalg, there_and_back)
{
    for (int n = 1; n <= 130; n++) {
        GR_SCOPE;
        gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, n), (uint64_t)n);
        gr_tensor *d = gr_sub(gr_irfft(gr_rfft(x), n), x);
        double error = gr_item(gr_max(gr_abs(d), GR_ALL_AXES, false));
        cr_assert(error <= 1e-14, "n = %d: %g", n, error);
    }
    expect_ok();
}

/* ---- einsum ---- */

/* Spaces, letters of both cases, and an operand given twice. */
Test(linalg, einsum_of_one_tensor_twice)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 4), 8), *g;
    gr_tensor *gram = gr_einsum(" iK , jK -> ij ", x, x);

    cr_assert_eq(gr_item(gr_trace(gram)), gr_item(gr_einsum("ij,ij->", x, x)));
    cr_assert(gr_gradients(gr_trace(gram), &x, 1, &g));
    double *want = numbers_of(gr_mul(2, x));
    expect_near(g, 12, want, 1e-15);
    free(want);
    expect_ok();
    EXPECT_NO_LEAK();
}
