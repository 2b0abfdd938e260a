/* The schedule: which pending nodes a request needs, in creation order, and which values stay.
 *
 * Ids rise with creation, so operands come before their readers: two passes over the thread's list,
 * the first downwards from the highest id asked for until nothing needed is left below. No search,
 * no recursion. */
#include <stdatomic.h>

#include "src/core/params.h"
#include "src/core/scope.h"
#include "src/eval/eval.h"

typedef struct order {
    gr_tensor **nodes; /* needed, highest id first */
    int64_t count, capacity;
} order;

static bool push(order *o, gr_tensor *node)
{
    gr_tensor **nodes = gr__grow(o->nodes, &o->capacity, o->count + 1, sizeof *nodes);

    if (!nodes) {
        return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a schedule");
    }
    o->nodes = nodes;
    nodes[o->count++] = node;
    return true;
}

/* What an operand's place holds, if it waits for its numbers. */
static gr_tensor *pending_operand(const gr_tensor *node, int i)
{
    gr_tensor *x = (gr_tensor *)(uintptr_t)node->in[i].tensor;

    return x && gr__is_pending(x) ? x : NULL;
}

/* Marks what is asked for; returns how many nodes that is, and the highest id. */
static int64_t mark_requests(int n, gr_tensor *const *tensors, int64_t *top)
{
    int64_t marked = 0;

    for (int i = 0; i < n; i++) {
        gr_tensor *t = tensors[i];
        if (gr__is_pending(t)) {
            t->flags |= GR__REQUESTED;
            marked += !t->mark;
            t->mark = 1;
            *top = t->id > *top ? t->id : *top;
        }
    }
    return marked;
}

/* Collects what the marked nodes need, counting readers. */
static bool collect(const gr__thread *thread, int64_t top, int64_t marked, order *o)
{
    bool complete = true;

    for (int64_t id = top; marked > 0; id--) {
        gr_tensor *node = thread->nodes[id];
        if (!node->mark) {
            continue;
        }
        node->mark = 0;
        marked--;
        complete = complete && push(o, node);
        if (!complete) { /* what is not listed keeps no scratch */
            node->flags &= (uint8_t)~GR__REQUESTED;
        }
        for (int i = 0; i < node->op->arity; i++) {
            gr_tensor *x = pending_operand(node, i);
            if (x) {
                marked += !x->mark;
                x->mark = 1;
                x->readers += complete;
            }
        }
    }
    return complete;
}

/* A value made where no user can name it goes after its last reader; it can be computed again. */
static void release(gr_tensor *node)
{
    bool unnamed = (node->flags & (GR__TRANSIENT | GR__REQUESTED | GR__WANTED)) == GR__TRANSIENT;

    if (unnamed && node->op->kind != GR__LEAF && node->op != &gr__captured_primitive) {
        gr__buffer_drop(node->buffer);
        node->buffer = NULL;
        node->layout = NULL;
    }
}

/* Whether the operands have their numbers; if one of them is an error tensor, so is the node
 * now. */
static bool operands_ready(gr_tensor *node)
{
    bool ready = true;

    for (int i = 0; i < node->op->arity; i++) {
        const gr_tensor *x = node->in[i].tensor;
        if (x && !x->buffer) {
            node->flags |= x->flags & GR__ERROR;
            ready = false;
        }
    }
    return ready;
}

/* Computes one node. Wrong numbers make it an error tensor, and silently all that depend on it;
 * where memory ran out it stays pending, so that nothing is lost. */
static bool compute(gr__thread *thread, gr_tensor *node)
{
    if (node->buffer) { /* an error handler has looked at it meanwhile */
        return true;
    }
    if (!operands_ready(node) || !gr__run(node)) {
        return false;
    }
    thread->work.scheduled++;
    thread->work.recomputed += (node->flags & GR__COMPUTED) != 0;
    node->flags |= GR__COMPUTED;
    return true;
}

static bool run_order(gr__thread *thread, order *o)
{
    bool good = true;

    for (int64_t i = o->count - 1; i >= 0; i--) {
        gr_tensor *node = o->nodes[i];
        good = compute(thread, node) && good;
        for (int j = 0; j < node->op->arity; j++) {
            gr_tensor *x = (gr_tensor *)(uintptr_t)node->in[j].tensor;
            if (x && x->readers > 0 && --x->readers == 0) {
                release(x);
            }
        }
    }
    for (int64_t i = 0; i < o->count; i++) {
        o->nodes[i]->flags &= (uint8_t)~GR__REQUESTED;
    }
    return good;
}

/* After a schedule that could not be listed, its scratch must be clean again. */
static void forget(order *o)
{
    for (int64_t i = 0; i < o->count; i++) {
        o->nodes[i]->flags &= (uint8_t)~GR__REQUESTED;
        for (int j = 0; j < o->nodes[i]->op->arity; j++) {
            gr_tensor *x = pending_operand(o->nodes[i], j);
            if (x) {
                x->readers = 0;
            }
        }
    }
}

static bool flush(gr__thread *thread, int n, gr_tensor *const *nodes)
{
    order o = {0};
    int64_t top = -1, marked = mark_requests(n, nodes, &top);

    if (marked == 0) {
        return true;
    }
    thread->work.flushes++;
    bool good = collect(thread, top, marked, &o);
    if (good) {
        good = run_order(thread, &o);
    } else {
        forget(&o);
    }
    gr__free(o.nodes);
    return good;
}

/* The node to compute for a tensor that was asked for: a cell's assigned value for the cell. */
static gr_tensor *node_of(gr_tensor *t)
{
    gr__cell *cell = t && !gr__is_stale(t) ? gr__as_cell(t) : NULL;

    if (cell && !gr__cell_is_ours("gr_eval", "tensors", cell)) {
        return &gr__error_tensor;
    }
    if (cell) {
        return cell->pending ? cell->pending : t;
    }
    return (gr_tensor *)(uintptr_t)gr__operand("gr_eval", "tensors", t);
}

bool gr_eval(int n, gr_tensor *const *tensors)
{
    enum { FEW = 32 };
    gr_tensor *few[FEW], **nodes = few;
    gr__thread *thread = gr__self();
    bool good = true;

    if (!thread || n <= 0) {
        return thread != NULL;
    }
    if (n > FEW) {
        nodes = gr__alloc((size_t)n * sizeof *nodes);
        if (!nodes) {
            return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for %d tensors", n);
        }
    }
    for (int i = 0; i < n; i++) {
        nodes[i] = node_of(tensors[i]);
    }
    flush(thread, n, nodes);
    for (int i = 0; i < n; i++) {
        good = good && !gr__is_error(nodes[i]) && nodes[i]->buffer;
        gr__cell *cell = tensors[i] && !gr__is_stale(tensors[i]) ? gr__as_cell(tensors[i]) : NULL;
        if (cell && cell->pending && cell->pending->buffer) {
            good = gr__cell_adopt(cell) && good;
        }
    }
    if (nodes != few) {
        gr__free(nodes);
    }
    return good;
}
