/* The operations of random graphs: each draws its operands among the places that are there and
 * applies itself; the table at the end says how often. What gr_keep made stays in the scope around
 * the round. */
#ifndef TESTS_COMMON_GRAPH_OPERATIONS_H
#define TESTS_COMMON_GRAPH_OPERATIONS_H

#include "tests/common/graph_elementwise.h"
#include "tests/common/graph_order.h"

/* ---- reductions ---- */

typedef struct reduction {
    const char *name;
    gr_tensor *(*apply)(const gr_tensor *, gr_axes, bool);
    int dtypes;
    bool of_nothing; /* is it defined */
} reduction;

static const reduction reductions[] = {
    {"gr_sum", gr_sum, ALL, true},  {"gr_mean", gr_mean, FLOATS, true},
    {"gr_max", gr_max, ALL, false}, {"gr_sum", gr_sum, ALL, true},
    {"gr_min", gr_min, ALL, false}, {"gr_logsumexp", gr_logsumexp, FLOATS, false},
};

static gr_tensor *reduced(graph *g)
{
    const reduction *r = &reductions[below(g, LENGTH(reductions))];
    int x = r->of_nothing ? pick(g, r->dtypes) : pick_filled(g, r->dtypes, 0);

    if (x < 0) {
        return NULL;
    }
    note(g, "%s", r->name);
    gr_tensor *t = use(g, x);
    gr_axes axes = some_axes(g, g->places[x].shape.rank);
    return r->apply(t, axes, some_keepdim(g));
}

static gr_tensor *softmax(graph *g)
{
    int x = pick_filled(g, FLOATS, 0);
    bool logarithm = once_in(g, 2);

    if (x < 0) {
        return NULL;
    }
    note(g, logarithm ? "gr_log_softmax" : "gr_softmax");
    gr_tensor *t = use(g, x);
    gr_axes axes = some_axes(g, g->places[x].shape.rank);
    return logarithm ? gr_log_softmax(t, axes) : gr_softmax(t, axes);
}

/* What layers do with rows: x less something of its row, over something of that. */
static gr_tensor *normalized(graph *g)
{
    const reduction *r = &reductions[below(g, LENGTH(reductions))];
    int x = pick_filled(g, FLOATS, 1);

    if (x < 0) {
        return NULL;
    }
    note(g, "normalized by %s", r->name);
    gr_tensor *t = use(g, x);
    gr_axes axes = some_axes(g, g->places[x].shape.rank);
    gr_tensor *y = gr_sub(t, r->apply(t, axes, true));
    if (once_in(g, 2)) {
        note(g, " and deviation");
        y = gr_div(y, gr_sqrt(gr_add(gr_mean(gr_square(y), axes, true), 1e-3)));
    }
    return y;
}

static gr_tensor *position(graph *g)
{
    int x = pick_filled(g, ALL, 1);
    bool smallest = once_in(g, 2);

    if (x < 0) {
        return NULL;
    }
    int axis = below(g, g->places[x].shape.rank);
    note(g, "%s", smallest ? "gr_argmin" : "gr_argmax");
    gr_tensor *t = use(g, x);
    note(g, " axis %d", axis);
    bool keepdim = some_keepdim(g);
    return smallest ? gr_argmin(t, axis, keepdim) : gr_argmax(t, axis, keepdim);
}

static gr_tensor *sum_to(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0) {
        return NULL;
    }
    gr_shape from = g->places[x].shape, to = {.rank = below(g, from.rank + 1)};
    for (int i = 0; i < to.rank; i++) {
        to.dims[i] = once_in(g, 2) ? 1 : from.dims[from.rank - to.rank + i];
    }
    note(g, "gr_sum_to");
    return gr_sum_to(use(g, x), to);
}

/* ---- views ---- */

/* One axis more by splitting, or one less by joining two; or all in one. */
static gr_tensor *reshape(graph *g)
{
    int x = pick(g, ALL), d = 2 + below(g, 3);

    if (x < 0) {
        return NULL;
    }
    gr_shape s = g->places[x].shape;
    int axis = s.rank > 0 ? below(g, s.rank) : 0;
    if (s.rank > 1 && axis > 0 && once_in(g, 2)) {
        s.dims[axis - 1] *= s.dims[axis];
        memmove(&s.dims[axis], &s.dims[axis + 1], (size_t)(--s.rank - axis) * sizeof *s.dims);
    } else if (s.rank > 0 && s.rank < HIGHEST && s.dims[axis] % d == 0) {
        s.dims[axis] /= d;
        memmove(&s.dims[axis + 1], &s.dims[axis], (size_t)(s.rank++ - axis) * sizeof *s.dims);
        s.dims[axis] = d;
    } else {
        s = GR_SHAPE(g->places[x].count > 0 ? -1 : 0);
    }
    note(g, "gr_reshape");
    return gr_reshape(use(g, x), s);
}

