/* Cells inside: what core, evaluator and gradients know of them. */
#ifndef GRADUS_CORE_PARAMS_H
#define GRADUS_CORE_PARAMS_H

#include <gradus/params.h>

#include "src/core/tensor.h"

typedef struct gr__cell gr__cell;

typedef struct gr__entry {
    gr__cell *cell;
    char *name; /* seen from the set that lists it */
} gr__entry;

struct gr_params {
    _Atomic(const struct gr__thread *) writer; /* who changes cells of this set at this moment */
    gr_params *parent;
    char *name; /* within the parent */
    gr__entry *entries;
    int64_t count, capacity;
    gr_params **groups;
    int64_t group_count, group_capacity;
};

struct gr__cell {
    gr_tensor tensor; /* first: a cell is a tensor; its buffer is never NULL */
    char *name;       /* within its own set */
    gr_params *owner;
    gr_tensor *pending;      /* an assigned value whose numbers wait, or NULL */
    const gr_tensor *update; /* its next value, while gr_assign_all computes it */
    gr_tensor *gradient;     /* what gr_backward has left, or NULL: a node, or &held */
    gr_tensor held;          /* the gradient once its scope has ended */
    bool trained;
    int64_t assigned; /* which assignment of gr__assignments gave it its value; 0: none yet */
    struct gr__thread *noting; /* whose list of cells has it, at place `noted`; NULL: none's */
    int64_t noted;
};

extern const gr__primitive gr__cell_primitive;

static inline gr__cell *gr__as_cell(const gr_tensor *t)
{
    return t->op == &gr__cell_primitive ? (gr__cell *)t : NULL;
}

/* A node of the current scope with the value the cell holds at this moment. */
const gr_tensor *gr__cell_value(const char *function, const char *argument, const gr__cell *cell);

/* Whether this thread may look at the cell: false, reported, if another one has assigned it a value
 * that is still pending there. */
bool gr__cell_is_ours(const char *function, const char *argument, const gr__cell *cell);

/* How often cells have been assigned so far, by all threads. */
int64_t gr__assignments(void);

/* Replaces the cell's gradient by a node (NULL: none). */
bool gr__cell_set_gradient(gr__cell *cell, gr_tensor *gradient);

/* Takes the numbers of cell->pending, which has them, into the cell; false, reported, when they
 * must be copied (a view, borrowed memory) and there is no memory for it. */
bool gr__cell_adopt(gr__cell *cell);

/* Cells that are about to be changed: false, reported, and nothing claimed, if another thread
 * changes one of their sets at this moment. */
bool gr__claim_cells(const char *function, gr__cell *const *cells, int n);
void gr__release_cells(gr__cell *const *cells, int n);

/* Whether a cell is trained and listed in params (NULL: in any). */
bool gr__is_trained_in(const gr__cell *cell, const gr_params *params);

/* Moves the gradient into the cell, as plain numbers; it has been computed. */
bool gr__cell_hold_gradient(gr__cell *cell);

#endif
