/* The walk: gradients of one tensor by others, in reverse order of creation.
 *
 * Ids rise with creation, so creation order is topological order: the walk lists what the root
 * depends on, keeps what leads to a target, and visits that once, backwards, each node when its
 * gradient is complete. No recursion. */
#include <string.h>

#include "autograd/autograd.h"
#include "src/core/params.h"
#include "src/core/scope.h"

typedef struct walk {
    const char *function;
    /* targets: the cells trained in params, or a list of tensors */
    bool cells;
    const gr_params *params;
    gr_tensor *const *xs;
    int n;
    gr_tensor *seed; /* the root's gradient; NULL: 1 */
    bool apart;      /* what a target depends on is not looked at */

    gr_tensor **path; /* nodes on the way from root to targets, highest id first */
    int64_t count, capacity;
    int64_t low;          /* smallest id of those */
    gr_tensor **gradient; /* by id - low; NULL: nothing has arrived */
    bool *on_path;        /* by id - low */
} walk;

enum { SEEN = 1, LEADS = 2 };

/* ---- the path ---- */

/* Whether a node stands for a target: is it, or captured it where gradients flow. */
static bool stands_for(const gr_tensor *node, const gr_tensor *x)
{
    return node == x || (gr__origin(node) == x && !(node->flags & GR__CONSTANT));
}

static bool is_target(const walk *w, const gr_tensor *node)
{
    for (int i = 0; i < w->n; i++) {
        if (stands_for(node, w->xs[i])) {
            return true;
        }
    }
    const gr__cell *cell = w->cells ? gr__captured_cell(node) : NULL;
    return cell && !(node->flags & GR__CONSTANT) && gr__is_trained_in(cell, w->params);
}

static bool flows(const gr_tensor *node)
{
    return node->op->rule && !(node->flags & GR__CONSTANT) && node->dtype != GR_I64;
}

/* Operands of the node that the walk looks at: all, or none. */
static int operands_of(const walk *w, const gr_tensor *node)
{
    return flows(node) && !(w->apart && is_target(w, node)) ? 3 : 0;
}

static gr_tensor *operand(const gr_tensor *node, int i)
{
    return (gr_tensor *)(uintptr_t)node->in[i].tensor;
}

static bool push(walk *w, gr_tensor *node)
{
    gr_tensor **path = gr__grow(w->path, &w->capacity, w->count + 1, sizeof *path);

    if (!path) {
        return gr_fail(GR_ERROR_MEMORY, w->function, NULL, "no memory for the walk");
    }
    w->path = path;
    path[w->count++] = node;
    return true;
}

/* Lists all that the root depends on through operations with a derivative. */
static bool list_ancestors(walk *w, gr_tensor *root)
{
    gr__thread *thread = gr__self();
    bool complete = thread != NULL;
    int64_t seen = 1;

    root->mark = SEEN;
    for (int64_t id = root->id; thread && seen > 0; id--) {
        gr_tensor *node = thread->nodes[id];
        if (!node->mark) {
            continue;
        }
        seen--;
        if (!complete || !push(w, node)) { /* what is not listed must not stay marked */
            complete = false;
            node->mark = 0;
        }
        for (int i = 0, n = operands_of(w, node); i < n; i++) {
            gr_tensor *x = operand(node, i);
            if (x && !x->mark && (flows(x) || is_target(w, x))) {
                x->mark = SEEN;
                seen++;
            }
        }
    }
    return complete;
}

/* Keeps of the list what leads to a target. */
static void keep_leading(walk *w)
{
    for (int64_t k = w->count - 1; k >= 0; k--) {
        gr_tensor *node = w->path[k];
        bool leads = is_target(w, node);
        for (int i = 0, n = operands_of(w, node); i < n; i++) {
            const gr_tensor *x = operand(node, i);
            leads = leads || (x && x->mark == LEADS);
        }
        node->mark = leads ? LEADS : SEEN;
    }
    int64_t kept = 0;
    for (int64_t k = 0; k < w->count; k++) {
        gr_tensor *node = w->path[k];
        if (node->mark == LEADS) {
            w->path[kept++] = node;
        }
        node->mark = 0;
    }
    w->count = kept;
}

