/* Between the files of linear algebra. */
#ifndef GRADUS_AUTOGRAD_LINALG_H
#define GRADUS_AUTOGRAD_LINALG_H

#include <gradus/arrange.h>
#include <gradus/linalg.h>

#include "autograd/autograd.h"

/* gr__take_floats of square matrices, (..., n, n). */
const gr_tensor *gr__take_square(const char *function, const char *argument, const gr_tensor *t);

/* Two operands, what messages call them, and how many of their last axes are no batch. */
typedef struct gr__pair {
    const char *function, *first, *second;
    const gr_tensor *a, *b;
    int rank_a, rank_b;
} gr__pair;

/* Takes both: floats of one dtype and of these ranks at least. */
bool gr__take_pair(gr__pair *p);

/* Whether an axis of a has the extent of one of b; both are counted from the end. */
bool gr__pair_meets(const gr__pair *p, int axis_a, int axis_b);

/* The batches of both, broadcast; NULL after reporting. */
const gr__shape *gr__pair_batch(const gr__pair *p);

/* x expanded to have `batch` before its last two axes. */
const gr_tensor *gr__with_batch(const gr_tensor *x, const gr__shape *batch);

/* (n, n) of a's dtype. */
gr_tensor *gr__identity(const gr_tensor *a);

/* s (...) as (..., 1, 1), to stand beside matrices. */
gr_tensor *gr__beside_matrix(const gr_tensor *s);

static inline gr_tensor *gr__matrix_transpose(const gr_tensor *a)
{
    return gr_transpose(a, -2, -1);
}

#endif
