/* Convolutions: three primitives whose rules are each other. All are of two dimensions; one
 * dimension is a height of 1. Between arrays x (N, C, H, W), w (O, C / groups, kh, kw) and
 * y (N, O, H', W') there is one trilinear form,
 *     sum over n, o, i, j, c, a, b of y[n][o][i][j] w[o][c][a][b] x[n][c][i s + a d - p][...]
 * and each primitive is its derivative by one of the three. */
#include <gradus/conv.h>

#include "autograd/autograd.h"
#include "src/kernels/conv.h"

/* The same primitive under the name of the function that was called, for late errors. */
#define GR__CONVOLUTION(public_name, slot) \
    GR__OPERATION(public_name, 2, GR__FLOATS, slot, .scratch = slot##_scratch, .rule = slot##_rule)

static const gr__primitive convolve_primitives[3], spread_primitives[3], weigh_primitive;

/* A node of this shape, with a copy of conv for its detail. */
static gr_tensor *node_of(const gr__primitive *op, const void *site, gr_shape shape,
                          const gr_tensor *a, const gr_tensor *b, const gr__conv *conv)
{
    const gr__conv *detail = gr__detail(conv, sizeof *conv);
    const gr__shape *own = gr__shape_of(op->name, NULL, shape.rank, shape.dims);

    return own && detail ? gr__node2(op, site, own, (gr_dtype)a->dtype, a, b, detail)
                         : &gr__error_tensor;
}

/* A derivative: of the shape that `like` has. */
static gr_tensor *rule_of(const gr__primitive *op, const gr_tensor *node, const gr_tensor *like,
                          const gr_tensor *a, const gr_tensor *b)
{
    const gr_tensor *x = gr__take_operand(op, "gradient", a);
    const gr_tensor *y = gr__take_operand(op, "gradient", b);

    if (gr__is_error(x) || gr__is_error(y)) {
        return &gr__error_tensor;
    }
    return node_of(op, GR__SITE, gr__public_shape(like->shape), x, y, node->detail);
}

static size_t size_of(const gr_tensor *node)
{
    return gr_dtype_size((gr_dtype)node->dtype);
}

/* ---- y of x and w ---- */

static gr_tensor *convolve_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_tensor *x = y->in[0].tensor, *w = y->in[1].tensor;

    return input == 0 ? rule_of(&spread_primitives[2], y, x, g, w)
                      : rule_of(&weigh_primitive, y, w, x, g);
}

static size_t convolve_scratch(const gr_tensor *y, int threads)
{
    const int64_t *x = y->in[0].tensor->shape->dims, *w = y->in[1].tensor->shape->dims;

    return gr__convolve_bytes(y->detail, x, w, y->shape->dims, size_of(y), threads);
}

/* By the number of axes. */
static const gr__primitive convolve_primitives[3] = {
    [1] = GR__CONVOLUTION("gr_conv1d", convolve),
    [2] = GR__CONVOLUTION("gr_conv2d", convolve),
};

/* ---- x of y and w ---- */

static gr_tensor *spread_rule(const gr_tensor *x, int input, gr_tensor *g)
{
    const gr_tensor *y = x->in[0].tensor, *w = x->in[1].tensor;

    return input == 0 ? rule_of(&convolve_primitives[2], x, y, g, w)
                      : rule_of(&weigh_primitive, x, w, g, y);
}

static size_t spread_scratch(const gr_tensor *x, int threads)
{
    const int64_t *y = x->in[0].tensor->shape->dims, *w = x->in[1].tensor->shape->dims;

    return gr__spread_bytes(x->detail, x->shape->dims, w, y, size_of(x), threads);
}

/* By the number of axes. */
static const gr__primitive spread_primitives[3] = {
    [1] = GR__CONVOLUTION("gr_conv_transpose1d", spread),
    [2] = GR__CONVOLUTION("gr_conv_transpose2d", spread),
};

/* ---- w of x and y ---- */

static gr_tensor *weigh_rule(const gr_tensor *w, int input, gr_tensor *g)
{
    const gr_tensor *x = w->in[0].tensor, *y = w->in[1].tensor;

    return input == 0 ? rule_of(&spread_primitives[2], w, x, y, g)
                      : rule_of(&convolve_primitives[2], w, y, x, g);
}

