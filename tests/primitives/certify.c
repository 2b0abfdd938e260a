/* What each kind of row of the certification table is checked for. */
#include "tests/primitives/certify.h"

#include <fcntl.h>
#include <float.h>
#include <unistd.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"
#include "tests/primitives/inputs.h"
#include "tests/primitives/reference.h"

TestSuite(primitives, .init = silence);

/* The inputs that have derivatives. */
static int float_inputs(const row *r, gr_tensor *const *in, gr_tensor **x)
{
    int n = 0;

    for (int k = 0; k < r->count; k++) {
        if (r->inputs[k].kind != INPUT_NONE && input_dtype(&r->inputs[k]) != GR_I64) {
            x[n++] = in[k];
        }
    }
    return n;
}

/* ---- values ---- */

/* Sum of the elements, each with a weight of its own; of y itself if it has one element. */
static gr_tensor *weighted_sum(const gr_tensor *y)
{
    gr_tensor *weights = noise_tensor(gr_dtype_of(y), gr_shape_of(y), 7);

    return gr_sum(gr_mul(y, weights), GR_ALL_AXES, false);
}

static void check_shape(const row *r, const gr_tensor *y, const reference *want)
{
    char got[GR_SHAPE_TEXT], wanted[GR_SHAPE_TEXT];

    cr_assert(!gr_is_error(y), "%s: %s", r->text, gr_error_message());
    cr_assert(gr_same_shape(gr_shape_of(y), want->shape), "%s: got %s, want %s", r->text,
              gr_shape_text(gr_shape_of(y), got), gr_shape_text(want->shape, wanted));
    cr_assert_eq(gr_dtype_of(y) == GR_I64, want->dtype == GR_I64, "%s: got %s", r->text,
                 gr_dtype_name(gr_dtype_of(y)));
}

/* The largest error relative to the larger of `least` and the wanted magnitude; the first element
 * that is not a number where one is wanted, infinite where none is, counts as infinitely far. */
static double worst_error(const row *r, const gr_tensor *y, const reference *want, double least)
{
    double *got = numbers_of(y), worst = 0;

    for (int64_t i = 0; i < want->count; i++) {
        double w = want->numbers[i];
        bool same = got[i] == w || (isnan(got[i]) && isnan(w));
        double e = fabs(got[i] - w) / fmax(least, fabs(w));
        e = same ? 0 : isfinite(w) && isfinite(got[i]) ? e : INFINITY;
        cr_assert(e < 1, "%s: element %lld: got %.17g, want %.17g", r->text, (long long)i, got[i],
                  w);
        worst = fmax(worst, e);
    }
    free(got);
    return worst;
}

/* ---- ways to compute, all of which must agree to the last bit ---- */

typedef struct way {
    const char *name;
    placement where;
    bool fuse, eager;
    int threads;
} way;

