/* Numbers of the table's inputs, and the places in memory that they can have.
 * tools/references/table.py makes the same numbers. */
#include "tests/primitives/inputs.h"

#include "tests/common/guard.h"

gr_dtype input_dtype(const input *in)
{
    return in->kind == INPUT_INTEGERS || in->kind == INPUT_INTEGER_LIST ? GR_I64 : GR_F64;
}

static gr_shape shape_of(const input *in)
{
    bool listed = in->kind == INPUT_LIST || in->kind == INPUT_INTEGER_LIST;

    return listed ? GR_SHAPE(in->listed) : in->shape;
}

/* Element i of a matrix input; the off-diagonal ones stay below 0.9 / n. */
static double matrix_element(const input *in, int64_t i, uint64_t seed)
{
    int64_t n = in->shape.dims[in->shape.rank - 1];
    int64_t matrix = i / (n * n), j = i / n % n, k = i % n;
    bool mirrored = in->kind == INPUT_SPD && k > j;
    int64_t at = mirrored ? k * n + j : j * n + k;
    double u = noise(seed + (uint64_t)(matrix * n * n + at));

    return j == k ? 1.5 + u / 4 : (double)(float)(0.45 / (double)n * u);
}

/* Element i of input number k. */
static double element(const input *in, int k, int64_t i)
{
    uint64_t seed = 1000003 * (uint64_t)(k + 1);
    double u = (noise(seed + (uint64_t)i) + 2) / 4;

    switch (in->kind) {
    case INPUT_LIST:
    case INPUT_INTEGER_LIST: return in->list[i];
    case INPUT_INTEGERS: return in->low + floor((in->high - in->low) * u);
    case INPUT_RANDOM: return (double)(float)(in->low + (in->high - in->low) * u);
    default: return matrix_element(in, i, seed);
    }
}

/* The same numbers in a tensor that is not contiguous. */
static gr_tensor *strided(gr_dtype dtype, gr_shape shape, const double *numbers)
{
    gr_shape turned = {.rank = shape.rank};
    gr_axes order = {.count = shape.rank};
    int64_t n = elements_of(shape);
    double *moved = malloc((size_t)(n + 1) * sizeof *moved);

    for (int k = 0; k < shape.rank; k++) {
        turned.dims[k] = shape.dims[shape.rank - 1 - k];
        order.axis[k] = shape.rank - 1 - k;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, stride = n, at = 0;
        for (int k = shape.rank - 1; k >= 0; k--) {
            stride /= shape.dims[k];
            at += rest % shape.dims[k] * stride;
            rest /= shape.dims[k];
        }
        moved[shape.rank == 1 ? n - 1 - i : at] = numbers[i];
    }
    gr_tensor *t = tensor_of(dtype, turned, moved);
    free(moved);
    return shape.rank == 1 ? gr_flip(t, GR_ALL_AXES) : shape.rank ? gr_permute(t, order) : t;
}

static void make_input(point *p, const input *in, int k, gr_dtype floats, placement where)
{
    gr_dtype dtype = input_dtype(in) == GR_I64 ? GR_I64 : floats;
    gr_shape shape = shape_of(in);
    int64_t n = elements_of(shape);
    double *numbers = malloc((size_t)(n + 1) * sizeof *numbers);

    for (int64_t i = 0; i < n; i++) {
        numbers[i] = element(in, k, i);
    }
    p->memory[k] = NULL;
    if (where == COPIED || n == 0) {
        p->in[k] = tensor_of(dtype, shape, numbers);
    } else if (where == STRIDED) {
        p->in[k] = strided(dtype, shape, numbers);
    } else {
        gr_tensor *t = tensor_of(dtype, shape, numbers);
        p->bytes[k] = (size_t)n * gr_dtype_size(dtype);
        p->memory[k] = guarded(p->bytes[k], where == GUARDED_ABOVE);
        memcpy(p->memory[k], gr_data(t), p->bytes[k]);
        p->in[k] = gr_borrow(dtype, shape, p->memory[k]);
    }
    free(numbers);
}

point make_point(const row *r, int count, gr_dtype floats, placement where)
{
    point p = {.in = {NULL}};

    for (int k = 0; k < count; k++) {
        if (r->inputs[k].kind != INPUT_NONE) {
            make_input(&p, &r->inputs[k], k, floats, where);
        }
    }
    return p;
}

void release_point(const point *p, placement where)
{
    for (int k = 0; k < MOST_INPUTS; k++) {
        if (p->memory[k]) {
            release_guarded(p->memory[k], p->bytes[k], where == GUARDED_ABOVE);
        }
    }
}
