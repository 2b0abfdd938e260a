/* Between the files that make and run a schedule: its nodes, and the passes over memory that compute
 * them. */
#ifndef GRADUS_EVAL_PLAN_H
#define GRADUS_EVAL_PLAN_H

#include "src/core/scope.h"
#include "src/eval/eval.h"

/* ---- room.c: memory for programs and their threads ---- */

typedef struct gr__room {
    struct gr__room_chunk *chunks, *current;
    char *threads;
    size_t thread_bytes; /* of all threads together */
} gr__room;

void *gr__room_take(gr__room *room, size_t bytes); /* 64-byte aligned; NULL: no memory */
void gr__room_reset(gr__room *room);               /* all that was taken is free again */
void gr__room_free(gr__room *room);

enum {
    GR__NONE = -1,
    GR__NEVER = INT32_MAX,
    GR__LARGEST_KEPT = 1 << 14 /* nodes of a schedule whose memory is kept */
};

/* What a plan knows of a node. Where all nodes of a schedule are like those of another, so is the
 * plan. */
typedef struct gr__likeness {
    const gr__primitive *op;
    const gr__shape *shape;
    const gr__shape
        *outside[3]; /* of operands that had their numbers; NULL: a number, or an item */
    int64_t order;   /* in creation, from the first item */
    int64_t trait;   /* what counts of its detail and its indices */
    uint8_t dtype, flags;
    bool computed; /* it has its numbers already */
} gr__likeness;

/* A node of the schedule. What it stands for can be used in two ways: inside a pass, as a value in
 * registers, or from memory by every later pass. */
typedef struct gr__item {
    gr_tensor *node;
    gr__buffer *buffer; /* its memory, which becomes the node's when the numbers are there */
    int32_t in[3];      /* the items of its operands, or GR__NONE */
    gr__likeness like;  /* what the plan rests on */
    int32_t home;       /* the pass it belongs to; GR__NONE: it has its numbers */
    int32_t ready;      /* the first pass in which it could be computed from memory; or GR__NEVER */
    int32_t copied;     /* the last pass that computes it once more, for itself */
    int32_t uses;       /* operands of the schedule's nodes that it is */
    int32_t reads;      /* of these, those that read it from memory */
    int32_t loads;      /* of these, those to come */
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
    int32_t first, last, count;  /* its members */
    struct gr__program *program; /* once it is written; NULL: nothing is to run */
    bool written;
    bool alone; /* one node with a kernel over whole arrays */
    bool late;  /* gives cells their new values, and cannot fail when it runs */
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
    bool updates;              /* there are nodes marked GR__UPDATE */
    bool trouble;              /* something has failed or is an error tensor: look out for it */
    bool complete;             /* false: memory ran out for the plan */
    bool again;                /* it may serve another schedule */
    gr__room room;             /* of its programs */
    struct gr__program **late; /* those that wait for all others */
    int64_t late_count, late_capacity;
    struct gr__plan *next; /* in the workspace: used less recently */
} gr__plan;

/* Whether the elements of `from`, broadcast to `to`, come in the same order, each once or several
 * times in a row. */
bool gr__in_order(const gr__shape *from, const gr__shape *to);

/* The item of an item's operand, or NULL. */
static inline gr__item *gr__read_by(const gr__plan *plan, const gr__item *item, int i)
{
    return item->in[i] >= 0 ? &plan->items[item->in[i]] : NULL;
}

/* A number that somebody may look at: one element, made where a user can name it, of more than
 * numbers. */
static inline bool gr__is_result(const gr__item *item)
{
    const gr_tensor *node = item->node;
    bool computed = node->op->kind == GR__MAP || node->op->kind == GR__REDUCE;

    return node->shape->count == 1 && computed && !item->uniform && !(node->flags & GR__TRANSIENT);
}

/* Whether the item's numbers must be in memory in the end. */
static inline bool gr__is_kept(const gr__item *item)
{
    return item->loads > 0 || item->node->flags & GR__REQUESTED || gr__is_result(item);
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

/* plan.c: the plan for n nodes, highest id first: one of the plans at *plans, whose schedule was like
 * theirs, or a new one. It then comes first. NULL: no memory. */
gr__plan *gr__plan_for(gr__thread *thread, gr_tensor *const *nodes, int64_t n, gr__plan **plans);

/* An end to what cannot serve again. */
void gr__end_plan(gr__plan *plan);
void gr__plans_free(gr__plan *plans);

/* passes.c: computes a node whose operands have their numbers, by itself. An error among the
 * operands becomes its own. False if it has no numbers then. */
bool gr__compute(gr__thread *thread, gr_tensor *node);

/* Runs all passes. */
void gr__run_passes(gr__plan *plan, gr__room *scratch);

#endif
