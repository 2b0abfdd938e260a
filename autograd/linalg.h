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

/* Whether b has a's dtype; reported for the argument `second` if not. */
bool gr__same_dtype(const char *function, const char *second, const char *first, const gr_tensor *a,
                    const gr_tensor *b);

/* The leading axes of matrices a and b, broadcast; NULL, reported likewise, if they do not fit. */
const gr__shape *gr__common_batch(const char *function, const char *second, const char *first,
                                  const gr_tensor *a, const gr_tensor *b);

/* (n, n) of a's dtype. */
gr_tensor *gr__identity(const gr_tensor *a);

/* s (...) as (..., 1, 1), to stand beside matrices. */
gr_tensor *gr__beside_matrix(const gr_tensor *s);

static inline gr_tensor *gr__matrix_transpose(const gr_tensor *a)
{
    return gr_transpose(a, -2, -1);
}

#endif
