/* The node: what a tensor is inside, the descriptor it points to, and how nodes are made. */
#ifndef GRADUS_CORE_TENSOR_H
#define GRADUS_CORE_TENSOR_H

#include <gradus/grad.h>
#include <gradus/tensor.h>

#include "src/core/alloc.h"
#include "src/core/shape.h"
#include "src/kernels/kernels.h"

typedef enum gr__kind {
    GR__LEAF,   /* has its numbers from the start */
    GR__MAP,    /* elementwise, broadcasting, up to three operands */
    GR__REDUCE, /* along axes; the operand's axes in `detail` */
    GR__VIEW,   /* the operand's numbers under another layout */
    GR__SOURCE, /* computed from the position alone: constant, random */
    GR__OPAQUE  /* a kernel over whole arrays, operands of any layout */
} gr__kind;

/* Bits of dtypes that a primitive takes. */
enum { GR__FLOATS = 1 << GR_F32 | 1 << GR_F64, GR__ALL = GR__FLOATS | 1 << GR_I64 };

typedef struct gr__primitive {
    const char *name; /* the public function's, as messages show it */
    gr__kind kind;
    uint8_t arity;  /* operands that the value is computed from; more may follow for the rule */
    uint8_t dtypes; /* bits of what operand 0 may be */
    uint8_t cost;   /* of computing an element again, in simple operations; 0: 1 */
    bool in_order;  /* VIEW: the elements keep their order, as in reshape and expand */
    size_t kernel;  /* offset in gr__kernels of the slot, an array by dtype */

    size_t row; /* OPAQUE: slot of the kernel for one index (operand 1) in each row of the last
                   axis; 0: it has none */

    gr__opaque_kernel *run; /* OPAQUE: in place of a slot, for every dtype and instruction set */

    /* OPAQUE: bytes of working memory, which the kernel finds as one more operand behind the others
     * (data, and the bytes as count); None: it takes none. */
    size_t (*scratch)(const gr_tensor *node, int threads);

    /* OPAQUE: the result is operand 0 with some elements changed, of its shape and dtype, and the
     * kernel may be given that operand's own memory for it. Such a kernel finds no faults. */
    bool onto;

    /* The gradient of operand `input`, written in operations, from that of the node; NULL, or no
     * rule at all: nothing flows. */
    gr_tensor *(*rule)(const gr_tensor *node, int input, gr_tensor *gradient);

    /* VIEW: the node's layout from its operand's; false where strides cannot express it. None: the
     * operand's own, in order. */
    bool (*layout)(const gr_tensor *node, const gr__layout *operand, gr__layout *result);

    /* MAP: the operands' names, as messages show them. */
    const char *const *operands;

    /* SOURCE: whether all elements are one number. */
    bool (*uniform)(const gr_tensor *node);
} gr__primitive;

typedef struct gr__arena gr__arena;

enum {
    GR__ERROR = 1,      /* an error tensor */
    GR__CONSTANT = 2,   /* made under GR_NO_GRAD: no gradient flows through it */
    GR__TRANSIENT = 4,  /* made where no user can name it: not kept after its last reader */
    GR__COMPUTED = 8,   /* has been computed before */
    GR__REQUESTED = 16, /* scratch of one schedule: its value is to stay */
    GR__WANTED = 32,    /* given to gr_backward: the next flush computes it */
    GR__UPDATE = 64,    /* a cell's next value, while a step computes it */
    GR__READ = 128      /* another node reads it */
};

struct gr_tensor {
    const gr__primitive *op;
    const gr__shape *shape;
    gr__buffer *buffer;       /* NULL while pending */
    const gr__layout *layout; /* NULL: contiguous from the buffer's start */
    const void *detail;       /* the operation's own parameters, in the arena */
    const void *site;         /* return address of the call that made it */
    gr__arena *arena;         /* NULL: a cell, or an error tensor */
    gr_arg in[3];
    int64_t id; /* creation order among the thread's live nodes, an index into its list */
    uint32_t generation;
    uint32_t mark; /* scratch of one walk, 0 between walks */
    uint8_t dtype;
    uint8_t flags;
};

_Static_assert(sizeof(gr_tensor) <= 128, "a node's budget");

/* The tensor that every failed operation returns. */
extern gr_tensor gr__error_tensor;

/* The operations' caller, to be taken in the public function itself. */
#define GR__SITE __builtin_return_address(0)

/* ---- making nodes: all return the error tensor on failure, after reporting ---- */

/* A pending node in the current scope. Operands are those of `in` (arity of them are read by the
 * evaluator); they must have passed gr__operand. */
gr_tensor *gr__node(const gr__primitive *op, const void *site, const gr__shape *shape,
                    gr_dtype dtype, const gr_arg *in, int inputs, const void *detail);

/* A node whose numbers exist: takes over one hold of `buffer`. */
gr_tensor *gr__leaf(const gr__shape *shape, gr_dtype dtype, gr__buffer *buffer,
                    const gr__layout *layout);

/* Memory that lives as long as the current scope; NULL, reported, on failure. */
void *gr__scope_alloc(size_t bytes);

/* Storage of t's numbers that a cell or an outer scope may have for its own: t's buffer where it is
 * nobody's but the library's and holds just these elements in order, else a copy. NULL,
 * reported. */
gr__buffer *gr__own_buffer(const gr_tensor *t);

/* Checks an operand (stale, error) and captures what does not belong to the thread's graph: a
 * cell's value at this moment, another thread's tensor. Returns the node to use, or the error
 * tensor. */
const gr_tensor *gr__operand(const char *function, const char *argument, const gr_tensor *t);

/* Reports and returns the error tensor. */
gr_tensor *gr__error(gr_code code, const char *function, const char *argument, const char *format,
                     ...) GR__PRINTF(4, 5);

/* A shape given by the user for a tensor of dtype; NULL after reporting what is wrong with
 * either. */
const gr__shape *gr__checked_shape(const char *function, gr_dtype dtype, gr_shape shape);

/* The cell that a node captured, or NULL. */
struct gr__cell *gr__captured_cell(const gr_tensor *node);

/* What a node captured (a cell, another thread's tensor), or the node itself: what a target of a
 * gradient is. To be compared, not looked into: another thread's tensor may be gone. */
const gr_tensor *gr__origin(const gr_tensor *node);

static inline bool gr__is_error(const gr_tensor *t)
{
    return (t->flags & GR__ERROR) != 0;
}

static inline bool gr__is_pending(const gr_tensor *t)
{
    return t->buffer == NULL && !gr__is_error(t);
}

/* The layout of a node that has its numbers, in full. */
gr__layout gr__layout_of(const gr_tensor *t);
bool gr__is_contiguous(const gr_tensor *t);

/* The same as kernels take it, with numbers at `data`: gr__base(t), or what is to become t's. */
void gr__describe(gr__array *array, const gr_tensor *t, void *data);

/* Address of the first element. */
void *gr__base(const gr_tensor *t);

/* The primitive of tensors that have their numbers, and of values captured from a cell that still
 * waits for its own. */
extern const gr__primitive gr__leaf_primitive;
extern const gr__primitive gr__captured_primitive; /* detail: the cell, NULL once that is freed */

#endif
