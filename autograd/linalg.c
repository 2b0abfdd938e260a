/* What the files of linear algebra share, and products of vectors and matrices, which are
 * compositions. */
#include <string.h>

#include "autograd/linalg.h"

/* ---- operands ---- */

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

bool gr__take_pair(gr__pair *p)
{
    p->a = gr__take_floats(p->function, p->first, p->a, 0);
    p->b = gr__take_floats(p->function, p->second, p->b, 0);
    if (gr__is_error(p->a) || gr__is_error(p->b)) {
        return false;
    }
    return !gr__is_error(gr__of_rank(p->function, p->first, p->a, p->rank_a)) &&
           !gr__is_error(gr__of_rank(p->function, p->second, p->b, p->rank_b)) &&
           gr__same_dtype(p->function, p->second, p->b, p->first, p->a);
}

bool gr__pair_meets(const gr__pair *p, int axis_a, int axis_b)
{
    const gr__shape *s = p->a->shape, *t = p->b->shape;
    int64_t extent = s->dims[s->rank + axis_a];
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    return t->dims[t->rank + axis_b] == extent ||
           gr_fail(GR_ERROR_SHAPE, p->function, p->second,
                   "got %s, want (%s%s%lld%s) since %s is %s", gr__shape_text(t, got),
                   t->rank > p->rank_b ? "*," : "", p->rank_b + axis_b > 0 ? "*," : "",
                   (long long)extent, axis_b < -1 ? ",*" : "", p->first, gr__shape_text(s, want));
}

static const gr__shape *leading(const char *function, const gr_tensor *x, int axes)
{
    return gr__shape_of(function, NULL, x->shape->rank - axes, x->shape->dims);
}

const gr__shape *gr__pair_batch(const gr__pair *p)
{
    const gr__shape *s = leading(p->function, p->a, p->rank_a),
                    *t = leading(p->function, p->b, p->rank_b);
    const gr__shape *batch = s && t ? gr__shape_broadcast(p->function, s, t) : NULL;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (!batch) {
        gr_fail(GR_ERROR_SHAPE, p->function, p->second,
                "got %s, whose leading axes do not broadcast with those of %s, %s",
                gr__shape_text(p->b->shape, got), p->first, gr__shape_text(p->a->shape, want));
    }
    return batch;
}

const gr_tensor *gr__with_batch(const gr_tensor *x, const gr__shape *batch)
{
    bool has_it = x->shape->rank == batch->rank + 2;
    gr_shape shape = gr__public_shape(batch);

    if (has_it && !memcmp(x->shape->dims, batch->dims, (size_t)batch->rank * sizeof *shape.dims)) {
        return x;
    }
    memcpy(&shape.dims[shape.rank], &x->shape->dims[x->shape->rank - 2], 2 * sizeof *shape.dims);
    shape.rank += 2;
    return gr_expand(x, shape);
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
    gr__pair p = {"gr_dot", "a", "b", a, b, 1, 1};

    return gr__take_pair(&p) && gr__pair_meets(&p, -1, -1) && gr__pair_batch(&p)
               ? gr_sum(gr_mul(p.a, p.b), GR_AXES(-1), false)
               : &gr__error_tensor;
}

gr_tensor *gr_outer(const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {"gr_outer", "a", "b", a, b, 1, 1};

    return gr__take_pair(&p) && leaves_room(&p, "a", p.a) && leaves_room(&p, "b", p.b) &&
                   gr__pair_batch(&p)
               ? gr_mul(gr_unsqueeze(p.a, -1), gr_unsqueeze(p.b, -2))
               : &gr__error_tensor;
}

gr_tensor *gr_matvec(const gr_tensor *a, const gr_tensor *x)
{
    gr__pair p = {"gr_matvec", "a", "x", a, x, 2, 1};

    return gr__take_pair(&p) && leaves_room(&p, "x", p.b) && gr__pair_meets(&p, -1, -1) &&
                   gr__pair_batch(&p)
               ? gr_squeeze(gr_matmul(p.a, gr_unsqueeze(p.b, -1)), -1)
               : &gr__error_tensor;
}
