/* The elementwise operations of random graphs: every row of elementwise.def, on tensors that
 * broadcast to each other and on numbers. */
#ifndef TESTS_COMMON_GRAPH_ELEMENTWISE_H
#define TESTS_COMMON_GRAPH_ELEMENTWISE_H

#include "tests/common/graph.h"

typedef struct row {
    const char *name;
    int dtypes;
    double low, high;
    gr_tensor *(*unary)(const gr_tensor *);
    gr_tensor *(*binary)(gr_arg, gr_arg);
    gr_tensor *(*ternary)(gr_arg, gr_arg, gr_arg);
} row;

#define GR_UNARY(name, types, low, high, ...) {#name, types, low, high, name, NULL, NULL},
#define GR_BINARY(name, types, low, high, ...)
#define GR_TERNARY(...)
static const row unary_rows[] = {
#include <gradus/elementwise.def>
};
#undef GR_UNARY
#undef GR_BINARY
#define GR_UNARY(name, types, low, high, ...)
#define GR_BINARY(name, types, low, high, ...) {#name, types, low, high, NULL, name, NULL},
static const row binary_rows[] = {
#include <gradus/elementwise.def>
};
#undef GR_BINARY
#undef GR_TERNARY
#define GR_BINARY(name, types, low, high, ...)
#define GR_TERNARY(name, first, types, low, high, ...) {#name, types, low, high, NULL, NULL, name},
static const row ternary_rows[] = {
#include <gradus/elementwise.def>
};
#undef GR_UNARY
#undef GR_BINARY
#undef GR_TERNARY

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static gr_arg tensor_arg(const gr_tensor *t)
{
    return (gr_arg){.tensor = t};
}

static gr_arg number_arg(double number)
{
    return (gr_arg){.number = number};
}

/* x, half the time brought to where a row is well conditioned, lest all become NaN. */
static gr_tensor *tame(graph *g, const row *r, gr_tensor *x)
{
    switch (gr_dtype_of(x) == GR_I64 ? 3 : below(g, 4)) {
    case 0: note(g, " clipped"); return gr_minimum(gr_maximum(x, r->low), r->high);
    case 1: note(g, " squashed"); return gr_add(gr_mul(gr_sigmoid(x), r->high - r->low), r->low);
    default: return x;
    }
}

static gr_tensor *unary(graph *g)
{
    const row *r = &unary_rows[below(g, LENGTH(unary_rows))];
    int x = pick(g, r->dtypes);

    note(g, "%s", r->name);
    return x < 0 ? NULL : r->unary(tame(g, r, use(g, x)));
}

/* A place of place a's dtype that broadcasts with *shape, which becomes the shape of both; -1. */
static int partner(graph *g, int a, gr_shape *shape)
{
    for (int i = 0; i < 8; i++) {
        int b = pick(g, 1 << g->places[a].dtype);
        gr_shape both;
        if (b >= 0 && broadcast(*shape, g->places[b].shape, &both)) {
            *shape = both;
            return b;
        }
    }
    return -1;
}

/* A number for a row: above 0 where the row's domain is, since it may be refused elsewhere. */
static double number_for(graph *g, const row *r, gr_dtype dtype)
{
    double number = some_number(g, dtype);

    if (r->low > 0 && !(number > 0)) {
        number = r->high;
        note(g, " as %g", number);
    }
    return number;
}

/* A number as operand; a run of single operations takes a tensor. */
static gr_arg given(const graph *g, gr_dtype dtype, double number)
{
    float narrow = (float)number;
    int64_t whole = dtype == GR_I64 ? (int64_t)number : 0;
    const void *data[] = {[GR_F32] = &narrow, [GR_F64] = &number, [GR_I64] = &whole};

    return g->alone ? tensor_arg(gr_from_data(dtype, GR_SCALAR, data[dtype])) : number_arg(number);
}

/* An operand beside place a: a place if b >= 0, else a number. */
static gr_arg beside(graph *g, const row *r, int a, int b, gr_shape shape)
{
    gr_dtype dtype = g->places[a].dtype;

    return b >= 0 ? tensor_arg(use_as(g, b, shape)) : given(g, dtype, number_for(g, r, dtype));
}

static gr_tensor *binary(graph *g)
{
    const row *r = &binary_rows[below(g, LENGTH(binary_rows))];
    int a = pick(g, r->dtypes);

    if (a < 0) {
        return NULL;
    }
    note(g, "%s", r->name);
    gr_shape shape = g->places[a].shape;
    int b = once_in(g, 4) ? -1 : partner(g, a, &shape);
    bool swapped = once_in(g, 2);
    gr_arg y = swapped ? beside(g, r, a, b, shape) : tensor_arg(use_as(g, a, shape));
    gr_arg z = swapped ? tensor_arg(use_as(g, a, shape)) : beside(g, r, a, b, shape);
    if (r->low > 0 && (swapped || b >= 0)) {
        z.tensor = tame(g, r, (gr_tensor *)(uintptr_t)z.tensor);
    }
    return r->binary(y, z);
}

static gr_tensor *ternary(graph *g)
{
    const row *r = &ternary_rows[below(g, LENGTH(ternary_rows))];
    int c = pick(g, r->dtypes);

    if (c < 0) {
        return NULL;
    }
    note(g, "%s", r->name);
    gr_shape shape = g->places[c].shape;
    int a = once_in(g, 4) ? -1 : partner(g, c, &shape);
    int b = once_in(g, 4) ? -1 : partner(g, c, &shape);
    gr_tensor *mask = use_as(g, c, shape);
    if (once_in(g, 2)) {
        note(g, " >");
        mask = gr_greater(mask, some_number(g, g->places[c].dtype));
    }
    if (a < 0 && b < 0) { /* in order, as bounds must be */
        gr_dtype dtype = g->places[c].dtype;
        double y = number_for(g, r, dtype), z = number_for(g, r, dtype);
        gr_arg low = given(g, dtype, fmin(y, z)), high = given(g, dtype, fmax(y, z));
        return r->ternary(tensor_arg(mask), low, high);
    }
    gr_arg y = beside(g, r, c, a, shape), z = beside(g, r, c, b, shape);
    return r->ternary(tensor_arg(mask), y, z);
}

/* Many operands in one formula: x + a b + c d + ... */
static gr_tensor *wide(graph *g)
{
    int a = pick(g, FLOATS), terms = 4 + below(g, 12);

    if (a < 0) {
        return NULL;
    }
    note(g, "wide");
    gr_shape shape = g->places[a].shape;
    gr_tensor *sum = use_as(g, a, shape);
    for (int i = 0; i < terms; i++) {
        gr_shape both = shape, again = shape;
        int b = partner(g, a, &both), c = partner(g, a, &again);
        if (b >= 0 && c >= 0 && gr_same_shape(both, shape) && gr_same_shape(again, shape)) {
            gr_tensor *left = use_as(g, b, shape), *right = use_as(g, c, shape);
            sum = gr_add(sum, gr_mul(left, right));
        }
    }
    return sum;
}

static gr_tensor *cast(graph *g)
{
    int x = pick(g, ALL), to = once_in(g, 3) ? GR_I64 : below(g, 2);

    note(g, "gr_cast to %s", gr_dtype_name((gr_dtype)to));
    return x < 0 ? NULL : gr_cast(use(g, x), (gr_dtype)to);
}

#endif
