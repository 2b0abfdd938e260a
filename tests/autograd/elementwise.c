/* The elementwise primitives, one test per row of elementwise.def: broadcasting, numbers as operands,
 * integers, errors, each against the row itself on operands that need none of it. What a row's
 * numbers should be is certified by tests/primitives/elementwise.def. */
#include "tests/common/check.h"

TestSuite(elementwise, .init = silence);

typedef struct row {
    const char *name;
    int arity;
    bool integers, selects; /* the first operand is a condition */
    bool orders;            /* the first operand is a whole number from 0 on */
    const char *names[3];
    double low, high;
    gr_tensor *(*unary)(const gr_tensor *);
    gr_tensor *(*binary)(gr_arg, gr_arg);
    gr_tensor *(*ternary)(gr_arg, gr_arg, gr_arg);
} row;

static gr_tensor *apply(const row *r, const gr_arg *in)
{
    return r->arity == 1   ? r->unary(in[0].tensor)
           : r->arity == 2 ? r->binary(in[0], in[1])
                           : r->ternary(in[0], in[1], in[2]);
}

/* ---- operands ---- */

/* From the row's domain, exact in f32; operands are never closer than 1/99 of the domain, so that
 * maximum, minimum and clamp meet no tie. */
static gr_tensor *drawn(const row *r, int operand, gr_dtype dtype, gr_shape shape, uint64_t seed)
{
    double numbers[64];
    int64_t n = elements_of(shape);

    cr_assert(n <= 64);
    for (int64_t i = 0; i < n; i++) {
        double step = floor((noise((seed + (uint64_t)i) * 3 + (uint64_t)operand) + 2) * 8);
        numbers[i] = (float)(r->low + (r->high - r->low) * (3 * step + operand + 0.37) / 99);
        numbers[i] = r->orders && operand == 0 ? floor(step / 8) : numbers[i];
    }
    return tensor_of(dtype, shape, numbers);
}

/* Ascending, as bounds must be. */
static double number_for(const row *r, int operand)
{
    return r->orders && operand == 0 ? 2
                                     : (float)(r->low + (r->high - r->low) * (operand + 0.37) / 3);
}

/* Where element i of a tensor of shape `out` finds its operand in one of shape `in`. */
static int64_t place(gr_shape out, int64_t i, gr_shape in)
{
    int64_t at = 0, stride = 1;
    int shift = out.rank - in.rank;

    for (int k = out.rank - 1; k >= 0; k--) {
        int64_t index = i % out.dims[k];
        i /= out.dims[k];
        if (k >= shift) {
            at += in.dims[k - shift] == 1 ? 0 : index * stride;
            stride *= in.dims[k - shift];
        }
    }
    return at;
}

static gr_shape both(gr_shape a, gr_shape b)
{
    gr_shape longer = a.rank > b.rank ? a : b, shorter = a.rank > b.rank ? b : a;
    int shift = longer.rank - shorter.rank;

    for (int i = 0; i < shorter.rank; i++) {
        int64_t *extent = &longer.dims[i + shift];
        *extent = *extent == 1 ? shorter.dims[i] : *extent;
    }
    return longer;
}

static void expect_shape(const gr_tensor *t, gr_shape want, const char *what)
{
    gr_shape got = gr_shape_of(t);

    cr_assert_eq(got.rank, want.rank, "%s: rank %d, want %d", what, got.rank, want.rank);
    for (int i = 0; i < want.rank; i++) {
        cr_assert_eq(got.dims[i], want.dims[i], "%s: axis %d", what, i);
    }
}

/* The operand as a tensor of shape `out`. */
static gr_tensor *spread(gr_arg x, gr_dtype dtype, gr_shape out)
{
    double *numbers = x.tensor ? numbers_of(x.tensor) : NULL;
    int64_t n = elements_of(out);
    double *all = malloc((size_t)(n + 1) * sizeof *all);

    for (int64_t i = 0; i < n; i++) {
        all[i] = numbers ? numbers[place(out, i, gr_shape_of(x.tensor))] : x.number;
    }
    gr_tensor *t = tensor_of(dtype, out, all);
    free(numbers);
    free(all);
    return t;
}

static void expect_equal(const row *r, const gr_tensor *got, const gr_tensor *want)
{
    void *bits = copy_of(want);

    cr_assert_eq(gr_dtype_of(got), gr_dtype_of(want), "%s", r->name);
    expect_shape(got, gr_shape_of(want), r->name);
    expect_bits(gr_dtype_of(got), gr_count(got), gr_data(got), bits, r->name);
    free(bits);
}

