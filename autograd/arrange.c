/* Rearranging by composition: padding with a tensor's own elements, parts, repetitions, diagonals
 * and triangles. Nothing here has a kernel or a derivative of its own. */
#include <gradus/arrange.h>

#include "autograd/autograd.h"
#include "src/core/scope.h"

/* x and its axis, checked; axis -1: something is wrong, and has been reported. */
typedef struct operand {
    const gr_tensor *x;
    int axis;
    int64_t extent;
} operand;

static operand take(const char *function, const gr_tensor *x, int axis)
{
    operand o = {.x = gr__along_axis(function, gr__own_operand(function, "x", x), &axis)};

    o.axis = axis;
    o.extent = axis < 0 ? 0 : o.x->shape->dims[axis];
    return o;
}

/* ---- padding with own elements ---- */

static bool check_amount(const char *function, const char *argument, int64_t got, int64_t most)
{
    if (got < 0) {
        return gr_fail(GR_ERROR_VALUE, function, argument,
                       "got %lld, want 0 or more; gr_slice takes elements away", (long long)got);
    }
    return got <= most || gr_fail(GR_ERROR_VALUE, function, argument,
                                  "got %lld, want %lld at most for the extent of x", (long long)got,
                                  (long long)most);
}

bool gr__check_padding(const char *function, const gr_tensor *x, int axis, int64_t before,
                       int64_t after, int64_t most)
{
    gr_shape shape = gr__public_shape(x->shape);
    int64_t *extent = &shape.dims[axis];

    if (!check_amount(function, "before", before, most) ||
        !check_amount(function, "after", after, most)) {
        return false;
    }
    if (__builtin_add_overflow(*extent, before, extent) ||
        __builtin_add_overflow(*extent, after, extent)) {
        return gr_fail(GR_ERROR_MEMORY, function, "after", "the extent overflows");
    }
    return gr__shape_of(function, "after", shape.rank, shape.dims) != NULL;
}

/* Those of the three that have elements, one behind the other. */
static gr_tensor *between(gr_tensor *before, const operand *o, gr_tensor *after)
{
    gr_tensor *parts[3], *all[] = {before, (gr_tensor *)(uintptr_t)o->x, after};
    int n = 0;

    for (int i = 0; i < 3; i++) {
        if (i == 1 || gr_dim(all[i], o->axis) != 0) {
            parts[n++] = all[i];
        }
    }
    return gr_concat(parts, n, o->axis);
}

gr_tensor *gr_pad_reflect(const gr_tensor *x, int axis, int64_t before, int64_t after)
{
    operand o = take("gr_pad_reflect", x, axis);
    gr_axes along = GR_AXES(o.axis);

    if (o.axis < 0 || !gr__check_padding("gr_pad_reflect", o.x, o.axis, before, after,
                                         o.extent > 0 ? o.extent - 1 : 0)) {
        return &gr__error_tensor;
    }
    return between(gr_flip(gr_slice(o.x, o.axis, 1, before + 1), along), &o,
                   gr_flip(gr_slice(o.x, o.axis, o.extent - 1 - after, o.extent - 1), along));
}

/* `times` copies of the element at `start`. */
static gr_tensor *edge(const operand *o, int64_t start, int64_t times)
{
    return gr_expand(gr_slice(o->x, o->axis, start, start + 1),
                     gr__with_extent(o->x->shape, o->axis, times));
}

gr_tensor *gr_pad_replicate(const gr_tensor *x, int axis, int64_t before, int64_t after)
{
    operand o = take("gr_pad_replicate", x, axis);

    if (o.axis < 0 || !gr__check_padding("gr_pad_replicate", o.x, o.axis, before, after,
                                         o.extent > 0 ? INT64_MAX : 0)) {
        return &gr__error_tensor;
    }
    if (o.extent == 0) {
        return gr__itself(o.x);
    }
    return between(edge(&o, 0, before), &o, edge(&o, o.extent - 1, after));
}