static bool make_room(walk *w)
{
    w->low = w->count > 0 ? w->path[w->count - 1]->id : 0;
    size_t range = w->count > 0 ? (size_t)(w->path[0]->id - w->low + 1) : 1;
    w->gradient = gr__alloc(range * sizeof(gr_tensor *));
    w->on_path = gr__alloc(range * sizeof(bool));
    if (!w->gradient || !w->on_path) {
        return gr_fail(GR_ERROR_MEMORY, w->function, NULL, "no memory for the walk");
    }
    memset(w->gradient, 0, range * sizeof(gr_tensor *));
    memset(w->on_path, 0, range * sizeof(bool));
    for (int64_t k = 0; k < w->count; k++) {
        w->on_path[w->path[k]->id - w->low] = true;
    }
    return true;
}

/* ---- the gradients ---- */

/* Adds a contribution to x's gradient, with what broadcasting repeated summed up again. */
static bool arrive(walk *w, const gr_tensor *node, const gr_tensor *x, gr_tensor *part)
{
    gr_tensor **slot = &w->gradient[x->id - w->low];

    if (gr__is_error(part)) {
        return false;
    }
    bool same = part->shape == x->shape;
    if ((!same && gr__shape_broadcast(w->function, x->shape, part->shape) != part->shape) ||
        part->dtype != x->dtype) {
        return gr_fail(GR_ERROR_STATE, w->function, NULL,
                       "the derivative rule of %s gives a gradient that does not fit its operand",
                       node->op->name);
    }
    part = same ? part : gr_sum_to(part, gr__public_shape(x->shape));
    *slot = *slot ? gr__accumulate(*slot, part) : part;
    return !gr__is_error(*slot);
}

static bool visit(walk *w, const gr_tensor *node)
{
    gr_tensor *g = w->gradient[node->id - w->low];

    for (int i = 0, n = g ? operands_of(w, node) : 0; i < n; i++) {
        const gr_tensor *x = operand(node, i);
        if (x && x->id >= w->low && w->on_path[x->id - w->low]) {
            gr_tensor *part = node->op->rule(node, i, g);
            if (part && !arrive(w, node, x, part)) {
                return false;
            }
        }
    }
    return true;
}

static void walk_end(walk *w)
{
    gr__free(w->path);
    gr__free(w->gradient);
    gr__free(w->on_path);
}

/* Fills w->gradient for every node on a path from root to a target. */
static bool walk_all(walk *w, gr_tensor *root)
{
    bool complete = list_ancestors(w, root);

    keep_leading(w);
    if (!complete || !make_room(w)) {
        return false;
    }
    GR_TRANSIENT;
    if (w->count > 0) {
        w->gradient[root->id - w->low] = w->seed ? w->seed
                                                 : gr_full((gr_dtype)root->dtype,
                                                           gr__public_shape(root->shape), 1);
    }
    for (int64_t k = 0; k < w->count && complete; k++) {
        complete = visit(w, w->path[k]);
    }
    return complete;
}

/* The tensor to differentiate, checked, or the error tensor. */
static gr_tensor *take_root(const char *function, const char *argument, const gr_tensor *t)
{
    const gr_tensor *root = gr__operand(function, argument, t);

    if (gr__is_error(root)) {
        return &gr__error_tensor;
    }
    if (root->dtype == GR_I64) {
        return gr__error(GR_ERROR_DTYPE, function, argument, "got i64, want f32 or f64");
    }
    return (gr_tensor *)(uintptr_t)root;
}

