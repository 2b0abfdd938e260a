/* The checker checked: planted wrong derivatives must fail with the exact message, right ones
 * pass. */
#include "tests/common/check.h"

#include "autograd/autograd.h"
#include "src/core/alloc.h"

TestSuite(check, .init = silence);

/* ---- planted primitives: a value with a rule of the test's own ---- */

static gr_tensor *with_rule(const gr__primitive *op, const gr_tensor *value, const gr_tensor *x)
{
    gr_tensor *v = gr_detach(value);

    return gr__node2(op, NULL, v->shape, (gr_dtype)v->dtype, v, gr_reshape(x, gr_shape_of(x)),
                     NULL);
}

#define RULE(rule_name, derivative) \
    static gr_tensor *rule_name##_rule(const gr_tensor *y, int input, gr_tensor *g) \
    { \
        const gr_tensor *x = y->in[input].tensor; \
        return derivative; \
    } \
    static const gr__primitive rule_name = {.name = #rule_name, \
                                            .kind = GR__VIEW, \
                                            .arity = 1, \
                                            .dtypes = GR__FLOATS, \
                                            .rule = rule_name##_rule};

RULE(right, gr_mul(g, gr_mul(2, x)))
RULE(flipped, gr_mul(g, gr_mul(-2, x)))
RULE(slightly_off, gr_mul(g, gr_mul(2.001, x)))
RULE(not_a_number, gr_mul(g, gr_mul(NAN, x)))
RULE(lost_history, gr_mul(g, gr_mul(2, gr_detach(x))))
RULE(half_lost, gr_mul(gr_detach(g), gr_mul(2, x)))
RULE(one_wrong, gr_mul(g, gr_mul(tensor(GR_F64, GR_SHAPE(3), 2, 2, 2.0001), x)))
RULE(nothing, gr_mul(gr_mul(g, x), 0))

static gr_tensor *planted_square(gr_tensor *const *x, int n, void *context)
{
    (void)n;
    return with_rule(context, gr_square(x[0]), x[0]);
}

/* Everything through exp, so that each order has something to say. */
static gr_tensor *planted_inside(gr_tensor *const *x, int n, void *context)
{
    (void)n;
    return gr_exp(with_rule(context, gr_square(x[0]), x[0]));
}

static bool checked(gr_function *f, const gr__primitive *op, int order)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 0.75, -1.25, 0.5);

    return gr_gradcheck(f, (void *)(uintptr_t)op, &x, 1, order);
}

/* The message but for the numbers: "order 1, input 0, element 2: " and what each side says,
 * close. */
static void expect_difference(int order, int input, int element, double derived, double difference)
{
    int k, i;
    long long e;
    double a, b;
    char rest[8] = "";

    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE, "%s", gr_error_message());
    int found = sscanf(
        gr_error_message(),
        "gr_gradcheck: f: order %d, input %d, element %lld: %lf by derivation, %lf by "
        "differences%7s",
        &k, &i, &e, &a, &b, rest);
    cr_assert_eq(found, 5, "%s", gr_error_message());
    cr_assert(k == order && i == input && e == element, "%s", gr_error_message());
    cr_assert(distance(a, derived, 1e-8) <= 0.5 && distance(b, difference, 1e-8) <= 0.5, "%s",
              gr_error_message());
    gr_error_clear();
}

Test(check, right_rules_pass)
{
    for (int order = 1; order <= 3; order++) {
        cr_assert(checked(planted_square, &right, order), "%s", gr_error_message());
        cr_assert(checked(planted_inside, &right, order), "%s", gr_error_message());
    }
    EXPECT_NO_LEAK();
}

/* f is summed with fixed weights; the weight of the first element is what the differences show. */
static double weight_of_first(void)
{
    double a, b;

    cr_assert_not(checked(planted_square, &flipped, 1));
    cr_assert_eq(sscanf(gr_error_message(),
                        "gr_gradcheck: f: order 1, input 0, element 0: %lf by "
                        "derivation, %lf by",
                        &a, &b),
                 2, "%s", gr_error_message());
    gr_error_clear();
    cr_assert(fabs(a + b) <= 1e-8 && fabs(b / 1.5) >= 0.5 && fabs(b / 1.5) <= 1.5, "%g %g", a, b);
    return b / 1.5;
}

