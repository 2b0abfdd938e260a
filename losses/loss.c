/* What the losses share: checks whose messages name the loss, and masks. Public API only. */
#include "losses/loss.h"

#include <gradus.h>

static bool check_floats(const char *function, const char *name, const gr_tensor *x)
{
    return gr_dtype_of(x) != GR_I64 ||
           gr_fail(GR_ERROR_DTYPE, function, name, "got i64, want f32 or f64");
}

static bool check_like(const char *function, const char *a_name, const gr_tensor *a,
                       const char *b_name, const gr_tensor *b)
{
    gr_shape a_shape = gr_shape_of(a), b_shape = gr_shape_of(b);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr_dtype_of(a) != gr_dtype_of(b)) {
        return gr_fail(GR_ERROR_DTYPE, function, b_name, "got %s, want %s as %s",
                       gr_dtype_name(gr_dtype_of(b)), gr_dtype_name(gr_dtype_of(a)), a_name);
    }
    return gr_same_shape(a_shape, b_shape) ||
           gr_fail(GR_ERROR_SHAPE, function, b_name, "got %s, want %s as %s",
                   gr_shape_text(b_shape, got), gr_shape_text(a_shape, want), a_name);
}

bool gr__loss_fits(const char *function, const char *a_name, const gr_tensor *a, const char *b_name,
                   const gr_tensor *b)
{
    return gr_check_operand(function, a_name, a) && gr_check_operand(function, b_name, b) &&
           check_floats(function, a_name, a) && check_like(function, a_name, a, b_name, b);
}

bool gr__loss_rank(const char *function, const char *name, const gr_tensor *x, int least, int most,
                   const char *shape)
{
    char got[GR_SHAPE_TEXT];

    return (gr_rank(x) >= least && gr_rank(x) <= most) ||
           gr_fail(GR_ERROR_SHAPE, function, name, "got %s, want %s",
                   gr_shape_text(gr_shape_of(x), got), shape);
}

/* The shape without one axis. */
static gr_shape without(gr_shape shape, int axis)
{
    shape.rank--;
    for (int i = axis; i < shape.rank; i++) {
        shape.dims[i] = shape.dims[i + 1];
    }
    return shape;
}

static bool check_labels(const char *function, gr_shape logits, const gr_tensor *labels)
{
    gr_shape got = gr_shape_of(labels), want = without(logits, 1);
    char got_text[GR_SHAPE_TEXT], want_text[GR_SHAPE_TEXT], logits_text[GR_SHAPE_TEXT];

    if (gr_dtype_of(labels) != GR_I64) {
        return gr_fail(GR_ERROR_DTYPE, function, "labels",
                       "got %s, want i64; gr_loss_cross_entropy_dense takes distributions",
                       gr_dtype_name(gr_dtype_of(labels)));
    }
    return gr_same_shape(got, want) ||
           gr_fail(GR_ERROR_SHAPE, function, "labels", "got %s, want %s since logits is %s",
                   gr_shape_text(got, got_text), gr_shape_text(want, want_text),
                   gr_shape_text(logits, logits_text));
}

bool gr__loss_labels_fit(const char *function, const gr_tensor *logits, const gr_tensor *labels)
{
    return gr_check_operand(function, "logits", logits) &&
           gr_check_operand(function, "labels", labels) &&
           check_floats(function, "logits", logits) &&
           gr__loss_rank(function, "logits", logits, 2, GR_MAX_RANK, "(N,C,*)") &&
           check_labels(function, gr_shape_of(logits), labels);
}

const gr_tensor *gr__loss_counted(const gr_tensor *x, gr_reduction how, int summed)
{
    if (!how.mask) {
        return x;
    }
    gr_shape values = summed < 0 ? gr_shape_of(x) : without(gr_shape_of(x), summed);
    gr_tensor *mask = gr__loss_mask(how, values, gr_dtype_of(x));
    return gr_where(summed < 0 ? mask : gr_unsqueeze(mask, summed), x, 0);
}
