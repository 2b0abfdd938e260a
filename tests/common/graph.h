/* Random graphs of tensors. All of a graph, its numbers included, follows from its seed and never
 * from a computed number, so it can be built again and evaluated in another way. The operations are
 * the rows of a table; each is applied to tensors drawn among those that are there. A program
 * includes this once; it uses the public interface alone. */
#ifndef TESTS_COMMON_GRAPH_H
#define TESTS_COMMON_GRAPH_H

#include <gradus.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACES = 400,
    TEXT = 240,
    LEAVES = 7,      /* at most, in a round */
    TARGETS = 3,     /* at most, of one derivative */
    KEPT = 4,        /* at most, of one round */
    LARGEST = 40000, /* elements */
    HIGHEST = 6      /* rank */
};

/* Bits of dtypes, under the names that elementwise.def uses. Few numbers are orders: no dtype fits. */
enum { FLOATS = 1 << GR_F32 | 1 << GR_F64, ALL = FLOATS | 1 << GR_I64, ORDERS = 0 };

/* One tensor of a graph: a leaf, the result of an operation, a cell. */
typedef struct place {
    gr_tensor *t; /* of the present run; alive until its round ends */
    gr_shape shape;
    int64_t count;
    gr_dtype dtype;
    bool product; /* it depends on a matrix product */
    bool cell;
    char text[TEXT]; /* how it was made: "gr_sum n3 axes -1" */
    void *want;      /* the first run's numbers */
} place;

typedef struct graph {
    uint64_t seed, state; /* state: of the numbers drawn */
    bool alone;           /* operands are copies of the first run's numbers, without history */
    gr_rng *rng;
    gr_params *params;
    gr_shape base; /* most leaves broadcast to it */
    int count;
    int first;       /* place of the present round */
    int leaves;      /* of the present round */
    int chain;       /* so many of the next operations take the newest place */
    int derivatives; /* of the present round */
    bool product;    /* some operand of the present operation depends on a matrix product */
    bool learned;    /* so do the cells */
    int kept;
    gr_tensor *kept_as[KEPT]; /* in the scope around the round */
    char text[TEXT];
    place places[PLACES];
} graph;

/* ---- drawing ---- */

/* splitmix64 (Steele, Lea & Flood 2014) */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 .. n - 1 */
static int below(graph *g, int64_t n)
{
    return (int)(draw(&g->state) % (uint64_t)n);
}

/* Once in n times. */
static bool once_in(graph *g, int n)
{
    return below(g, n) == 0;
}

__attribute__((format(printf, 2, 3))) static void note(graph *g, const char *format, ...)
{
    size_t used = strlen(g->text);
    va_list list;

    va_start(list, format);
    vsnprintf(g->text + used, sizeof g->text - used, format, list);
    va_end(list);
}

/* ---- places ---- */

static int64_t elements(gr_shape shape)
{
    int64_t n = 1;

    for (int i = 0; i < shape.rank; i++) {
        n *= shape.dims[i];
    }
    return n;
}

/* What a run of single operations takes for place `at`. */
static gr_tensor *copy_of(const graph *g, int at)
{
    const place *p = &g->places[at];

    return gr_from_data(p->dtype, p->shape, p->want);
}

static void add(graph *g, gr_tensor *t)
{
    place *p = &g->places[g->count];
    void *want = p->want;

    *p = (place){.t = t,
                 .shape = gr_shape_of(t),
                 .count = gr_count(t),
                 .dtype = gr_dtype_of(t),
                 .product = g->product,
                 .want = want};
    memcpy(p->text, g->text, sizeof p->text);
    for (int i = g->first; i < g->count; i++) { /* some operations return their operand */
        p->cell = p->cell || (g->places[i].cell && g->places[i].t == t);
    }
    g->count++;
}

