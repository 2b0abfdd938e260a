/* Views against plain loops, alone and on top of one another: values, what is copied, gradients. */
#include "tests/common/check.h"

TestSuite(view, .init = silence);

/* ---- the same operations on plain arrays ---- */

typedef struct array {
    gr_shape shape;
    double v[512];
} array;

static int64_t count_of(gr_shape s)
{
    int64_t n = 1;

    for (int i = 0; i < s.rank; i++) {
        n *= s.dims[i];
    }
    return n;
}

static void index_of(gr_shape s, int64_t i, int64_t *index)
{
    for (int k = s.rank - 1; k >= 0; k--) {
        index[k] = i % s.dims[k];
        i /= s.dims[k];
    }
}

static double at(const array *a, const int64_t *index)
{
    int64_t i = 0;

    for (int k = 0; k < a->shape.rank; k++) {
        i = i * a->shape.dims[k] + index[k];
    }
    return a->v[i];
}

/* One view: what it makes of a shape, and where it finds the element of an index. */
typedef enum kind { PERMUTE, EXPAND, SLICE, FLIP } kind;

typedef struct step {
    kind what;
    int order[GR_MAX_RANK]; /* permute */
    gr_shape shape;         /* expand */
    int axis;               /* slice */
    int64_t start, stop;    /* slice: 0 <= start <= stop <= extent */
    int mask;               /* flip */
} step;

static array plain(const array *a, const step *s)
{
    array b = {.shape = a->shape};
    int64_t from[GR_MAX_RANK] = {0}, to[GR_MAX_RANK];

    for (int k = 0; s->what == PERMUTE && k < a->shape.rank; k++) {
        b.shape.dims[k] = a->shape.dims[s->order[k]];
    }
    b.shape = s->what == EXPAND ? s->shape : b.shape;
    if (s->what == SLICE) {
        b.shape.dims[s->axis] = s->stop - s->start;
    }
    for (int64_t i = 0; i < count_of(b.shape); i++) {
        index_of(b.shape, i, to);
        int shift = b.shape.rank - a->shape.rank;
        for (int k = 0; k < a->shape.rank; k++) {
            int64_t extent = a->shape.dims[k];
            switch (s->what) {
            case PERMUTE: from[s->order[k]] = to[k]; break;
            case EXPAND: from[k] = extent == 1 ? 0 : to[k + shift]; break;
            case SLICE: from[k] = to[k] + (k == s->axis ? s->start : 0); break;
            case FLIP: from[k] = s->mask >> k & 1 ? extent - 1 - to[k] : to[k]; break;
            }
        }
        b.v[i] = at(a, from);
    }
    return b;
}

static gr_axes axes_of(int mask)
{
    gr_axes axes = {.count = 0};

    for (int i = 0; i < GR_MAX_RANK; i++) {
        if (mask >> i & 1) {
            axes.axis[axes.count++] = i;
        }
    }
    return axes;
}

static gr_tensor *viewed(const gr_tensor *x, const step *s)
{
    gr_axes order = {.count = gr_rank(x)};

    switch (s->what) {
    case PERMUTE: memcpy(order.axis, s->order, sizeof order.axis); return gr_permute(x, order);
    case EXPAND: return gr_expand(x, s->shape);
    case SLICE: return gr_slice(x, s->axis, s->start, s->stop);
    default: return gr_flip(x, axes_of(s->mask));
    }
}

static void expect_array(const gr_tensor *x, const array *a, int line)
{
    gr_shape shape = gr_shape_of(x);

    cr_assert(!gr_is_error(x), "line %d: %s", line, gr_error_message());
    cr_assert_eq(shape.rank, a->shape.rank, "line %d", line);
    for (int k = 0; k < shape.rank; k++) {
        cr_assert_eq(shape.dims[k], a->shape.dims[k], "line %d: axis %d", line, k);
    }
    expect_near_at(x, count_of(a->shape), a->v, 0, line);
}

static array filled(gr_shape shape)
{
    array a = {.shape = shape};

    for (int64_t i = 0; i < count_of(shape); i++) {
        a.v[i] = (double)(i + 1);
    }
    return a;
}

static gr_tensor *tensor_like(gr_dtype dtype, const array *a)
{
    return tensor_of(dtype, a->shape, a->v);
}

