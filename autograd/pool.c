/* Pooling. A maximum reads the element that is largest in its window: it is linear in what is read,
 * and where that is, is constant. So one pair of adjoint operations serves it, pick(x, y) = y where
 * x is largest, and place; sums have another, sum and spread. */
#include "autograd/autograd.h"

int64_t gr__count_windows(const char *function, const char *argument, gr_window w, int64_t extent,
                          int64_t most)
{
    int64_t padded;

    if (!gr__field_fits(function, argument, "size", w.size, 1, INT32_MAX, "") ||
        !gr__field_fits(function, argument, "stride", w.stride, 1, INT64_MAX, "") ||
        !gr__field_fits(function, argument, "padding", w.padding, 0, most, "")) {
        return -1;
    }
    if (extent < 1 || __builtin_add_overflow(extent, 2 * w.padding, &padded) || padded < w.size) {
        gr_fail(GR_ERROR_SHAPE, function, argument,
                "got windows of %lld, but an extent of %lld and padding %lld on either side",
                (long long)w.size, (long long)extent, (long long)w.padding);
        return -1;
    }
    return (padded - w.size) / w.stride + 1;
}

/* The shape of x with its windows in place of its elements; NULL after reporting. */
static const gr__shape *windows_of(const char *function, const gr_tensor *x, const gr__pool *p)
{
    gr_shape shape = gr__public_shape(x->shape);
    char got[GR_SHAPE_TEXT];

    if (shape.rank < p->axes) {
        gr_fail(GR_ERROR_SHAPE, function, "x", "got %s, want %s", gr__shape_text(x->shape, got),
                p->axes == 1 ? "(*,W)" : "(*,H,W)");
        return NULL;
    }
    for (int i = 2 - p->axes; i < 2; i++) {
        const char *argument = p->axes == 1 ? "window" : i == 0 ? "rows" : "columns";
        int64_t *extent = &shape.dims[shape.rank - 2 + i];
        *extent = gr__count_windows(function, argument, p->window[i], *extent,
                                    p->window[i].size / 2);
        if (*extent < 0) {
            return NULL;
        }
    }
    return gr__shape_of(function, "x", shape.rank, shape.dims);
}

static const gr__pool *pool_of(const gr_tensor *y)
{
    return y->detail;
}

/* One operand or two, and the windows that y has. */
static gr_tensor *alike(const gr__primitive *op, const gr_tensor *y, const gr__shape *shape,
                        const gr_tensor *a, const gr_tensor *b)
{
    gr_dtype dtype = (gr_dtype)y->dtype;

    return b ? gr__node2(op, y->site, shape, dtype, a, b, y->detail)
             : gr__node1(op, y->site, shape, dtype, a, y->detail);
}

/* Descriptors by the number of spatial axes less one. */
typedef const gr__primitive pair[2];

static gr_tensor *pick_rule(const gr_tensor *y, int input, gr_tensor *g);
static gr_tensor *place_rule(const gr_tensor *y, int input, gr_tensor *g);
static gr_tensor *sum_rule(const gr_tensor *y, int input, gr_tensor *g);
static gr_tensor *spread_rule(const gr_tensor *y, int input, gr_tensor *g);

static pair pick = {GR__OPERATION("gr_max_pool1d", 2, GR__FLOATS, pool_pick, .rule = pick_rule),
                    GR__OPERATION("gr_max_pool2d", 2, GR__FLOATS, pool_pick, .rule = pick_rule)};
static pair place = {GR__OPERATION("gr_max_pool1d", 2, GR__FLOATS, pool_place, .rule = place_rule),
                     GR__OPERATION("gr_max_pool2d", 2, GR__FLOATS, pool_place, .rule = place_rule)};
static pair sum = {GR__OPERATION("gr_avg_pool1d", 1, GR__FLOATS, pool_sum, .rule = sum_rule),
                   GR__OPERATION("gr_avg_pool2d", 1, GR__FLOATS, pool_sum, .rule = sum_rule)};
static pair spread = {
    GR__OPERATION("gr_avg_pool1d", 1, GR__FLOATS, pool_spread, .rule = spread_rule),
    GR__OPERATION("gr_avg_pool2d", 1, GR__FLOATS, pool_spread, .rule = spread_rule)};

/* ---- the largest ---- */

/* z = pick(x, y):  dy = place(x, dz), and nothing flows to x */
static gr_tensor *pick_rule(const gr_tensor *z, int input, gr_tensor *g)
{
    const gr_tensor *x = z->in[0].tensor;

    return input == 1 ? alike(&place[pool_of(z)->axes - 1], z, x->shape, x, g) : NULL;
}