/* The gradient of the sum for operand x, summed over what x was spread to if `out` is larger. */
static double *gradient(const row *r, gr_tensor *y, const gr_tensor *x, gr_shape to)
{
    gr_tensor *in = (gr_tensor *)(uintptr_t)x, *g;

    cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &in, 1, &g), "%s: %s", r->name,
              gr_error_message());
    double *numbers = numbers_of(g);
    double *sums = calloc((size_t)elements_of(to) + 1, sizeof *sums);
    for (int64_t i = 0; i < gr_count(g); i++) {
        sums[place(gr_shape_of(g), i, to)] += numbers[i];
    }
    free(numbers);
    return sums;
}

/* Value and gradients are those of the same operands, spread to one shape. */
static void expect_as_spread(const row *r, const gr_arg *in, gr_dtype dtype)
{
    gr_shape out = GR_SCALAR;
    gr_arg full[3];

    for (int k = 0; k < r->arity; k++) {
        out = in[k].tensor ? both(out, gr_shape_of(in[k].tensor)) : out;
    }
    for (int k = 0; k < r->arity; k++) {
        full[k] = (gr_arg){spread(in[k], dtype, out), 0};
    }
    gr_tensor *y = apply(r, in), *want = apply(r, full);
    expect_equal(r, y, want);
    for (int k = r->selects; k < r->arity && dtype != GR_I64; k++) {
        if (in[k].tensor) {
            gr_shape shape = gr_shape_of(in[k].tensor);
            double *got = gradient(r, y, in[k].tensor, shape);
            gr_tensor *sums = tensor_of(GR_F64, shape, got);
            double *wanted = gradient(r, want, full[k].tensor, shape);
            expect_near(sums, gr_count(sums), wanted, 1e-12);
            free(got);
            free(wanted);
        }
    }
}

/* ---- one row ---- */