/* ---- chains of views ---- */

static uint64_t pick(uint64_t *state, uint64_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % n;
}

/* A view that suits a shape: of at most 512 elements. */
static step random_step(gr_shape shape, uint64_t *state)
{
    step s = {.what = (kind)pick(state, 4), .shape = shape};

    if (s.what == SLICE && shape.rank == 0) {
        s.what = FLIP;
    }
    for (int k = 0; k < shape.rank; k++) {
        int j = (int)pick(state, (uint64_t)k + 1);
        s.order[k] = s.order[j];
        s.order[j] = k;
        if (shape.dims[k] == 1 && count_of(s.shape) <= 150) {
            s.shape.dims[k] = (int64_t)pick(state, 3) + 1;
        }
    }
    if (s.what == EXPAND && shape.rank < 4 && count_of(s.shape) <= 150) {
        memmove(&s.shape.dims[1], s.shape.dims, (size_t)shape.rank * sizeof *shape.dims);
        s.shape.dims[0] = (int64_t)pick(state, 2) + 1;
        s.shape.rank++;
    }
    s.mask = (int)pick(state, (uint64_t)1 << shape.rank);
    if (s.what == SLICE) {
        s.axis = (int)pick(state, (uint64_t)shape.rank);
        int64_t extent = shape.dims[s.axis],
                width = extent > 1 && pick(state, 2) ? extent - 1 : extent;
        s.start = (int64_t)pick(state, (uint64_t)(extent - width) + 1);
        s.stop = s.start + width;
    }
    return s;
}

/* Shapes that (2,3,1,4), permuted, may be given. */
static gr_shape regrouped(gr_shape shape, uint64_t *state)
{
    gr_shape s = {.rank = 0};
    int64_t left = count_of(shape);

    while (left > 1 && s.rank < 5) {
        int64_t d = (int64_t)pick(state, 6) + 1;
        if (left % d == 0) {
            s.dims[s.rank++] = d;
            left /= d;
        }
    }
    s.dims[s.rank++] = left;
    return s;
}

/* Each value is looked at or left pending as chance has it: views of stored and of pending ones. */
static void check_chain(gr_dtype dtype, uint64_t seed)
{
    GR_SCOPE;
    uint64_t state = seed;
    array a = filled((gr_shape){4, {2, 3, 1, 4}});
    gr_tensor *x = tensor_like(dtype, &a);

    for (int i = 0; i < 6; i++) {
        if (pick(&state, 3) == 0) {
            a.shape = regrouped(a.shape, &state);
            x = gr_reshape(x, a.shape);
        } else {
            step s = random_step(a.shape, &state);
            a = plain(&a, &s);
            x = viewed(x, &s);
        }
        if (pick(&state, 2)) {
            expect_array(x, &a, (int)seed);
        }
    }
    expect_array(x, &a, (int)seed);
    expect_array(gr_add(x, 0), &a, (int)seed);
}

Test(view, chains_of_views)
{
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        check_chain((gr_dtype)(seed % 3), seed);
    }
    EXPECT_NO_LEAK();
}

/* ---- reshape ---- */

Test(view, reshape_of_every_layout)
{
    static const gr_shape targets[] = {{1, {48}},         {2, {6, 8}},        {2, {8, 6}},
                                       {3, {4, 3, 4}},    {4, {1, 48, 1, 1}}, {5, {2, 1, 3, 2, 4}},
                                       {4, {4, 2, 1, 6}}, {3, {2, 24, 1}},    {3, {16, 1, 3}}};

    for (int order = 0; order < 24; order++) {
        for (int how = 0; how < 32; how++) {
            GR_SCOPE;
            int left[] = {0, 1, 2, 3}, rest = order;
            array a = filled((gr_shape){4, {4, how & 16 ? 5 : 3, 1, 4}});
            step permute = {.what = PERMUTE}, flip = {.what = FLIP, .mask = how & 15};
            step slice = {.what = SLICE, .axis = 1, .start = 1, .stop = 4};
            for (int k = 0; k < 4; k++) {
                int j = rest % (4 - k);
                rest /= 4 - k;
                permute.order[k] = left[j];
                memmove(&left[j], &left[j + 1], (size_t)(3 - j) * sizeof *left);
            }
            gr_tensor *x = tensor_like(GR_F32, &a);
            if (how & 16) {
                x = viewed(x, &slice);
                a = plain(&a, &slice);
            }
            x = viewed(viewed(x, &permute), &flip);
            a = plain(&a, &permute);
            a = plain(&a, &flip);
            for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
                a.shape = targets[t];
                expect_array(gr_reshape(x, targets[t]), &a, __LINE__);
            }
        }
    }
    EXPECT_NO_LEAK();
}