static const way ways[] = {
    {"fused", COPIED, true, false, 1},
    {"unfused", COPIED, false, false, 1},
    {"eager", COPIED, false, true, 1},
    {"on two threads", COPIED, true, false, 2},
    {"on three threads, unfused", COPIED, false, false, 3},
    {"from strided operands", STRIDED, true, false, 1},
    {"from strided operands, unfused", STRIDED, false, false, 2},
    {"behind a guard page", GUARDED_BELOW, true, false, 1},
    {"before a guard page", GUARDED_ABOVE, false, false, 1},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* The value and, where there are any, the gradients of its weighted sum. */
typedef struct outcome {
    int count;
    gr_dtype dtype[MOST_INPUTS + 1];
    int64_t elements[MOST_INPUTS + 1];
    void *bits[MOST_INPUTS + 1]; /* to be freed */
} outcome;

static void keep_bits(outcome *o, const gr_tensor *t)
{
    o->dtype[o->count] = gr_dtype_of(t);
    o->elements[o->count] = gr_count(t);
    o->bits[o->count++] = copy_of(t);
}

static outcome compute(const row *r, const way *how, gr_dtype floats)
{
    outcome o = {.count = 0};
    gr_tensor *x[MOST_INPUTS], *g[MOST_INPUTS];

    gr__self()->eager = how->eager;
    gr__set_fusing(how->fuse);
    gr_set_threads(how->threads);
    gr__set_parallel_from(how->threads > 1 ? 1 : 1 << 17);
    gr_scope scope = gr_scope_begin();
    point p = make_point(r, r->count, floats, how->where);
    gr_tensor *y = r->call(p.in);
    int n = float_inputs(r, p.in, x);
    if (r->order > 0 && n > 0 && gr_dtype_of(y) != GR_I64) {
        cr_assert(gr_gradients(weighted_sum(y), x, n, g), "%s: %s", r->text, gr_error_message());
    } else {
        n = 0;
    }
    keep_bits(&o, y);
    for (int i = 0; i < n; i++) {
        keep_bits(&o, g[i]);
    }
    gr_scope_end(&scope);
    release_point(&p, how->where);
    return o;
}

static void forget(outcome *o)
{
    for (int i = 0; i < o->count; i++) {
        free(o->bits[i]);
    }
}

static void check_ways(const row *r, gr_dtype floats)
{
    outcome first = compute(r, &ways[0], floats);

    for (int k = 1; k < WAYS; k++) {
        outcome o = compute(r, &ways[k], floats);
        char what[256];
        snprintf(what, sizeof what, "%.150s %s, %s", r->text, gr_dtype_name(floats), ways[k].name);
        cr_assert_eq(o.count, first.count);
        for (int i = 0; i < o.count; i++) {
            cr_assert_eq(o.elements[i], first.elements[i], "%s", what);
            expect_bits(o.dtype[i], o.elements[i], o.bits[i], first.bits[i], what);
        }
        forget(&o);
    }
    forget(&first);
    gr__self()->eager = false;
    gr__set_fusing(true);
    gr_set_threads(1);
}

/* ---- derivatives ---- */

/* The row as a function of its float inputs. */
typedef struct call {
    const row *r;
    point p;
} call;

static gr_tensor *of_floats(gr_tensor *const *x, int n, void *context)
{
    const call *c = context;
    point p = c->p;
    int next = 0;

    (void)n;
    for (int k = 0; k < c->r->count; k++) {
        if (c->r->inputs[k].kind != INPUT_NONE && input_dtype(&c->r->inputs[k]) != GR_I64) {
            p.in[k] = x[next++];
        }
    }
    return c->r->call(p.in);
}

static void expect_no_gradient(const row *r, gr_tensor *y, gr_tensor **x, int n)
{
    gr_tensor *g[MOST_INPUTS];

    cr_assert(gr_gradients(weighted_sum(y), x, n, g), "%s: %s", r->text, gr_error_message());
    for (int i = 0; i < n; i++) {
        double *numbers = numbers_of(g[i]);
        for (int64_t j = 0; j < gr_count(g[i]); j++) {
            cr_assert_eq(numbers[j], 0, "%s: a gradient flows", r->text);
        }
        free(numbers);
    }
}

/* Returns the order to which derivatives were compared: 0 where there are none to look at. */
static int check_derivatives(const row *r, int64_t elements)
{
    gr_tensor *x[MOST_INPUTS];
    GR_SCOPE;
    call c = {r, make_point(r, r->count, GR_F64, COPIED)};
    int n = float_inputs(r, c.p.in, x);
    gr_tensor *y = r->call(c.p.in);

    if (n == 0 || gr_dtype_of(y) == GR_I64 || elements == 0) {
        return 0;
    }
    if (r->order == 0) {
        expect_no_gradient(r, y, x, n);
        return 0;
    }
    cr_assert(gr_gradcheck(of_floats, &c, x, n, r->order), "%s: %s", r->text, gr_error_message());
    return r->order;
}

/* ---- the rows ---- */

/* One line for docs/primitives.md, where it is being written. */
static void report(const row *r, const char *kind, int order, double f64, double f32)
{
    const char *path = getenv("GRADUS_CERTIFICATE");
    char line[256];

    if (!path) {
        return;
    }
    const char *family = strrchr(r->family, '/') + 1;
    int length = snprintf(line, sizeof line, "%.*s %s %s %d %.3g %.3g\n", (int)strcspn(family, "."),
                          family, r->name, kind, order, f64, f32);
    int out = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    cr_assert(out >= 0 && write(out, line, (size_t)length) == length);
    close(out);
}

void certify_case(const row *r)
{
    reference want = reference_of(r->family, r->text);
    double error[2];

    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        GR_SCOPE;
        point p = make_point(r, r->count, dtype, COPIED);
        gr_tensor *y = r->call(p.in);
        check_shape(r, y, &want);
        error[dtype] = worst_error(r, y, &want, 1);
    }
    cr_assert(error[GR_F64] <= 1e-12, "%s: f64 is off by %.3g", r->text, error[GR_F64]);
    cr_assert(error[GR_F32] <= 1e-5, "%s: f32 is off by %.3g", r->text, error[GR_F32]);
    check_ways(r, GR_F32);
    check_ways(r, GR_F64);
    int order = check_derivatives(r, want.count);
    expect_ok();
    report(r, "case", order, error[GR_F64], error[GR_F32]);
    free(want.numbers);
}

