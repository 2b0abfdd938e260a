/* What the files of linear algebra share, and products of vectors and matrices, which are
 * compositions. */
#include "autograd/linalg.h"

/* ---- operands ---- */

const gr_tensor *gr__take_floats(const char *function, const char *argument, const gr_tensor *t,
                                 int rank)
{
    const gr__primitive any = {.name = function, .dtypes = GR__FLOATS};
    const gr_tensor *x = gr__take_operand(&any, argument, t);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(x) || x->shape->rank >= rank) {
        return x;
    }
    return gr__error(GR_ERROR_SHAPE, function, argument, "got %s, want a rank of %d or more%s",
                     gr__shape_text(x->shape, got), rank,
                     rank == 2 ? "; gr_unsqueeze makes a vector a matrix" : "");
}

const gr_tensor *gr__take_square(const char *function, const char *argument, const gr_tensor *t)
{
    const gr_tensor *x = gr__take_floats(function, argument, t, 2);
    char got[GR_SHAPE_TEXT];

    if (gr__is_error(x) ||
        x->shape->dims[x->shape->rank - 2] == x->shape->dims[x->shape->rank - 1]) {
        return x;
    }
    return gr__error(GR_ERROR_SHAPE, function, argument, "got %s, want square matrices",
                     gr__shape_text(x->shape, got));
}

bool gr__same_dtype(const char *function, const char *second, const char *first, const gr_tensor *a,
                    const gr_tensor *b)
{
    return a->dtype == b->dtype ||
           gr_fail(GR_ERROR_DTYPE, function, second, "got %s, want %s as %s; convert with gr_cast",
                   gr_dtype_name((gr_dtype)b->dtype), gr_dtype_name((gr_dtype)a->dtype), first);
}

const gr__shape *gr__common_batch(const char *function, const char *second, const char *first,
                                  const gr_tensor *a, const gr_tensor *b)
{
    const gr__shape *p = gr__batch_of(a), *q = gr__batch_of(b), *batch = NULL;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (p && q && !(batch = gr__shape_broadcast(function, p, q))) {
        gr_fail(GR_ERROR_SHAPE, function, second,
                "got %s, whose leading axes do not broadcast with those of %s, %s",
                gr__shape_text(b->shape, got), first, gr__shape_text(a->shape, want));
    }
    return batch;
}

gr_tensor *gr__identity(const gr_tensor *a)
{
    gr_tensor *i = gr_arange(gr_dtype_of(a), gr_dim(a, -1), 0, 1);

    return gr_equal(gr_unsqueeze(i, 1), i);
}

gr_tensor *gr__beside_matrix(const gr_tensor *s)
{
    return gr_unsqueeze(gr_unsqueeze(s, -1), -1);
}

/* ---- products ---- */

gr_tensor *gr_trace(const gr_tensor *a)
{
    const gr_tensor *x = gr__take_square("gr_trace", "a", a);

    return gr__is_error(x) ? &gr__error_tensor : gr_sum(gr_diagonal(x, 0), GR_AXES(-1), false);
}

/* Two operands of vectors: their last extents are equal unless `outer`. */
static bool take_pair(const char *function, const char *second, const gr_tensor **a, int rank,
                      const gr_tensor **b, bool outer)
{
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    *a = gr__take_floats(function, "a", *a, rank);
    *b = gr__take_floats(function, second, *b, 1);
    if (gr__is_error(*a) || gr__is_error(*b) || !gr__same_dtype(function, second, "a", *a, *b)) {
        return false;
    }
    const gr__shape *s = (*a)->shape, *t = (*b)->shape;
    return outer || s->dims[s->rank - 1] == t->dims[t->rank - 1] ||
           gr_fail(GR_ERROR_SHAPE, function, second, "got %s, want (%s%lld) since a is %s",
                   gr__shape_text(t, got), t->rank > 1 ? "*," : "", (long long)s->dims[s->rank - 1],
                   gr__shape_text(s, want));
}

gr_tensor *gr_dot(const gr_tensor *a, const gr_tensor *b)
{
    if (!take_pair("gr_dot", "b", &a, 1, &b, false)) {
        return &gr__error_tensor;
    }
    return gr_sum(gr_mul(a, b), GR_AXES(-1), false);
}

gr_tensor *gr_outer(const gr_tensor *a, const gr_tensor *b)
{
    if (!take_pair("gr_outer", "b", &a, 1, &b, true)) {
        return &gr__error_tensor;
    }
    return gr_mul(gr_unsqueeze(a, -1), gr_unsqueeze(b, -2));
}

gr_tensor *gr_matvec(const gr_tensor *a, const gr_tensor *x)
{
    if (!take_pair("gr_matvec", "x", &a, 2, &x, false)) {
        return &gr__error_tensor;
    }
    return gr_squeeze(gr_matmul(a, gr_unsqueeze(x, -1)), -1);
}