Test(view, reshape_works_out_minus_one)
{
    array a = filled((gr_shape){2, {4, 3}});
    gr_tensor *x = tensor_like(GR_F64, &a);

    a.shape = (gr_shape){2, {2, 6}};
    expect_array(gr_reshape(x, GR_SHAPE(2, -1)), &a, __LINE__);
    expect_array(gr_reshape(x, GR_SHAPE(-1, 6)), &a, __LINE__);
    a.shape = (gr_shape){1, {12}};
    expect_array(gr_reshape(x, GR_SHAPE(-1)), &a, __LINE__);
    a.shape = (gr_shape){3, {12, 1, 1}};
    expect_array(gr_reshape(x, GR_SHAPE(12, -1, 1)), &a, __LINE__);
    gr_tensor *empty = gr_reshape(gr_full(GR_F64, GR_SHAPE(0, 4), 1), GR_SHAPE(-1, 2));
    cr_assert(gr_rank(empty) == 2 && gr_dim(empty, 0) == 0 && gr_data(empty));
    empty = gr_reshape(gr_full(GR_F64, GR_SHAPE(0, 4), 1), GR_SHAPE(3, 0, 7));
    cr_assert(gr_rank(empty) == 3 && gr_count(empty) == 0 && gr_data(empty));
    a = filled(GR_SCALAR);
    expect_array(gr_reshape(gr_full(GR_F64, GR_SHAPE(1, 1), 1), GR_SCALAR), &a, __LINE__);
    cr_assert_eq(gr_reshape(x, GR_SHAPE(4, 3)), x);
    EXPECT_NO_LEAK();
}

Test(view, squeeze_and_unsqueeze)
{
    array a = filled((gr_shape){3, {2, 1, 3}});
    gr_tensor *x = tensor_like(GR_I64, &a);

    for (int axis = -4; axis <= 3; axis++) {
        int place = axis < 0 ? axis + 4 : axis;
        array b = a;
        b.shape.rank = 4;
        for (int k = 0; k < 4; k++) {
            b.shape.dims[k] = k == place ? 1 : a.shape.dims[k > place ? k - 1 : k];
        }
        gr_tensor *y = gr_unsqueeze(x, axis);
        expect_array(y, &b, __LINE__);
        expect_array(gr_squeeze(y, axis), &a, __LINE__);
    }
    a.shape = (gr_shape){2, {2, 3}};
    expect_array(gr_squeeze(x, 1), &a, __LINE__);
    expect_array(gr_squeeze(x, -2), &a, __LINE__);
    expect_numbers(gr_squeeze(gr_unsqueeze(gr_full(GR_F32, GR_SCALAR, 5), 0), -1), 5);
    EXPECT_NO_LEAK();
}

/* ---- permute, transpose, flip ---- */

Test(view, permute_and_transpose_take_negative_axes)
{
    array a = filled((gr_shape){3, {2, 3, 4}});
    step turn = {.what = PERMUTE, .order = {2, 0, 1}}, swap = {.what = PERMUTE, .order = {2, 1, 0}};
    array turned = plain(&a, &turn), swapped = plain(&a, &swap);
    gr_tensor *x = tensor_like(GR_F32, &a);

    expect_array(gr_permute(x, GR_AXES(-1, 0, -2)), &turned, __LINE__);
    expect_array(gr_transpose(x, 1, -2), &a, __LINE__);
    expect_array(gr_transpose(x, 0, 2), &swapped, __LINE__);
    expect_array(gr_transpose(x, -1, -3), &swapped, __LINE__);
    EXPECT_NO_LEAK();
}

