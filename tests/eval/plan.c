/* Plans serve again where a schedule is like an earlier one, and only there: each program here is
 * computed in variants, one after the other, against the same node by node. */
#include "tests/common/check.h"

#include "src/eval/eval.h"

TestSuite(plan, .init = silence);

enum { MOST_RESULTS = 4, VARIANTS = 6, N = 12 };

/* Results, pending, of a variant; returns how many. */
typedef int program(int variant, gr_tensor **out);

static gr_tensor *numbers_like(gr_dtype dtype, gr_shape shape, int seed)
{
    double numbers[1024];
    int64_t n = elements_of(shape);

    cr_assert(n <= 1024);
    for (int64_t i = 0; i < n; i++) {
        numbers[i] = sin((double)(i + 1) * (seed + 2)) * 3;
    }
    return tensor_of(dtype, shape, numbers);
}

static int64_t planned(void)
{
    return gr_work_stats().planned;
}

/* Computes a variant; copies of its results. */
static int compute(program *build, int variant, gr_dtype *dtypes, int64_t *counts, void **copies)
{
    GR_SCOPE;
    gr_tensor *out[MOST_RESULTS];
    int n = build(variant, out);

    cr_assert(gr_eval(n, out), "%s", gr_error_message());
    for (int k = 0; k < n; k++) {
        dtypes[k] = gr_dtype_of(out[k]);
        counts[k] = gr_count(out[k]);
        copies[k] = copy_of(out[k]);
    }
    return n;
}

/* Computes all variants node by node, then fused, twice over; returns how many plans the last round
 * took. */
static int64_t check(program *build)
{
    void *want[VARIANTS][MOST_RESULTS], *got[MOST_RESULTS];
    gr_dtype dtypes[MOST_RESULTS];
    int64_t counts[MOST_RESULTS], before = 0;

    gr__set_fusing(false);
    for (int i = 0; i < VARIANTS; i++) {
        compute(build, i, dtypes, counts, want[i]);
    }
    gr__set_fusing(true);
    for (int i = 0; i < 2 * VARIANTS; i++) {
        before = i == VARIANTS ? planned() : before;
        int n = compute(build, i % VARIANTS, dtypes, counts, got);
        for (int k = 0; k < n; k++) {
            expect_bits(dtypes[k], counts[k], got[k], want[i % VARIANTS][k], "fused");
            free(got[k]);
            if (i >= VARIANTS) {
                free(want[i % VARIANTS][k]);
            }
        }
    }
    return planned() - before;
}

static int numbers_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), variant);

    out[0] = gr_exp(gr_mul(x, 0.1 * variant));
    out[1] = gr_sum(gr_square(gr_sub(x, variant)), GR_ALL_AXES, false);
    return 2;
}

static int same_tensor_or_two(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), 1),
              *y = numbers_like(GR_F32, GR_SHAPE(N, N), 2);

    out[0] = gr_sub(gr_square(variant % 2 ? x : y), gr_mul(y, variant % 3 ? x : y));
    return 1;
}

static int turned_or_not(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F64, GR_SHAPE(N, N), variant);

    out[0] = gr_neg(gr_transpose(x, 0, variant % 2));
    return 1;
}

static int strides_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F64, GR_SHAPE(6, 6, 6), 1),
              *wide = gr_reshape(x, GR_SHAPE(6, 36));
    gr_tensor *tall = gr_reshape(x, GR_SHAPE(36, 6));

    out[0] = gr_neg(variant % 2 ? gr_transpose(x, 0, 1) : gr_transpose(x, variant % 3, 2));
    out[1] = gr_exp(variant % 3 ? gr_slice(wide, 1, 3, 9) : gr_slice(tall, 0, 3, 9));
    return 2;
}

static int offsets_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F64, GR_SHAPE(N, N), variant);

    out[0] = gr_neg(gr_expand(gr_slice(x, 1, variant, variant + 1), GR_SHAPE(N, N)));
    out[1] = gr_sum(gr_square(gr_slice(x, 0, variant, variant + 2)), GR_AXES(1), false);
    return 2;
}