/* A tensor of these dtypes, a new one rather than an old one; -1 if none is found. */
static int pick(graph *g, int dtypes)
{
    int n = g->count - g->first, recent = n < 6 ? n : 6;

    for (int i = 0; i < 12; i++) {
        bool newest = g->chain > 0 && i == 0;
        int at = newest           ? g->count - 1
                 : !once_in(g, 3) ? g->count - 1 - below(g, recent)
                                  : g->first + below(g, n);
        if (dtypes >> g->places[at].dtype & 1) {
            return at;
        }
    }
    return -1;
}

/* One with at least one element and `rank` axes. */
static int pick_filled(graph *g, int dtypes, int rank)
{
    for (int i = 0; i < 6; i++) {
        int at = pick(g, dtypes);
        if (at >= 0 && g->places[at].count > 0 && g->places[at].shape.rank >= rank) {
            return at;
        }
    }
    return -1;
}

/* A place as operand. */
static gr_tensor *use(graph *g, int at)
{
    note(g, " n%d", at);
    g->product = g->product || g->places[at].product;
    return g->places[at].t;
}

/* ---- shapes ---- */

static bool broadcast(gr_shape a, gr_shape b, gr_shape *both)
{
    gr_shape longer = a.rank >= b.rank ? a : b, shorter = a.rank >= b.rank ? b : a;
    int shift = longer.rank - shorter.rank;

    for (int i = 0; i < shorter.rank; i++) {
        int64_t *x = &longer.dims[i + shift], y = shorter.dims[i];
        if (*x != y && *x != 1 && y != 1) {
            return false;
        }
        *x = *x == 1 ? y : *x;
    }
    *both = longer;
    return elements(longer) <= LARGEST;
}

/* Element n of `shape`, as an element of `from`, which broadcasts to it. */
static int64_t source_of(gr_shape shape, gr_shape from, int64_t n)
{
    int64_t at = 0, stride = 1;

    for (int i = shape.rank - 1, k = from.rank - 1; k >= 0; i--, k--) {
        at += from.dims[k] == 1 ? 0 : n % shape.dims[i] * stride;
        stride *= from.dims[k];
        n /= shape.dims[i];
    }
    return at;
}

/* A place as operand that is broadcast to a shape: the library's task, but done here in a run of
 * single operations. */
static gr_tensor *use_as(graph *g, int at, gr_shape shape)
{
    gr_tensor *t = use(g, at);
    const place *p = &g->places[at];
    size_t size = gr_dtype_size(p->dtype);
    int64_t n = elements(shape);

    if (!g->alone) {
        return t;
    }
    char *data = malloc((size_t)(n + 1) * size);
    for (int64_t i = 0; data && i < n; i++) {
        memcpy(data + (size_t)i * size,
               (char *)p->want + (size_t)source_of(shape, p->shape, i) * size, size);
    }
    t = gr_from_data(p->dtype, shape, data);
    free(data);
    return t;
}

static gr_shape small_shape(graph *g)
{
    gr_shape s = {.rank = below(g, 6)};

    for (int i = 0; i < s.rank; i++) {
        s.dims[i] = 1 + below(g, 5);
    }
    return s;
}

/* n elements or a few less on up to three axes. */
static gr_shape block_shape(graph *g, int64_t n)
{
    gr_shape s = {.rank = 1 + below(g, 3), .dims = {1, 1, 1}};
    int last = below(g, s.rank);

    for (int i = 0; i < s.rank; i++) {
        s.dims[i] = i == last ? 1 : 1 + below(g, 20);
    }
    s.dims[last] = n / elements(s);
    return s;
}

static gr_shape row_shape(graph *g)
{
    return GR_SHAPE(1 + below(g, 4), once_in(g, 4) ? 300 + below(g, 8700) : 300 + below(g, 1500));
}

static gr_shape base_shape(graph *g)
{
    int kind = below(g, 60);
    gr_shape s = kind == 0   ? block_shape(g, 17000 + below(g, 20000))
                 : kind < 12 ? block_shape(g, 1000 + below(g, 4000))
                 : kind < 18 ? row_shape(g)
                             : small_shape(g);

    if (kind >= 57 && s.rank > 0) {
        s.dims[below(g, s.rank)] = 0;
    }
    return s;
}