static gr_tensor *permute(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0 || g->places[x].shape.rank < 2) {
        return NULL;
    }
    gr_axes order = {.count = g->places[x].shape.rank};
    for (int i = 0; i < order.count; i++) {
        int j = below(g, i + 1);
        order.axis[i] = order.axis[j];
        order.axis[j] = i;
    }
    note(g, "gr_permute");
    gr_tensor *t = use(g, x);
    for (int i = 0; i < order.count; i++) {
        note(g, " %d", order.axis[i]);
    }
    return gr_permute(t, order);
}

static gr_tensor *expand(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0) {
        return NULL;
    }
    gr_shape from = g->places[x].shape, to = {.rank = from.rank + below(g, 2)};
    for (int i = 0; i < to.rank; i++) {
        int64_t dim = i < to.rank - from.rank ? 1 : from.dims[i - (to.rank - from.rank)];
        to.dims[i] = dim == 1 && once_in(g, 2) ? 1 + below(g, once_in(g, 6) ? 700 : 4) : dim;
    }
    if (to.rank > HIGHEST || elements(to) > LARGEST) {
        return NULL;
    }
    note(g, "gr_expand");
    return gr_expand(use(g, x), to);
}

static gr_tensor *slice(graph *g)
{
    int x = pick_filled(g, ALL, 1);

    if (x < 0) {
        return NULL;
    }
    int axis = below(g, g->places[x].shape.rank);
    int64_t n = g->places[x].shape.dims[axis], start = below(g, n);
    int64_t stop = start + below(g, n - start + 1);
    stop += stop == start && !once_in(g, 8);
    note(g, "gr_slice");
    gr_tensor *t = use(g, x);
    note(g, " axis %d from %lld to %lld", axis, (long long)start, (long long)stop);
    return gr_slice(t, axis, once_in(g, 3) ? start - n : start, stop);
}

static gr_tensor *strided(graph *g)
{
    int x = pick_filled(g, ALL, 1);

    if (x < 0) {
        return NULL;
    }
    int axis = below(g, g->places[x].shape.rank), step = 1 + below(g, 4);
    int64_t n = g->places[x].shape.dims[axis], start = below(g, n), stop = start + below(g, n) + 1;
    note(g, "gr_slice_step");
    gr_tensor *t = use(g, x);
    note(g, " axis %d from %lld to %lld by %d", axis, (long long)start, (long long)stop, step);
    return gr_slice_step(t, axis, start, stop, step);
}

/* Several of a tensor's parts times others of it: their gradients meet in one. */
static gr_tensor *parted(graph *g)
{
    int x = pick_filled(g, FLOATS, 1);

    if (x < 0) {
        return NULL;
    }
    int axis = below(g, g->places[x].shape.rank), parts = 2 + below(g, 3);
    int64_t n = g->places[x].shape.dims[axis], size = 1 + below(g, n);
    note(g, "parts");
    gr_tensor *t = use(g, x), *product = NULL;
    for (int i = 0; i < parts; i++) {
        int64_t start = below(g, n - size + 1);
        note(g, " %lld", (long long)start);
        gr_tensor *part = gr_slice(t, axis, start, start + size);
        product = product ? gr_mul(product, part) : part;
    }
    return product;
}

/* Two tensors that may be the same, or the first with itself. */
static gr_tensor *joined(graph *g)
{
    int x = pick(g, ALL), y = pick(g, ALL);

    if (x < 0 || g->places[x].shape.rank == 0 || g->places[x].count > LARGEST / 3) {
        return NULL;
    }
    if (y < 0 || !gr_same_shape(g->places[x].shape, g->places[y].shape) ||
        g->places[x].dtype != g->places[y].dtype) {
        y = x;
    }
    int axis = below(g, g->places[x].shape.rank), n = 2 + below(g, 2);
    bool stacked = once_in(g, 3) && g->places[x].shape.rank < HIGHEST;
    note(g, stacked ? "gr_stack" : "gr_concat");
    gr_tensor *a = use(g, x), *b = use(g, y), *list[] = {a, b, a};
    note(g, " %d along axis %d", n, axis);
    return stacked ? gr_stack(list, n, axis) : gr_concat(list, n, axis);
}

