/* Factors of matrices and what they solve. Triangular systems and general ones are each their own
 * adjoints; Cholesky's rule is written in the first, those of inverse and determinants in the
 * second. */
#include "autograd/linalg.h"
#include "src/core/scope.h"

#define GR__SYSTEM(public_name, operands, slot, derivative) \
    GR__OPERATION(public_name, operands, GR__FLOATS, slot, .scratch = working_memory, \
                  .rule = derivative)

/* For each thread, as many rows of the result as the kernels finish at a time. */
static size_t working_memory(const gr_tensor *y, int threads)
{
    size_t row = (size_t)y->shape->dims[y->shape->rank - 1] * gr_dtype_size((gr_dtype)y->dtype);

    return (size_t)threads * GR__LINALG_BLOCK * row;
}

/* Systems a and their right-hand sides b, checked: their batch, or NULL. */
static const gr__shape *take_systems(gr__pair *p)
{
    bool good = gr__take_pair(p) && !gr__is_error(gr__take_square(p->function, "a", p->a)) &&
                gr__pair_meets(p, -1, -2);

    return good ? gr__pair_batch(p) : NULL;
}

/* ---- triangular systems ---- */

/* a x = b:  db = a^-T dx,  da = -db x^T in the triangle that is read */
static gr_tensor *triangular_rule(const gr_tensor *x, int input, gr_tensor *g)
{
    const gr__system *how = x->detail;
    const gr_tensor *a = x->in[0].tensor;
    int other = (how->upper ? GR_LOWER : GR_UPPER) | (how->unit ? GR_UNIT : 0);
    gr_tensor *gb = gr_triangular_solve(gr__matrix_transpose(a), g, other);

    if (input == 1) {
        return gb;
    }
    gr_tensor *ga = gr_neg(gr_matmul(gb, gr__matrix_transpose(x)));
    return how->upper ? gr_triu(ga, how->unit) : gr_tril(ga, -how->unit);
}

static const gr__primitive triangular_primitive = GR__SYSTEM("gr_triangular_solve", 2,
                                                             triangular_solve, triangular_rule);

gr_tensor *gr_triangular_solve(const gr_tensor *a, const gr_tensor *b, int triangle)
{
    gr__pair p = {"gr_triangular_solve", "a", "b", a, b, 2, 2};
    gr__system how = {.upper = triangle & GR_UPPER, .unit = triangle & GR_UNIT};
    const gr__shape *batch = take_systems(&p);

    if (batch && triangle & ~(GR_UPPER | GR_UNIT)) {
        return gr__error(GR_ERROR_VALUE, p.function, "triangle",
                         "got %d, want GR_LOWER or GR_UPPER, with | GR_UNIT or without", triangle);
    }
    const gr__system *detail = batch ? gr__detail(&how, sizeof how) : NULL;
    if (!detail) {
        return &gr__error_tensor;
    }
    const gr_tensor *x = gr__with_batch(p.b, batch);
    return gr__node2(&triangular_primitive, GR__SITE, x->shape, (gr_dtype)x->dtype,
                     gr__with_batch(p.a, batch), x, detail);
}

/* ---- Cholesky ---- */

/* a = L L^T:  da = L^-T S L^-1, where S is symmetric and its lower triangle half that of L^T dL
 * (Murray 2016, "Differentiation of the Cholesky decomposition", the symmetric part taken first) */
static gr_tensor *cholesky_rule(const gr_tensor *l, int input, gr_tensor *g)
{
    (void)input;
    gr_tensor *upper = gr__matrix_transpose(l), *m = gr_matmul(upper, g);
    gr_tensor *s = gr_mul(0.5, gr_add(gr_tril(m, 0), gr__matrix_transpose(gr_tril(m, -1))));
    gr_tensor *half = gr_triangular_solve(upper, s, GR_UPPER);

    return gr_triangular_solve(upper, gr__matrix_transpose(half), GR_UPPER);
}

static const gr__primitive cholesky_primitive = GR__SYSTEM("gr_cholesky", 1, cholesky,
                                                           cholesky_rule);
static const gr__primitive logdet_primitive = GR__SYSTEM("gr_logdet", 1, cholesky, cholesky_rule);

static gr_tensor *cholesky(const gr__primitive *op, const void *site, const gr_tensor *a)
{
    const gr_tensor *x = gr__take_square(op->name, "a", a);

    return gr__is_error(x) ? &gr__error_tensor
                           : gr__node1(op, site, x->shape, (gr_dtype)x->dtype, x, NULL);
}

