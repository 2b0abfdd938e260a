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

bool gr__take_pair(gr__pair *p, int rank_a, int rank_b)
{
    p->a = gr__take_floats(p->function, p->first, p->a, rank_a);
    p->b = gr__take_floats(p->function, p->second, p->b, rank_b);
    if (gr__is_error(p->a) || gr__is_error(p->b)) {
        return false;
    }
    return p->a->dtype == p->b->dtype || gr_fail(GR_ERROR_DTYPE, p->function, p->second,
                                                 "got %s, want %s as %s; convert with gr_cast",
                                                 gr_dtype_name((gr_dtype)p->b->dtype),
                                                 gr_dtype_name((gr_dtype)p->a->dtype), p->first);
}

static const gr__shape *leading(const char *function, const gr_tensor *x, int axes)
{
    return gr__shape_of(function, NULL, x->shape->rank - axes, x->shape->dims);
}

const gr__shape *gr__pair_batch(const gr__pair *p, int axes_a, int axes_b)
{
    const gr__shape *s = leading(p->function, p->a, axes_a),
                    *t = leading(p->function, p->b, axes_b);
    const gr__shape *batch = s && t ? gr__shape_broadcast(p->function, s, t) : NULL;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (!batch) {
        gr_fail(GR_ERROR_SHAPE, p->function, p->second,
                "got %s, whose leading axes do not broadcast with those of %s, %s",
                gr__shape_text(p->b->shape, got), p->first, gr__shape_text(p->a->shape, want));
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

/* A vector beside a vector or a matrix, of equal last extents. */
static bool fit(const gr__pair *p)
{
    const gr__shape *s = p->a->shape, *t = p->b->shape;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    return s->dims[s->rank - 1] == t->dims[t->rank - 1] ||
           gr_fail(GR_ERROR_SHAPE, p->function, p->second, "got %s, want (%s%lld) since %s is %s",
                   gr__shape_text(t, got), t->rank > 1 ? "*," : "", (long long)s->dims[s->rank - 1],
                   p->first, gr__shape_text(s, want));
}

/* A vector that is to become a matrix has an axis to spare. */
static bool leaves_room(const gr__pair *p, const char *argument, const gr_tensor *x)
{
    char got[GR_SHAPE_TEXT];

    return x->shape->rank < GR_MAX_RANK ||
           gr_fail(GR_ERROR_SHAPE, p->function, argument, "got %s, want a rank of 7 at most",
                   gr__shape_text(x->shape, got));
}

gr_tensor *gr_dot(const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {"gr_dot", "a", "b", a, b};

    return gr__take_pair(&p, 1, 1) && fit(&p) && gr__pair_batch(&p, 1, 1)
               ? gr_sum(gr_mul(p.a, p.b), GR_AXES(-1), false)
               : &gr__error_tensor;
}

gr_tensor *gr_outer(const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {"gr_outer", "a", "b", a, b};

    return gr__take_pair(&p, 1, 1) && leaves_room(&p, "a", p.a) && leaves_room(&p, "b", p.b) &&
                   gr__pair_batch(&p, 1, 1)
               ? gr_mul(gr_unsqueeze(p.a, -1), gr_unsqueeze(p.b, -2))
               : &gr__error_tensor;
}

gr_tensor *gr_matvec(const gr_tensor *a, const gr_tensor *x)
{
    gr__pair p = {"gr_matvec", "a", "x", a, x};

    return gr__take_pair(&p, 2, 1) && leaves_room(&p, "x", p.b) && fit(&p) &&
                   gr__pair_batch(&p, 2, 1)
               ? gr_squeeze(gr_matmul(p.a, gr_unsqueeze(p.b, -1)), -1)
               : &gr__error_tensor;
}
