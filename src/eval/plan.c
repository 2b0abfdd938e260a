/* Plans, and which schedule may have that of an earlier one. A training step is scheduled again and
 * again; then only places differ. Nodes are compared in creation order with what the plan knows of
 * them, so that comparing costs a small part of planning. Without fusion (GRADUS_FUSE=0, or eager)
 * every schedule is planned anew. */
#include <string.h>

#include "src/core/params.h"
#include "src/eval/program.h"

enum {
    MOST_PLANS = 8,                                      /* that a thread keeps */
    COUNTED = GR__REQUESTED | GR__UPDATE | GR__TRANSIENT /* flags that a plan rests on */
};

/* ---- what a plan rests on ---- */

/* The item of an operand; NULL: it has its numbers, or is an error tensor. */
static gr__item *item_of(const gr__plan *plan, const gr_tensor *t)
{
    uint64_t k = t && t->arena ? (uint64_t)(t->id - plan->low) : UINT64_MAX;

    return k < (uint64_t)plan->range && plan->at[k] >= 0 ? &plan->items[plan->at[k]] : NULL;
}

/* The length of the rows of an opaque kernel with one index in each row of the last axis, which is
 * known to be in range; 0: it is no such kernel. */
static int64_t row_length(const gr_tensor *node)
{
    const gr_tensor *index = node->in[1].tensor, *x = node->in[0].tensor;
    const gr__shape *full = node->shape->count > x->shape->count ? node->shape : x->shape;
    int axis = ((const gr__along *)node->detail)->axis;
    int64_t length = full->dims[axis];
    gr__fault fault = {.found = false};

    for (int i = axis + 1; i < full->rank; i++) {
        length = full->dims[i] == 1 ? length : 0;
    }
    if (!index->buffer || length == 0 || length > GR__LONGEST_ROW ||
        index->shape->count * length != full->count || full->count == 0) {
        return 0;
    }
    gr__array array;
    gr__describe(&array, index, gr__base(index));
    gr__kernels_in_use()->check_index(&array, length, &fault);
    return fault.found ? 0 : length;
}

static int64_t trait_of(const gr_tensor *node)
{
    switch (node->op->kind) {
    case GR__REDUCE: return ((const gr__reduced *)node->detail)->mask;
    case GR__SOURCE: return node->op->uniform && node->op->uniform(node);
    case GR__OPAQUE: return node->op->row ? row_length(node) : 0;
    default: return 0;
    }
}

/* All but its operands. */
static gr__likeness likeness_of(const gr__plan *plan, const gr_tensor *node)
{
    bool computed = node->buffer != NULL;

    return (gr__likeness){.op = node->op,
                          .shape = node->shape,
                          .order = node->id - plan->low,
                          .dtype = node->dtype,
                          .flags = node->flags & COUNTED,
                          .computed = computed,
                          .trait = plan->fusing && !computed ? trait_of(node) : 0};
}

/* A view of what has its numbers takes its layout at once. False if one could not. */
static bool lay_out(gr__thread *thread, gr_tensor *const *nodes, int64_t n)
{
    bool good = true;

    for (int64_t i = n - 1; i >= 0; i--) {
        gr_tensor *node = nodes[i];
        const gr_tensor *x = node->op->kind == GR__VIEW ? node->in[0].tensor : NULL;
        good = (node->buffer || !x || !x->buffer || gr__compute(thread, node)) && good;
    }
    return good;
}

static void note_again(gr__thread *thread, const gr_tensor *node)
{
    thread->work.recomputed += node->flags & GR__COMPUTED && node->op->kind != GR__VIEW &&
                               !node->buffer;
}

/* ---- an earlier plan ---- */

/* Whether operand i of the node is to the nodes what that of the item was to the plan's: the same
 * one of them, or else of the same shape and none of them. */
static bool same_operand(const gr__plan *plan, const gr__item *item, const gr_tensor *node, int i,
                         gr_tensor *const *nodes, int64_t n)
{
    const gr_tensor *x = node->in[i].tensor;
    const gr__shape *shape = x ? x->shape : NULL;

    if (item->in[i] >= 0) {
        return x == nodes[n - 1 - item->in[i]];
    }
    return shape == item->like.outside[i] && (!x || (x->buffer && !item_of(plan, x)));
}

/* Whether the node is like the item. */
static bool is_like(const gr__plan *plan, const gr__item *item, const gr_tensor *node,
                    gr_tensor *const *nodes, int64_t n)
{
    const gr__likeness *a = &item->like;

    if (a->op != node->op || a->shape != node->shape || a->order != node->id - plan->low ||
        a->dtype != node->dtype || a->flags != (node->flags & COUNTED) ||
        a->computed != (node->buffer != NULL)) {
        return false;
    }
    for (int i = 0; i < node->op->arity && !a->computed; i++) {
        if (!same_operand(plan, item, node, i, nodes, n)) {
            return false;
        }
    }
    return a->computed || a->trait == trait_of(node);
}

/* Takes the plan for these nodes if its own were like them. What it knows by order of creation holds
 * for them too then. */
