/* Second derivatives of random graphs in two ways, without finite differences: the Hessian times a
 * vector as the gradient of <gradient, v> (reverse over reverse) and as the derivative of the
 * gradient along v (forward over reverse). A rule whose own derivative is wrong makes the Hessian
 * unsymmetric, and then the two differ. f64; every smooth row of elementwise.def, and operations that
 * mix elements.
 *
 *   curvature [GRAPHS [SEED]] */
#include <gradus.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4, COLUMNS = 3, INPUTS = 3, OPERATIONS = 12 };

#define SHAPE GR_SHAPE(ROWS, COLUMNS)

/* Agreement demanded, relative to the larger of 1 and the largest element of the product: the terms
 * are of that size, and the two ways add them in other orders. */
#define MOST 1e-12

static uint64_t state;

/* splitmix64 (Steele, Lea & Flood 2014) */
static uint64_t draw(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int below(int n)
{
    return (int)(draw() % (uint64_t)n);
}

static gr_tensor *numbers(double low, double high)
{
    double list[ROWS * COLUMNS];

    for (int i = 0; i < ROWS * COLUMNS; i++) {
        list[i] = low + (high - low) * (double)(draw() >> 11) * 0x1p-53;
    }
    return gr_from_f64(SHAPE, list);
}

/* ---- operations: each of SHAPE, from tensors of SHAPE ---- */

/* x brought into the smooth domain of a row. */
static gr_tensor *tame(gr_tensor *x, double low, double high)
{
    return gr_add(gr_mul(gr_sigmoid(x), high - low), low);
}

typedef gr_tensor *operation(gr_tensor *a, gr_tensor *b, gr_tensor *c);

#define TAKE(t) ((gr_arg){.tensor = tame(t, low_, high_)})
#define APPLY(row, low, high, value) \
    static gr_tensor *row##_applied(gr_tensor *a, gr_tensor *b, gr_tensor *c) \
    { \
        const double low_ = low, high_ = high; \
        (void)a, (void)b, (void)c; \
        return value; \
    }
#define GR_UNARY(row, types, low, high, ...) APPLY(row, low, high, (row)(tame(a, low_, high_)))
#define GR_BINARY(row, types, low, high, ...) APPLY(row, low, high, (row)(TAKE(a), TAKE(b)))
#define GR_TERNARY(row, first, types, low, high, ...) \
    APPLY(row, low, high, (row)(TAKE(a), TAKE(b), TAKE(c)))
#include <gradus/elementwise.def>
#undef GR_UNARY
#undef GR_BINARY
#undef GR_TERNARY

#define MIX(name, value) \
    static gr_tensor *name(gr_tensor *a, gr_tensor *b, gr_tensor *c) \
    { \
        (void)a, (void)b, (void)c; \
        return value; \
    }
MIX(products, gr_matmul(gr_matmul(a, gr_transpose(b, 0, 1)), gr_tanh(c)))
MIX(rows_softmax, gr_mul(gr_softmax(a, GR_AXES(1)), b))
MIX(rows_log_softmax, gr_log_softmax(a, GR_AXES(0, 1)))
MIX(centred, gr_sub(a, gr_logsumexp(gr_mul(a, b), GR_AXES(0), true)))
MIX(unit_rows, gr_mul(gr_normalize(gr_add(gr_tanh(a), 2), GR_AXES(1), 1e-9), b))
MIX(standard, gr_standardize(a, GR_AXES(0), 0.1))
MIX(column_products, gr_expand(gr_prod(gr_tanh(a), GR_AXES(0), true), SHAPE))
MIX(turned, gr_mul(gr_flip(a, GR_AXES(0)), gr_expand(gr_slice(b, 1, 1, 2), SHAPE)))

/* What is not smooth everywhere in a common domain of its operands. */
MIX(differences, gr_logsubexp(tame(a, 3, 4), tame(b, 1, 2)))
MIX(polygammas, gr_polygamma(2, tame(a, 0.5, 4)))
MIX(bessels, gr_ive(1, tame(a, 0.2, 2)))
MIX(moments, gr_truncated_moment(2, a))

typedef struct entry {
    const char *name;
    operation *apply;
    const char *derivative;
} entry;

#define GR_UNARY(row, types, low, high, y, derivative, ...) {#row, row##_applied, #derivative},
#define GR_BINARY(row, types, low, high, y, for_a, ...) {#row, row##_applied, #for_a},
#define GR_TERNARY(row, first, types, low, high, y, for_first, for_a, ...) \
    {#row, row##_applied, #for_a},
static const entry entries[] = {
    {"products", products, ""},
    {"softmax", rows_softmax, ""},
    {"log-softmax", rows_log_softmax, ""},
    {"centred", centred, ""},
    {"unit rows", unit_rows, ""},
    {"standard", standard, ""},
    {"column products", column_products, ""},
    {"turned", turned, ""},
    {"differences", differences, ""},
    {"polygammas", polygammas, ""},
    {"bessels", bessels, ""},
    {"moments", moments, ""},
#include <gradus/elementwise.def>
};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* Not a row without derivative by its first operand, nor one that is among the mixes. */
static const entry *some_entry(void)
{
    const entry *e;

    do {
        e = &entries[below(ENTRIES)];
    } while (strcmp(e->derivative, "NONE") == 0 || e->apply == gr_logsubexp_applied);
    return e;
}

/* ---- one graph ---- */

typedef struct graph {
    gr_tensor *x[INPUTS], *v[INPUTS], *y;
    const char *names[OPERATIONS];
} graph;

static void build(graph *g)
{
    gr_tensor *list[INPUTS + OPERATIONS];
    int n = 0;

    for (; n < INPUTS; n++) {
        list[n] = g->x[n] = numbers(-1, 1);
        g->v[n] = numbers(-1, 1);
    }
    for (int k = 0; k < OPERATIONS; k++) {
        const entry *e = some_entry();
        g->names[k] = e->name;
        list[n] = e->apply(list[below(n)], list[n - 1 - below(3)], list[below(n)]);
        n++;
    }
    g->y = gr_sum(list[0], GR_ALL_AXES, false);
    for (int k = 1; k < n; k++) {
        g->y = gr_add(g->y, gr_sum(gr_mul(list[k], numbers(0.5, 1)), GR_ALL_AXES, false));
    }
}

/* The largest difference between the two products, in these terms. */
static double disagreement(graph *g)
{
    gr_tensor *gradient[INPUTS], *reverse[INPUTS];
    double worst = 0, largest = 0;

    if (!gr_hvp(g->y, g->x, g->v, INPUTS, reverse) || !gr_gradients(g->y, g->x, INPUTS, gradient)) {
        return NAN;
    }
    for (int i = 0; i < INPUTS; i++) {
        const double *a = gr_data_f64(reverse[i]);
        const double *b = gr_data_f64(gr_jvp(gradient[i], g->x, g->v, INPUTS));
        for (int j = 0; a && b && j < ROWS * COLUMNS; j++) {
            worst = fmax(worst, fabs(a[j] - b[j]));
            largest = fmax(largest, fabs(a[j]));
            worst = isfinite(a[j]) && isfinite(b[j]) ? worst : INFINITY;
        }
    }
    return gr_ok() ? worst / fmax(largest, 1) : NAN;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    int graphs = argc > 1 ? atoi(argv[1]) : 2000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    double *list = malloc((size_t)graphs * sizeof *list);
    bool good = graphs > 0 && list;

    for (int i = 0; i < graphs && good; i++) {
        GR_SCOPE;
        graph g;
        state = seed + (uint64_t)i;
        build(&g);
        list[i] = disagreement(&g);
        if (!(list[i] <= MOST)) {
            printf("graph of seed %llu differs by %.3g: %s\n",
                   (unsigned long long)(seed + (uint64_t)i), list[i], gr_error_message());
            for (int k = 0; k < OPERATIONS; k++) {
                printf("  %s\n", g.names[k]);
            }
            good = false;
        }
    }
    if (good) {
        qsort(list, (size_t)graphs, sizeof *list, compare);
        printf("%d graphs: the median differs by %.1f epsilon, the worst by %.0f\n", graphs,
               list[graphs / 2] / DBL_EPSILON, list[graphs - 1] / DBL_EPSILON);
    }
    free(list);
    return good ? 0 : 1;
}
