/* The schedule: which pending nodes a request needs, when they run, and which values stay.
 *
 * Ids rise with creation, so operands come before their readers: the list of what is needed is made
 * in one walk downwards, from the highest id asked for until nothing needed is left below. No
 * search, no recursion. */
#include <stdatomic.h>
#include <string.h>

#include "src/core/params.h"
#include "src/eval/program.h"

/* What a thread keeps from schedule to schedule. */
typedef struct gr__workspace {
    gr_tensor **nodes; /* needed, highest id first */
    int64_t count, capacity;
    gr__plan plan;
    gr__room room;
    gr__program **late; /* programs that wait for all others */
    int64_t late_count, late_capacity;
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

/* ---- the plan ---- */

static bool make_room(gr__plan *plan, int64_t items, int64_t range)
{
    int32_t *at = gr__grow(plan->at, &plan->at_capacity, range, sizeof *at);
    plan->at = at ? at : plan->at;
    gr__item *list = gr__grow(plan->items, &plan->item_capacity, items, sizeof *list);
    plan->items = list ? list : plan->items;
    return at && list;
}

static void find_operands(gr__plan *plan, gr__item *item)
{
    const gr_tensor *node = item->node;

    for (int i = 0; i < node->op->arity && !node->buffer; i++) {
        gr__item *x = gr__item_of(plan, node->in[i].tensor);
        plan->trouble = plan->trouble || (node->in[i].tensor && gr__is_error(node->in[i].tensor));
        if (x) {
            item->in[i] = (int32_t)(x - plan->items);
            x->uses++;
        }
    }
}

/* The listed nodes as items, in creation order. */
static bool list_items(gr__workspace *w)
{
    gr__plan *plan = &w->plan;
    int64_t n = w->count, low = w->nodes[n - 1]->id, range = w->nodes[0]->id - low + 1;

    plan->thread = gr__self();
    plan->low = low;
    plan->range = range;
    plan->item_count = plan->pass_count = plan->member_count = 0;
    plan->fusing = gr__fusing() && !plan->thread->eager;
    plan->updates = plan->trouble = false;
    plan->complete = make_room(plan, n, range);
    if (!plan->complete) {
        return false;
    }
    memset(plan->at, GR__NONE, (size_t)range * sizeof *plan->at);
    for (int64_t i = 0; i < n; i++) {
        gr_tensor *node = w->nodes[n - 1 - i];
        plan->items[i] = (gr__item){.node = node,
                                    .in = {GR__NONE, GR__NONE, GR__NONE},
                                    .home = GR__NONE,
                                    .copied = GR__NONE,
                                    .seen = GR__NONE};
        plan->at[node->id - low] = (int32_t)i;
        plan->updates = plan->updates || node->flags & GR__UPDATE;
        bool again = node->flags & GR__COMPUTED && node->op->kind != GR__VIEW && !node->buffer;
        plan->thread->work.recomputed += again;
        find_operands(plan, &plan->items[i]);
    }
    plan->item_count = n;
    gr__fuse(plan);
    return plan->complete;
}

/* ---- running ---- */

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

static void note_computed(gr__thread *thread, gr_tensor *node)
{
    thread->work.scheduled++;
    node->flags |= GR__COMPUTED;
}

/* Makes the buffer the node's, unless an error handler has computed the node meanwhile. */
static void adopt(gr_tensor *node, gr__buffer *buffer)
{
    if (node->buffer) {
        gr__buffer_drop(buffer);
    } else {
        node->buffer = buffer;
    }
}

bool gr__compute(gr__thread *thread, gr_tensor *node)
{
    if (node->buffer) { /* an error handler has looked at it meanwhile */
        return true;
    }
    gr__buffer *buffer = operands_ready(node) ? gr__run(node) : NULL;
    if (!buffer) {
        return false;
    }
    adopt(node, buffer);
    note_computed(thread, node);
    return true;
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

static void read_once(gr__item *x)
{
    if (x && x->loads > 0 && --x->loads == 0) {
        release(x->node);
    }
}

/* Whether the item is a view of the pass's that needs a layout, beside its operand's memory. */
static bool is_laid(const gr__item *item, int32_t k)
{
    return item->node->op->kind == GR__VIEW && item->home == k && gr__is_kept(item);
}

static void lay_views(gr__plan *plan, int32_t k)
{
    for (int32_t e = plan->passes[k].first; e >= 0; e = plan->members[e].next) {
        const gr__item *item = &plan->items[plan->members[e].item];
        if (is_laid(item, k)) {
            gr__compute(plan->thread, item->node);
        }
    }
}

/* After a pass: an end to what it was the last to read. */
static void end_pass(gr__plan *plan, int32_t k)
{
    for (int32_t e = plan->passes[k].first; e >= 0; e = plan->members[e].next) {
        const gr__member *member = &plan->members[e];
        const gr__item *item = &plan->items[member->item];
        gr_tensor *node = item->node;
        if (is_laid(item, k)) {
            read_once(gr__read_by(plan, item, 0));
        } else if (member->live && item->home == k && !item->failed && !gr__is_error(node)) {
            note_computed(plan->thread, node);
        }
        for (int i = 0; member->live && i < node->op->arity; i++) {
            if (!(member->inside >> i & 1)) {
                read_once(gr__read_by(plan, item, i));
            }
        }
    }
}

/* After a pass has run: its numbers are there. */
static void publish(gr__plan *plan, int32_t k)
{
    for (int32_t e = plan->passes[k].first; e >= 0; e = plan->members[e].next) {
        gr__item *item = &plan->items[plan->members[e].item];
        if (item->home == k && item->buffer) {
            adopt(item->node, item->buffer);
            item->buffer = NULL;
        }
    }
}

/* A pass that cannot run: what it was to store stays pending. */
static void give_up(gr__plan *plan, int32_t k)
{
    plan->trouble = true;
    for (int32_t e = plan->passes[k].first; e >= 0; e = plan->members[e].next) {
        gr__item *item = &plan->items[plan->members[e].item];
        if (item->home == k) {
            item->failed = true;
            gr__buffer_drop(item->buffer);
            item->buffer = NULL;
        }
    }
}

static void run_pass(gr__workspace *w, int32_t k)
{
    gr__plan *plan = &w->plan;
    const gr__pass *pass = &plan->passes[k];
    gr__program *program;

    if (pass->alone) {
        gr__item *item = &plan->items[plan->members[pass->first].item];
        item->failed = !gr__compute(plan->thread, item->node);
        plan->trouble = plan->trouble || item->failed;
    } else if (!gr__write_program(plan, k, &w->room, &program) ||
               (program && !gr__run_programs(&program, 1, &w->room))) {
        give_up(plan, k);
    }
    publish(plan, k);
    lay_views(plan, k);
    end_pass(plan, k);
    gr__room_reset(&w->room);
}

/* ---- passes with new values of cells ---- */

/* Whether the item has numbers, or will have them when its pass has run. */
static bool has_memory(const gr__plan *plan, const gr__item *item)
{
    while (item && !item->node->buffer && item->node->op->kind == GR__VIEW) {
        item = gr__read_by(plan, item, 0);
    }
    return item && (item->node->buffer || item->buffer);
}

/* Whether every new value of a cell can be computed; the late programs are then written. */
static bool write_late(gr__workspace *w)
{
    gr__plan *plan = &w->plan;
    bool good = true;

    w->late_count = 0;
    for (int32_t k = 0; k < plan->pass_count && good; k++) {
        gr__program *program = NULL;
        if (!plan->passes[k].late) {
            continue;
        }
        gr__program **late = gr__grow(w->late, &w->late_capacity, w->late_count + 1, sizeof *late);
        w->late = late ? late : w->late;
        good = late && gr__write_program(plan, k, &w->room, &program);
        if (program) {
            w->late[w->late_count++] = program;
        }
    }
    for (int64_t i = 0; i < plan->item_count && good; i++) {
        const gr__item *item = &plan->items[i];
        good = !(item->node->flags & GR__UPDATE) || has_memory(plan, item);
    }
    return good;
}

/* All together, after everything that can fail: all of them, or none. */
static void run_late(gr__workspace *w)
{
    gr__plan *plan = &w->plan;
    bool good = write_late(w) &&
                (w->late_count == 0 || gr__run_programs(w->late, (int)w->late_count, &w->room));

    for (int32_t k = 0; k < plan->pass_count; k++) {
        if (!plan->passes[k].late) {
            continue;
        }
        if (!good) {
            give_up(plan, k);
        }
        publish(plan, k);
        lay_views(plan, k);
        end_pass(plan, k);
    }
    gr__room_reset(&w->room);
}

static void run_passes(gr__workspace *w)
{
    for (int32_t k = 0; k < w->plan.pass_count; k++) {
        if (!w->plan.passes[k].late) {
            run_pass(w, k);
        }
    }
    if (w->plan.updates) {
        run_late(w);
    }
}

/* ---- the flush ---- */

static void free_plan(gr__plan *plan)
{
    gr__free(plan->at);
    gr__free(plan->items);
    gr__free(plan->passes);
    gr__free(plan->members);
    *plan = (gr__plan){0};
}

/* Memory of an extraordinary schedule is not kept. */
static void trim(gr__workspace *w)
{
    enum { KEPT = 1 << 14 };
    gr__plan *plan = &w->plan;

    if (w->capacity > KEPT) {
        gr__free(w->nodes);
        w->nodes = NULL;
        w->capacity = 0;
    }
    if (plan->at_capacity > KEPT || plan->member_capacity > KEPT || plan->item_capacity > KEPT) {
        free_plan(plan);
    }
}

static void free_workspace(gr__workspace *w)
{
    free_plan(&w->plan);
    gr__free(w->nodes);
    gr__free(w->late);
    gr__room_free(&w->room);
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
        if (list_items(w)) {
            run_passes(w);
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
