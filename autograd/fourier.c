/* Real Fourier transforms. In real numbers both are linear maps, so each one's rule is the other
 * with a weight for each bin. */
#include <gradus/fourier.h>

#include "autograd/autograd.h"
#include "src/kernels/fourier.h"

/* Of both: n is known from whichever of operand and result is real. */
static size_t working_memory(int64_t n, int64_t rows, gr_dtype dtype, int threads)
{
    gr__fourier f = gr__fourier_of(n, rows);

    return (size_t)gr__fourier_memory(&f, threads) * gr_dtype_size(dtype);
}

static size_t rfft_memory(const gr_tensor *y, int threads)
{
    const gr__shape *x = y->in[0].tensor->shape;
    int64_t n = x->dims[x->rank - 1];

    return working_memory(n, x->count / n, (gr_dtype)y->dtype, threads);
}

static size_t irfft_memory(const gr_tensor *x, int threads)
{
    int64_t n = x->shape->dims[x->shape->rank - 1];

    return working_memory(n, x->shape->count / n, (gr_dtype)x->dtype, threads);
}

/* (n / 2 + 1, 1): `once` for bins that are their own conjugates, the first and for even n the last;
 * `twice` for those that stand for two. */
static gr_tensor *weights(gr_dtype dtype, int64_t n, double once, double twice)
{
    gr_tensor *k = gr_reshape(gr_arange(GR_I64, n / 2 + 1, 0, 1), GR_SHAPE(n / 2 + 1, 1));
    gr_tensor *own = gr_equal(gr_mul(k, gr_sub(n, gr_mul(2, k))), 0);

    return gr_add(gr_mul(gr_cast(own, dtype), once - twice), twice);
}

static gr_tensor *rfft_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    int64_t n = gr_dim(y->in[input].tensor, -1);

    return gr_irfft(gr_mul(g, weights((gr_dtype)y->dtype, n, (double)n, (double)n / 2)), n);
}

static gr_tensor *irfft_rule(const gr_tensor *x, int input, gr_tensor *g)
{
    (void)input;
    int64_t n = gr_dim(x, -1);

    return gr_mul(gr_rfft(g), weights((gr_dtype)x->dtype, n, 1 / (double)n, 2 / (double)n));
}

static const gr__primitive rfft_primitive = GR__OPERATION(
    "gr_rfft", 1, GR__FLOATS, rfft, .scratch = rfft_memory, .rule = rfft_rule);
static const gr__primitive irfft_primitive = GR__OPERATION(
    "gr_irfft", 1, GR__FLOATS, irfft, .scratch = irfft_memory, .rule = irfft_rule);

gr_tensor *gr_rfft(const gr_tensor *x)
{
    const gr_tensor *node = gr__take_floats("gr_rfft", "x", x, 1);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node) || !gr__has_room("gr_rfft", "x", node)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape);
    int64_t *n = &shape.dims[shape.rank - 1];
    if (*n == 0) {
        return gr__error(GR_ERROR_SHAPE, "gr_rfft", "x",
                         "got %s, want at least one element in a row",
                         gr__shape_text(node->shape, got));
    }
    *n = *n / 2 + 1;
    shape.dims[shape.rank++] = 2;
    const gr__shape *s = gr__shape_of("gr_rfft", "x", shape.rank, shape.dims);
    return s ? gr__node1(&rfft_primitive, GR__SITE, s, (gr_dtype)node->dtype, node, NULL)
             : &gr__error_tensor;
}

gr_tensor *gr_irfft(const gr_tensor *y, int64_t n)
{
    const gr_tensor *node = gr__take_floats("gr_irfft", "y", y, 2);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(node) || !gr__at_least("gr_irfft", "n", n, 1)) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(node->shape);
    int last = shape.rank - 1;
    if (shape.dims[last] != 2 || shape.dims[last - 1] != n / 2 + 1) {
        return gr__error(GR_ERROR_SHAPE, "gr_irfft", "y", "got %s, want (%s%lld,2) for n = %lld",
                         gr__shape_text(node->shape, got), last > 1 ? "*," : "",
                         (long long)(n / 2 + 1), (long long)n);
    }
    shape.dims[last - 1] = n;
    const gr__shape *s = gr__shape_of("gr_irfft", "n", last, shape.dims);
    return s ? gr__node1(&irfft_primitive, GR__SITE, s, (gr_dtype)node->dtype, node, NULL)
             : &gr__error_tensor;
}