/* The same of one element. */
static gr_tensor *take_number(const char *function, const char *argument, const gr_tensor *t)
{
    gr_tensor *root = take_root(function, argument, t);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(root) || root->shape->count == 1) {
        return root;
    }
    return gr__error(GR_ERROR_SHAPE, function, argument,
                     "got %s, want one element; reduce it with gr_sum or gr_mean",
                     gr__shape_text(root->shape, got));
}

/* ---- gr_backward ---- */

typedef struct arrivals {
    gr__cell **cells;
    gr_tensor **gradients;
    int count;
} arrivals;

static int place_of(const arrivals *a, const gr__cell *cell)
{
    int i = 0;

    while (i < a->count && a->cells[i] != cell) {
        i++;
    }
    return i;
}

/* One entry for each cell reached: the sum over the values of it that the graph captured, and what
 * the cell already had. */
static bool sum_by_cell(const walk *w, arrivals *a)
{
    for (int64_t k = 0; k < w->count; k++) {
        const gr_tensor *node = w->path[k];
        gr_tensor *g = w->gradient[node->id - w->low];
        if (!g || !is_target(w, node)) {
            continue;
        }
        gr__cell *cell = gr__captured_cell(node);
        int i = place_of(a, cell);
        if (i == a->count) {
            a->cells[a->count] = cell;
            a->gradients[a->count++] = cell->gradient;
        }
        a->gradients[i] = a->gradients[i] ? gr__accumulate(a->gradients[i], g) : g;
        if (gr__is_error(a->gradients[i])) {
            return false;
        }
    }
    return true;
}

/* Room for the cells must be there before the first of them changes. */
static bool commit(const char *function, const arrivals *a)
{
    for (int i = 0; i < a->count; i++) {
        if (!gr__note_cell(function, a->cells[i])) {
            return false;
        }
    }
    for (int i = 0; i < a->count; i++) {
        gr__cell_set_gradient(a->cells[i], a->gradients[i]);
    }
    return true;
}

static bool hand_over(const walk *w)
{
    GR_TRANSIENT;
    size_t room = (size_t)w->count + 1;
    arrivals a = {.cells = gr__alloc(room * sizeof *a.cells),
                  .gradients = gr__alloc(room * sizeof *a.gradients)};
    bool good = a.cells && a.gradients;

    if (!good) {
        gr_fail(GR_ERROR_MEMORY, w->function, NULL, "no memory for the gradients");
    }
    good = good && sum_by_cell(w, &a);
    if (good && gr__claim_cells(w->function, a.cells, a.count)) {
        good = commit(w->function, &a);
        gr__release_cells(a.cells, a.count);
    } else {
        good = false;
    }
    if (good && a.count == 0) {
        good = gr_fail(
            GR_ERROR_STATE, w->function, "loss",
            "depends on no trained cell of params; was it made under GR_NO_GRAD, cut off "
            "by gr_detach or a scope that ended, or from another model?");
    }
    gr__free(a.cells);
    gr__free(a.gradients);
    return good;
}

bool gr_backward(const gr_tensor *loss, gr_params *params)
{
    walk w = {.function = "gr_backward", .cells = true, .params = params};
    gr_tensor *root = take_number(w.function, "loss", loss);

    if (gr__is_error(root)) {
        return false;
    }
    bool good = walk_all(&w, root) && hand_over(&w);
    root->flags |= GR__WANTED;
    walk_end(&w);
    return good;
}

/* ---- gr_gradients, gr_vjp ---- */

/* The target itself, not what an operation would capture of it; or the error tensor. */
static gr_tensor *target(const char *function, const gr_tensor *x)
{
    if (!gr_check_operand(function, "xs", x)) {
        return &gr__error_tensor;
    }
    if (x->dtype == GR_I64) {
        return gr__error(GR_ERROR_DTYPE, function, "xs", "got i64, want f32 or f64");
    }
    return (gr_tensor *)(uintptr_t)x;
}

