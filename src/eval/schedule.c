/* The schedule: which pending nodes a request needs, when they run, and which values stay.
 *
 * Ids rise with creation, so operands come before their readers: the list of what is needed is made
 * in one walk downwards, from the highest id asked for until nothing needed is left below. No
 * search, no recursion. */
#include "src/core/params.h"
#include "src/eval/program.h"

/* What a thread keeps from schedule to schedule. */
typedef struct gr__workspace {
    gr_tensor **nodes; /* needed, highest id first */
    int64_t count, capacity;
    gr__plan *plans;
    gr__room scratch;
    bool busy; /* an error handler may evaluate while it is in use */
} gr__workspace;

/* ---- which nodes ---- */

static bool push(gr__workspace *w, gr_tensor *node)
{
    gr_tensor **nodes = gr__grow(w->nodes, &w->capacity, w->count + 1, sizeof *nodes);

    if (!nodes) {
        return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a schedule");
    }
    w->nodes = nodes;
    nodes[w->count++] = node;
    return true;
}

/* An operand that waits for its numbers, or whose memory the schedule may give to another. */
static gr_tensor *listed_operand(const gr_tensor *node, int i)
{
    gr_tensor *x = (gr_tensor *)(uintptr_t)node->in[i].tensor;
    bool captured = x && x->op == &gr__captured_primitive && x->flags & GR__TRANSIENT;

    return x && (gr__is_pending(x) || captured) ? x : NULL;
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

/* Lists what the marked nodes need. */
static bool collect(const gr__thread *thread, int64_t top, int64_t marked, gr__workspace *w)
{
    bool complete = true;

    for (int64_t id = top; marked > 0; id--) {
        gr_tensor *node = thread->nodes[id];
        if (!node->mark) {
            continue;
        }
        node->mark = 0;
        marked--;
        complete = complete && push(w, node);
        if (!complete) { /* what is not listed keeps no scratch */
            node->flags &= (uint8_t)~GR__REQUESTED;
        }
        for (int i = 0; i < node->op->arity && !node->buffer; i++) {
            gr_tensor *x = listed_operand(node, i);
            if (x) {
                marked += !x->mark;
                x->mark = 1;
            }
        }
    }
    return complete;
}

/* ---- the flush ---- */

/* Memory of an extraordinary schedule is not kept. */
static void trim(gr__workspace *w)
{
    if (w->capacity > GR__LARGEST_KEPT) {
        gr__free(w->nodes);
        w->nodes = NULL;
        w->capacity = 0;
    }
}

static void free_workspace(gr__workspace *w)
{
    gr__plans_free(w->plans);
    gr__free(w->nodes);
    gr__room_free(&w->scratch);
    gr__free(w);
}

/* The thread's workspace, or, inside a schedule, one of its own; NULL after reporting. */
static gr__workspace *open_workspace(gr__thread *thread)
{
    gr__workspace *w = thread->workspace;

    if (!w || w->busy) {
        w = gr__alloc(sizeof *w);
        if (!w) {
            gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a schedule");
            return NULL;
        }
        *w = (gr__workspace){.count = 0};
        thread->workspace = thread->workspace ? thread->workspace : w;
        thread->workspace_free = free_workspace;
    }
    w->busy = true;
    w->count = 0;
    return w;
}

static void close_workspace(gr__thread *thread, gr__workspace *w)
{
    w->busy = false;
    if (w != thread->workspace) {
        free_workspace(w);
    } else {
        trim(w);
    }
}

static void flush(gr__thread *thread, int n, gr_tensor *const *nodes)
{
    int64_t top = -1, marked = mark_requests(n, nodes, &top);
    gr__workspace *w = marked > 0 ? open_workspace(thread) : NULL;

    if (marked == 0) {
        return;
    }
    thread->work.flushes++;
    if (!w) {
        for (int i = 0; i < n; i++) {
            nodes[i]->mark = 0;
            nodes[i]->flags &= (uint8_t)~GR__REQUESTED;
        }
        return;
    }
    if (collect(thread, top, marked, w)) {
        gr__plan *plan = gr__plan_for(thread, w->nodes, w->count, &w->plans);
        if (plan) {
            gr__run_passes(plan, &w->scratch);
            gr__end_plan(plan);
        } else {
            gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a schedule");
        }
    }
    for (int64_t i = 0; i < w->count; i++) {
        w->nodes[i]->flags &= (uint8_t)~GR__REQUESTED;
    }
    close_workspace(thread, w);
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
