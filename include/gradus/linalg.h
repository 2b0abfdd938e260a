/* Linear algebra: products, factors, systems, roots and distances.
 *
 * Matrices are the last two axes of a tensor, (..., n, n); leading axes are a batch, and those of
 * two operands are broadcast. f32 and f64; differentiable to any order. gr_matmul is in ops.h. An
 * error that the numbers of a matrix cause says which of the batch it is. */
#ifndef GRADUS_LINALG_H
#define GRADUS_LINALG_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- products ---- */

/* sum_k a[..., k] b[..., k]: (..., n), (..., n) -> (...). */
GR_API gr_tensor *gr_dot(const gr_tensor *a, const gr_tensor *b);

/* a[..., i] b[..., j]: (..., m), (..., n) -> (..., m, n). */
GR_API gr_tensor *gr_outer(const gr_tensor *a, const gr_tensor *b);

/* sum_k a[..., i, k] x[..., k]: (..., m, n), (..., n) -> (..., m). */
GR_API gr_tensor *gr_matvec(const gr_tensor *a, const gr_tensor *x);

/* sum_i a[..., i, i]: (..., n, n) -> (...). */
GR_API gr_tensor *gr_trace(const gr_tensor *a);

/* The sum over all labels that the result does not have of the product of the operands, each axis
 * of which has a label, a letter: gr_einsum("bij,bjk->bik", a, b) is a batched matrix product,
 * gr_einsum("ii->i", a, NULL) the diagonal of one operand. A label stands for the same extent
 * everywhere. What two operands share and the result has not is one gr_matmul. */
GR_API gr_tensor *gr_einsum(const char *subscripts, const gr_tensor *a, const gr_tensor *b);

/* ---- factors and systems ---- */

/* L of a = L L^T, lower triangular with a positive diagonal: (..., n, n). Only the lower triangle
 * of a is read; the gradient is symmetric, that of a function of symmetric matrices (Murray 2016).
 * An error for a matrix that is not positive definite names the first leading minor that is not. */
GR_API gr_tensor *gr_cholesky(const gr_tensor *a);

/* Which triangle of a matrix is meant; one of the first two, with | GR_UNIT where the diagonal is 1
 * whatever is stored there. The rest is not read. */
enum { GR_LOWER = 0, GR_UPPER = 1, GR_UNIT = 2 };

/* x of a x = b for the triangle of a: (..., n, n), (..., n, m) -> (..., n, m). For a^T give
 * gr_transpose(a, -2, -1) and the other triangle. A 0 on the diagonal is an error. */
GR_API gr_tensor *gr_triangular_solve(const gr_tensor *a, const gr_tensor *b, int triangle);

/* x of a x = b, by LU with partial pivoting: (..., n, n), (..., n, m) -> (..., n, m); a vector b is
 * gr_unsqueeze(b, -1). A singular matrix is an error. The factors serve the gradients too. */
GR_API gr_tensor *gr_solve(const gr_tensor *a, const gr_tensor *b);

/* (..., n, n) -> (..., n, n). A singular matrix is an error. */
GR_API gr_tensor *gr_inverse(const gr_tensor *a);

/* Determinant: (..., n, n) -> (...). Up to n = 3 a polynomial in the elements, with the right
 * derivatives everywhere; above, by LU, and then the gradient at a singular matrix is an error. */
GR_API gr_tensor *gr_det(const gr_tensor *a);

/* log |det a|, and in *sign (NULL: not wanted) the determinant's sign, -1, 0 or 1, which has no
 * gradient: (..., n, n) -> (...). A singular matrix gives -inf and 0; its gradient is an error. */
GR_API gr_tensor *gr_slogdet(const gr_tensor *a, gr_tensor **sign);

/* log det a of a positive definite matrix, which is also the trace of its logarithm, by
 * gr_cholesky: (..., n, n) -> (...). */
GR_API gr_tensor *gr_logdet(const gr_tensor *a);

/* ---- functions of a matrix ----
 *
 * Square roots by the coupled iteration of Newton and Schulz (Higham 2008, section 6.7), products
 * of matrices alone, for a matrix that is symmetric positive definite, or at least similar to one,
 * as the product of two such matrices is. The iteration's smallest eigenvalue grows 2.25 times a step
 * until it comes near 1, so a condition number c takes about log(c sqrt n) / log 2.25 + 5
 * iterations. Other matrices give numbers without meaning, or NaN. */

/* Enough for a condition of 1e6. */
enum { GR_SQRT_ITERATIONS = 24 };

/* a^(1/2) and a^(-1/2): (..., n, n) -> (..., n, n). */
GR_API gr_tensor *gr_matrix_sqrt(const gr_tensor *a, int iterations);
GR_API gr_tensor *gr_matrix_inverse_sqrt(const gr_tensor *a, int iterations);

/* Trace of a^(1/2): (..., n, n) -> (...). Its gradient, a^(-1/2) / 2, comes from the same iteration
 * and has no differences of eigenvalues in a denominator. With a = S T it is the middle term of the
 * Bures-Wasserstein distance of two Gaussians. */
GR_API gr_tensor *gr_trace_sqrt(const gr_tensor *a, int iterations);

/* Largest singular value of w by power iteration from u, of the previous call or random:
 * (..., m, n), (..., m) -> (...). With v = w^T u / |w^T u| and u = w v / |w v| in turn, it is
 * u^T w v, u and v being constants: differentiable by w alone (Miyato 2018). *next (NULL: not
 * wanted) is the last u. No iteration leaves u as it is. */
GR_API gr_tensor *gr_spectral_norm(const gr_tensor *w, const gr_tensor *u, int iterations,
                                   gr_tensor **next);

/* ---- distances ---- */

/* |x_i - y_j|^2 of all rows: (..., n, d), (..., m, d) -> (..., n, m). A sum of squared differences:
 * never negative, and 0 for equal rows, where norms and a product would cancel. */
GR_API gr_tensor *gr_pairwise_distance2(const gr_tensor *x, const gr_tensor *y);

/* |x_i - y_j|; the gradient at equal rows is 0. */
GR_API gr_tensor *gr_pairwise_distance(const gr_tensor *x, const gr_tensor *y);

#ifdef __cplusplus
}
#endif
#endif
