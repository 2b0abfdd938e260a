/* Between schedule.c, fuse.c and program.c: the nodes of one schedule, and the passes over memory
 * that compute them. */
#ifndef GRADUS_EVAL_PLAN_H
#define GRADUS_EVAL_PLAN_H

#include "src/core/scope.h"
#include "src/eval/eval.h"

enum { GR__NONE = -1, GR__NEVER = INT32_MAX };

/* A node of the schedule. What it stands for can be used in two ways: inside a pass, as a value in
 * registers, or from memory by every later pass. */
typedef struct gr__item {
    gr_tensor *node;
    gr__buffer *buffer; /* its memory, which becomes the node's when the numbers are there */
    int32_t in[3];      /* the items of its operands, or GR__NONE */
    int32_t home;       /* the pass it belongs to; GR__NONE: it has its numbers */
    int32_t ready;      /* the first pass in which it could be computed from memory; or GR__NEVER */
    int32_t copied;     /* the last pass that computes it once more, for itself */
    int32_t uses;       /* operands of the schedule's nodes that it is */
    int32_t loads;      /* of these, those that read it from memory */
    int32_t seen;       /* the pass that is looked at, if it has a member there ... */
    int32_t place;      /* ... which is this one; later, the value of that member */
    uint8_t cost;       /* operations to compute it from memory, itself included */
    bool inside;        /* may be used inside its pass, or a copy of it inside another */
    bool uniform;       /* one number for all elements, computed from such */
    bool stored;        /* known to be loaded; what is loaded in fact, `loads` says in the end */
    bool failed;        /* no memory: it stays pending */
} gr__item;

/* A node's place in a pass; members are in the order of computation. */
typedef struct gr__member {
    int32_t item, next, previous;
    bool live;      /* somebody needs it */
    uint8_t inside; /* operands that are values of the same pass, as bits */
} gr__member;

/* Nodes that are computed together, tile by tile, over one domain of `elements` in C order. A value
 * of the pass has one number for every element, or one for every `group` of neighbours. */
typedef struct gr__pass {
    int64_t elements;
    int64_t row;     /* a tile holds whole runs of so many elements, which are reduced within it */
    int64_t span;    /* > 0: runs of so many elements are reduced tile by tile */
    int64_t columns; /* > 0: the domain is rows of so many elements, and columns are reduced */
    int32_t first, last, count; /* its members */
    bool alone;                 /* one node with a kernel over whole arrays */
    bool late;                  /* gives cells their new values, and cannot fail when it runs */
} gr__pass;

typedef struct gr__plan {
    gr__thread *thread;
    int64_t low;      /* id of the first item */
    int64_t range;    /* of ids, up to the last item's */
    int32_t *at;      /* by id - low: the item, or GR__NONE */
    gr__item *items;  /* in creation order */
    gr__pass *passes; /* in the order they run */
    gr__member *members;
    int64_t item_count, pass_count, member_count;
    int64_t at_capacity, item_capacity, pass_capacity, member_capacity;
    int32_t recent[64]; /* the last pass over so many elements, by a hash of these */
    bool fusing;
    bool updates;  /* there are nodes marked GR__UPDATE */
    bool trouble;  /* something has failed or is an error tensor: look out for it */
    bool complete; /* false: memory ran out for the plan */
} gr__plan;

/* The item of an operand; NULL: it has its numbers, or is an error tensor. */
static inline gr__item *gr__item_of(const gr__plan *plan, const gr_tensor *t)
{
    uint64_t k = t && t->arena ? (uint64_t)(t->id - plan->low) : UINT64_MAX;

    return k < (uint64_t)plan->range && plan->at[k] >= 0 ? &plan->items[plan->at[k]] : NULL;
}

/* Whether the elements of `from`, broadcast to `to`, come in the same order, each once or several
 * times in a row. */
bool gr__in_order(const gr__shape *from, const gr__shape *to);

/* The item of an item's operand, or NULL. */
static inline gr__item *gr__read_by(const gr__plan *plan, const gr__item *item, int i)
{
    return item->in[i] >= 0 ? &plan->items[item->in[i]] : NULL;
}

/* Whether the item's numbers must be in memory in the end. */
static inline bool gr__is_kept(const gr__item *item)
{
    return item->loads > 0 || item->node->flags & GR__REQUESTED;
}

/* How the reduced axes of a reduction lie in its operand's order. */
typedef struct gr__axes_order {
    int64_t length, kept; /* elements of a result; results */
    bool trailing, leading;
} gr__axes_order;

gr__axes_order gr__order_of(const gr_tensor *reduction);

/* Whether a node of a pass reads its operands in their own shapes, not broadcast to its own. */
static inline bool gr__reads_as_is(const gr_tensor *node)
{
    return node->op->kind == GR__REDUCE || node->op->kind == GR__OPAQUE;
}

/* fuse.c: gives every item its pass, then finds out what is needed and what is loaded. */
void gr__fuse(gr__plan *plan);

/* schedule.c: computes a node whose operands have their numbers, by itself. An error among the
 * operands becomes its own. False if it has no numbers then. */
bool gr__compute(gr__thread *thread, gr_tensor *node);

#endif