/* What broadcasts to the graph's shape, mostly. */
static gr_shape leaf_shape(graph *g)
{
    gr_shape s = g->base;

    if (once_in(g, 10)) {
        return small_shape(g);
    }
    int dropped = once_in(g, 3) ? below(g, s.rank + 1) : 0;
    s.rank -= dropped;
    for (int i = 0; i < s.rank; i++) {
        s.dims[i] = once_in(g, 5) ? 1 : s.dims[i + dropped];
    }
    return s;
}

/* A list of axes for a rank, any of them or the last ones. */
static gr_axes some_axes(graph *g, int rank)
{
    gr_axes axes = {.count = 0};
    int last = below(g, rank + 1);
    bool any = once_in(g, 2);

    note(g, " axes");
    if (rank == 0 || once_in(g, 4)) {
        note(g, " all");
        return GR_ALL_AXES;
    }
    for (int i = 0; i < rank; i++) {
        if (any ? once_in(g, 2) : i >= last) {
            int axis = once_in(g, 2) ? i : i - rank;
            note(g, " %d", axis);
            axes.axis[axes.count++] = axis;
        }
    }
    return axes;
}

static bool some_keepdim(graph *g)
{
    bool keepdim = once_in(g, 2);

    note(g, keepdim ? " keepdim" : "");
    return keepdim;
}

/* ---- leaves ---- */

static double some_number(graph *g, gr_dtype dtype)
{
    static const double floats[] = {0,   -0.0, 1,  -1,   2,    0.5,  -1.5,     3,
                                    0.1, 1e-3, 10, 0.25, -0.7, 1e30, INFINITY, 2};

    double number = dtype == GR_I64 ? (double)(below(g, 7) - 3) : floats[below(g, 16)];
    note(g, " %g", number);
    return number;
}

/* kind 0: anywhere from -2 to 2; 1: quarters, so that there are ties, 0 and -0; 2: with numbers out
 * of the ordinary now and then. */
static double leaf_number(graph *g, int kind)
{
    static const double odd[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e-40, 1e30, -88};
    double x = (double)(draw(&g->state) >> 11) * 0x1p-51 - 2;

    return kind == 1 ? rint(4 * x) / 4 : kind == 2 && once_in(g, 16) ? odd[below(g, 8)] : x;
}

static gr_tensor *leaf(graph *g, gr_dtype dtype, gr_shape shape)
{
    int64_t n = elements(shape);
    int kind = once_in(g, 6) ? 2 : below(g, 2);
    void *data = malloc((size_t)(n + 1) * sizeof(double));

    for (int64_t i = 0; data && i < n; i++) {
        double x = leaf_number(g, kind);
        switch (dtype) {
        case GR_F32: ((float *)data)[i] = (float)x; break;
        case GR_F64: ((double *)data)[i] = x; break;
        case GR_I64: ((int64_t *)data)[i] = below(g, 9) - 4; break;
        }
    }
    note(g, "leaf");
    gr_tensor *t = gr_from_data(dtype, shape, data);
    free(data);
    return t;
}

/* Valid indices of a shape: known, drawn, or computed only when somebody reads them. */
static gr_tensor *some_index(graph *g, gr_shape shape, int64_t extent)
{
    int64_t n = elements(shape);
    int kind = below(g, 3);

    note(g, " at %s indices", kind == 0 ? "drawn" : kind == 1 ? "known" : "computed");
    if (kind == 0) {
        return gr_integers(g->rng, shape, 0, extent);
    }
    if (kind == 1) {
        int64_t *known = malloc((size_t)(n + 1) * sizeof *known);
        for (int64_t i = 0; known && i < n; i++) {
            known[i] = below(g, extent);
        }
        gr_tensor *index = gr_from_i64(shape, known);
        free(known);
        return index;
    }
    gr_tensor *x = gr_mul(gr_uniform(g->rng, shape, 0, 1), (double)extent);
    return gr_minimum(gr_cast(x, GR_I64), extent - 1);
}

#endif
