/* Images at other places than their own: nearest and bilinear changes of resolution, sampling along
 * a grid. Compositions; where to read is computed in f64. */
#include "autograd/autograd.h"

/* ---- checks ---- */

/* An image with at least one element, of the rank given or, for 0, of 2 and more; or the error
 * tensor. */
static const gr_tensor *take_image(const char *function, const gr_tensor *x, int rank)
{
    const gr_tensor *node = gr__take_floats(function, "x", x, 0);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return node;
    }
    int have = node->shape->rank;
    const int64_t *dims = node->shape->dims;
    if (rank ? have != rank : have < 2) {
        return gr__error(GR_ERROR_SHAPE, function, "x", "got %s, want %s",
                         gr__shape_text(node->shape, got), rank ? "(N,C,H,W)" : "(*,H,W)");
    }
    if (dims[have - 2] == 0 || dims[have - 1] == 0) {
        return gr__error(GR_ERROR_SHAPE, function, "x", "got %s, want rows and columns",
                         gr__shape_text(node->shape, got));
    }
    return node;
}

/* x's shape with other last axes; NULL after reporting. */
static const gr__shape *resized(const char *function, const gr_tensor *x, int64_t height,
                                int64_t width)
{
    gr_shape shape = gr__public_shape(x->shape);

    if (!gr__at_least(function, "height", height, 1) ||
        !gr__at_least(function, "width", width, 1)) {
        return NULL;
    }
    shape.dims[shape.rank - 2] = height;
    shape.dims[shape.rank - 1] = width;
    return gr__shape_of(function, "height", shape.rank, shape.dims);
}

/* ---- nearest ---- */

/* The quotient of whole numbers is right to its last bit, so its whole part is theirs. */
static gr_tensor *nearest(const gr_tensor *x, int axis, int64_t size)
{
    gr_tensor *at = gr_div(gr_arange(GR_F64, size, 0, (double)gr_dim(x, axis)), (double)size);

    return gr_take(x, axis, gr_cast(at, GR_I64));
}

gr_tensor *gr_upsample_nearest2d(const gr_tensor *x, int64_t height, int64_t width)
{
    const gr_tensor *node = take_image("gr_upsample_nearest2d", x, 0);
    const gr__shape *shape = gr__is_error(node)
                                 ? NULL
                                 : resized("gr_upsample_nearest2d", node, height, width);

    if (!shape) {
        return &gr__error_tensor;
    }
    if (height % gr_dim(node, -2) == 0 && width % gr_dim(node, -1) == 0) {
        return gr__enlarge(GR__SITE, node, shape);
    }
    return nearest(nearest(node, -1, width), -2, height);
}

/* ---- bilinear ---- */

/* Linear between neighbours along one axis: element i of `size` is at
 * (i + 1/2) extent / size - 1/2, or at i (extent - 1) / (size - 1) if the corners are aligned. */
static gr_tensor *linear(const gr_tensor *x, int axis, int64_t size, bool align_corners)
{
    double extent = (double)gr_dim(x, axis), last = extent - 1;
    double step = !align_corners ? extent / (double)size : size > 1 ? last / (double)(size - 1) : 0;
    double start = align_corners ? 0 : step / 2 - 0.5;
    gr_tensor *at = gr_clamp(gr_arange(GR_F64, size, start, step), 0.0, last);
    gr_tensor *low = gr_floor(at), *high = gr_minimum(gr_add(low, 1), last);
    gr_tensor *below = gr_take(x, axis, gr_cast(low, GR_I64));
    gr_tensor *above = gr_take(x, axis, gr_cast(high, GR_I64));
    gr_tensor *part = gr_cast(gr_sub(at, low), gr_dtype_of(x));
    return gr_lerp(below, above, gr__laid_along(part, gr_rank(x) + axis, gr_rank(x)));
}

gr_tensor *gr_upsample_bilinear2d(const gr_tensor *x, int64_t height, int64_t width,
                                  bool align_corners)
{
    const gr_tensor *node = take_image("gr_upsample_bilinear2d", x, 0);

    if (gr__is_error(node) || !resized("gr_upsample_bilinear2d", node, height, width)) {
        return &gr__error_tensor;
    }
    return linear(linear(node, -1, width, align_corners), -2, height, align_corners);
}

/* ---- sampling along a grid ---- */

