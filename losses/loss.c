/* What the losses share: checks whose messages name the loss, and masks. Public API only. */
#include <gradus.h>
#include <stdio.h>

#include "losses/loss.h"

gr__loss_text gr__loss_shape(gr_shape shape)
{
    gr__loss_text text = {"("};
    size_t used = 1;

    for (int i = 0; i < shape.rank; i++) {
        used += (size_t)snprintf(text.s + used, sizeof text.s - used, i ? ",%lld" : "%lld",
                                 (long long)shape.dims[i]);
    }
    snprintf(text.s + used, sizeof text.s - used, ")");
    return text;
}

/* No tensor can have this shape. The error is set already, so that nothing is reported. */
gr_tensor *gr__loss_error(void)
{
    return gr_zeros((gr_shape){.rank = -1});
}

static bool same_shape(gr_shape a, gr_shape b)
{
    bool same = a.rank == b.rank;

    for (int i = 0; i < a.rank && same; i++) {
        same = a.dims[i] == b.dims[i];
    }
    return same;
}

/* NULL if x is a tensor of use; else the error tensor: silently, if x is one. */
static gr_tensor *operand_error(const char *function, const char *name, const gr_tensor *x)
{
    if (!x) {
        gr_fail(GR_ERROR_VALUE, function, name, "got NULL, want a tensor");
        return gr__loss_error();
    }
    return gr_is_error(x) ? gr_detach(x) : NULL;
}

static bool check_floats(const char *function, const char *name, const gr_tensor *x)
{
    return gr_dtype_of(x) != GR_I64 ||
           gr_fail(GR_ERROR_DTYPE, function, name, "got i64, want f32 or f64");
}

static bool check_like(const char *function, const char *a_name, const gr_tensor *a,
                       const char *b_name, const gr_tensor *b)
{
    gr_dtype a_dtype = gr_dtype_of(a), b_dtype = gr_dtype_of(b);
    gr_shape a_shape = gr_shape_of(a), b_shape = gr_shape_of(b);

    if (a_dtype != b_dtype) {
        return gr_fail(GR_ERROR_DTYPE, function, b_name, "got %s, want %s as %s",
                       gr_dtype_name(b_dtype), gr_dtype_name(a_dtype), a_name);
    }
    return same_shape(a_shape, b_shape) ||
           gr_fail(GR_ERROR_SHAPE, function, b_name, "got %s, want %s as %s",
                   gr__loss_shape(b_shape).s, gr__loss_shape(a_shape).s, a_name);
}

gr_tensor *gr__loss_mismatch(const char *function, const char *a_name, const gr_tensor *a,
                             const char *b_name, const gr_tensor *b)
{
    gr_tensor *error = operand_error(function, a_name, a);

    error = error ? error : operand_error(function, b_name, b);
    if (error) {
        return error;
    }
    bool fits = check_floats(function, a_name, a) && check_like(function, a_name, a, b_name, b);
    return fits ? NULL : gr__loss_error();
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
    gr_shape got = gr_shape_of(labels);

    if (logits.rank < 2) {
        return gr_fail(GR_ERROR_SHAPE, function, "logits", "got %s, want (N,C,*)",
                       gr__loss_shape(logits).s);
    }
    if (gr_dtype_of(labels) != GR_I64) {
        return gr_fail(GR_ERROR_DTYPE, function, "labels", "got %s, want i64",
                       gr_dtype_name(gr_dtype_of(labels)));
    }
    return same_shape(got, without(logits, 1)) ||
           gr_fail(GR_ERROR_SHAPE, function, "labels", "got %s, want %s since logits is %s",
                   gr__loss_shape(got).s, gr__loss_shape(without(logits, 1)).s,
                   gr__loss_shape(logits).s);
}

gr_tensor *gr__loss_label_mismatch(const char *function, const gr_tensor *logits,
                                   const gr_tensor *labels)
{
    gr_tensor *error = operand_error(function, "logits", logits);

    error = error ? error : operand_error(function, "labels", labels);
    if (error) {
        return error;
    }
    bool fits = check_floats(function, "logits", logits) &&
                check_labels(function, gr_shape_of(logits), labels);
    return fits ? NULL : gr__loss_error();
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
