/* What the losses share: checks whose messages name the loss, and masks. Public API only. */
#include "losses/loss.h"

#include <gradus.h>

bool gr__loss_floats(const char *function, const char *name, const gr_tensor *x)
{
    return gr_check_operand(function, name, x) &&
           (gr_dtype_of(x) != GR_I64 ||
            gr_fail(GR_ERROR_DTYPE, function, name, "got i64, want f32 or f64"));
}

bool gr__loss_dtype(const char *function, const char *a_name, const gr_tensor *a,
                    const char *b_name, const gr_tensor *b)
{
    return gr_dtype_of(a) == gr_dtype_of(b) ||
           gr_fail(GR_ERROR_DTYPE, function, b_name, "got %s, want %s as %s",
                   gr_dtype_name(gr_dtype_of(b)), gr_dtype_name(gr_dtype_of(a)), a_name);
}

static bool check_like(const char *function, const char *a_name, const gr_tensor *a,
                       const char *b_name, const gr_tensor *b)
{
    gr_shape a_shape = gr_shape_of(a), b_shape = gr_shape_of(b);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    return gr_same_shape(a_shape, b_shape) ||
           gr_fail(GR_ERROR_SHAPE, function, b_name, "got %s, want %s as %s",
                   gr_shape_text(b_shape, got), gr_shape_text(a_shape, want), a_name);
}

bool gr__loss_fits(const char *function, const char *a_name, const gr_tensor *a, const char *b_name,
                   const gr_tensor *b)
{
    return gr__loss_floats(function, a_name, a) && gr_check_operand(function, b_name, b) &&
           gr__loss_dtype(function, a_name, a, b_name, b) &&
           check_like(function, a_name, a, b_name, b);
}

bool gr__loss_rank(const char *function, const char *name, const gr_tensor *x, int least, int most,
                   const char *shape)
{
    char got[GR_SHAPE_TEXT];

    return (gr_rank(x) >= least && gr_rank(x) <= most) ||
           gr_fail(GR_ERROR_SHAPE, function, name, "got %s, want %s",
                   gr_shape_text(gr_shape_of(x), got), shape);
}

bool gr__loss_option(const char *function, const char *name, bool good, double value,
                     const char *want)
{
    return good || gr_fail(GR_ERROR_VALUE, function, name, "got %g, want %s", value, want);
}

gr_shape gr__loss_without(gr_shape shape, gr_axes axes)
{
    for (int k = axes.count - 1; k >= 0; k--) {
        shape.rank--;
        for (int i = axes.axis[k]; i < shape.rank; i++) {
            shape.dims[i] = shape.dims[i + 1];
        }
    }
    return shape;
}

bool gr__loss_shape(const char *function, const char *name, const gr_tensor *t, gr_shape want,
                    const char *of_name, const gr_tensor *of)
{
    gr_shape got = gr_shape_of(t);
    char got_text[GR_SHAPE_TEXT], want_text[GR_SHAPE_TEXT], of_text[GR_SHAPE_TEXT];

    return gr_same_shape(got, want) ||
           gr_fail(GR_ERROR_SHAPE, function, name, "got %s, want %s since %s is %s",
                   gr_shape_text(got, got_text), gr_shape_text(want, want_text), of_name,
                   gr_shape_text(gr_shape_of(of), of_text));
}

bool gr__loss_labels_fit(const char *function, const char *name, const gr_tensor *logits,
                         const gr_tensor *labels, int axis)
{
    if (!gr_check_operand(function, "labels", labels)) {
        return false;
    }
    if (gr_dtype_of(labels) != GR_I64) {
        return gr_fail(GR_ERROR_DTYPE, function, "labels",
                       "got %s, want i64; gr_loss_cross_entropy_dense takes distributions",
                       gr_dtype_name(gr_dtype_of(labels)));
    }
    gr_shape want = gr__loss_without(gr_shape_of(logits), GR_AXES(axis));
    return gr__loss_shape(function, "labels", labels, want, name, logits);
}

const gr_tensor *gr__loss_counted(const gr_tensor *x, gr_reduction how, gr_axes summed)
{
    if (!how.mask) {
        return x;
    }
    gr_shape shape = gr_shape_of(x);
    gr_tensor *mask = gr__loss_mask(how, gr__loss_without(shape, summed), gr_dtype_of(x));

    for (int k = 0; k < summed.count; k++) {
        mask = gr_unsqueeze(mask, summed.axis[k]);
    }
    return gr_where(mask, x, 0);
}