static gr_tensor *unslice(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0 || g->places[x].shape.rank == 0) {
        return NULL;
    }
    gr_shape shape = g->places[x].shape;
    int axis = below(g, shape.rank), before = below(g, 4), after = below(g, 4);
    shape.dims[axis] += before + after;
    if (elements(shape) > LARGEST) {
        return NULL;
    }
    note(g, "gr_unslice");
    gr_tensor *t = use(g, x);
    note(g, " axis %d at %d", axis, before);
    return gr_unslice(t, axis, before, shape.dims[axis]);
}

static gr_tensor *flip(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0) {
        return NULL;
    }
    note(g, "gr_flip");
    gr_tensor *t = use(g, x);
    return gr_flip(t, some_axes(g, g->places[x].shape.rank));
}

/* gr_squeeze where an axis allows it, else gr_unsqueeze. */
static gr_tensor *squeeze(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0) {
        return NULL;
    }
    const gr_shape *s = &g->places[x].shape;
    int axis = below(g, s->rank + 1);
    bool out = axis < s->rank && s->dims[axis] == 1;
    if (!out && s->rank >= HIGHEST) {
        return NULL;
    }
    note(g, out ? "gr_squeeze" : "gr_unsqueeze");
    gr_tensor *t = use(g, x);
    note(g, " axis %d", axis);
    return out ? gr_squeeze(t, axis) : gr_unsqueeze(t, axis);
}

/* ---- matrices and indices ---- */

/* Of two tensors where some fit, else of one and its transpose. */
static gr_tensor *matmul(graph *g)
{
    int a = pick(g, FLOATS), b = pick(g, FLOATS);

    if (a < 0 || b < 0 || g->places[a].shape.rank < 2) {
        return NULL;
    }
    gr_shape s = g->places[a].shape, t = g->places[b].shape;
    bool fit = g->places[a].dtype == g->places[b].dtype && t.rank == 2 &&
               t.dims[0] == s.dims[s.rank - 1];
    if (elements(s) / (s.dims[s.rank - 1] + 1) * (fit ? t.dims[1] : s.dims[s.rank - 2]) > 4000) {
        return NULL;
    }
    note(g, fit ? "gr_matmul" : "gr_matmul by its transpose");
    gr_tensor *x = use(g, a), *y = fit ? use(g, b) : gr_transpose(x, -1, -2);
    g->product = true;
    return gr_matmul(x, y);
}

static gr_tensor *gather(graph *g)
{
    int x = pick_filled(g, ALL, 1);

    if (x < 0) {
        return NULL;
    }
    gr_shape shape = g->places[x].shape;
    int axis = below(g, shape.rank);
    int64_t extent = shape.dims[axis];
    shape.dims[axis] = below(g, 6);
    if (elements(shape) > LARGEST) {
        return NULL;
    }
    note(g, "gr_gather");
    gr_tensor *t = use(g, x);
    note(g, " axis %d", axis);
    return gr_gather(t, axis, some_index(g, shape, extent));
}

static gr_tensor *scatter_add(graph *g)
{
    int x = pick(g, ALL), extent = 1 + below(g, 8);

    if (x < 0 || g->places[x].shape.rank == 0) {
        return NULL;
    }
    gr_shape shape = g->places[x].shape;
    int axis = below(g, shape.rank);
    if (elements(shape) / (shape.dims[axis] + 1) * extent > LARGEST / 2) {
        return NULL;
    }
    note(g, "gr_scatter_add");
    gr_tensor *t = use(g, x);
    note(g, " axis %d", axis);
    return gr_scatter_add(t, axis, some_index(g, shape, extent), extent);
}

static gr_tensor *take(graph *g)
{
    int x = pick_filled(g, ALL, 1), n = below(g, 6);

    if (x < 0) {
        return NULL;
    }
    gr_shape shape = g->places[x].shape;
    int axis = below(g, shape.rank);
    int64_t extent = shape.dims[axis];
    shape.dims[axis] = n;
    if (elements(shape) > LARGEST) {
        return NULL;
    }
    note(g, "gr_take");
    gr_tensor *t = use(g, x);
    note(g, " axis %d", axis);
    return gr_take(t, axis, some_index(g, GR_SHAPE(n), extent));
}