Test(check, wrong_rules_fail)
{
    double w = weight_of_first();

    cr_assert_not(checked(planted_square, &slightly_off, 1));
    expect_difference(1, 0, 0, w * 2.001 * 0.75, w * 1.5);
    cr_assert_not(checked(planted_square, &not_a_number, 1));
    expect_difference(1, 0, 0, NAN, w * 1.5);
    cr_assert_not(checked(planted_square, &nothing, 1));
    expect_difference(1, 0, 0, 0, w * 1.5);
    EXPECT_NO_LEAK();
}

Test(check, one_wrong_element_is_named)
{
    cr_assert_not(checked(planted_square, &one_wrong, 1));
    const char *element = strstr(gr_error_message(), "order 1, input 0, element 2: ");
    cr_assert(element, "%s", gr_error_message());
    gr_error_clear();
    EXPECT_NO_LEAK();
}

/* First derivatives are right: only the second order shows what is lost. */
Test(check, lost_second_derivatives_fail)
{
    static const gr__primitive *const ops[] = {&lost_history, &half_lost};

    for (int i = 0; i < 2; i++) {
        cr_assert(checked(planted_square, ops[i], 1), "%s", gr_error_message());
        cr_assert(checked(planted_inside, ops[i], 1), "%s", gr_error_message());
        cr_assert_not(checked(planted_inside, ops[i], 2));
        cr_assert_eq(
            strncmp(gr_error_message(), "gr_gradcheck: f: order 2, input 0, element 0: ", 46), 0,
            "%s", gr_error_message());
        gr_error_clear();
    }
    cr_assert_not(checked(planted_square, &lost_history, 2));
    gr_error_clear();
    EXPECT_NO_LEAK();
}

static gr_tensor *one_place(double x)
{
    return tensor(GR_F64, GR_SHAPE(1), x);
}

/* ---- functions that are wrong without a rule of their own ---- */

static gr_tensor *ignores_the_second(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_add(gr_square(x[0]), gr_mul(gr_detach(x[0]), 0));
}

static gr_tensor *detached(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_mul(gr_detach(x[0]), x[1]);
}

static gr_tensor *steps(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_sign(x[0]);
}

static gr_tensor *kinked(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_relu(gr_sub(x[0], 1.0));
}

static gr_tensor *square_root(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_sqrt(x[0]);
}

Test(check, ignored_inputs_fail)
{
    gr_tensor *x[] = {one_place(0.75), one_place(0.5)};

    cr_assert_not(gr_gradcheck(ignores_the_second, NULL, x, 2, 1));
    expect_error(GR_ERROR_VALUE,
                 "gr_gradcheck: f: all derivatives by input 1 are 0, by derivation and "
                 "by differences");
    cr_assert_not(gr_gradcheck(steps, NULL, x, 1, 1));
    expect_error(GR_ERROR_VALUE,
                 "gr_gradcheck: f: all derivatives by input 0 are 0, by derivation and "
                 "by differences");
    cr_assert_not(gr_gradcheck(detached, NULL, x, 2, 1));
    cr_assert_eq(
        strncmp(gr_error_message(), "gr_gradcheck: f: order 1, input 0, element 0: 0 by ", 51), 0,
        "%s", gr_error_message());
    gr_error_clear();
    EXPECT_NO_LEAK();
}

/* A kink at the point: the differences say 1/2, the derivation 0. */
Test(check, kinks_fail)
{
    gr_tensor *x = one_place(1);

    cr_assert_not(gr_gradcheck(kinked, NULL, &x, 1, 1));
    gr_error_clear();
    EXPECT_NO_LEAK();
}

/* NaN on both sides is no agreement. */
Test(check, nan_never_agrees)
{
    gr_tensor *x = one_place(-1);

    cr_assert_not(gr_gradcheck(square_root, NULL, &x, 1, 1));
    cr_assert(strstr(gr_error_message(), "nan by derivation, "), "%s", gr_error_message());
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    EXPECT_NO_LEAK();
}

/* ---- what the point may be ---- */