static size_t weigh_scratch(const gr_tensor *w, int threads)
{
    const int64_t *x = w->in[0].tensor->shape->dims, *y = w->in[1].tensor->shape->dims;

    return gr__weigh_bytes(w->detail, x, w->shape->dims, y, size_of(w), threads);
}

static const gr__primitive weigh_primitive = GR__CONVOLUTION("gr_conv2d", weigh);

/* ---- the public functions ---- */

gr_conv_options gr_conv_defaults(void)
{
    return (gr_conv_options){.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
}

typedef struct form {
    const gr__primitive *op;
    const char *name, *x, *weight; /* the shapes that messages want */
    int axes;
    bool transposed;
} form;

static const form conv1d = {&convolve_primitives[1], "gr_conv1d", "(N,C,W)",
                            "(O,C/groups,k)",        1,           false};
static const form conv2d = {&convolve_primitives[2], "gr_conv2d", "(N,C,H,W)",
                            "(O,C/groups,kh,kw)",    2,           false};
static const form conv_transpose1d = {
    &spread_primitives[1], "gr_conv_transpose1d", "(N,C,W)", "(C,O/groups,k)", 1, true};
static const form conv_transpose2d = {
    &spread_primitives[2], "gr_conv_transpose2d", "(N,C,H,W)", "(C,O/groups,kh,kw)", 2, true};

enum { LARGEST = 1 << 20 /* of options: extents and working memory cannot overflow */ };

static bool check_operands(const form *f, const gr_tensor *x, const gr_tensor *w)
{
    bool wrong_x = x->shape->rank != f->axes + 2, wrong_w = w->shape->rank != f->axes + 2;
    char got[GR_SHAPE_TEXT];

    if (wrong_x || wrong_w) {
        return gr_fail(GR_ERROR_SHAPE, f->name, wrong_x ? "x" : "weight",
                       "got %s, want rank %d, %s; gr_unsqueeze adds an axis",
                       gr__shape_text(wrong_x ? x->shape : w->shape, got), f->axes + 2,
                       wrong_x ? f->x : f->weight);
    }
    return gr__same_dtype(f->name, "weight", w, "x", x);
}

static bool check_option(const form *f, const char *name, int64_t value, int64_t least,
                         int64_t most)
{
    return gr__field_fits(f->name, "options", name, value, least, most,
                          "; start from gr_conv_defaults()");
}

static bool check_options(const form *f, const gr_conv_options *o)
{
    bool good = check_option(f, "groups", o->groups, 1, LARGEST);

    for (int d = 0; d < f->axes && good; d++) {
        good = check_option(f, "stride", o->stride[d], 1, LARGEST) &&
               check_option(f, "padding", o->padding[d], 0, LARGEST) &&
               check_option(f, "dilation", o->dilation[d], 1, LARGEST);
        int64_t most = o->stride[d] > o->dilation[d] ? o->stride[d] - 1 : o->dilation[d] - 1;
        good = good &&
               check_option(f, "output_padding", o->output_padding[d], 0, f->transposed ? most : 0);
    }
    return good;
}

/* Both operands' channels fall into the groups, and they are the same. */
static bool check_channels(const form *f, const gr_tensor *x, const gr_tensor *w, int64_t groups)
{
    const int64_t *in = x->shape->dims, *kernel = w->shape->dims;
    int axis = f->transposed ? 0 : 1;
    int64_t want = f->transposed ? in[1] : in[1] / groups;
    char got[GR_SHAPE_TEXT], of_x[GR_SHAPE_TEXT];

    if (in[1] % groups != 0 || kernel[0] % groups != 0) {
        bool wrong_x = in[1] % groups != 0;
        return gr_fail(GR_ERROR_SHAPE, f->name, wrong_x ? "x" : "weight",
                       "got %s, want a multiple of %lld, the groups, along axis %d",
                       gr__shape_text(wrong_x ? x->shape : w->shape, got), (long long)groups,
                       wrong_x ? 1 : 0);
    }
    return kernel[axis] == want ||
           gr_fail(GR_ERROR_SHAPE, f->name, "weight",
                   "got %s, want %lld along axis %d since x is %s and groups are %lld",
                   gr__shape_text(w->shape, got), (long long)want, axis,
                   gr__shape_text(x->shape, of_x), (long long)groups);
}

/* The extent of the result along an axis; -1: there is none. */
static int64_t extent_of(const form *f, const gr_conv_options *o, int d, int64_t in, int64_t taps)
{
    int64_t s = o->stride[d], around = 2 * o->padding[d], dilation = o->dilation[d], from, reach;

    if (!f->transposed) {
        reach = in + around - 1;
        bool fits = reach >= 0 && taps - 1 <= reach / dilation;
        return fits ? (reach - (taps - 1) * dilation) / s + 1 : -1;
    }
    if (__builtin_mul_overflow(in - 1, s, &from) ||
        __builtin_mul_overflow(taps - 1, dilation, &reach) ||
        __builtin_add_overflow(from, reach + o->output_padding[d] + 1, &reach)) {
        return -1;
    }
    return reach > around ? reach - around : -1;
}

/* The result's extents into shape. */
static bool find_extents(const form *f, const gr_conv_options *o, const gr_tensor *x,
                         const gr_tensor *w, gr_shape *shape)
{
    char got[GR_SHAPE_TEXT], of_x[GR_SHAPE_TEXT];

    for (int axis = 2; axis < 2 + f->axes; axis++) {
        int64_t taps = w->shape->dims[axis];
        if (taps < 1) {
            return gr_fail(GR_ERROR_SHAPE, f->name, "weight",
                           "got %s, want 1 or more along axis %d", gr__shape_text(w->shape, got),
                           axis);
        }
        shape->dims[axis] = extent_of(f, o, axis - 2, x->shape->dims[axis], taps);
        if (shape->dims[axis] < 0) {
            return gr_fail(GR_ERROR_SHAPE, f->name, "weight",
                           "got %s, which %s axis %d of x, %s; %s padding",
                           gr__shape_text(w->shape, got),
                           f->transposed ? "leaves nothing of" : "reaches beyond", axis,
                           gr__shape_text(x->shape, of_x), f->transposed ? "less" : "more");
        }
    }
    return true;
}

/* Of an axis that the operands do not have everything is 1, and its padding 0. */
static gr__conv detail_of(const gr_conv_options *o, int axes)
{
    gr__conv conv = {.stride = {1, 1}, .dilation = {1, 1}, .groups = o->groups};

    for (int d = 0; d < axes; d++) {
        conv.stride[2 - axes + d] = o->stride[d];
        conv.padding[2 - axes + d] = o->padding[d];
        conv.dilation[2 - axes + d] = o->dilation[d];
    }
    return conv;
}

static gr_tensor *convolution(const form *f, const void *site, const gr_tensor *x,
                              const gr_tensor *weight, const gr_conv_options *o)
{
    const gr_tensor *in = gr__take_operand(f->op, "x", x);
    const gr_tensor *w = gr__take_operand(f->op, "weight", weight);

    if (gr__is_error(in) || gr__is_error(w) || !check_operands(f, in, w) || !check_options(f, o) ||
        !check_channels(f, in, w, o->groups)) {
        return &gr__error_tensor;
    }
    gr__conv conv = detail_of(o, f->axes);
    gr_shape shape = gr__public_shape(in->shape);
    shape.dims[1] = f->transposed ? w->shape->dims[1] * o->groups : w->shape->dims[0];
    if (!find_extents(f, o, in, w, &shape)) {
        return &gr__error_tensor;
    }
    if (f->axes == 2) {
        return node_of(f->op, site, shape, in, w, &conv);
    }
    shape = (gr_shape){4, {shape.dims[0], shape.dims[1], 1, shape.dims[2]}};
    return gr_squeeze(node_of(f->op, site, shape, gr_unsqueeze(in, 2), gr_unsqueeze(w, 2), &conv),
                      2);
}

gr_tensor *gr_conv2d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options)
{
    return convolution(&conv2d, GR__SITE, x, weight, &options);
}

gr_tensor *gr_conv1d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options)
{
    return convolution(&conv1d, GR__SITE, x, weight, &options);
}

gr_tensor *gr_conv_transpose2d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options)
{
    return convolution(&conv_transpose2d, GR__SITE, x, weight, &options);
}

gr_tensor *gr_conv_transpose1d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options)
{
    return convolution(&conv_transpose1d, GR__SITE, x, weight, &options);
}
