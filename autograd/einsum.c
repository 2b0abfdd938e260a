/* gr_einsum: labels of axes, brought into the order of one matrix product. */
#include <string.h>

#include "autograd/linalg.h"

static const char function[] = "gr_einsum";

/* Labels of a tensor's axes, in their order. */
typedef struct labels {
    char text[GR_MAX_RANK + 1];
} labels;

typedef struct term {
    const gr_tensor *x;
    labels axes;
} term;

typedef struct equation {
    term operand[2];
    int count; /* of operands */
    labels result;
    int64_t extent[128]; /* by label; -1: there is no such label */
} equation;

/* ---- reading ---- */

static bool malformed(const char *subscripts, int count)
{
    return gr_fail(
        GR_ERROR_VALUE, function, "subscripts",
        "got \"%s\", want at most 8 letters for each of %d operand%s and for the result, "
        "as in \"%s\"",
        subscripts, count, count > 1 ? "s" : "", count > 1 ? "ij,jk->ik" : "ii->i");
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads letters; spaces are passed over. Returns where they end, or NULL if there are too many. */
static const char *read_labels(const char *at, labels *to)
{
    int n = 0;

    for (; is_letter(*at) || *at == ' '; at++) {
        if (*at == ' ') {
            continue;
        }
        if (n == GR_MAX_RANK) {
            return NULL;
        }
        to->text[n++] = *at;
    }
    to->text[n] = 0;
    return at;
}

static bool read_equation(equation *e, const char *subscripts)
{
    const char *at = subscripts;

    for (int i = 0; i < e->count; i++) {
        const char *separator = i + 1 < e->count ? "," : "->";
        at = read_labels(at, &e->operand[i].axes);
        if (!at || strncmp(at, separator, strlen(separator)) != 0) {
            return malformed(subscripts, e->count);
        }
        at += strlen(separator);
    }
    at = read_labels(at, &e->result);
    return (at && *at == 0) || malformed(subscripts, e->count);
}

static bool check_operand(equation *e, int i)
{
    const char *name = i == 0 ? "a" : "b", *text = e->operand[i].axes.text;
    const gr__shape *shape = e->operand[i].x->shape;
    char got[GR_SHAPE_TEXT];

    if ((size_t)shape->rank != strlen(text)) {
        return gr_fail(GR_ERROR_SHAPE, function, name, "got %s, want rank %d for the labels \"%s\"",
                       gr__shape_text(shape, got), (int)strlen(text), text);
    }
    for (int d = 0; d < shape->rank; d++) {
        int64_t *extent = &e->extent[(int)text[d]];
        if (*extent >= 0 && *extent != shape->dims[d]) {
            return gr_fail(GR_ERROR_SHAPE, function, name, "got %s, but label %c is %lld already",
                           gr__shape_text(shape, got), text[d], (long long)*extent);
        }
        *extent = shape->dims[d];
    }
    return true;
}

static bool check_result(const equation *e)
{
    for (const char *c = e->result.text; *c; c++) {
        if (e->extent[(int)*c] < 0) {
            return gr_fail(GR_ERROR_VALUE, function, "subscripts",
                           "label %c of the result is in no operand", *c);
        }
        if (strchr(c + 1, *c)) {
            return gr_fail(GR_ERROR_VALUE, function, "subscripts",
                           "label %c is twice in the result", *c);
        }
    }
    return true;
}

/* ---- sets of labels ---- */

/* Those of x that are, or are not, in y. */
static labels select(labels x, labels y, bool in)
{
    labels z = {""};
    int n = 0;

    for (const char *c = x.text; *c; c++) {
        if ((strchr(y.text, *c) != NULL) == in) {
            z.text[n++] = *c;
        }
    }
    return z;
}

/* Both have 8 at most together. */
static labels joined(labels x, labels y)
{
    memcpy(x.text + strlen(x.text), y.text, GR_MAX_RANK + 1 - strlen(x.text));
    return x;
}

static gr_shape shape_of(const equation *e, labels x)
{
    gr_shape shape = {.rank = (int)strlen(x.text)};

    for (int d = 0; d < shape.rank; d++) {
        shape.dims[d] = e->extent[(int)x.text[d]];
    }
    return shape;
}

/* The product of their extents. Each operand holds all of them, so it does not overflow; of an
 * empty one it might, and is not needed. */
static int64_t size_of(const equation *e, labels x)
{
    uint64_t size = 1;

    for (const char *c = x.text; *c; c++) {
        size *= (uint64_t)e->extent[(int)*c];
    }
    return (int64_t)size;
}

/* ---- one operand ---- */

static term ordered(term t, labels order)
{
    gr_axes axes = {.count = (int)strlen(order.text)};

    for (int i = 0; i < axes.count; i++) {
        axes.axis[i] = (int)(strchr(t.axes.text, order.text[i]) - t.axes.text);
    }
    return (term){axes.count > 0 ? gr_permute(t.x, axes) : t.x, order};
}

/* Takes the diagonal of axes that share a label; it becomes the last axis. */
static term diagonals(term t)
{
    for (int i = 0; t.axes.text[i]; i++) {
        const char *again = strchr(t.axes.text + i + 1, t.axes.text[i]);
        if (!again) {
            continue;
        }
        int j = (int)(again - t.axes.text), n = (int)strlen(t.axes.text), count = 0;
        gr_axes axes = {.count = n};
        labels rest = {""};
        for (int d = 0; d < n; d++) {
            if (d != i && d != j) {
                rest.text[count] = t.axes.text[d];
                axes.axis[count++] = d;
            }
        }
        rest.text[count] = t.axes.text[i];
        axes.axis[count] = i;
        axes.axis[count + 1] = j;
        t = (term){gr_diagonal(gr_permute(t.x, axes), 0), rest};
        i = -1;
    }
    return t;
}

/* Sums over the labels that are in neither of the others. */
static term summed(term t, labels p, labels q)
{
    labels gone = select(select(t.axes, p, false), q, false);
    gr_axes axes = {.count = 0};

    for (int d = 0; t.axes.text[d]; d++) {
        if (strchr(gone.text, t.axes.text[d])) {
            axes.axis[axes.count++] = d;
        }
    }
    return (term){axes.count > 0 ? gr_sum(t.x, axes, false) : t.x, select(t.axes, gone, false)};
}

/* ---- two operands ---- */

/* Labels in four groups: in both and the result, in one, in both alone. */
typedef struct groups {
    labels batch, left, right, shared;
} groups;

/* Extents of 1 in the place of the labels `gap`. */
static gr_tensor *with_gap(const equation *e, term t, labels before, labels gap, labels after)
{
    gr_shape shape = shape_of(e, before), rest = shape_of(e, after);

    for (int i = (int)strlen(gap.text); i > 0; i--) {
        shape.dims[shape.rank++] = 1;
    }
    memcpy(shape.dims + shape.rank, rest.dims, (size_t)rest.rank * sizeof *rest.dims);
    shape.rank += rest.rank;
    return gr_reshape(t.x, shape);
}

/* Without a matrix product in it: broadcast, and summed over what both share alone. */
static gr_tensor *elementwise(const equation *e, const groups *g, term a, term b)
{
    labels none = {""};

    if (g->shared.text[0]) {
        gr_axes axes = {.count = 0};
        for (size_t i = strlen(g->shared.text); i > 0; i--) {
            axes.axis[axes.count++] = -(int)i;
        }
        labels both = joined(g->batch, g->shared);
        return gr_sum(gr_mul(ordered(a, both).x, ordered(b, both).x), axes, false);
    }
    a = ordered(a, joined(g->batch, g->left));
    b = ordered(b, joined(g->batch, g->right));
    return gr_mul(with_gap(e, a, a.axes, g->right, none),
                  with_gap(e, b, g->batch, g->left, g->right));
}

/* (batch, left, shared) (batch, shared, right): one matrix product. */
static gr_tensor *matrices(const equation *e, const groups *g, term a, term b)
{
    int64_t batch = size_of(e, g->batch), left = size_of(e, g->left);
    int64_t right = size_of(e, g->right), shared = size_of(e, g->shared);

    a = ordered(a, joined(joined(g->batch, g->left), g->shared));
    b = ordered(b, joined(joined(g->batch, g->shared), g->right));
    gr_tensor *c = gr_matmul(gr_reshape(a.x, GR_SHAPE(batch, left, shared)),
                             gr_reshape(b.x, GR_SHAPE(batch, shared, right)));
    return gr_reshape(c, shape_of(e, joined(joined(g->batch, g->left), g->right)));
}

static gr_tensor *contracted(const equation *e)
{
    labels p = e->operand[0].axes, q = e->operand[1].axes;
    term a = summed(diagonals(e->operand[0]), q, e->result);
    term b = summed(diagonals(e->operand[1]), p, e->result);
    labels both = select(a.axes, b.axes, true);
    groups g = {.batch = select(both, e->result, true),
                .left = select(a.axes, b.axes, false),
                .right = select(b.axes, a.axes, false),
                .shared = select(both, e->result, false)};
    bool product = g.shared.text[0] && (g.left.text[0] || g.right.text[0]);
    term c = {product ? matrices(e, &g, a, b) : elementwise(e, &g, a, b),
              joined(joined(g.batch, g.left), g.right)};

    return (gr_tensor *)(uintptr_t)ordered(c, e->result).x;
}

static bool take_operands(equation *e, const gr_tensor *a, const gr_tensor *b)
{
    gr__pair p = {function, "a", "b", a, b, 0, 0};

    if (!b) {
        e->operand[0].x = gr__take_floats(function, "a", a, 0);
        return !gr__is_error(e->operand[0].x);
    }
    bool good = gr__take_pair(&p);
    e->operand[0].x = p.a;
    e->operand[1].x = p.b;
    return good;
}

gr_tensor *gr_einsum(const char *subscripts, const gr_tensor *a, const gr_tensor *b)
{
    equation e = {.count = b ? 2 : 1};
    labels none = {""};

    memset(e.extent, 0xFF, sizeof e.extent);
    if (!gr__given(function, "subscripts", subscripts, "a text as \"ij,jk->ik\"") ||
        !take_operands(&e, a, b) || !read_equation(&e, subscripts) || !check_operand(&e, 0) ||
        (b && !check_operand(&e, 1)) || !check_result(&e)) {
        return &gr__error_tensor;
    }
    if (b) {
        return contracted(&e);
    }
    term t = summed(diagonals(e.operand[0]), e.result, none);
    return gr__itself(ordered(t, e.result).x);
}