/* Whether f32 can tell these inputs apart from others and has a normal number for each result. */
static bool fits_f32(const row *r, const reference *want)
{
    bool fits = true;

    for (int k = 0; k < r->count; k++) {
        for (int64_t i = 0; i < r->inputs[k].listed; i++) {
            double v = r->inputs[k].list[i];
            fits = fits && (isnan(v) || (double)(float)v == v);
        }
    }
    for (int64_t i = 0; i < want->count; i++) {
        double v = fabs(want->numbers[i]);
        fits = fits && (v == 0 || !isfinite(v) || (v >= (double)FLT_MIN && v <= (double)FLT_MAX));
    }
    return fits;
}

void certify_point(const row *r)
{
    reference want = reference_of(r->family, r->text);
    static const double tolerance[] = {[GR_F32] = 4 * (double)FLT_EPSILON, [GR_F64] = 1e-13};
    double error[2] = {0, 0};

    for (gr_dtype dtype = fits_f32(r, &want) ? GR_F32 : GR_F64; dtype <= GR_F64; dtype++) {
        GR_SCOPE;
        point p = make_point(r, r->count, dtype, COPIED);
        gr_tensor *y = r->call(p.in);
        check_shape(r, y, &want);
        error[dtype] = worst_error(r, y, &want, DBL_TRUE_MIN);
        cr_assert(error[dtype] <= tolerance[dtype], "%s: %s is off by %.3g", r->text,
                  gr_dtype_name(dtype), error[dtype]);
        double *got = numbers_of(y);
        for (int64_t i = 0; i < want.count; i++) {
            bool zero = want.numbers[i] == 0 && want.dtype != GR_I64;
            cr_assert(!zero || signbit(got[i]) == signbit(want.numbers[i]),
                      "%s: element %lld: got %g, want %g", r->text, (long long)i, got[i],
                      want.numbers[i]);
        }
        free(got);
    }
    expect_ok();
    report(r, "point", 0, error[GR_F64], error[GR_F32]);
    free(want.numbers);
}

void certify_kink(const row *r)
{
    int n = r->count / 2;
    gr_tensor *g[MOST_INPUTS];

    cr_assert_eq(r->count % 2, 0, "%s: want a list of gradients for each input", r->text);
    point p = make_point(r, r->count, GR_F64, COPIED);
    gr_tensor *y = gr_sum(r->call(p.in), GR_ALL_AXES, false);
    for (int k = 0; k < n; k++) {
        if (input_dtype(&r->inputs[k]) != GR_I64) {
            cr_assert(gr_gradients(y, &p.in[k], 1, &g[k]), "%s: %s", r->text, gr_error_message());
            double *want = numbers_of(p.in[n + k]);
            expect_near(g[k], gr_count(p.in[n + k]), want, 1e-15);
            free(want);
        }
    }
    report(r, "kink", 1, 0, 0);
}

void certify_failure(const row *r)
{
    point p = make_point(r, r->count, GR_F64, COPIED);
    gr_tensor *y = r->call(p.in);

    gr_eval(1, &y);
    cr_assert(gr_is_error(y), "%s: no error", r->text);
    const char *got = gr_error_message(), *place = strstr(got, " (made ");
    size_t length = place ? (size_t)(place - got) : strlen(got);
    cr_assert(length == strlen(r->message) && strncmp(got, r->message, length) == 0,
              "%s: got \"%s\", want \"%s\"", r->text, got, r->message);
    gr_error_clear();
    report(r, "failure", 0, 0, 0);
}