static int axes_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = gr_mul(numbers_like(GR_F32, GR_SHAPE(N, N), variant), 2);

    out[0] = gr_sum(x, GR_AXES(variant % 2), false);
    out[1] = gr_softmax(gr_tanh(x), GR_AXES(variant % 3 == 0));
    return 2;
}

static int sums_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), variant);

    out[0] = gr_sum(gr_exp(x), GR_AXES(variant % 2), false);
    return 1;
}

static int dtypes_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(variant % 2 ? GR_F32 : GR_F64, GR_SHAPE(N), variant);

    out[0] = gr_cast(gr_add(gr_cast(x, GR_F64), 1), variant % 3 ? GR_F32 : GR_I64);
    return 1;
}

static int requests_differ(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), variant), *y = gr_exp(x), *z = gr_mul(y, x);

    out[0] = gr_sum(z, GR_AXES(0), false);
    out[1] = variant % 2 ? y : z;
    return 1 + (variant % 3 > 0);
}

static int indices_differ(int variant, gr_tensor **out)
{
    double which[N];
    gr_tensor *x = gr_tanh(numbers_like(GR_F32, GR_SHAPE(N, 5), variant));

    for (int i = 0; i < N; i++) {
        which[i] = (i + variant) % 5;
    }
    gr_tensor *index = tensor_of(GR_I64, GR_SHAPE(N), which);
    index = variant % 3 == 2 ? gr_add(index, 0) : index; /* not known when the schedule is made */
    out[0] = gr_gather(gr_log_softmax(x, GR_AXES(1)), 1, gr_unsqueeze(index, 1));
    return 1;
}

/* An operand from outside, or a view that another node reads too. */
static int view_or_other(int variant, bool product, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), 1),
              *w = numbers_like(GR_F32, GR_SHAPE(N, N), 2);
    GR_TRANSIENT;
    gr_tensor *v = gr_transpose(x, 0, 1), *other = variant % 2 ? v : w;
    gr_tensor *first = gr_matmul(v, numbers_like(GR_F32, GR_SHAPE(N, N), 3));

    out[0] = product ? gr_matmul(first, other) : gr_add(first, other);
    return 1;
}

static int view_or_other_added(int variant, gr_tensor **out)
{
    return view_or_other(variant, false, out);
}

static int view_or_other_multiplied(int variant, gr_tensor **out)
{
    return view_or_other(variant, true, out);
}

static int some_is_there(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), variant), *y = gr_exp(gr_neg(x));

    if (variant % 2) {
        gr_eval(1, &y);
    }
    out[0] = gr_add(y, gr_square(y));
    return 1;
}

static int numbers_for_tensors(int variant, gr_tensor **out)
{
    gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(N, N), variant);
    gr_tensor *one = numbers_like(GR_F32, GR_SCALAR, variant),
              *row = numbers_like(GR_F32, GR_SHAPE(N), 3);

    out[0] = gr_mul(x, GR_ARG(variant % 3 == 0 ? one : variant % 3 == 1 ? row : x));
    return 1;
}

static int empty_or_not(int variant, gr_tensor **out)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(variant % 2 ? 0 : 3, 4), variant);

    out[0] = gr_sum(gr_exp(x), GR_AXES(0), false);
    return 1;
}

/* At most so many plans for variants that were there before; VARIANTS: none need serve again. */
#define LIKE(name, most) \
    Test(plan, name) \
    { \
        int64_t made = check(name); \
        cr_assert(made <= (most), "%lld plans for variants that were there before", \
                  (long long)made); \
        EXPECT_NO_LEAK(); \
    }

LIKE(numbers_differ, 0)
LIKE(same_tensor_or_two, VARIANTS)
LIKE(turned_or_not, VARIANTS)
LIKE(strides_differ, VARIANTS)
LIKE(offsets_differ, 0)
LIKE(axes_differ, 0)
LIKE(sums_differ, 0)
LIKE(dtypes_differ, 0)
LIKE(requests_differ, 0)
LIKE(indices_differ, 0)
LIKE(view_or_other_added, 0)
LIKE(view_or_other_multiplied, 0)
LIKE(some_is_there, 0)
LIKE(numbers_for_tensors, 0)
LIKE(empty_or_not, 0)