Test(view, flip)
{
    array a = filled((gr_shape){3, {2, 1, 3}});
    gr_tensor *x = tensor_like(GR_F64, &a);

    expect_numbers(gr_flip(x, GR_AXES(2)), 3, 2, 1, 6, 5, 4);
    expect_numbers(gr_flip(x, GR_AXES(-3, 1)), 4, 5, 6, 1, 2, 3);
    expect_numbers(gr_flip(x, GR_ALL_AXES), 6, 5, 4, 3, 2, 1);
    expect_array(gr_flip(gr_flip(x, GR_ALL_AXES), GR_AXES(0, 1, 2)), &a, __LINE__);
    expect_numbers(gr_flip(gr_full(GR_F64, GR_SCALAR, 4), GR_ALL_AXES), 4);
    cr_assert(gr_data(gr_flip(gr_full(GR_F64, GR_SHAPE(0, 3), 4), GR_ALL_AXES)));
    EXPECT_NO_LEAK();
}

/* ---- slice, unslice ---- */

/* As x[start:stop] in NumPy: negative from the end, cut to the extent. */
Test(view, slice_bounds)
{
    array a = filled((gr_shape){3, {2, 5, 2}});
    gr_tensor *x = tensor_like(GR_F64, &a);
    const int64_t far = INT64_MAX;

    for (int64_t start = -7; start <= 7; start++) {
        for (int64_t stop = -7; stop <= 7; stop++) {
            int64_t from = start < 0 ? start + 5 : start, to = stop < 0 ? stop + 5 : stop;
            from = from < 0 ? 0 : from > 5 ? 5 : from;
            to = to < from ? from : to > 5 ? 5 : to;
            step s = {.what = SLICE, .axis = 1, .start = from, .stop = to};
            array b = plain(&a, &s);
            expect_array(gr_slice(x, 1, start, stop), &b, __LINE__);
            expect_array(gr_slice(x, -2, start, stop), &b, __LINE__);
        }
    }
    expect_array(gr_slice(x, 1, -far - 1, far), &a, __LINE__);
    cr_assert_eq(gr_count(gr_slice(x, 0, far, -far - 1)), 0);
    EXPECT_NO_LEAK();
}

Test(view, unslice_puts_back)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 2), 1, 2, 3, 4);

    expect_numbers(gr_unslice(x, 1, 1, 4), 0, 1, 2, 0, 0, 3, 4, 0);
    expect_numbers(gr_unslice(x, -2, 0, 3), 1, 2, 3, 4, 0, 0);
    expect_numbers(gr_unslice(x, 0, 0, 2), 1, 2, 3, 4);
    expect_numbers(gr_unslice(gr_slice(x, 0, 1, 1), 0, 2, 2), 0, 0, 0, 0);
    expect_numbers(gr_unslice(tensor(GR_I64, GR_SHAPE(1), 7), 0, 2, 3), 0, 0, 7);
    EXPECT_NO_LEAK();
}

/* ---- expand, sum_to ---- */

Test(view, expand_to_what_broadcasts)
{
    array a = filled((gr_shape){2, {3, 1}});
    gr_tensor *x = tensor_like(GR_F64, &a);
    step s = {.what = EXPAND, .shape = {4, {2, 1, 3, 4}}};
    array b = plain(&a, &s);

    expect_array(gr_expand(x, GR_SHAPE(2, 1, 3, 4)), &b, __LINE__);
    cr_assert_eq(gr_expand(x, GR_SHAPE(3, 1)), x);
    expect_numbers(gr_expand(gr_full(GR_I64, GR_SCALAR, 3), GR_SHAPE(2, 2)), 3, 3, 3, 3);
    cr_assert_eq(gr_count(gr_expand(x, GR_SHAPE(3, 0))), 0);
    EXPECT_NO_LEAK();
}

