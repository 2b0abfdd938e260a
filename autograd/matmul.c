/* Matrix products. */
#include <string.h>

#include "autograd/autograd.h"

static gr_tensor *transposed(const gr_tensor *x)
{
    return gr_transpose(x, -2, -1);
}

/* c = a b:  da = dc b^T,  db = a^T dc. The gradient of a transposed view is computed as the
 * transpose of (b dc^T) or (dc^T a), the same numbers: what is viewed, a layer's weight, gets its
 * gradient in its own order in memory. */
static gr_tensor *matmul_rule(const gr_tensor *c, int input, gr_tensor *g)
{
    const gr_tensor *a = c->in[0].tensor, *b = c->in[1].tensor;

    if (gr__is_transposed(c->in[input].tensor)) {
        g = transposed(g);
        return transposed(input == 0 ? gr_matmul(b, g) : gr_matmul(g, a));
    }
    return input == 0 ? gr_matmul(g, transposed(b)) : gr_matmul(transposed(a), g);
}

static const gr__primitive matmul_primitive = {
    .name = "gr_matmul",
    .kind = GR__OPAQUE,
    .arity = 2,
    .dtypes = GR__FLOATS,
    .kernel = offsetof(gr__kernels, matmul),
    .rule = matmul_rule,
};

const gr__shape *gr__batch_of(const gr_tensor *x)
{
    return gr__shape_of("gr_matmul", NULL, x->shape->rank - 2, x->shape->dims);
}

const gr_tensor *gr__with_batch(const gr_tensor *x, const gr__shape *batch)
{
    if (gr__batch_of(x) == batch) {
        return x;
    }
    gr_shape shape = gr__public_shape(batch);
    memcpy(&shape.dims[shape.rank], &x->shape->dims[x->shape->rank - 2], 2 * sizeof *shape.dims);
    shape.rank += 2;
    return gr_expand(x, shape);
}

gr_tensor *gr_matmul(const gr_tensor *a, const gr_tensor *b)
{
    const gr_tensor *x = gr__take_operand(&matmul_primitive, "a", a);
    const gr_tensor *y = gr__take_operand(&matmul_primitive, "b", b);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr__is_error(x) || gr__is_error(y)) {
        return &gr__error_tensor;
    }
    const gr__shape *s = x->shape, *t = y->shape;
    if (s->rank < 2 || t->rank < 2) {
        return gr__error(GR_ERROR_SHAPE, "gr_matmul", s->rank < 2 ? "a" : "b",
                         "got %s, want a rank of 2 or more; gr_unsqueeze makes a vector a matrix",
                         gr__shape_text(s->rank < 2 ? s : t, got));
    }
    if (x->dtype != y->dtype) {
        return gr__error(GR_ERROR_DTYPE, "gr_matmul", "b",
                         "got %s, want %s as a; convert with gr_cast",
                         gr_dtype_name((gr_dtype)y->dtype), gr_dtype_name((gr_dtype)x->dtype));
    }
    if (s->dims[s->rank - 1] != t->dims[t->rank - 2]) {
        return gr__error(GR_ERROR_SHAPE, "gr_matmul", "b", "got %s, want (%s%lld,*) since a is %s",
                         gr__shape_text(t, got), t->rank > 2 ? "*," : "",
                         (long long)s->dims[s->rank - 1], gr__shape_text(s, want));
    }
    const gr__shape *p = gr__batch_of(x), *q = gr__batch_of(y), *batch = NULL;
    if (!p || !q || !(batch = gr__shape_broadcast("gr_matmul", p, q))) {
        return gr__error(GR_ERROR_SHAPE, "gr_matmul", "b",
                         "got %s, whose leading axes do not broadcast with those of a, %s",
                         gr__shape_text(t, got), gr__shape_text(s, want));
    }
    gr_shape shape = gr__public_shape(batch);
    shape.dims[shape.rank++] = s->dims[s->rank - 2];
    shape.dims[shape.rank++] = t->dims[t->rank - 1];
    return gr__node2(&matmul_primitive, GR__SITE,
                     gr__shape_of("gr_matmul", NULL, shape.rank, shape.dims), (gr_dtype)x->dtype,
                     gr__with_batch(x, batch), gr__with_batch(y, batch), NULL);
}
