/* Distances between the rows of two matrices. */
#include "autograd/linalg.h"

/* y's rows, padded to whole panels of two vectors of 64 bytes. */
static size_t panels(const gr_tensor *d, int threads)
{
    (void)threads;
    const gr__shape *x = d->in[0].tensor->shape;
    size_t size = gr_dtype_size((gr_dtype)d->dtype), width = 128 / size;
    size_t rows = ((size_t)d->shape->dims[d->shape->rank - 1] + width - 1) / width * width;

    return rows * (size_t)x->dims[x->rank - 1] * size;
}

/* d_ij = |x_i - y_j|^2:  dx_i = 2 sum_j g_ij (x_i - y_j), as one matrix product. It subtracts what
 * both have in common, so both are first taken from a point amid them, of which the sum is
 * independent: then the error is that of rounding the rows themselves. */
static gr_tensor *distance2_rule(const gr_tensor *d, int input, gr_tensor *g)
{
    const gr_tensor *own = d->in[input].tensor, *other = d->in[1 - input].tensor;
    gr_tensor *centre = gr_detach(gr_mean(other, GR_AXES(-2), true));

    g = gr_mul(2, input == 0 ? g : gr__matrix_transpose(g));
    return gr_sub(gr_mul(gr_sub(own, centre), gr_sum(g, GR_AXES(-1), true)),
                  gr_matmul(g, gr_sub(other, centre)));
}

static const gr__primitive distance2_primitive = GR__OPERATION(
    "gr_pairwise_distance2", 2, GR__FLOATS, distance2, .scratch = panels, .rule = distance2_rule);

static gr_tensor *distance2(const char *function, const void *site, const gr_tensor *x,
                            const gr_tensor *y)
{
    gr__pair p = {function, "x", "y", x, y, 2, 2};
    bool good = gr__take_pair(&p) && gr__pair_meets(&p, -1, -1);
    const gr__shape *batch = good ? gr__pair_batch(&p) : NULL;

    if (!batch) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(batch);
    shape.dims[shape.rank++] = gr_dim(p.a, -2);
    shape.dims[shape.rank++] = gr_dim(p.b, -2);
    return gr__node2(&distance2_primitive, site,
                     gr__shape_of(function, NULL, shape.rank, shape.dims), (gr_dtype)p.a->dtype,
                     gr__with_batch(p.a, batch), gr__with_batch(p.b, batch), NULL);
}

gr_tensor *gr_pairwise_distance2(const gr_tensor *x, const gr_tensor *y)
{
    return distance2("gr_pairwise_distance2", GR__SITE, x, y);
}

/* The root's slope at 0 is infinite: there both the value and the gradient are constants. */
gr_tensor *gr_pairwise_distance(const gr_tensor *x, const gr_tensor *y)
{
    gr_tensor *d = distance2("gr_pairwise_distance", GR__SITE, x, y), *equal = gr_equal(d, 0);

    return gr_where(equal, 0, gr_sqrt(gr_where(equal, 1, d)));
}