Test(view, sum_to_undoes_expand)
{
    static const gr_shape targets[] = {{3, {2, 3, 4}}, {3, {1, 3, 1}}, {2, {3, 4}}, {2, {1, 4}},
                                       {1, {4}},       {1, {1}},       {0, {0}},    {3, {2, 1, 4}}};
    array a = filled((gr_shape){3, {2, 3, 4}});
    gr_tensor *x = tensor_like(GR_F64, &a);

    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        array b = {.shape = targets[t]};
        int shift = 3 - b.shape.rank;
        for (int64_t i = 0; i < 24; i++) {
            int64_t index[GR_MAX_RANK], to = 0;
            index_of(a.shape, i, index);
            for (int k = 0; k < b.shape.rank; k++) {
                to = to * b.shape.dims[k] + (b.shape.dims[k] == 1 ? 0 : index[k + shift]);
            }
            b.v[to] += a.v[i];
        }
        expect_array(gr_sum_to(x, targets[t]), &b, __LINE__);
    }
    cr_assert_eq(gr_sum_to(x, GR_SHAPE(2, 3, 4)), x);
    expect_numbers(gr_sum_to(gr_full(GR_F64, GR_SHAPE(0, 2), 1), GR_SHAPE(1, 2)), 0, 0);
    expect_numbers(gr_sum_to(gr_full(GR_F64, GR_SHAPE(1, 1, 2), 3), GR_SHAPE(2)), 3, 3);
    EXPECT_NO_LEAK();
}

/* ---- what is copied ---- */

Test(view, contiguous_views_share_memory)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(4, 1, 6), 31);
    const float *data = gr_data_f32(x);

    cr_assert_eq(gr_data(gr_reshape(x, GR_SHAPE(8, 3))), data);
    cr_assert_eq(gr_data(gr_squeeze(x, 1)), data);
    cr_assert_eq(gr_data(gr_unsqueeze(x, 0)), data);
    cr_assert_eq(gr_data(gr_transpose(x, 0, 1)), data);
    cr_assert_eq(gr_data(gr_flip(x, GR_AXES(1))), data);
    cr_assert_eq(gr_data(gr_slice(x, 0, 0, 3)), data);
    cr_assert_eq(gr_data(gr_slice(x, 0, 2, 3)), data + 12);
    cr_assert_eq(gr_data(gr_slice(gr_slice(x, 0, 2, 3), 2, 1, 4)), data + 13);
    cr_assert_eq(gr_data(gr_detach(x)), data);
    cr_assert_eq(gr_data(gr_reshape(gr_flip(gr_flip(x, GR_ALL_AXES), GR_ALL_AXES), GR_SHAPE(24))),
                 data);
    cr_assert_eq(gr_data(gr_permute(gr_permute(x, GR_AXES(2, 0, 1)), GR_AXES(1, 2, 0))), data);
    EXPECT_NO_LEAK();
}

static int64_t bytes_for(gr_tensor *t)
{
    int64_t before = gr_memory_stats().current;

    cr_assert(gr_eval(1, &t));
    return gr_memory_stats().current - before;
}

/* Strided views hold their operand's memory; only what strides cannot express is copied. */
Test(view, strided_views_copy_nothing)
{
    enum { N = 1 << 16 };
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(256, 256), 1);

    cr_assert(gr_eval(1, &x));
    cr_assert_lt(bytes_for(gr_transpose(x, 0, 1)), N);
    cr_assert_lt(bytes_for(gr_flip(x, GR_ALL_AXES)), N);
    cr_assert_lt(bytes_for(gr_slice(x, 1, 3, 250)), N);
    cr_assert_lt(bytes_for(gr_expand(x, GR_SHAPE(100, 256, 256))), N);
    cr_assert_lt(bytes_for(gr_reshape(gr_slice(x, 1, 0, 128), GR_SHAPE(256, 2, 64))), N);
    cr_assert_lt(bytes_for(gr_reshape(gr_transpose(x, 0, 1), GR_SHAPE(16, 16, 4, 64))), N);
    cr_assert_lt(bytes_for(gr_reshape(gr_flip(x, GR_ALL_AXES), GR_SHAPE(N))), N);
    cr_assert_geq(bytes_for(gr_reshape(gr_transpose(x, 0, 1), GR_SHAPE(N))), N * 8);
    EXPECT_NO_LEAK();
}

/* ---- derivatives ---- */

static gr_tensor *weighted(gr_tensor *y)
{
    return gr_square(gr_mul(y, gr_add(gr_square(y), 0.5)));
}

