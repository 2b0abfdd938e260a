/* Between the files of the evaluator: the machine, blocks of operands, and what one node computes
 * by itself. */
#ifndef GRADUS_EVAL_H
#define GRADUS_EVAL_H

#include "src/core/tensor.h"
#include "src/kernels/kernels.h"

/* ---- machine.c ---- */

/* The kernels of the instruction set in use. */
const gr__kernels *gr__kernels_in_use(void);

/* The slots of a primitive in them, which lie `offset` bytes from the beginning. */
static inline const void *gr__slots(const gr__kernels *kernels, size_t offset)
{
    return (const char *)kernels + offset;
}

/* Threads for work of about `elements` element operations: 1 below the size that pays. */
int gr__threads_for(int64_t elements);

/* Whether nodes are computed together where they can be: unless GRADUS_FUSE=0, or a test says so. */
bool gr__fusing(void);
void gr__set_fusing(bool fusing);

/* Sets that size, below which a parallel region costs more than it gains; tests make it small, so
 * that small arrays are shared out too. */
void gr__set_parallel_from(int64_t elements);

/* ---- load.c ---- */

/* How an operand's elements reach a block, in the logical order of the shape they are wanted in. */
typedef struct gr__load {
    const char *base;
    size_t size; /* of an element */
    int rank;    /* after merging axes; 0: one element for all */
    int64_t dims[GR_MAX_RANK];
    int64_t strides[GR_MAX_RANK]; /* in elements; 0 repeats */
} gr__load;

/* For `count` elements of extents dims, at base + sum i * stride. */
gr__load gr__load_plan(const void *base, size_t size, int rank, const int64_t *dims,
                       const int64_t *strides);

/* Elements first .. first + n - 1, one after the other. */
void gr__load_copy(const gr__load *load, int64_t first, int64_t n, void *out);

/* The same for n <= GR__BLOCK: where they lie if they lie together, else copied
 * into scratch. */
const void *gr__load_block(const gr__load *load, int64_t first, int64_t n, void *scratch);

/* ---- alone.c, reduce.c ---- */

enum { GR__LONGEST_ROW = 8 * GR__BLOCK }; /* elements that are reduced within a tile */

/* Computes a node whose operands have their numbers by itself: a view, a reduction, an opaque kernel,
 * an empty tensor. Returns its numbers, which are the caller's to give to the node: an error handler
 * may have computed it meanwhile. NULL after reporting. */
gr__buffer *gr__run(gr_tensor *node);

/* The same for a node that works onto its first operand, in that operand's memory. */
gr__buffer *gr__run_onto(gr_tensor *node);
gr__buffer *gr__run_reduce(gr_tensor *node);

/* Folds n rows of `width` elements, `row` bytes each, as a tree of neighbours into the first. */
void gr__fold_tree(const gr__reduce_kernel *kernel, void *rows, int64_t n, size_t row,
                   int64_t width);

/* Writes a number in a dtype. */
void gr__store_number(void *to, gr_dtype dtype, double number);

/* A new buffer for the node's elements; NULL, reported with the node's name and site. */
gr__buffer *gr__buffer_for(const gr_tensor *node);

/* Reports a failure that belongs to a node, naming where it was made. Returns false. */
bool gr__fail_at(const gr_tensor *node, gr_code code, const char *argument, const char *text);

#endif