gr_tensor *gr_cholesky(const gr_tensor *a)
{
    return cholesky(&cholesky_primitive, GR__SITE, a);
}

gr_tensor *gr_logdet(const gr_tensor *a)
{
    gr_tensor *l = cholesky(&logdet_primitive, GR__SITE, a);

    if (gr__is_error(l)) {
        return &gr__error_tensor;
    }
    return gr_mul(2, gr_sum(gr_log(gr_diagonal(l, 0)), GR_AXES(-1), false));
}

/* ---- LU ---- */

/* P a = L U in one tensor (..., n + 1, n): U, below its diagonal L without its diagonal of ones,
 * and in the last row, for each column, the row that was exchanged with it. Every matrix has one;
 * a singular one a 0 among U's diagonal. Nothing flows through it: what solves with it has a. */
static const gr__primitive lu_primitive = GR__SYSTEM("gr_solve", 1, lu, NULL);

static gr_tensor *packed_lu(const void *site, const gr_tensor *a)
{
    gr_shape shape = gr__public_shape(a->shape);

    shape.dims[shape.rank - 2]++;
    const gr__shape *s = gr__shape_of("gr_solve", "a", shape.rank, shape.dims);
    return s ? gr__node1(&lu_primitive, site, s, (gr_dtype)a->dtype, a, NULL) : &gr__error_tensor;
}

static gr_tensor *solve_rule(const gr_tensor *x, int input, gr_tensor *g);

static const gr__primitive solve_primitive = GR__SYSTEM("gr_solve", 2, lu_solve, solve_rule);
static const gr__primitive inverse_system = GR__SYSTEM("gr_inverse", 2, lu_solve, NULL);

/* a^-1 b, or a^-T b, for a's factors; batches are equal. */
static gr_tensor *solved(const gr__primitive *op, const void *site, const gr_tensor *packed,
                         const gr_tensor *b, const gr_tensor *a, bool transposed)
{
    gr__system how = {.transposed = transposed};
    const gr__system *detail = gr__detail(&how, sizeof how);

    return detail ? gr__node(op, site, b->shape, (gr_dtype)b->dtype,
                             (gr_arg[]){{packed, 0}, {b, 0}, {a, 0}}, 3, detail)
                  : &gr__error_tensor;
}

/* a x = b:    db = a^-T dx,  da = -db x^T
 * a^T x = b:  db = a^-1 dx,  da = -x db^T */
static gr_tensor *solve_rule(const gr_tensor *x, int input, gr_tensor *g)
{
    bool transposed = ((const gr__system *)x->detail)->transposed;
    gr_tensor *gb = solved(&solve_primitive, x->site, x->in[0].tensor, g, x->in[2].tensor,
                           !transposed);

    if (input == 1) {
        return gb;
    }
    return gr_neg(transposed ? gr_matmul(x, gr__matrix_transpose(gb))
                             : gr_matmul(gb, gr__matrix_transpose(x)));
}

gr_tensor *gr_solve(const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {"gr_solve", "a", "b", a, b, 2, 2};
    const gr__shape *batch = take_systems(&p);

    if (!batch) {
        return &gr__error_tensor;
    }
    return solved(&solve_primitive, GR__SITE, gr__with_batch(packed_lu(GR__SITE, p.a), batch),
                  gr__with_batch(p.b, batch), gr__with_batch(p.a, batch), false);
}

/* y = a^-1:  da = -y^T dy y^T */
static gr_tensor *inverse_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    gr_tensor *transposed = gr__matrix_transpose(y);

    return gr_neg(gr_matmul(transposed, gr_matmul(g, transposed)));
}

static const gr__primitive inverse_primitive = GR__COMPOSED("gr_inverse", inverse_rule);

/* a^-1 from a's factors. */
static gr_tensor *inverse_of(const void *site, const gr_tensor *packed, const gr_tensor *a)
{
    gr_no_grad none = gr_no_grad_begin();
    gr_transient transient = gr_transient_begin();
    gr_tensor *one = gr_expand(gr__identity(a), gr__public_shape(a->shape));
    gr_tensor *value = solved(&inverse_system, site, packed, one, a, false);
    gr_transient_end(&transient);
    gr_no_grad_end(&none);
    return gr__is_error(value)
               ? value
               : gr__node2(&inverse_primitive, site, a->shape, (gr_dtype)a->dtype, value, a, NULL);
}

gr_tensor *gr_inverse(const gr_tensor *a)
{
    const gr_tensor *x = gr__take_square("gr_inverse", "a", a);

    return gr__is_error(x) ? &gr__error_tensor : inverse_of(GR__SITE, packed_lu(GR__SITE, x), x);
}