gr_tensor *gr_pad_circular(const gr_tensor *x, int axis, int64_t before, int64_t after)
{
    operand o = take("gr_pad_circular", x, axis);

    if (o.axis < 0 || !gr__check_padding("gr_pad_circular", o.x, o.axis, before, after, o.extent)) {
        return &gr__error_tensor;
    }
    return between(gr_slice(o.x, o.axis, o.extent - before, o.extent), &o,
                   gr_slice(o.x, o.axis, 0, after));
}

/* ---- parts ---- */

/* False, with error tensors in their places, if one of n tensors is an error. */
static bool all_good(bool good, gr_tensor **out, int64_t n)
{
    for (int64_t i = 0; i < n && good; i++) {
        good = !gr__is_error(out[i]);
    }
    for (int64_t i = 0; out && i < n && !good; i++) {
        out[i] = &gr__error_tensor;
    }
    return good;
}

static bool check_sizes(int64_t extent, const int64_t *sizes, int n)
{
    int64_t left = extent;
    bool good = true;

    if (!sizes || n < 1) {
        return gr_fail(GR_ERROR_VALUE, "gr_split_sizes", "sizes", "got %s, want one extent or more",
                       sizes ? "an empty list" : "NULL");
    }
    for (int i = 0; i < n && good; i++) {
        good = sizes[i] >= 0 && sizes[i] <= left;
        left -= good ? sizes[i] : 0;
    }
    return (good && left == 0) ||
           gr_fail(GR_ERROR_VALUE, "gr_split_sizes", "sizes",
                   "want extents of 0 or more that add up to %lld", (long long)extent);
}

bool gr_split_sizes(const gr_tensor *x, int axis, const int64_t *sizes, int n, gr_tensor **out)
{
    operand o = take("gr_split_sizes", x, axis);
    bool good = o.axis >= 0 && gr__given("gr_split_sizes", "out", out, "an array") &&
                check_sizes(o.extent, sizes, n);

    for (int64_t i = 0, start = 0; i < n && good; i++) {
        out[i] = gr_slice(o.x, o.axis, start, start + sizes[i]);
        start += sizes[i];
    }
    return all_good(good, out, n);
}

bool gr_split(const gr_tensor *x, int axis, int parts, gr_tensor **out)
{
    operand o = take("gr_split", x, axis);
    bool good = o.axis >= 0 && gr__given("gr_split", "out", out, "an array");

    if (good && (parts < 1 || o.extent % parts != 0)) {
        good = gr_fail(GR_ERROR_VALUE, "gr_split", "parts",
                       "got %d, want a divisor of the extent %lld; gr_split_sizes takes unequal "
                       "parts",
                       parts, (long long)o.extent);
    }
    for (int i = 0; i < parts && good; i++) {
        int64_t size = o.extent / parts;
        out[i] = gr_slice(o.x, o.axis, i * size, (i + 1) * size);
    }
    return all_good(good, out, parts);
}

bool gr_unstack(const gr_tensor *x, int axis, gr_tensor **out)
{
    operand o = take("gr_unstack", x, axis);
    bool good = o.axis >= 0 && gr__given("gr_unstack", "out", out, "an array");

    for (int64_t i = 0; i < o.extent && good; i++) {
        out[i] = gr_squeeze(gr_slice(o.x, o.axis, i, i + 1), o.axis);
    }
    return all_good(good, out, o.extent);
}

/* ---- repetitions ---- */

/* Elements before the axis, along it, behind it. */
static gr_shape three(const operand *o)
{
    int64_t behind = 1, before = 1;

    for (int i = 0; i < o->x->shape->rank; i++) {
        *(i < o->axis ? &before : &behind) *= i == o->axis ? 1 : o->x->shape->dims[i];
    }
    return GR_SHAPE(before, o->extent, behind);
}

