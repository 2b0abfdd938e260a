/* The thread's state: its live nodes, scopes, arenas and error. */
#ifndef GRADUS_CORE_SCOPE_H
#define GRADUS_CORE_SCOPE_H

#include <gradus/random.h>

#include "src/core/poison.h"
#include "src/core/tensor.h"

struct gr__cell;

/* Bump-allocated memory of one scope. Three arenas of a depth take turns, so that a tensor of a
 * scope that has ended still shows it, until the third scope after it overwrites it: its
 * generation is not its arena's. Three, not two, because programs look back at even steps, and at
 * every tenth. */
typedef struct gr__chunk {
    struct gr__chunk *next;
    size_t size, used; /* of the bytes that follow the header */
} gr__chunk;

struct gr__arena {
    struct gr__thread *thread;
    gr__chunk *chunks, *current;
    uint32_t generation;
};

enum { GR__TURNS = 3 };

typedef struct gr__scope {
    int64_t serial; /* unlike that of any scope before it */
    int64_t first;  /* id of its first node */
    gr__arena *arenas[GR__TURNS];
    int turn;
} gr__scope;

/* The generators that were drawn from, with the states they had before. */
enum { GR__MOST_RNGS = 8 };

typedef struct gr__draws {
    struct gr__draws *outer; /* notes as well */
    int count;               /* of generators; above GR__MOST_RNGS: these are not noted */
    gr_rng *rng[GR__MOST_RNGS];
    gr_rng_state state[GR__MOST_RNGS];
} gr__draws;

typedef struct gr__thread {
    gr_tensor **nodes; /* every live node, by id */
    int64_t count, capacity;
    gr__scope *scopes;                    /* [0] is the root scope */
    int64_t depth;                        /* of the current scope, -1 before the first */
    int64_t serials;                      /* scopes opened so far */
    int64_t scopes_ready, scope_capacity; /* those that have arenas */
    struct gr__cell **cells; /* those with a gradient or an assignment in an open scope */
    int64_t cell_count, cell_capacity;
    int64_t flushed;  /* ids below were reached by a flush of everything pending */
    int no_grad;      /* > 0: nodes are made constant */
    int transient;    /* > 0: nodes are made transient */
    bool eager;       /* GRADUS_EAGER=1: compute each node as it is made */
    gr__draws *draws; /* NULL: nobody wants to know */
    gr_dtype default_dtype;
    gr_work work;
    struct gr__workspace *workspace; /* the evaluator's, NULL before it was needed */
    void (*workspace_free)(struct gr__workspace *);
} gr__thread;

/* The calling thread's state, NULL before its first use. The model of its address saves a call for
 * every look. */
extern __attribute__((tls_model("initial-exec"))) _Thread_local gr__thread *gr__current;

/* Makes it, with a root scope; NULL, reported, if there is no memory for it. */
gr__thread *gr__begin_thread(void);

static inline gr__thread *gr__self(void)
{
    return gr__current ? gr__current : gr__begin_thread();
}

/* A node in the scope at `depth`, all zero but arena, id and generation; NULL, reported. */
gr_tensor *gr__scope_node(gr__thread *thread, int64_t depth);

/* Memory that lives as long as an arena's scope; NULL, reported, on failure. */
void *gr__arena_alloc(gr__arena *arena, size_t bytes);

/* Whether the scope that made t has ended. */
bool gr__is_stale(const gr_tensor *t);

/* gr__operand, at once for what is an ordinary tensor of this thread. */
static inline const gr_tensor *gr__own_operand(const char *function, const char *argument,
                                               const gr_tensor *t)
{
    bool own = !GR__POISONING && t && t->arena && t->arena->thread == gr__current &&
               t->generation == t->arena->generation;

    return own ? t : gr__operand(function, argument, t);
}

/* Appends to *list (gr__grow) the nodes of the open scopes whose numbers a flush computes: pending
 * ones that nothing reads and a program can still look at, those marked GR__WANTED, the values
 * assigned to cells, and the gradients of cells that are not marked. */
bool gr__pending_leaves(gr_tensor ***list, int64_t *count, int64_t *capacity);

/* Drops the thread's note of a cell. */
void gr__forget_cell(struct gr__cell *cell);
/* Notes that a cell has a gradient or an assignment in an open scope; false, reported, on
 * failure. */
bool gr__note_cell(const char *function, struct gr__cell *cell);

#endif