/* ---- determinants ---- */

/* (..., n): U's diagonal, with a minus for each exchange of rows; its product is the determinant */
static gr_tensor *signed_diagonal(const gr_tensor *packed)
{
    int64_t n = gr_dim(packed, -1);
    gr_tensor *exchanged = gr_squeeze(gr_slice(packed, -2, n, n + 1), -2);
    gr_tensor *stayed = gr_equal(exchanged, gr_arange(gr_dtype_of(packed), n, 0, 1));
    gr_tensor *diagonal = gr_diagonal(gr_slice(packed, -2, 0, n), 0);

    return gr_where(stayed, diagonal, gr_neg(diagonal));
}

/* A function of a's factors with a rule of its own: value (...), a, the factors. */
static gr_tensor *of_factors(const gr__primitive *op, const void *site, const gr_tensor *value,
                             const gr_tensor *a, const gr_tensor *packed)
{
    return gr__node(op, site, value->shape, (gr_dtype)value->dtype,
                    (gr_arg[]){{value, 0}, {a, 0}, {packed, 0}}, 3, NULL);
}

static gr_tensor *inverse_transposed(const gr_tensor *y)
{
    return gr__matrix_transpose(inverse_of(y->site, y->in[2].tensor, y->in[1].tensor));
}

/* y = log |det a|:  da = a^-T dy */
static gr_tensor *slogdet_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    return gr_mul(gr__beside_matrix(g), inverse_transposed(y));
}

static const gr__primitive slogdet_primitive = GR__COMPOSED("gr_slogdet", slogdet_rule);

gr_tensor *gr_slogdet(const gr_tensor *a, gr_tensor **sign)
{
    const gr_tensor *x = gr__take_square("gr_slogdet", "a", a);

    if (sign) {
        *sign = &gr__error_tensor;
    }
    if (gr__is_error(x)) {
        return &gr__error_tensor;
    }
    gr_tensor *packed = packed_lu(GR__SITE, x), *d = signed_diagonal(packed);
    gr_tensor *value = gr_sum(gr_log(gr_abs(d)), GR_AXES(-1), false);
    if (sign) {
        *sign = gr_add(gr_prod(gr_sign(d), GR_AXES(-1), false), 0); /* no -0 */
    }
    return of_factors(&slogdet_primitive, GR__SITE, value, x, packed);
}

/* y = det a:  da = y a^-T dy */
static gr_tensor *det_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)input;
    return gr_mul(gr__beside_matrix(gr_mul(g, y)), inverse_transposed(y));
}

static const gr__primitive det_primitive = GR__COMPOSED("gr_det", det_rule);

/* Elements (i, j) of the matrices: (...) */
static gr_tensor *element(const gr_tensor *a, int i, int j)
{
    return gr_squeeze(gr_squeeze(gr_slice(gr_slice(a, -2, i, i + 1), -1, j, j + 1), -1), -1);
}

/* The determinant of rows i, i + 1 and columns j, k */
static gr_tensor *minor(const gr_tensor *a, int i, int j, int k)
{
    return gr_sub(gr_mul(element(a, i, j), element(a, i + 1, k)),
                  gr_mul(element(a, i, k), element(a, i + 1, j)));
}

/* By the first row: exact derivatives at singular matrices too, where det a a^-T is 0 times
 * infinity. */
static gr_tensor *small_det(const gr_tensor *a, int64_t n)
{
    if (n < 3) {
        return n == 1 ? element(a, 0, 0) : minor(a, 0, 0, 1);
    }
    gr_tensor *outer = gr_add(gr_mul(element(a, 0, 0), minor(a, 1, 1, 2)),
                              gr_mul(element(a, 0, 2), minor(a, 1, 0, 1)));
    return gr_sub(outer, gr_mul(element(a, 0, 1), minor(a, 1, 0, 2)));
}

gr_tensor *gr_det(const gr_tensor *a)
{
    const gr_tensor *x = gr__take_square("gr_det", "a", a);

    if (gr__is_error(x)) {
        return &gr__error_tensor;
    }
    int64_t n = x->shape->dims[x->shape->rank - 1];
    if (n >= 1 && n <= 3) {
        return small_det(x, n);
    }
    gr_tensor *packed = packed_lu(GR__SITE, x);
    gr_tensor *value = gr_prod(signed_diagonal(packed), GR_AXES(-1), false);
    return of_factors(&det_primitive, GR__SITE, value, x, packed);
}