/* Random numbers are drawn anew, where the plan is the same. */
Test(plan, random_nodes_draw_anew)
{
    gr_rng *rng = gr_rng_new(3), *same = gr_rng_new(3);
    double last = 0;

    for (int i = 0; i < 4; i++) {
        GR_SCOPE;
        gr_tensor *x = gr_exp(gr_normal(rng, GR_SHAPE(N), 0, 1));
        gr__set_fusing(false);
        gr_tensor *y = gr_exp(gr_normal(same, GR_SHAPE(N), 0, 1));
        const float *want = gr_data(y);
        gr__set_fusing(true);
        expect_bits(GR_F32, N, gr_data(x), want, "fused");
        double now = gr_item(gr_sum(x, GR_ALL_AXES, false));
        cr_assert_neq(now, last);
        last = now;
    }
    gr_rng_free(rng);
    gr_rng_free(same);
}

/* What somebody holds keeps its memory, also where an earlier schedule wrote into it: the step of a
 * parameter whose old value is looked at. */
Test(plan, memory_is_taken_only_where_nobody_holds_it)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", gr_full(GR_F32, GR_SHAPE(N), 1));
    gr_optimizer *sgd = gr_sgd(params, gr_sgd_defaults());

    for (int i = 0; i < 8; i++) {
        GR_SCOPE;
        gr_tensor *before = gr_mul(w, 1), *old = gr_reshape(w, GR_SHAPE(3, 4));
        const float *held = i % 2 ? gr_data(old) : NULL;
        float first = held ? held[0] : 0;
        gr_backward(gr_sum(before, GR_ALL_AXES, false), params);
        cr_assert(gr_step(sgd), "%s", gr_error_message());
        cr_assert(!held || held[0] == first, "%d: %g became %g", i, (double)first,
                  held ? (double)held[0] : 0);
        cr_assert_float_eq(gr_item(gr_slice(w, 0, 0, 1)), 1 - 0.01 * (i + 1), 1e-6);
    }
    gr_optimizer_free(sgd);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* An error in the middle does not spoil what comes after. */
Test(plan, errors_leave_no_plan_behind)
{
    for (int i = 0; i < 6; i++) {
        GR_SCOPE;
        double at[2] = {i % 2 ? 7 : 1, 0};
        gr_tensor *x = gr_tanh(numbers_like(GR_F32, GR_SHAPE(4), i));
        gr_tensor *y = gr_take(x, 0, gr_add(tensor_of(GR_I64, GR_SHAPE(2), at), 0)), *z = gr_exp(x);
        gr_tensor *list[] = {gr_exp(y), z};
        cr_assert_eq(gr_eval(2, list), i % 2 == 0);
        cr_assert_eq(gr_is_error(list[0]), i % 2 == 1);
        cr_assert(gr_eval(1, &z), "%s", gr_error_message());
        gr_error_clear();
    }
}

/* A step writes into the moments' own memory from the second on, and its plan is the same. */
Test(plan, training_steps_are_planned_once)
{
    gr_rng *rng = gr_rng_new(1);
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", gr_normal(rng, GR_SHAPE(N, N), 0, 1));
    gr_optimizer *adam = gr_adam(params, gr_adam_defaults());
    int64_t after_three = 0;

    for (int i = 0; i < 10; i++) {
        GR_SCOPE;
        gr_tensor *x = numbers_like(GR_F32, GR_SHAPE(3, N), i);
        gr_backward(gr_mean(gr_square(gr_tanh(gr_matmul(x, w))), GR_ALL_AXES, false), params);
        cr_assert(gr_step(adam), "%s", gr_error_message());
        after_three = i == 2 ? planned() : after_three;
    }
    cr_assert_eq(planned(), after_three);
    gr_optimizer_free(adam);
    gr_params_free(params);
    gr_rng_free(rng);
}
