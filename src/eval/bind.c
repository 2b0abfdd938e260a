/* Giving a program its places: what it reads, the memory of what it keeps, its numbers. */
#include <stdatomic.h>
#include <string.h>

#include "src/core/alloc.h"
#include "src/core/params.h"
#include "src/eval/writer.h"

static const gr_tensor *operand_of(const gr__plan *plan, int32_t item, int16_t operand)
{
    return plan->items[item].node->in[operand].tensor;
}

static const gr_tensor *tensor_of(const gr__plan *plan, const gr__input_place *in)
{
    return operand_of(plan, in->item, in->operand);
}

static bool same_load(const gr__load *a, const gr__load *b)
{
    size_t bytes = (size_t)a->rank * sizeof *a->dims;

    return a->rank == b->rank && memcmp(a->dims, b->dims, bytes) == 0 &&
           memcmp(a->strides, b->strides, bytes) == 0;
}

bool gr__fits(const gr__plan *plan, const gr__program *p)
{
    bool fits = true;

    for (int i = 0; i < p->twin_count && fits; i++) {
        const gr__twin *twin = &p->twins[i];
        fits = operand_of(plan, twin->items[0], twin->operands[0]) ==
               operand_of(plan, twin->items[1], twin->operands[1]);
    }
    for (int i = 0; i < p->input_count && fits; i++) {
        const gr__input_place *in = &p->inputs[i];
        const gr_tensor *t = tensor_of(plan, in);
        fits = t->buffer != NULL;
        if (fits && in->load) {
            gr__load load = gr__load_of(t, in->shape);
            fits = same_load(in->load, &load);
        } else if (fits) {
            fits = in->single || gr__is_contiguous(t);
        }
    }
    return fits;
}

/* ---- the memory of results ---- */

/* Whether nobody but its next readers, which are the schedule's, sees the memory of a computed node. */
static bool is_its_own(const gr_tensor *t, int holders)
{
    bool unnamed = (t->flags & (GR__TRANSIENT | GR__REQUESTED | GR__WANTED)) == GR__TRANSIENT;

    return unnamed && !t->layout && !t->buffer->borrowed &&
           t->buffer->bytes == (size_t)t->shape->count * gr__size_of(t) &&
           atomic_load_explicit(&t->buffer->holders, memory_order_relaxed) == holders;
}

/* Whether it holds numbers that were computed into memory of their own. */
static bool is_result(const gr_tensor *t)
{
    return t->op->kind != GR__VIEW && t->op->kind != GR__LEAF && !gr__captured_cell(t);
}

/* Whether an input's memory may go to a value: nobody reads it any more but this pass (all loads that
 * are still to come are its own), nobody holds it but its node, or the cell that is to have the
 * value. */
static bool is_free(const gr__plan *plan, const gr__input_place *in, bool late)
{
    const gr_tensor *t = tensor_of(plan, in);

    if (!in->in_order || in->taken || in->origin < 0 ||
        in->reads != plan->items[in->origin].loads) {
        return false;
    }
    return gr__captured_cell(t) ? late && is_its_own(t, 2) : is_result(t) && is_its_own(t, 1);
}

bool gr__may_work_onto(const gr__plan *plan, const gr__item *item)
{
    const gr__item *x = item->node->op->onto ? gr__read_by(plan, item, 0) : NULL;

    return x && x->loads == 1 && x->node->buffer && is_result(x->node) && is_its_own(x->node, 1);
}

/* Whether the result may be that value: the program reads the input at no later one, and a cell's
 * memory is for its own new value alone. */
static bool may_take(const gr__plan *plan, const gr__result_place *r, const gr__input_place *in)
{
    const gr_tensor *t = tensor_of(plan, in), *node = plan->items[r->item].node;
    const gr__cell *cell = gr__captured_cell(t);

    return in->last <= r->value && gr__size_of(t) == gr__size_of(node) &&
           t->shape->count == node->shape->count && (!cell || cell->update == node);
}

/* An input whose memory the result may have; the old value of its own cell before all others. */
static gr__input_place *donor(const gr__plan *plan, gr__program *p, const gr__result_place *r,
                              bool late)
{
    gr__input_place *found = NULL;

    for (int i = 0; i < p->input_count; i++) {
        gr__input_place *in = &p->inputs[i];
        bool fits = may_take(plan, r, in) && is_free(plan, in, late);
        found = fits && (!found || gr__captured_cell(tensor_of(plan, in))) ? in : found;
    }
    return found;
}

/* Memory for a value that is kept: that of an operand where nobody misses it, else new. */
static bool bind_result(gr__plan *plan, gr__program *p, const gr__result_place *r, bool late)
{
    gr__item *item = &plan->items[r->item];
    gr__input_place *in = donor(plan, p, r, late);

    item->buffer = in ? gr__buffer_hold(tensor_of(plan, in)->buffer) : gr__buffer_for(item->node);
    if (!item->buffer) {
        return false;
    }
    if (in) {
        in->taken = true;
    }
    p->slots[r->slot] = item->buffer->data;
    return true;
}

/* ---- the rest ---- */

static void bind_input(const gr__plan *plan, gr__program *p, gr__input_place *in)
{
    const gr_tensor *t = tensor_of(plan, in);

    in->taken = false;
    if (in->load) {
        in->load->base = gr__base(t);
    }
    if (in->slot) {
        p->slots[in->slot] = gr__base(t);
    }
}

static void bind_given(const gr__plan *plan, gr__program *p, const gr__given *given)
{
    const gr_tensor *node = plan->items[given->item].node;

    if (given->operand == GR__ITS_DETAIL) {
        p->slots[given->slot] = (void *)(uintptr_t)node->detail;
    } else {
        gr__store_number(p->slots[given->slot], (gr_dtype)node->dtype,
                         node->in[given->operand].number);
    }
}

/* Partial results lie in the result itself if there is one for each. */
static bool bind_partials(gr__program *p, const gr__finish *end)
{
    size_t bytes = (size_t)(end->results * end->blocks) * end->size;

    p->slots[end->partial] = end->blocks == 1 ? p->slots[end->out] : gr__alloc(bytes);
    return p->slots[end->partial] != NULL;
}

void gr__unbind(gr__program *p)
{
    for (int i = 0; i < p->finish_count; i++) {
        const gr__finish *end = &p->finishes[i];
        if (end->blocks > 1) {
            gr__free(p->slots[end->partial]);
        }
        p->slots[end->partial] = NULL;
    }
}

bool gr__bind(gr__plan *plan, gr__program *p, bool late)
{
    int64_t first = 0, one = 1;
    gr__frame frame = {.at = p->slots, .elements = 1, .firsts = &first, .counts = &one};

    for (int i = 0; i < p->input_count; i++) {
        bind_input(plan, p, &p->inputs[i]);
    }
    for (int i = 0; i < p->given_count; i++) {
        bind_given(plan, p, &p->givens[i]);
    }
    for (int i = 0; i < p->result_count; i++) {
        if (!bind_result(plan, p, &p->results[i], late)) {
            return false;
        }
    }
    for (int i = 0; i < p->finish_count; i++) {
        if (!bind_partials(p, &p->finishes[i])) {
            return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory to reduce");
        }
    }
    for (int i = 0; i < p->before_count; i++) {
        p->before[i].run(&p->before[i], &frame);
    }
    return true;
}
