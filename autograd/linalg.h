/* Between the files of linear algebra. */
#ifndef GRADUS_AUTOGRAD_LINALG_H
#define GRADUS_AUTOGRAD_LINALG_H

#include <gradus/arrange.h>
#include <gradus/linalg.h>

#include "autograd/autograd.h"

/* The operand of a function that is no primitive: floats of at least `rank` axes; or the error
 * tensor. */
const gr_tensor *gr__take_floats(const char *function, const char *argument, const gr_tensor *t,
                                 int rank);

/* The same for square matrices, (..., n, n). */
const gr_tensor *gr__take_square(const char *function, const char *argument, const gr_tensor *t);

/* Two operands and what messages call them. */
typedef struct gr__pair {
    const char *function, *first, *second;
    const gr_tensor *a, *b;
} gr__pair;

/* Both as gr__take_floats, of one dtype; false after reporting. */
bool gr__take_pair(gr__pair *p, int rank_a, int rank_b);

/* Axes of both but for the last so many, broadcast; NULL, reported, if they do not fit. */
const gr__shape *gr__pair_batch(const gr__pair *p, int axes_a, int axes_b);

/* (n, n) of a's dtype. */
gr_tensor *gr__identity(const gr_tensor *a);

/* s (...) as (..., 1, 1), to stand beside matrices. */
gr_tensor *gr__beside_matrix(const gr_tensor *s);

static inline gr_tensor *gr__matrix_transpose(const gr_tensor *a)
{
    return gr_transpose(a, -2, -1);
}

#endif