static gr_tensor *view_number(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *t = x[0];

    (void)n;
    switch (*(const int *)context) {
    case 0: return weighted(gr_reshape(t, GR_SHAPE(3, 2, -1)));
    case 1: return weighted(gr_permute(t, GR_AXES(2, 0, 1)));
    case 2: return weighted(gr_transpose(t, 0, -1));
    case 3: return weighted(gr_expand(t, GR_SHAPE(2, 2, 3, 2)));
    case 4: return weighted(gr_slice(t, 1, 1, 3));
    case 5: return weighted(gr_flip(t, GR_AXES(0, 2)));
    case 6: return weighted(gr_squeeze(gr_slice(t, 1, 0, 1), 1));
    case 7: return weighted(gr_unsqueeze(t, 1));
    case 8: return weighted(gr_sum_to(t, GR_SHAPE(3, 1)));
    case 9: return weighted(gr_unslice(t, 1, 2, 6));
    case 10: return weighted(gr_slice(t, 0, -1, 9));
    case 11:
        return weighted(gr_reshape(gr_flip(gr_transpose(gr_slice(t, 1, 0, 2), 0, 1), GR_AXES(1)),
                                   GR_SHAPE(4, 2)));
    case 12:
        return gr_mul(gr_reshape(t, GR_SHAPE(12)),
                      gr_reshape(gr_permute(t, GR_AXES(2, 1, 0)), GR_SHAPE(12)));
    default: return NULL;
    }
}

Test(view, gradients)
{
    for (int k = 0; k <= 12; k++) {
        GR_SCOPE;
        gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(2, 3, 2), 33);
        cr_assert(gr_gradcheck(view_number, &k, &x, 1, 2), "view %d: %s", k, gr_error_message());
    }
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

#define EXPECT_REFUSED(call, code, message) \
    do { \
        cr_assert(gr_is_error(call)); \
        expect_error(code, message); \
    } while (0)

#define BAD_SHAPE(call, message) EXPECT_REFUSED(call, GR_ERROR_SHAPE, message)

Test(view, reshape_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1);

    BAD_SHAPE(gr_reshape(x, GR_SHAPE(4, 2)),
              "gr_reshape: shape: got (4,2), want 6 elements as x has in (2,3)");
    BAD_SHAPE(gr_reshape(x, GR_SHAPE(-1, 3, -1)),
              "gr_reshape: shape: axes 0 and 2 are both -1, want one at most");
    BAD_SHAPE(gr_reshape(x, GR_SHAPE(-1, 4)),
              "gr_reshape: shape: no extent in place of -1 gives the 6 elements of (2,3)");
    BAD_SHAPE(gr_reshape(x, GR_SHAPE(-1, 0)),
              "gr_reshape: shape: no extent in place of -1 gives the 6 elements of (2,3)");
    BAD_SHAPE(gr_reshape(x, GR_SHAPE(-2, -3)),
              "gr_reshape: shape: axis 0: got -2, want 0 or more, or -1 once");
    EXPECT_REFUSED(gr_reshape(x, GR_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40)), GR_ERROR_MEMORY,
                   "gr_reshape: shape: the product of the extents overflows");
    BAD_SHAPE(gr_reshape(x, (gr_shape){.rank = 9}), "gr_reshape: shape: got rank 9, want 0 to 8");
    BAD_SHAPE(gr_squeeze(x, 1), "gr_squeeze: x: axis 1 of (2,3) has extent 3, want 1");
    BAD_SHAPE(gr_squeeze(x, 2), "gr_squeeze: axis: got 2, want -2 to 1");
    BAD_SHAPE(gr_squeeze(gr_full(GR_F32, GR_SCALAR, 1), 0),
              "gr_squeeze: axis: got 0, but a tensor of shape () has no axis");
    BAD_SHAPE(gr_unsqueeze(x, 3), "gr_unsqueeze: axis: got 3, want -3 to 2");
    gr_tensor *deep = gr_full(GR_F32, GR_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), 1);
    BAD_SHAPE(gr_unsqueeze(deep, 0),
              "gr_unsqueeze: x: got (1,1,1,1,1,1,1,2), want a rank of 7 at most");
    EXPECT_NO_LEAK();
}

