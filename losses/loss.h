/* What the losses share: checks whose messages name the loss, and masks. */
#ifndef GRADUS_LOSSES_LOSS_H
#define GRADUS_LOSSES_LOSS_H

#include <gradus/losses.h>

/* A shape as messages show it: "(4,3)". */
typedef struct gr__loss_text {
    char s[GR_MAX_RANK * 21 + 3];
} gr__loss_text;

gr__loss_text gr__loss_shape(gr_shape shape);

/* What a loss returns after gr_fail. */
gr_tensor *gr__loss_error(void);

/* NULL if a and b are floats of one shape and dtype; else the error tensor, after reporting. An
 * argument that is an error tensor is returned silently. */
gr_tensor *gr__loss_mismatch(const char *function, const char *a_name, const gr_tensor *a,
                             const char *b_name, const gr_tensor *b);

/* NULL if labels are GR_I64 and fit logits (N, C, *); else as above. */
gr_tensor *gr__loss_label_mismatch(const char *function, const gr_tensor *logits,
                                   const gr_tensor *labels);

/* how.mask, which is not NULL, as 0 or 1 in `dtype`, expanded to the shape of the values. */
gr_tensor *gr__loss_mask(gr_reduction how, gr_shape values, gr_dtype dtype);

/* x with 0 in place of what how masks. A loss reads all it is given through this: where(mask, v, 0)
 * on its values alone would leave 0 times NaN in the gradient of what v was computed from. `summed`
 * is the axis of x that the values lack, -1 if they have x's shape. */
const gr_tensor *gr__loss_counted(const gr_tensor *x, gr_reduction how, int summed);

#endif