/* out[i]: zeros, or the sum over the nodes that stand for xs[i]. */
static bool collect(const walk *w, gr_tensor **out)
{
    for (int i = 0; i < w->n; i++) {
        out[i] = NULL;
    }
    for (int64_t k = 0; k < w->count; k++) {
        const gr_tensor *node = w->path[k];
        gr_tensor *g = w->gradient[node->id - w->low];
        for (int i = 0; g && i < w->n; i++) {
            if (stands_for(node, w->xs[i])) {
                out[i] = out[i] ? gr__accumulate(out[i], g) : g;
            }
        }
    }
    bool good = true;
    for (int i = 0; i < w->n; i++) {
        if (!out[i]) {
            out[i] = gr_full((gr_dtype)w->xs[i]->dtype, gr__public_shape(w->xs[i]->shape), 0);
        }
        good = good && !gr__is_error(out[i]);
        out[i]->flags &= (uint8_t)(gr__is_error(out[i]) || w->apart ? 0xFF : ~GR__TRANSIENT);
    }
    return good;
}

bool gr__lists_fit(const char *function, gr_tensor *const *xs, const char *name,
                   gr_tensor *const *list, int n)
{
    return gr__given(function, "xs", xs, "an array") &&
           gr__given(function, name, list, "an array") && gr__at_least(function, "n", n, 1);
}

/* The walk from a root that has been checked, with the gradient that arrives there (NULL: 1). */
static bool differentiate(const char *function, gr_tensor *root, gr_tensor *seed, bool apart,
                          gr_tensor *const *xs, int n, gr_tensor **out)
{
    gr_tensor **targets = gr__alloc((size_t)n * sizeof *targets);
    walk w = {.function = function, .xs = targets, .n = n, .seed = seed, .apart = apart};
    bool good = !gr__is_error(root) && (!seed || !gr__is_error(seed));

    if (!targets) {
        good = gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for the walk");
    }
    for (int i = 0; good && i < n; i++) {
        targets[i] = target(function, xs[i]);
        good = !gr__is_error(targets[i]);
    }
    good = good && walk_all(&w, root) && collect(&w, out);
    for (int i = 0; !good && i < n; i++) {
        out[i] = &gr__error_tensor;
    }
    walk_end(&w);
    gr__free(targets);
    return good;
}

bool gr__gradients(const char *function, const gr_tensor *y, gr_tensor *const *xs, int n,
                   gr_tensor **out)
{
    return gr__lists_fit(function, xs, "out", out, n) &&
           differentiate(function, take_number(function, "y", y), NULL, false, xs, n, out);
}

bool gr_gradients(const gr_tensor *y, gr_tensor *const *xs, int n, gr_tensor **out)
{
    return gr__gradients("gr_gradients", y, xs, n, out);
}

bool gr__vjp(const char *function, const gr_tensor *y, const gr_tensor *v, gr_tensor *const *xs,
             int n, gr_tensor **out)
{
    if (!gr__lists_fit(function, xs, "out", out, n)) {
        return false;
    }
    gr_tensor *root = take_root(function, "y", y);
    const gr_tensor *seed = gr__operand(function, "v", v);
    if (!gr__is_error(root) && !gr__is_error(seed) &&
        !(gr__same_dtype(function, "v", seed, "y", root) &&
          gr__same_shape(function, "v", seed, "y", root))) {
        seed = &gr__error_tensor;
    }
    return differentiate(function, root, (gr_tensor *)(uintptr_t)seed, false, xs, n, out);
}

bool gr_vjp(const gr_tensor *y, const gr_tensor *v, gr_tensor *const *xs, int n, gr_tensor **out)
{
    return gr__vjp("gr_vjp", y, v, xs, n, out);
}

bool gr__vjp_apart(const char *function, gr_tensor *y, gr_tensor *v, gr_tensor *const *xs, int n,
                   gr_tensor **out)
{
    return differentiate(function, y, v, true, xs, n, out);
}