/* A unary row takes the last of three shapes, a binary one the last two. */
static const gr_shape shapes[][3] = {
    {{2, {2, 3}}, {2, {2, 3}}, {2, {2, 3}}},
    {{2, {5, 1}}, {3, {3, 1, 4}}, {3, {1, 5, 4}}},
    {{0, {0}}, {2, {2, 3}}, {0, {0}}},
    {{1, {4}}, {0, {0}}, {1, {4}}},
    {{0, {0}}, {0, {0}}, {0, {0}}},
    {{2, {3, 1}}, {2, {3, 1}}, {3, {1, 1, 5}}},
    {{3, {1, 2, 1}}, {3, {1, 1, 7}}, {3, {2, 2, 1}}},
    {{1, {1}}, {1, {1}}, {3, {2, 1, 2}}},
    {{1, {3}}, {2, {0, 3}}, {2, {1, 3}}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check_broadcasting(const row *r)
{
    for (int s = 0; s < SHAPES; s++) {
        GR_SCOPE;
        gr_arg in[3] = {{0}};
        for (int k = 0; k < r->arity; k++) {
            gr_shape shape = shapes[s][3 - r->arity + k];
            in[k].tensor = drawn(r, k, GR_F64, shape, (uint64_t)s * 100);
        }
        expect_as_spread(r, in, GR_F64);
    }
}

/* Every set of places that leaves at least one tensor. */
static void check_numbers(const row *r)
{
    for (int tensors = 1; r->arity > 1 && tensors < 1 << r->arity; tensors++) {
        for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
            GR_SCOPE;
            gr_arg in[3] = {{0}};
            for (int k = 0; k < r->arity; k++) {
                in[k] = tensors >> k & 1 ? (gr_arg){drawn(r, k, dtype, GR_SHAPE(3, 4), 77), 0}
                                         : (gr_arg){NULL, number_for(r, k)};
            }
            expect_equal(r, apply(r, in),
                         apply(r, (gr_arg[]){{spread(in[0], dtype, GR_SHAPE(3, 4)), 0},
                                             {spread(in[1], dtype, GR_SHAPE(3, 4)), 0},
                                             {spread(in[2], dtype, GR_SHAPE(3, 4)), 0}}));
            if (dtype == GR_F64) {
                expect_as_spread(r, in, dtype);
            }
        }
    }
}

/* The row on integers has the numbers that it has on the same f64. */
static void expect_as_doubles(const row *r, const gr_arg *in)
{
    gr_arg doubles[3];

    for (int k = 0; k < r->arity; k++) {
        doubles[k] = in[k].tensor ? (gr_arg){gr_cast(in[k].tensor, GR_F64), 0} : in[k];
    }
    expect_equal(r, apply(r, in), gr_cast(apply(r, doubles), GR_I64));
}

static void check_integers(const row *r)
{
    static const double numbers[3][8] = {
        {3, 0, -7, 1000, 1, -1, 4, 0}, {3, -2, 5, -999, 0, -1, 4, 12}, {-3, 0, 5, 31, 2, 1, 4, -2}};
    gr_arg in[3] = {{0}};
    char message[128];

    for (int k = 0; k < r->arity; k++) {
        in[k].tensor = tensor_of(GR_I64, GR_SHAPE(2, 4), numbers[k]);
    }
    if (!r->integers) {
        cr_assert(gr_is_error(apply(r, in)));
        snprintf(message, sizeof message, "%s: %s: got i64, want f32 or f64; convert with gr_cast",
                 r->name, r->names[0]);
        expect_error(GR_ERROR_DTYPE, message);
        return;
    }
    expect_as_doubles(r, in);
    if (r->arity > 1) {
        in[r->arity - 1] = (gr_arg){NULL, -3};
        expect_as_doubles(r, in);
        in[r->arity - 1] = (gr_arg){NULL, 1.5};
        cr_assert(gr_is_error(apply(r, in)));
        snprintf(message, sizeof message,
                 "%s: %s: got 1.5 beside i64, want a whole number; convert "
                 "the tensor with gr_cast",
                 r->name, r->names[r->arity - 1]);
        expect_error(GR_ERROR_DTYPE, message);
    }
}

/* The last operand is wrong: `t`; the others have shape (2,3) and are f64. */
static void expect_refused(const row *r, const gr_tensor *t, gr_code code, const char *text)
{
    char message[160];
    gr_arg in[3] = {{0}};

    for (int k = 0; k < r->arity; k++) {
        in[k].tensor = drawn(r, k, GR_F64, GR_SHAPE(2, 3), 5);
    }
    in[r->arity - 1].tensor = t;
    cr_assert(gr_is_error(apply(r, in)));
    if (code == GR_OK) {
        expect_ok();
        return;
    }
    snprintf(message, sizeof message, "%s: %s: %s", r->name, r->names[r->arity - 1], text);
    expect_error(code, message);
}

static gr_tensor *an_error_tensor(void)
{
    gr_tensor *t = gr_zeros(GR_SHAPE(-1));

    gr_error_clear();
    return t;
}

static void check_errors(const row *r)
{
    gr_tensor *stale;
    {
        GR_SCOPE;
        stale = drawn(r, 0, GR_F64, GR_SHAPE(2, 3), 6);
    }
    expect_refused(r, an_error_tensor(), GR_OK, "");
    expect_refused(r, stale, GR_ERROR_STALE, "this tensor's scope has ended; keep it with gr_keep");
    if (r->arity == 1) {
        expect_refused(r, NULL, GR_ERROR_VALUE, "got NULL, want a tensor");
        return;
    }
    expect_refused(r, drawn(r, 0, GR_F32, GR_SHAPE(2, 3), 6), GR_ERROR_DTYPE,
                   "got f32, want f64 as the other operand; convert with gr_cast");
    expect_refused(r, drawn(r, 0, GR_F64, GR_SHAPE(2), 6), GR_ERROR_SHAPE,
                   "got (2), want a shape that broadcasts with (2,3)");
    gr_arg numbers[3] = {{NULL, 1}, {NULL, 2}, {NULL, 3}};
    char message[80];
    cr_assert(gr_is_error(apply(r, numbers)));
    snprintf(message, sizeof message, "%s: got numbers only, want at least one tensor", r->name);
    expect_error(GR_ERROR_VALUE, message);
}

static void check_row(row r)
{
    check_broadcasting(&r);
    check_numbers(&r);
    check_integers(&r);
    check_errors(&r);
    EXPECT_NO_LEAK();
}

enum { FLOATS, ALL, ORDERS };
#define ROW_TEST(row_name, count, types, lo, hi, kind, ...) \
    Test(elementwise, row_name) \
    { \
        check_row((row){.name = #row_name, \
                        .arity = count, \
                        .integers = (types) == ALL, \
                        .orders = (types) == ORDERS, \
                        .selects = *(const char *[]){__VA_ARGS__}[0] == 'c', \
                        .names = {__VA_ARGS__}, \
                        .low = lo, \
                        .high = hi, \
                        .kind = row_name}); \
    }
#define GR_UNARY(name, types, low, high, ...) ROW_TEST(name, 1, types, low, high, unary, "x")
#define GR_BINARY(name, types, low, high, ...) ROW_TEST(name, 2, types, low, high, binary, "a", "b")
#define GR_TERNARY(name, first, types, low, high, ...) \
    ROW_TEST(name, 3, types, low, high, ternary, #first, "a", "b")
#include <gradus/elementwise.def>
#undef GR_UNARY
#undef GR_BINARY
#undef GR_TERNARY

/* ---- higher derivatives at points where a careless formula has none ---- */

static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g), "%s", gr_error_message());
    return g;
}