static gr_tensor *one_hot(graph *g)
{
    int x = pick(g, 1 << GR_I64), classes = 1 + below(g, 6);

    if (x < 0 || g->places[x].shape.rank >= HIGHEST || g->places[x].count > LARGEST / 6) {
        return NULL;
    }
    note(g, "gr_one_hot");
    gr_tensor *index = gr_minimum(gr_maximum(use(g, x), 0), classes - 1);
    note(g, " of %d", classes);
    return gr_one_hot(index, classes);
}

/* ---- sources, history ---- */

static gr_tensor *source(graph *g)
{
    gr_shape shape = leaf_shape(g);
    gr_dtype dtype = (gr_dtype)below(g, 3);

    note(g, "source");
    switch (below(g, 7)) {
    case 0: return gr_full(dtype, shape, some_number(g, GR_I64));
    case 1: return gr_arange(dtype, elements(shape), -2, dtype == GR_I64 ? 1 : 0.125);
    case 2: return gr_uniform(g->rng, shape, -2, 2);
    case 3: return gr_normal(g->rng, shape, 0.5, 1);
    case 4: return gr_bernoulli(g->rng, shape, 0.3);
    case 5: return gr_integers(g->rng, shape, -3, 5);
    default: return gr_permutation(g->rng, elements(shape));
    }
}

static gr_tensor *detached(graph *g)
{
    int x = pick(g, ALL);

    note(g, "gr_detach");
    return x < 0 ? NULL : gr_detach(use(g, x));
}

static gr_tensor *kept(graph *g)
{
    int x = pick(g, ALL);

    if (x < 0 || g->kept == KEPT) {
        return NULL;
    }
    note(g, "gr_keep");
    return g->kept_as[g->kept++] = gr_keep(use(g, x));
}

/* ---- derivatives ---- */

/* A number made of a tensor with history. */
static gr_tensor *number_of(graph *g, int y)
{
    gr_tensor *t = use(g, y);

    switch (below(g, 3)) {
    case 0: return gr_sum(t, GR_ALL_AXES, false);
    case 1: return gr_mean(gr_mul(t, t), GR_ALL_AXES, false);
    default: return gr_sum(gr_tanh(t), GR_ALL_AXES, false);
    }
}

/* Adds the n gradients of y, by targets listed in `by`, as places. In a run of single operations
 * nothing has a history: the gradients are those of the first run. */
static void add_gradients(graph *g, const gr_tensor *y, const int *by, int n, gr_tensor **out)
{
    gr_tensor *xs[TARGETS] = {NULL};
    char before[TEXT];

    memcpy(before, g->text, sizeof before);
    for (int i = 0; i < n; i++) {
        xs[i] = g->places[by[i]].t;
        out[i] = g->alone ? copy_of(g, g->count + i) : NULL;
    }
    if (!g->alone) {
        gr_gradients(y, xs, n, out);
    }
    for (int i = 0; i < n; i++) {
        memcpy(g->text, before, sizeof before);
        note(g, " by n%d", by[i]);
        add(g, out[i]);
    }
    memcpy(g->text, before, sizeof before);
}

/* Gradients by some leaves or other tensors; half the time also those of the sum of their squares.
 * The last one is returned for the caller to add. */
static gr_tensor *derivative(graph *g)
{
    int y = pick_filled(g, FLOATS, 0), n = 1 + below(g, TARGETS), by[TARGETS], found = 0;
    gr_tensor *out[TARGETS], *sum = NULL;

    for (int i = 0; i < n; i++) {
        int x = once_in(g, 4) ? pick(g, FLOATS) : g->first + below(g, g->leaves);
        if (x >= 0 && FLOATS >> g->places[x].dtype & 1) {
            by[found++] = x;
        }
    }
    if (y < 0 || found == 0 || ++g->derivatives > 2) {
        return NULL;
    }
    note(g, "gradient of");
    add_gradients(g, number_of(g, y), by, found, out);
    if (once_in(g, 2)) {
        for (int i = 0; i < found; i++) {
            gr_tensor *squares = gr_sum(gr_square(gr_cast(out[i], GR_F64)), GR_ALL_AXES, false);
            sum = sum ? gr_add(sum, squares) : squares;
        }
        note(g, " twice");
        add_gradients(g, sum, by, found, out);
    }
    note(g, " summed");
    return gr_sum(out[0], GR_ALL_AXES, false);
}

