/* What the losses share: checks whose messages name the loss, and masks. */
#ifndef GRADUS_LOSSES_LOSS_H
#define GRADUS_LOSSES_LOSS_H

#include <gradus/losses.h>

/* Whether x is a tensor of floats; reports what it is. Silently false for an error tensor. */
bool gr__loss_floats(const char *function, const char *name, const gr_tensor *x);

/* Whether a and b are floats of one shape and dtype; likewise. */
bool gr__loss_fits(const char *function, const char *a_name, const gr_tensor *a, const char *b_name,
                   const gr_tensor *b);

/* Whether b has a's dtype; likewise. */
bool gr__loss_dtype(const char *function, const char *a_name, const gr_tensor *a,
                    const char *b_name, const gr_tensor *b);

/* Whether t has the shape `want`, which follows from the argument `of`; likewise. */
bool gr__loss_shape(const char *function, const char *name, const gr_tensor *t, gr_shape want,
                    const char *of_name, const gr_tensor *of);

/* Whether labels are GR_I64 and have the shape of logits, called `name`, without `axis`;
 * likewise. */
bool gr__loss_labels_fit(const char *function, const char *name, const gr_tensor *logits,
                         const gr_tensor *labels, int axis);

/* Whether x has rank `least` or more (`most` or less); reports "want <shape>". */
bool gr__loss_rank(const char *function, const char *name, const gr_tensor *x, int least, int most,
                   const char *shape);

/* Whether an option is `good`; reports "got <value>, want <want>". */
bool gr__loss_option(const char *function, const char *name, bool good, double value,
                     const char *want);

/* The shape without some axes, which are not negative and ascend. */
gr_shape gr__loss_without(gr_shape shape, gr_axes axes);

/* how.mask, which is not NULL, as 0 or 1 in `dtype`, expanded to the shape of the values. */
gr_tensor *gr__loss_mask(gr_reduction how, gr_shape values, gr_dtype dtype);

/* No axes: for values of the inputs' shape. */
#define GR__NO_AXES ((gr_axes){0, {0}})

/* x with 0 in place of what how masks. A loss reads all it is given through this: where(mask, v, 0)
 * on its values alone would leave 0 times NaN in the gradient of what v was computed from. `summed`
 * are the axes of x that the values lack, ascending. */
const gr_tensor *gr__loss_counted(const gr_tensor *x, gr_reduction how, gr_axes summed);

#endif