static bool take_over(gr__plan *plan, gr_tensor *const *nodes, int64_t n)
{
    plan->low = nodes[n - 1]->id;
    for (int64_t i = 0; i < n; i++) {
        if (!is_like(plan, &plan->items[i], nodes[n - 1 - i], nodes, n)) {
            return false;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        gr__item *item = &plan->items[i];
        item->node = nodes[n - 1 - i];
        item->loads = item->reads;
        item->failed = false;
        note_again(plan->thread, item->node);
    }
    return true;
}

/* ---- a new plan ---- */

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
        const gr_tensor *t = node->in[i].tensor;
        gr__item *x = item_of(plan, t);
        plan->trouble = plan->trouble || (t && gr__is_error(t));
        if (x) {
            item->in[i] = (int32_t)(x - plan->items);
            x->uses++;
        } else {
            item->like.outside[i] = t ? t->shape : NULL;
        }
    }
}

/* The nodes as items, in creation order, and their passes. */
static bool make(gr__plan *plan, gr_tensor *const *nodes, int64_t n, bool laid)
{
    int64_t low = nodes[n - 1]->id, range = nodes[0]->id - low + 1;

    plan->thread->work.planned++;
    plan->low = low;
    plan->range = range;
    plan->item_count = plan->pass_count = plan->member_count = 0;
    plan->updates = plan->again = false;
    plan->trouble = !laid;
    gr__room_reset(&plan->room);
    if (!make_room(plan, n, range)) {
        return false;
    }
    memset(plan->at, GR__NONE, (size_t)range * sizeof *plan->at);
    for (int64_t i = 0; i < n; i++) {
        gr_tensor *node = nodes[n - 1 - i];
        plan->items[i] = (gr__item){.node = node,
                                    .like = likeness_of(plan, node),
                                    .in = {GR__NONE, GR__NONE, GR__NONE},
                                    .home = GR__NONE,
                                    .copied = GR__NONE,
                                    .seen = GR__NONE};
        plan->at[node->id - low] = (int32_t)i;
        plan->updates = plan->updates || node->flags & GR__UPDATE;
        note_again(plan->thread, node);
        find_operands(plan, &plan->items[i]);
    }
    plan->item_count = n;
    plan->complete = true;
    gr__fuse(plan);
    plan->again = plan->complete && plan->fusing;
    for (int64_t i = 0; i < n; i++) {
        plan->items[i].reads = plan->items[i].loads;
    }
    return plan->complete;
}

/* ---- the plans of a thread ---- */

static void drop_memory(gr__plan *plan)
{
    gr__free(plan->at);
    gr__free(plan->items);
    gr__free(plan->passes);
    gr__free(plan->members);
    gr__free(plan->late);
    gr__room_free(&plan->room);
    *plan = (gr__plan){.thread = plan->thread, .next = plan->next};
}

/* Where the list points to a plan for these nodes; NULL: there is none. */
static gr__plan **find_like(gr__plan **plans, gr_tensor *const *nodes, int64_t n)
{
    int64_t range = nodes[0]->id - nodes[n - 1]->id + 1;

    for (gr__plan **at = plans; *at; at = &(*at)->next) {
        gr__plan *plan = *at;
        if (plan->again && plan->item_count == n && plan->range == range &&
            take_over(plan, nodes, n)) {
            return at;
        }
    }
    return NULL;
}

/* Where it points to one that may be given up: the last that cannot serve again, else, where there
 * are many, the last; else to its end. */
static gr__plan **find_room(gr__plan **plans)
{
    gr__plan **at = plans, **last = NULL, **useless = NULL;
    int count = 0;

    for (; *at; at = &(*at)->next, count++) {
        last = at;
        useless = (*at)->again ? useless : at;
    }
    return useless ? useless : count == MOST_PLANS ? last : at;
}

gr__plan *gr__plan_for(gr__thread *thread, gr_tensor *const *nodes, int64_t n, gr__plan **plans)
{
    bool fusing = gr__fusing() && !thread->eager, laid = lay_out(thread, nodes, n);
    gr__plan **like = fusing && laid ? find_like(plans, nodes, n) : NULL;
    gr__plan **at = like ? like : find_room(plans), *plan = *at;

    if (plan) {
        *at = plan->next;
    } else {
        plan = gr__alloc(sizeof *plan);
        if (!plan) {
            return NULL;
        }
        *plan = (gr__plan){.thread = thread};
    }
    plan->next = *plans;
    *plans = plan;
    plan->fusing = fusing;
    if (like) {
        plan->trouble = false;
        return plan;
    }
    return make(plan, nodes, n, laid) ? plan : NULL;
}

void gr__end_plan(gr__plan *plan)
{
    plan->again = plan->again && !plan->trouble;
    if (plan->at_capacity > GR__LARGEST_KEPT || plan->member_capacity > GR__LARGEST_KEPT) {
        drop_memory(plan);
    }
}

void gr__plans_free(gr__plan *plans)
{
    while (plans) {
        gr__plan *next = plans->next;
        drop_memory(plans);
        gr__free(plans);
        plans = next;
    }
}
