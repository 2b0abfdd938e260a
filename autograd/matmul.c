/* Matrix products. */
#include "autograd/linalg.h"

/* c = a b:  da = dc b^T,  db = a^T dc. The gradient of a transposed view is computed as the
 * transpose of (b dc^T) or (dc^T a), the same numbers: what is viewed, a layer's weight, gets its
 * gradient in its own order in memory. */
static gr_tensor *matmul_rule(const gr_tensor *c, int input, gr_tensor *g)
{
    const gr_tensor *a = c->in[0].tensor, *b = c->in[1].tensor;

    if (gr__is_transposed(c->in[input].tensor)) {
        g = gr__matrix_transpose(g);
        return gr__matrix_transpose(input == 0 ? gr_matmul(b, g) : gr_matmul(g, a));
    }
    return input == 0 ? gr_matmul(g, gr__matrix_transpose(b))
                      : gr_matmul(gr__matrix_transpose(a), g);
}

static const gr__primitive matmul_primitive = GR__OPERATION("gr_matmul", 2, GR__FLOATS, matmul,
                                                            .rule = matmul_rule);

gr_tensor *gr_matmul(const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {"gr_matmul", "a", "b", a, b, 2, 2};
    bool good = gr__take_pair(&p) && gr__pair_meets(&p, -1, -2);
    const gr__shape *batch = good ? gr__pair_batch(&p) : NULL;

    if (!batch) {
        return &gr__error_tensor;
    }
    gr_shape shape = gr__public_shape(batch);
    shape.dims[shape.rank++] = gr_dim(p.a, -2);
    shape.dims[shape.rank++] = gr_dim(p.b, -1);
    return gr__node2(&matmul_primitive, GR__SITE,
                     gr__shape_of(p.function, NULL, shape.rank, shape.dims), (gr_dtype)p.a->dtype,
                     gr__with_batch(p.a, batch), gr__with_batch(p.b, batch), NULL);
}