/* ---- the table ---- */

/* Applies itself to places drawn and notes how; NULL where nothing fits. */
typedef struct operation {
    int weight;
    const char *name;
    gr_tensor *(*apply)(graph *g);
} operation;

static const operation operations[] = {
    {60, "unary", unary},
    {90, "binary", binary},
    {18, "ternary", ternary},
    {5, "wide", wide},
    {8, "cast", cast},
    {45, "reduced", reduced},
    {10, "softmax", softmax},
    {12, "normalized", normalized},
    {5, "position", position},
    {8, "sum_to", sum_to},
    {14, "reshape", reshape},
    {12, "permute", permute},
    {12, "expand", expand},
    {14, "slice", slice},
    {4, "unslice", unslice},
    {8, "flip", flip},
    {6, "strided", strided},
    {8, "parted", parted},
    {8, "joined", joined},
    {10, "squeeze", squeeze},
    {6, "matmul", matmul},
    {6, "gather", gather},
    {6, "scatter_add", scatter_add},
    {5, "take", take},
    {6, "scanned", scanned},
    {6, "sorted", sorted},
    {5, "grouped", grouped},
    {4, "one_hot", one_hot},
    {10, "source", source},
    {5, "detached", detached},
    {4, "kept", kept},
    {10, "derivative", derivative},
};

static int64_t applied[LENGTH(operations)];

static const operation *some_operation(graph *g)
{
    int total = 0, i = 0;

    if (g->chain > 0) {
        return &operations[below(g, 2)];
    }
    for (int k = 0; k < LENGTH(operations); k++) {
        total += operations[k].weight;
    }
    for (int at = below(g, total); at >= operations[i].weight; i++) {
        at -= operations[i].weight;
    }
    return &operations[i];
}

/* ---- the graph ---- */

/* Two leaves of ordinary floats at least, so that most operations find something. */
static void graph_leaves(graph *g)
{
    int n = 2 + below(g, LEAVES - 1);

    for (int i = 0; i < n; i++) {
        int kind = i < 2 ? 0 : below(g, 6);
        g->text[0] = 0;
        g->product = false;
        add(g, leaf(g, kind < 4 ? GR_F32 : kind == 4 ? GR_F64 : GR_I64, leaf_shape(g)));
    }
    g->leaves = g->count - g->first;
}

/* Begins the graph of g->seed, once more if it was built before. */
static void graph_begin(graph *g, bool alone)
{
    g->state = g->seed;
    g->alone = alone;
    g->count = g->first = g->leaves = g->chain = g->derivatives = g->kept = 0;
    g->product = g->learned = false;
    g->base = base_shape(g);
    g->rng = gr_rng_new(g->seed);
    g->params = gr_params_new();
}

static void graph_end(graph *g)
{
    gr_params_free(g->params);
    gr_rng_free(g->rng);
}

static void graph_forget(graph *g)
{
    for (int i = 0; i < PLACES; i++) {
        free(g->places[i].want);
        g->places[i].want = NULL;
    }
}

/* Applies one operation more, now and then without history; false when it found nothing. */
static bool graph_grow(graph *g)
{
    const operation *o = some_operation(g);
    gr_tensor *t;

    g->text[0] = 0;
    g->product = false;
    if (once_in(g, 30)) {
        GR_NO_GRAD;
        note(g, "no grad: ");
        t = o->apply(g);
    } else {
        t = o->apply(g);
    }
    g->chain = g->chain > 0 ? g->chain - 1 : once_in(g, 40) ? 4 + below(g, 30) : 0;
    if (!t) {
        return false;
    }
    applied[o - operations]++;
    add(g, t);
    return true;
}

static void graph_print(FILE *out, const graph *g)
{
    char text[GR_SHAPE_TEXT];

    for (int i = 0; i < g->count; i++) {
        const place *p = &g->places[i];
        fprintf(out, "  n%-3d %s %-12s %s\n", i, gr_dtype_name(p->dtype),
                gr_shape_text(p->shape, text), p->text);
    }
}

#endif
