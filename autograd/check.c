/* Gradients checked against differences, in f64, order by order. */
#include <math.h>
#include <string.h>

#include "autograd/autograd.h"

enum { MOST_INPUTS = 8 };

#define GR__TOLERANCE 1e-8

typedef struct check {
    gr_function *f;
    void *context;
    int n;
    const gr__shape *shape[MOST_INPUTS];
    double *value[MOST_INPUTS]; /* the point */
} check;

/* A fixed direction with entries in +-[0.5, 1.5], different for every use. */
static gr_tensor *direction(const gr__shape *shape, uint64_t seed)
{
    double *entries = gr__scope_alloc((size_t)(shape->count + 1) * sizeof *entries);

    for (int64_t i = 0; entries && i < shape->count; i++) {
        uint64_t h = ((uint64_t)i + 1) * 0x9E3779B97F4A7C15u ^ (seed + 1) * 0xD1B54A32D192ED03u;
        h = (h ^ h >> 31) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 29;
        double u = (double)(h >> 12) * 0x1p-52;
        entries[i] = h & 1 ? 0.5 + u : -0.5 - u;
    }
    return entries ? gr_from_data(GR_F64, gr__public_shape(shape), entries) : &gr__error_tensor;
}

static gr_tensor *dot(const gr_tensor *t, uint64_t seed)
{
    return gr__is_error(t) ? &gr__error_tensor
                           : gr_sum(gr_mul(t, direction(t->shape, seed)), GR_ALL_AXES, false);
}

/* f's value, or the error tensor. */
static const gr_tensor *value_of(const check *c, gr_tensor *const *x)
{
    const gr_tensor *y = gr__operand("gr_gradcheck", "f", c->f(x, c->n, c->context));

    if (gr__is_error(y) || y->dtype == GR_F64) {
        return y;
    }
    return gr__error(GR_ERROR_DTYPE, "gr_gradcheck", "f", "got a value of %s, want f64",
                     gr_dtype_name((gr_dtype)y->dtype));
}

/* The number whose gradient is of order `order`: f dotted with a direction, and for each order
 * above the first the gradient of the order below dotted with another. */
static gr_tensor *objective(const check *c, gr_tensor *const *x, int order)
{
    gr_tensor *gradient[MOST_INPUTS];
    gr_tensor *s = dot(value_of(c, x), 0);

    for (int k = 1; k < order; k++) {
        gr_gradients(s, x, c->n, gradient);
        s = dot(gradient[0], (uint64_t)(MOST_INPUTS * k));
        for (int i = 1; i < c->n; i++) {
            s = gr_add(s, dot(gradient[i], (uint64_t)(MOST_INPUTS * k + i)));
        }
    }
    return s;
}

static void make_inputs(const check *c, gr_tensor **x)
{
    for (int i = 0; i < c->n; i++) {
        x[i] = gr_from_data(GR_F64, gr__public_shape(c->shape[i]), c->value[i]);
    }
}

/* Gradients of the objective at the point, copied out. */
static bool derive(const check *c, int order, double **result)
{
    gr_scope scope = gr_scope_begin();
    gr_tensor *x[MOST_INPUTS], *gradient[MOST_INPUTS];

    make_inputs(c, x);
    bool good = gr_gradients(objective(c, x, order), x, c->n, gradient);
    for (int i = 0; good && i < c->n; i++) {
        const double *g = gr_data_f64(gradient[i]);
        good = g != NULL;
        if (good) {
            memcpy(result[i], g, (size_t)c->shape[i]->count * sizeof *g);
        }
    }
    gr_scope_end(&scope);
    return good;
}

static double evaluate(const check *c, int order)
{
    gr_scope scope = gr_scope_begin();
    gr_tensor *x[MOST_INPUTS];

    make_inputs(c, x);
    double value = gr_item(objective(c, x, order));
    gr_scope_end(&scope);
    return value;
}

/* Four points, error of order h^4. */
static double difference(const check *c, int order, double *place)
{
    double x = *place, h = 1e-3 * fmax(1, fabs(x)), sum = 0;
    static const double offset[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};

    for (int i = 0; i < 4; i++) {
        *place = x + offset[i] * h;
        sum += weight[i] * evaluate(c, order);
    }
    *place = x;
    return sum / (12 * h);
}

static bool compare(const check *c, int order, int input, const double *derived)
{
    bool all_zero = true;
    int64_t count = c->shape[input]->count;

    for (int64_t i = 0; i < count && gr_ok(); i++) {
        double d = difference(c, order, &c->value[input][i]);
        double scale = fmax(1, fmax(fabs(d), fabs(derived[i])));
        bool agree = isfinite(scale) && fabs(d - derived[i]) <= GR__TOLERANCE * scale;
        if (gr_ok() && !agree) {
            return gr_fail(GR_ERROR_VALUE, "gr_gradcheck", "f",
                           "order %d, input %d, element %lld: %.12g by derivation, %.12g by "
                           "differences",
                           order, input, (long long)i, derived[i], d);
        }
        all_zero = all_zero && derived[i] == 0 && fabs(d) <= GR__TOLERANCE;
    }
    if (gr_ok() && order == 1 && count > 0 && all_zero) {
        return gr_fail(GR_ERROR_VALUE, "gr_gradcheck", "f",
                       "all derivatives by input %d are 0, by derivation and by differences",
                       input);
    }
    return gr_ok();
}

/* Copies the point. */
static bool take_inputs(check *c, gr_tensor *const *inputs, double **derived)
{
    for (int i = 0; i < c->n; i++) {
        const gr_tensor *x = gr__operand("gr_gradcheck", "inputs", inputs[i]);
        if (!gr__is_error(x) && x->dtype != GR_F64) {
            return gr_fail(GR_ERROR_DTYPE, "gr_gradcheck", "inputs", "input %d is %s, want f64", i,
                           gr_dtype_name((gr_dtype)x->dtype));
        }
        const double *data = gr_data(x);
        if (!data) {
            return false;
        }
        c->shape[i] = x->shape;
        size_t bytes = (size_t)c->shape[i]->count * sizeof *data;
        c->value[i] = gr__alloc(bytes + 1);
        derived[i] = gr__alloc(bytes + 1);
        if (!c->value[i] || !derived[i]) {
            return gr_fail(GR_ERROR_MEMORY, "gr_gradcheck", NULL, "no memory for %zu bytes", bytes);
        }
        memcpy(c->value[i], data, bytes);
    }
    return true;
}

bool gr_gradcheck(gr_function *f, void *context, gr_tensor *const *inputs, int n, int order)
{
    check c = {.f = f, .context = context, .n = n};
    double *derived[MOST_INPUTS] = {NULL};

    if (n < 1 || n > MOST_INPUTS) {
        return gr_fail(GR_ERROR_VALUE, "gr_gradcheck", "n", "got %d, want 1 to %d", n, MOST_INPUTS);
    }
    if (order < 1 || order > 3) {
        return gr_fail(GR_ERROR_VALUE, "gr_gradcheck", "order", "got %d, want 1 to 3", order);
    }
    gr_scope scope = gr_scope_begin();
    bool good = gr_ok() && take_inputs(&c, inputs, derived);
    gr_scope_end(&scope);
    for (int k = 1; good && k <= order; k++) {
        good = derive(&c, k, derived);
        for (int i = 0; good && i < n; i++) {
            good = compare(&c, k, i, derived[i]);
        }
    }
    for (int i = 0; i < MOST_INPUTS; i++) {
        gr__free(c.value[i]);
        gr__free(derived[i]);
    }
    return good;
}
