/* Windows along an axis as a view, their adjoint, and what is composed of both: unfolding images
 * into columns and folding them again. */
#include <gradus/arrange.h>

#include "autograd/autograd.h"

static const gr__hops *hops_of(const gr_tensor *y)
{
    return y->detail;
}

/* A node along an axis, once its shape is known. A single window has no next one: a stride beyond all
 * extents then stays out of the products that strides are. */
static gr_tensor *hopping(const gr__primitive *op, const void *site, const gr_shape *shape,
                          const gr_tensor *x, gr__hops hops, int64_t windows)
{
    hops.stride = windows > 1 ? hops.stride : 1;
    const gr__shape *s = gr__shape_of(op->name, "x", shape->rank, shape->dims);
    const gr__hops *detail = gr__detail(&hops, sizeof hops);

    return s && detail ? gr__node1(op, site, s, (gr_dtype)x->dtype, x, detail) : &gr__error_tensor;
}

/* ---- windows ---- */

/* Element k of window i is element i * stride + k. */
static bool windows_layout(const gr_tensor *y, const gr__layout *from, gr__layout *to)
{
    const gr__hops *hops = hops_of(y);

    *to = *from;
    to->strides[y->shape->rank - 1] = from->strides[hops->axis];
    to->strides[hops->axis] = hops->stride * from->strides[hops->axis];
    return true;
}

static gr_tensor *windows_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr__hops *hops = hops_of(y);

    return gr_overlap_add(g, hops->axis, hops->stride,
                          y->in[input].tensor->shape->dims[hops->axis]);
}

static const gr__primitive windows_primitive = {
    .name = "gr_windows",
    .kind = GR__VIEW,
    .arity = 1,
    .dtypes = GR__ALL,
    .layout = windows_layout,
    .rule = windows_rule,
};

gr_tensor *gr_windows(const gr_tensor *x, int axis, int64_t size, int64_t stride)
{
    const gr_tensor *node = gr__take_operand(&windows_primitive, "x", x);
    char got[GR_SHAPE_TEXT];

    node = gr__along_axis("gr_windows", node, &axis);
    if (axis < 0 || !gr__has_room("gr_windows", "x", node)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape);
    int64_t *extent = &shape.dims[axis];
    if (size < 1 || size > *extent) {
        return gr__error(GR_ERROR_VALUE, "gr_windows", "size",
                         "got %lld, want 1 to %lld, the extent of axis %d of %s", (long long)size,
                         (long long)*extent, axis, gr__shape_text(node->shape, got));
    }
    if (!gr__at_least("gr_windows", "stride", stride, 1)) {
        return &gr__error_tensor;
    }
    int64_t windows = (*extent - size) / stride + 1;
    *extent = windows;
    shape.dims[shape.rank++] = size;
    return hopping(&windows_primitive, GR__SITE, &shape, node, (gr__hops){axis, stride}, windows);
}

/* ---- overlap-add ---- */

static gr_tensor *overlap_add_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr__shape *x = y->in[input].tensor->shape;
    const gr__hops *hops = hops_of(y);
    int64_t n = x->dims[hops->axis], size = x->dims[x->rank - 1];

    if (n == 0 || size == 0) {
        return gr_full((gr_dtype)g->dtype, gr__public_shape(x), 0);
    }
    int64_t used = (n - 1) * hops->stride + size;
    return gr_windows(gr_slice(g, hops->axis, 0, used), hops->axis, size, hops->stride);
}

static const gr__primitive overlap_add_primitive = GR__OPERATION(
    "gr_overlap_add", 1, GR__ALL, overlap_add, .rule = overlap_add_rule);

/* How far n windows reach, at most INT64_MAX. */
static int64_t reach(int64_t n, int64_t size, int64_t stride)
{
    int64_t last;

    if (n == 0 || size == 0) {
        return 0;
    }
    return __builtin_mul_overflow(n - 1, stride, &last) || last > INT64_MAX - size ? INT64_MAX
                                                                                   : last + size;
}

gr_tensor *gr_overlap_add(const gr_tensor *x, int axis, int64_t stride, int64_t extent)
{
    const gr_tensor *node = gr__take_operand(&overlap_add_primitive, "x", x);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape);
    if (shape.rank < 2) {
        return gr__error(GR_ERROR_SHAPE, "gr_overlap_add", "x",
                         "got %s, want a rank of 2 or more, the last axis windows",
                         gr__shape_text(node->shape, got));
    }
    int64_t size = shape.dims[--shape.rank];
    axis = gr__axis("gr_overlap_add", "axis", axis, shape.rank);
    if (axis < 0 || !gr__at_least("gr_overlap_add", "stride", stride, 1)) {
        return &gr__error_tensor;
    }
    int64_t windows = shape.dims[axis], want = reach(windows, size, stride);
    if (extent < want) {
        return gr__error(GR_ERROR_VALUE, "gr_overlap_add", "extent",
                         "got %lld, want %lld or more, where the windows of %s end",
                         (long long)extent, (long long)want, gr__shape_text(node->shape, got));
    }
    shape.dims[axis] = extent;
    return hopping(&overlap_add_primitive, GR__SITE, &shape, node, (gr__hops){axis, stride},
                   windows);
}