Test(view, other_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1);

    BAD_SHAPE(gr_permute(x, GR_AXES(1)),
              "gr_permute: order: got 1 axes, want each of the 2 axes of (2,3) once");
    BAD_SHAPE(gr_permute(x, GR_ALL_AXES),
              "gr_permute: order: got 0 axes, want each of the 2 axes of (2,3) once");
    BAD_SHAPE(gr_transpose(x, 2, 0), "gr_transpose: axis0: got 2, want -2 to 1");
    BAD_SHAPE(gr_transpose(x, 0, -3), "gr_transpose: axis1: got -3, want -2 to 1");
    BAD_SHAPE(gr_expand(x, GR_SHAPE(2, 4)),
              "gr_expand: shape: got (2,4), want a shape that (2,3) broadcasts to");
    BAD_SHAPE(gr_expand(x, GR_SHAPE(3)),
              "gr_expand: shape: got (3), want a shape that (2,3) broadcasts to");
    BAD_SHAPE(gr_expand(x, GR_SHAPE(-2, 3)), "gr_expand: shape: axis 0: got -2, want 0 or more");
    BAD_SHAPE(gr_sum_to(x, GR_SHAPE(2)),
              "gr_sum_to: shape: got (2), want a shape that broadcasts to (2,3)");
    BAD_SHAPE(gr_sum_to(x, GR_SHAPE(1, 2, 3)),
              "gr_sum_to: shape: got (1,2,3), want a shape that broadcasts to (2,3)");
    BAD_SHAPE(gr_sum_to(x, GR_SHAPE(-1)), "gr_sum_to: shape: axis 0: got -1, want 0 or more");
    BAD_SHAPE(gr_slice(x, 2, 0, 1), "gr_slice: axis: got 2, want -2 to 1");
    BAD_SHAPE(gr_flip(x, GR_AXES(0, -2)), "gr_flip: axes: axis 0 is named twice");
    BAD_SHAPE(gr_flip(x, GR_AXES(5)), "gr_flip: axes: got 5, want -2 to 1");
    BAD_SHAPE(gr_unslice(x, 1, 2, 4), "gr_unslice: start: got 2 for 3 elements in an extent of 4");
    BAD_SHAPE(gr_unslice(x, 1, -1, 9),
              "gr_unslice: start: got -1 for 3 elements in an extent of 9");
    BAD_SHAPE(gr_unslice(x, 2, 0, 9), "gr_unslice: axis: got 2, want -2 to 1");
    EXPECT_NO_LEAK();
}

#define REFUSES_NULL(name, ...) \
    EXPECT_REFUSED(name(NULL, __VA_ARGS__), GR_ERROR_VALUE, #name ": x: got NULL, want a tensor")

Test(view, null_and_error_tensors)
{
    REFUSES_NULL(gr_reshape, GR_SCALAR);
    REFUSES_NULL(gr_permute, GR_AXES(0));
    REFUSES_NULL(gr_transpose, 0, 0);
    REFUSES_NULL(gr_expand, GR_SCALAR);
    REFUSES_NULL(gr_slice, 0, 0, 0);
    REFUSES_NULL(gr_unslice, 0, 0, 0);
    REFUSES_NULL(gr_flip, GR_AXES(0));
    REFUSES_NULL(gr_squeeze, 0);
    REFUSES_NULL(gr_unsqueeze, 0);
    REFUSES_NULL(gr_sum_to, GR_SCALAR);
    gr_tensor *e = gr_slice(NULL, 0, 0, 0);
    gr_error_clear();
    cr_assert(gr_is_error(gr_reshape(e, GR_SHAPE(7))) && gr_is_error(gr_permute(e, GR_AXES(9))) &&
              gr_is_error(gr_transpose(e, 3, 4)) && gr_is_error(gr_expand(e, GR_SHAPE(2))) &&
              gr_is_error(gr_slice(e, 5, 0, 1)) && gr_is_error(gr_unslice(e, 0, 0, 1)) &&
              gr_is_error(gr_flip(e, GR_AXES(3))) && gr_is_error(gr_squeeze(e, 2)) &&
              gr_is_error(gr_unsqueeze(e, 2)) && gr_is_error(gr_sum_to(e, GR_SHAPE(2))));
    expect_ok();
    EXPECT_NO_LEAK();
}