/* Images as (N, C, H * W), to be read at (N, 1, places). */
typedef struct images {
    gr_tensor *flat;
    gr_shape sampled; /* (N, C, places) */
    int64_t height, width;
    bool zeros;
} images;

/* Places along one axis: those of the elements on either side, and how far on the way. */
typedef struct between {
    gr_tensor *low, *high, *part; /* (n, 1, places) */
} between;

/* From -1 .. 1 to places. What is further out than the neighbours of the edge, is there as well. */
static between between_of(const gr_tensor *grid, int k, int64_t extent, bool zeros,
                          bool align_corners)
{
    gr_tensor *t = gr_add(gr_slice(grid, -1, k, k + 1), 1);
    double n = (double)extent, beyond = zeros ? 2 : 0;
    gr_tensor *at = align_corners ? gr_mul((n - 1) / 2, t) : gr_sub(gr_mul(n / 2, t), 0.5);

    at = gr_clamp(gr_reshape(at, GR_SHAPE(gr_dim(grid, 0), 1, gr_dim(grid, 1) * gr_dim(grid, 2))),
                  -beyond, n - 1 + beyond);
    gr_tensor *low = gr_floor(at);
    return (between){low, gr_add(low, 1), gr_sub(at, low)};
}

static gr_tensor *inside(const gr_tensor *at, int64_t extent)
{
    return gr_between(at, -1.0, (double)extent);
}

static gr_tensor *nearest_index(const gr_tensor *at, int64_t extent)
{
    return gr_cast(gr_clamp(at, 0.0, (double)(extent - 1)), GR_I64);
}

/* The elements in these rows and columns. */
static gr_tensor *read(const images *x, const gr_tensor *row, const gr_tensor *column)
{
    gr_tensor *start = gr_mul(nearest_index(row, x->height), x->width);
    gr_tensor *index = gr_add(start, nearest_index(column, x->width));
    gr_tensor *y = gr_gather(x->flat, 2, gr_expand(index, x->sampled));

    return x->zeros ? gr_where(gr_mul(inside(row, x->height), inside(column, x->width)), y, 0) : y;
}

static bool check_grid(const gr_tensor *x, const gr_tensor *grid, gr_border border)
{
    const gr__shape *s = grid->shape;
    char got[GR_SHAPE_TEXT];

    if (!gr__same_dtype("gr_grid_sample", "grid", grid, "x", x)) {
        return false;
    }
    if (s->rank != 4 || s->dims[0] != x->shape->dims[0] || s->dims[3] != 2) {
        return gr_fail(GR_ERROR_SHAPE, "gr_grid_sample", "grid",
                       "got %s, want (%lld,height,width,2)", gr__shape_text(s, got),
                       (long long)x->shape->dims[0]);
    }
    return border == GR_BORDER_ZEROS || border == GR_BORDER_EDGE ||
           gr_fail(GR_ERROR_VALUE, "gr_grid_sample", "border",
                   "got %d, want GR_BORDER_ZEROS or GR_BORDER_EDGE", (int)border);
}

gr_tensor *gr_grid_sample(const gr_tensor *x, const gr_tensor *grid, gr_border border,
                          bool align_corners)
{
    const gr_tensor *node = take_image("gr_grid_sample", x, 4);
    const gr_tensor *places = gr__operand("gr_grid_sample", "grid", grid);

    if (gr__is_error(node) || gr__is_error(places) || !check_grid(node, places, border)) {
        return &gr__error_tensor;
    }
    const int64_t *dims = node->shape->dims, *out = places->shape->dims;
    images all = {.flat = gr_reshape(node, GR_SHAPE(dims[0], dims[1], dims[2] * dims[3])),
                  .sampled = GR_SHAPE(dims[0], dims[1], out[1] * out[2]),
                  .height = dims[2],
                  .width = dims[3],
                  .zeros = border == GR_BORDER_ZEROS};
    between column = between_of(places, 0, all.width, all.zeros, align_corners);
    between row = between_of(places, 1, all.height, all.zeros, align_corners);
    gr_tensor *upper = gr_lerp(read(&all, row.low, column.low), read(&all, row.low, column.high),
                               column.part);
    gr_tensor *lower = gr_lerp(read(&all, row.high, column.low), read(&all, row.high, column.high),
                               column.part);
    return gr_reshape(gr_lerp(upper, lower, row.part), GR_SHAPE(dims[0], dims[1], out[1], out[2]));
}