/* ---- columns of images ---- */

/* Of an unfolded axis; more would overflow somewhere. */
#define GR__MOST_PADDING INT32_MAX

/* The windows of an image of so many rows and columns. */
typedef struct grid {
    int64_t down, across; /* -1: something is wrong, and has been reported */
} grid;

static grid grid_of(const char *function, int64_t height, int64_t width, gr_window rows,
                    gr_window columns)
{
    grid g = {gr__count_windows(function, "rows", rows, height, GR__MOST_PADDING), -1};

    if (g.down >= 0) {
        g.across = gr__count_windows(function, "columns", columns, width, GR__MOST_PADDING);
    }
    return g;
}

gr_tensor *gr_unfold2d(const gr_tensor *x, gr_window rows, gr_window columns)
{
    const gr_tensor *node = gr__take_floats("gr_unfold2d", "x", x, 0);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    if (node->shape->rank != 4) {
        return gr__error(GR_ERROR_SHAPE, "gr_unfold2d", "x", "got %s, want (N,C,H,W)",
                         gr__shape_text(node->shape, got));
    }
    const int64_t *dims = node->shape->dims;
    grid g = grid_of("gr_unfold2d", dims[2], dims[3], rows, columns);
    if (g.across < 0) {
        return &gr__error_tensor;
    }
    gr_shape split = GR_SHAPE(dims[0], dims[1], rows.size, columns.size, g.down, g.across);
    if (!gr__shape_of("gr_unfold2d", "x", split.rank, split.dims)) {
        return &gr__error_tensor;
    }
    gr_tensor *image = gr_pad(node, 2, rows.padding, rows.padding, 0);
    image = gr_pad(image, 3, columns.padding, columns.padding, 0);
    gr_tensor *strips = gr_windows(image, 2, rows.size, rows.stride);
    strips = gr_permute(strips, GR_AXES(0, 1, 4, 2, 3)); /* (N, C, size, down, width) */
    gr_tensor *patches = gr_windows(strips, 4, columns.size, columns.stride);
    return gr_reshape(gr_permute(patches, GR_AXES(0, 1, 2, 5, 3, 4)),
                      GR_SHAPE(dims[0], dims[1] * rows.size * columns.size, g.down * g.across));
}

/* Whether x is (N, C * rows * columns, down * across). */
static bool check_columns(const gr_tensor *x, gr_window rows, gr_window columns, grid g)
{
    const int64_t *dims = x->shape->dims;
    char got[GR_SHAPE_TEXT];

    return (x->shape->rank == 3 && dims[1] % rows.size == 0 &&
            dims[1] / rows.size % columns.size == 0 && dims[2] % g.down == 0 &&
            dims[2] / g.down == g.across) ||
           gr_fail(GR_ERROR_SHAPE, "gr_fold2d", "x", "got %s, want (N,C*%lld*%lld,%lld*%lld)",
                   gr__shape_text(x->shape, got), (long long)rows.size, (long long)columns.size,
                   (long long)g.down, (long long)g.across);
}

gr_tensor *gr_fold2d(const gr_tensor *x, int64_t height, int64_t width, gr_window rows,
                     gr_window columns)
{
    const gr_tensor *node = gr__take_floats("gr_fold2d", "x", x, 0);
    grid g = {-1, -1};

    if (!gr__is_error(node)) {
        g = grid_of("gr_fold2d", height, width, rows, columns);
    }
    if (g.across < 0 || !check_columns(node, rows, columns, g)) {
        return &gr__error_tensor;
    }
    const int64_t *dims = node->shape->dims;
    gr_shape split = GR_SHAPE(dims[0], dims[1] / rows.size / columns.size, rows.size, columns.size,
                              g.down, g.across);
    gr_tensor *patches = gr_permute(gr_reshape(node, split), GR_AXES(0, 1, 2, 4, 5, 3));
    gr_tensor *strips = gr_overlap_add(patches, 4, columns.stride, width + 2 * columns.padding);
    strips = gr_permute(strips, GR_AXES(0, 1, 3, 4, 2)); /* (N, C, down, width, size) */
    gr_tensor *image = gr_overlap_add(strips, 2, rows.stride, height + 2 * rows.padding);
    gr_tensor *inner = gr_slice(image, 2, rows.padding, rows.padding + height);
    return gr_slice(inner, 3, columns.padding, columns.padding + width);
}