static gr_tensor *sum_of_squares(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *sum = gr_full(GR_F64, GR_SCALAR, 0);

    (void)context;
    for (int i = 0; i < n; i++) {
        sum = gr_add(sum, gr_sum(gr_square(x[i]), GR_ALL_AXES, false));
    }
    return sum;
}

Test(check, inputs_of_every_form)
{
    gr_params *params = gr_params_new();
    gr_tensor *x[] = {one_place(0.75),
                      noise_tensor(GR_F64, GR_SHAPE(2, 1, 3), 71),
                      gr_exp(noise_tensor(GR_F64, GR_SHAPE(2), 72)),
                      gr_transpose(noise_tensor(GR_F64, GR_SHAPE(3, 2), 73), 0, 1),
                      gr_full(GR_F64, GR_SHAPE(2, 0), 1),
                      gr_param(params, "w", noise_tensor(GR_F64, GR_SHAPE(2), 74)),
                      tensor(GR_F64, GR_SCALAR, 40),
                      tensor(GR_F64, GR_SCALAR, -1e-3)};

    cr_assert(gr_gradcheck(sum_of_squares, NULL, x, 8, 3), "%s", gr_error_message());
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* The inputs stay what they were, and the scope of the caller gets nothing of the work. */
Test(check, leaves_nothing_behind)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.75, -0.5);
    int64_t before = gr_memory_stats().current;

    for (int i = 0; i < 50; i++) {
        cr_assert(gr_gradcheck(sum_of_squares, NULL, &x, 1, 3));
    }
    expect_numbers(x, 0.75, -0.5);
    cr_assert_lt(gr_memory_stats().current - before, 2 << 20);
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

static gr_tensor *returns_null(gr_tensor *const *x, int n, void *context)
{
    (void)x, (void)n, (void)context;
    return NULL;
}

static gr_tensor *fails(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_reshape(x[0], GR_SHAPE(7));
}

Test(check, errors)
{
    gr_tensor *x[9];

    for (int i = 0; i < 9; i++) {
        x[i] = one_place(1.5);
    }
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 0, 1));
    expect_error(GR_ERROR_VALUE, "gr_gradcheck: n: got 0, want 1 to 8");
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 9, 1));
    expect_error(GR_ERROR_VALUE, "gr_gradcheck: n: got 9, want 1 to 8");
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 1, 0));
    expect_error(GR_ERROR_VALUE, "gr_gradcheck: order: got 0, want 1 to 3");
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 1, 4));
    expect_error(GR_ERROR_VALUE, "gr_gradcheck: order: got 4, want 1 to 3");
    cr_assert_not(gr_gradcheck(returns_null, NULL, x, 1, 1));
    expect_error(GR_ERROR_VALUE, "gr_gradcheck: f: got NULL, want a tensor");
    cr_assert_not(gr_gradcheck(fails, NULL, x, 1, 1));
    expect_error(GR_ERROR_SHAPE, "gr_reshape: shape: got (7), want 1 elements as x has in (1)");
    x[1] = fails(x, 1, NULL);
    gr_error_clear();
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 2, 1));
    expect_ok();
    fails(x, 1, NULL);
    cr_assert_not(gr_gradcheck(sum_of_squares, NULL, x, 1, 1));
    expect_error(GR_ERROR_SHAPE, "gr_reshape: shape: got (7), want 1 elements as x has in (1)");
    EXPECT_NO_LEAK();
}

Test(check, without_memory)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 0.75, -1.25, 0.5);
    bool point = false, good = false;

    cr_assert(gr_gradcheck(sum_of_squares, NULL, &x, 1, 1));
    for (int n = 1; !good; n++) {
        cr_assert_lt(n, 1000);
        gr_memory_trim();
        gr__fail_allocation(n);
        good = gr_gradcheck(sum_of_squares, NULL, &x, 1, 1);
        gr__fail_allocation(0);
        cr_assert(good || gr_error_code() == GR_ERROR_MEMORY, "%s", gr_error_message());
        point = point || !strcmp(gr_error_message(), "gr_gradcheck: no memory for 24 bytes");
        gr_error_clear();
    }
    cr_assert(point);
    EXPECT_NO_LEAK();
}