/* x `times` over along the axis: each element by itself (inner), or all of them in turn. */
static gr_tensor *repeated(const char *function, const char *argument, const operand *o,
                           int64_t times, bool inner)
{
    gr_shape s = three(o), shape = gr__public_shape(o->x->shape);
    int64_t n = o->extent;

    if (times == 1) {
        return gr__itself(o->x);
    }
    if (__builtin_mul_overflow(n, times, &shape.dims[o->axis])) {
        return gr__error(GR_ERROR_MEMORY, function, argument, "the extent overflows");
    }
    if (!gr__shape_of(function, argument, shape.rank, shape.dims)) {
        return &gr__error_tensor;
    }
    gr_shape apart = inner ? GR_SHAPE(s.dims[0], n, 1, s.dims[2])
                           : GR_SHAPE(s.dims[0], 1, n, s.dims[2]);
    gr_shape many = apart;
    many.dims[inner ? 2 : 1] = times;
    return gr_reshape(gr_expand(gr_reshape(o->x, apart), many), shape);
}

gr_tensor *gr_repeat(const gr_tensor *x, int axis, int64_t times)
{
    operand o = take("gr_repeat", x, axis);

    return o.axis >= 0 && gr__at_least("gr_repeat", "times", times, 0)
               ? repeated("gr_repeat", "times", &o, times, true)
               : &gr__error_tensor;
}

gr_tensor *gr_tile(const gr_tensor *x, gr_shape repeats)
{
    const gr_tensor *t = gr__own_operand("gr_tile", "x", x);

    if (gr__is_error(t) || !gr__shape_of("gr_tile", "repeats", repeats.rank, repeats.dims)) {
        return &gr__error_tensor;
    }
    gr_tensor *y = gr__itself(t);
    while (gr_rank(y) < repeats.rank) {
        y = gr_unsqueeze(y, 0);
    }
    for (int i = 1; i <= repeats.rank && !gr__is_error(y); i++) {
        operand o = take("gr_tile", y, -i);
        y = repeated("gr_tile", "repeats", &o, repeats.dims[repeats.rank - i], false);
    }
    return y;
}

gr_tensor *gr_roll(const gr_tensor *x, int axis, int64_t shift)
{
    operand o = take("gr_roll", x, axis);

    if (o.axis < 0) {
        return &gr__error_tensor;
    }
    int64_t by = o.extent > 0 ? shift % o.extent : 0, cut = by > 0 ? o.extent - by : -by;
    return gr_concat(GR_LIST(gr_slice(o.x, o.axis, cut, o.extent), gr_slice(o.x, o.axis, 0, cut)),
                     o.axis);
}

/* ---- matrices ---- */

/* x, if it has `rank` axes or more. */
static const gr_tensor *take_matrices(const char *function, const gr_tensor *x, int rank)
{
    return gr__of_rank(function, "x", gr__own_operand(function, "x", x), rank);
}

/* The diagonal of a matrix of n columns is every n + 1st of its elements, from `offset` columns to
 * the right or -offset rows down. */
static int64_t diagonal_start(int64_t offset, int64_t columns)
{
    return offset >= 0 ? offset : -offset * columns;
}

