/* Running the passes of a plan: one after the other, then together those that give cells their new
 * values. A node has its numbers when its pass has run; what nobody can name goes after its last
 * reader. */
#include "src/core/params.h"
#include "src/eval/program.h"

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

static bool compute(gr__thread *thread, gr_tensor *node, gr__buffer *(*run)(gr_tensor *))
{
    if (node->buffer) { /* an error handler has looked at it meanwhile */
        return true;
    }
    gr__buffer *buffer = operands_ready(node) ? run(node) : NULL;
    if (!buffer) {
        return false;
    }
    adopt(node, buffer);
    note_computed(thread, node);
    return true;
}

bool gr__compute(gr__thread *thread, gr_tensor *node)
{
    return compute(thread, node, gr__run);
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

/* The pass's program, that of an earlier schedule if it fits, with all its places. */
static bool ready_program(gr__plan *plan, int32_t k, gr__room *scratch)
{
    gr__pass *pass = &plan->passes[k];
    bool fits = pass->written && !plan->trouble &&
                (!pass->program || gr__fits(plan, pass->program));

    if (!fits) {
        plan->again = plan->again && !pass->written;
        if (!gr__write_program(plan, k, scratch, &pass->program)) {
            return false;
        }
        pass->written = true;
    }
    return !pass->program || gr__bind(plan, pass->program, pass->late);
}

static void finish_pass(gr__plan *plan, int32_t k)
{
    publish(plan, k);
    lay_views(plan, k);
    end_pass(plan, k);
}

static void run_pass(gr__plan *plan, int32_t k, gr__room *scratch)
{
    gr__pass *pass = &plan->passes[k];

    if (pass->alone) {
        gr__item *item = &plan->items[plan->members[pass->first].item];
        bool onto = gr__may_work_onto(plan, item);
        item->failed = !compute(plan->thread, item->node, onto ? gr__run_onto : gr__run);
        plan->trouble = plan->trouble || item->failed;
    } else if (!ready_program(plan, k, scratch) ||
               (pass->program && !gr__run_programs(&pass->program, 1, scratch))) {
        give_up(plan, k);
    }
    if (pass->program) {
        gr__unbind(pass->program);
    }
    finish_pass(plan, k);
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

/* Whether every new value of a cell can be computed; the late programs are then ready. */
static bool ready_late(gr__plan *plan, gr__room *scratch)
{
    bool good = true;

    plan->late_count = 0;
    for (int32_t k = 0; k < plan->pass_count && good; k++) {
        if (!plan->passes[k].late) {
            continue;
        }
        gr__program **late = gr__grow(plan->late, &plan->late_capacity, plan->late_count + 1,
                                      sizeof *late);
        plan->late = late ? late : plan->late;
        good = late && ready_program(plan, k, scratch);
        if (good && plan->passes[k].program) {
            plan->late[plan->late_count++] = plan->passes[k].program;
        }
    }
    for (int64_t i = 0; i < plan->item_count && good; i++) {
        const gr__item *item = &plan->items[i];
        good = !(item->node->flags & GR__UPDATE) || has_memory(plan, item);
    }
    return good;
}

/* All together, after everything that can fail: all of them, or none. */
static void run_late(gr__plan *plan, gr__room *scratch)
{
    bool good = ready_late(plan, scratch) &&
                (plan->late_count == 0 ||
                 gr__run_programs(plan->late, (int)plan->late_count, scratch));

    for (int32_t k = 0; k < plan->pass_count; k++) {
        if (!plan->passes[k].late) {
            continue;
        }
        if (!good) {
            give_up(plan, k);
        }
        finish_pass(plan, k);
    }
}

void gr__run_passes(gr__plan *plan, gr__room *scratch)
{
    for (int32_t k = 0; k < plan->pass_count; k++) {
        if (!plan->passes[k].late) {
            run_pass(plan, k, scratch);
        }
    }
    if (plan->updates) {
        run_late(plan, scratch);
    }
}