Test(elementwise, second_and_third_derivatives_at_special_points)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 0, -1.5, 2.5), *one = gr_ones_like(x);

    expect_numbers(slope_of(slope_of(gr_huber(x, 1.5), x), x), 1, 0, 0);
    expect_numbers(slope_of(slope_of(gr_pow(x, 2), x), x), 2, 2, 2);
    expect_numbers(slope_of(slope_of(slope_of(gr_pow(x, 2), x), x), x), 0, 0, 0);
    expect_numbers(slope_of(slope_of(slope_of(gr_pow(x, 3), x), x), x), 6, 6, 6);
    expect_numbers(slope_of(slope_of(gr_xlogy(x, one), x), one), 1, 1, 1);
    expect_numbers(slope_of(slope_of(gr_logaddexp(x, gr_detach(x)), x), x), 0.25, 0.25, 0.25);
    expect_numbers(slope_of(slope_of(gr_hypot(x, 0), x), x), 0, 0, 0);
    EXPECT_NO_LEAK();
}

/* ---- selection ---- */

Test(elementwise, where_lets_no_gradient_leak)
{
    gr_tensor *c = tensor(GR_F64, GR_SHAPE(4), 1, 1, 0, 0);
    gr_tensor *w = tensor(GR_F64, GR_SHAPE(4), NAN, INFINITY, NAN, 3.5);
    gr_tensor *a = tensor(GR_F64, GR_SHAPE(4), 1, 2, 3, 4),
              *b = tensor(GR_F64, GR_SHAPE(4), 5, 6, 7, 8);
    gr_tensor *xs[] = {a, b, c}, *g[3];

    cr_assert(gr_gradients(gr_sum(gr_mul(gr_where(c, a, b), w), GR_ALL_AXES, false), xs, 3, g));
    expect_numbers(g[0], NAN, INFINITY, 0, 0);
    expect_numbers(g[1], 0, 0, NAN, 3.5);
    expect_numbers(g[2], 0, 0, 0, 0);
    EXPECT_NO_LEAK();
}

/* A condition may have another dtype than the operands: it is where it differs from 0. */
Test(elementwise, where_takes_any_condition)
{
    gr_tensor *a = tensor(GR_F32, GR_SHAPE(4), 1, 2, 3, 4);
    gr_tensor *fine = tensor(GR_F64, GR_SHAPE(4), 1e-300, 0, -0.0, NAN);
    gr_tensor *whole = tensor(GR_I64, GR_SHAPE(4), 0, -3, 0, 1);

    expect_numbers(gr_where(fine, a, -1), 1, -1, -1, 4);
    expect_numbers(gr_where(whole, -1, a), 1, -1, 3, -1);
    expect_numbers(gr_where(whole, 7, 5), 5, 7, 5, 7);
    cr_assert_eq(gr_dtype_of(gr_where(fine, a, -1)), GR_F32);
    cr_assert_eq(gr_dtype_of(gr_where(whole, 7, 5)), GR_I64);
    EXPECT_NO_LEAK();
}

/* ---- the same tensor in several places ---- */

Test(elementwise, one_tensor_as_every_operand)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 1.25, -2.5, 0.75);

    expect_numbers(slope_of(gr_mul(x, x), x), 2.5, -5, 1.5);
    expect_numbers(slope_of(gr_add(x, x), x), 2, 2, 2);
    expect_numbers(slope_of(gr_sub(x, x), x), 0, 0, 0);
    expect_numbers(slope_of(gr_div(x, x), x), 0, 0, 0);
    expect_numbers(slope_of(gr_maximum(x, x), x), 1, 1, 1);
    expect_numbers(slope_of(gr_where(x, x, x), x), 1, 1, 1);
    expect_numbers(gr_where(x, x, x), 1.25, -2.5, 0.75);
    expect_numbers(x, 1.25, -2.5, 0.75);
    EXPECT_NO_LEAK();
}