gr_tensor *gr_diagonal(const gr_tensor *x, int64_t offset)
{
    const gr_tensor *t = take_matrices("gr_diagonal", x, 2);

    if (gr__is_error(t)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(t->shape);
    int64_t rows = shape.dims[shape.rank - 2], columns = shape.dims[shape.rank - 1];
    bool outside = offset >= columns || offset <= -rows;
    int64_t right = outside ? 0 : columns - (offset > 0 ? offset : 0);
    int64_t down = outside ? 0 : rows + (offset < 0 ? offset : 0), n = right < down ? right : down;
    int64_t start = outside ? 0 : diagonal_start(offset, columns);

    return gr_slice_step(gr_flatten(t, -2, -1), -1, start,
                         n > 0 ? start + (n - 1) * (columns + 1) + 1 : start, columns + 1);
}

gr_tensor *gr_diag_embed(const gr_tensor *x, int64_t offset)
{
    const gr_tensor *t = take_matrices("gr_diag_embed", x, 1);

    if (gr__is_error(t)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(t->shape);
    if (!gr__has_room("gr_diag_embed", "x", t)) {
        return &gr__error_tensor;
    }
    int last = shape.rank++ - 1;
    int64_t n = shape.dims[last];
    if (offset < -INT64_MAX || __builtin_add_overflow(n, offset < 0 ? -offset : offset, &n)) {
        return gr__error(GR_ERROR_MEMORY, "gr_diag_embed", "offset", "the extents overflow");
    }
    shape.dims[last] = shape.dims[last + 1] = n;
    if (!gr__shape_of("gr_diag_embed", "offset", shape.rank, shape.dims)) {
        return &gr__error_tensor;
    }
    return gr_reshape(gr__place(t, last, diagonal_start(offset, n), n + 1, n * n), shape);
}

gr_tensor *gr_eye(int64_t rows, int64_t columns)
{
    gr_shape shape = GR_SHAPE(rows, columns);

    if (!gr__checked_shape("gr_eye", gr_default_dtype(), shape)) {
        return &gr__error_tensor;
    }
    gr_tensor *line = gr_ones(GR_SHAPE(rows < columns ? rows : columns));
    return gr_reshape(gr__place(line, 0, 0, columns + 1, rows * columns), shape);
}

/* 1 where column - row <= offset in matrices like x's. Positions are numbers of x's dtype, so that
 * nothing is converted, unless f32 cannot tell them apart. */
static gr_tensor *below(const gr_tensor *x, int64_t offset)
{
    int64_t n = gr_dim(x, -2), m = gr_dim(x, -1);
    gr_dtype dtype = n + m < 1 << 24 ? (gr_dtype)x->dtype : GR_I64;
    int64_t shift = offset < -n ? -n : offset > m ? m : offset;
    gr_tensor *rows = gr_arange(dtype, n, (double)shift, 1), *columns = gr_arange(dtype, m, 0, 1);

    return gr_less_equal(columns, gr_unsqueeze(rows, 1));
}

gr_tensor *gr_tril(const gr_tensor *x, int64_t offset)
{
    const gr_tensor *t = take_matrices("gr_tril", x, 2);

    return gr__is_error(t) ? &gr__error_tensor : gr_where(below(t, offset), t, 0);
}

gr_tensor *gr_triu(const gr_tensor *x, int64_t offset)
{
    const gr_tensor *t = take_matrices("gr_triu", x, 2);

    return gr__is_error(t) ? &gr__error_tensor
                           : gr_where(below(t, offset > INT64_MIN ? offset - 1 : offset), 0, t);
}

/* ---- grids and masks ---- */

bool gr_meshgrid(gr_tensor *const *lists, int n, gr_tensor **out)
{
    gr_shape shape = {.rank = n};
    bool good = gr__given("gr_meshgrid", "out", out, "an array");
    char got[GR_SHAPE_TEXT];

    good = good && gr__given("gr_meshgrid", "lists", lists, "1 to 8 tensors");
    if (good && (n < 1 || n > GR_MAX_RANK)) {
        good = gr_fail(GR_ERROR_VALUE, "gr_meshgrid", "lists", "got %d, want 1 to %d tensors", n,
                       GR_MAX_RANK);
    }
    for (int i = 0; i < n && good; i++) {
        const gr_tensor *t = gr__own_operand("gr_meshgrid", "lists", lists[i]);
        good = !gr__is_error(t);
        if (good && t->shape->rank != 1) {
            good = gr_fail(GR_ERROR_SHAPE, "gr_meshgrid", "lists", "tensor %d: got %s, want (*)", i,
                           gr__shape_text(t->shape, got));
        }
        shape.dims[i] = good ? t->shape->count : 0;
    }
    for (int i = 0; i < n && good; i++) {
        out[i] = gr_expand(gr__laid_along(lists[i], i, n), shape);
    }
    return all_good(good, out, n);
}

gr_tensor *gr_masked_fill(const gr_tensor *x, const gr_tensor *mask, double value)
{
    const gr_tensor *t = gr__own_operand("gr_masked_fill", "x", x);
    const gr_tensor *m = gr__own_operand("gr_masked_fill", "mask", mask);

    if (gr__is_error(t) || gr__is_error(m) ||
        !gr__number_fits("gr_masked_fill", "value", (gr_dtype)t->dtype, value) ||
        !gr__broadcasts_to("gr_masked_fill", "mask", m, t->shape)) {
        return &gr__error_tensor;
    }
    return gr_where(m, value, t);
}