/* z = place(x, y):  dy = pick(x, dz) */
static gr_tensor *place_rule(const gr_tensor *z, int input, gr_tensor *g)
{
    const gr_tensor *x = z->in[0].tensor, *y = z->in[1].tensor;

    return input == 1 ? alike(&pick[pool_of(z)->axes - 1], z, y->shape, x, g) : NULL;
}

static gr_tensor *max_pool(const gr_tensor *x, const void *site, gr__pool windows)
{
    const gr__primitive *op = &pick[windows.axes - 1];
    const gr_tensor *node = gr__take_operand(op, "x", x);

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    const gr__shape *shape = windows_of(op->name, node, &windows);
    const void *detail = shape ? gr__detail(&windows, sizeof windows) : NULL;
    return detail ? gr__node2(op, site, shape, (gr_dtype)node->dtype, node, node, detail)
                  : &gr__error_tensor;
}

/* The rows of a signal: there is one. */
static const gr_window single = {1, 1, 0};

gr_tensor *gr_max_pool1d(const gr_tensor *x, gr_window window)
{
    return max_pool(x, GR__SITE, (gr__pool){1, {single, window}});
}

gr_tensor *gr_max_pool2d(const gr_tensor *x, gr_window rows, gr_window columns)
{
    return max_pool(x, GR__SITE, (gr__pool){2, {rows, columns}});
}

/* ---- the mean ---- */

static gr_tensor *sum_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return alike(&spread[pool_of(y)->axes - 1], y, y->in[input].tensor->shape, g, NULL);
}

static gr_tensor *spread_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return alike(&sum[pool_of(y)->axes - 1], y, y->in[input].tensor->shape, g, NULL);
}

/* The elements of x in each window: the sums of a plane of ones. */
static gr_tensor *counts(const gr_tensor *y, const gr_tensor *x)
{
    const gr__pool *p = pool_of(y);
    gr_shape plane = {.rank = p->axes}, windows = plane;

    for (int i = 0; i < p->axes; i++) {
        plane.dims[i] = x->shape->dims[x->shape->rank - p->axes + i];
        windows.dims[i] = y->shape->dims[y->shape->rank - p->axes + i];
    }
    gr_tensor *ones = gr_full((gr_dtype)x->dtype, plane, 1);
    const gr__shape *shape = gr__shape_of(y->op->name, "x", windows.rank, windows.dims);
    return shape && !gr__is_error(ones) ? alike(y->op, y, shape, ones, NULL) : &gr__error_tensor;
}

static gr_tensor *avg_pool(const gr_tensor *x, const void *site, gr__pool windows,
                           bool count_padding)
{
    const gr__primitive *op = &sum[windows.axes - 1];
    const gr_tensor *node = gr__take_operand(op, "x", x);
    const gr_window *w = windows.window;

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    const gr__shape *shape = windows_of(op->name, node, &windows);
    const void *detail = shape ? gr__detail(&windows, sizeof windows) : NULL;
    if (!detail) {
        return &gr__error_tensor;
    }
    gr_tensor *y = gr__node1(op, site, shape, (gr_dtype)node->dtype, node, detail);
    if (gr__is_error(y) || count_padding || w[0].padding + w[1].padding == 0) {
        return gr_div(y, (double)w[0].size * (double)w[1].size);
    }
    return gr_div(y, counts(y, node));
}

gr_tensor *gr_avg_pool1d(const gr_tensor *x, gr_window window, bool count_padding)
{
    return avg_pool(x, GR__SITE, (gr__pool){1, {single, window}}, count_padding);
}

gr_tensor *gr_avg_pool2d(const gr_tensor *x, gr_window rows, gr_window columns, bool count_padding)
{
    return avg_pool(x, GR__SITE, (gr__pool){2, {rows, columns}}, count_padding);
}

/* ---- more elements ---- */

gr_tensor *gr__enlarge(const void *site, const gr_tensor *x, const gr__shape *shape)
{
    static const gr__primitive op = GR__OPERATION("gr_upsample_nearest2d", 1, GR__FLOATS,
                                                  pool_spread, .rule = spread_rule);
    gr__pool windows = {.axes = 2};

    for (int i = 0; i < 2; i++) {
        int axis = shape->rank - 2 + i;
        int64_t times = shape->dims[axis] / x->shape->dims[axis];
        windows.window[i] = (gr_window){times, times, 0};
    }
    const void *detail = gr__detail(&windows, sizeof windows);
    return detail ? gr__node1(&op, site, shape, (gr_dtype)x->dtype, x, detail) : &gr__error_tensor;
}
