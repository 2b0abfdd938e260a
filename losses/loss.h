/* What the losses share: checks whose messages name the loss, and masks. */
#ifndef GRADUS_LOSSES_LOSS_H
#define GRADUS_LOSSES_LOSS_H

#include <gradus/losses.h>

/* Whether a and b are floats of one shape and dtype; reports what is not. Silently false for an
 * error tensor. */
bool gr__loss_fits(const char *function, const char *a_name, const gr_tensor *a, const char *b_name,
                   const gr_tensor *b);

/* Whether labels are GR_I64 and fit logits (N, C, *); likewise. */
bool gr__loss_labels_fit(const char *function, const gr_tensor *logits, const gr_tensor *labels);

/* Whether x has rank `least` or more (`most` or less); reports "want <shape>". */
bool gr__loss_rank(const char *function, const char *name, const gr_tensor *x, int least, int most,
                   const char *shape);

/* how.mask, which is not NULL, as 0 or 1 in `dtype`, expanded to the shape of the values. */
gr_tensor *gr__loss_mask(gr_reduction how, gr_shape values, gr_dtype dtype);

/* x with 0 in place of what how masks. A loss reads all it is given through this: where(mask, v, 0)
 * on its values alone would leave 0 times NaN in the gradient of what v was computed from. `summed`
 * is the axis of x that the values lack, -1 if they have x's shape. */
const gr_tensor *gr__loss_counted(const gr_tensor *x, gr_reduction how, int summed);

#endif
