/* gather and scatter_add against loops: every axis, strided and repeated operands, any number of
 * threads, indices out of range. pick and place, which take one index in each row, against loops
 * and against those two. */
#include "tests/kernels/help.h"

enum { ROOM = 40000 };

static int64_t read_index(const gr__array *index, int64_t i)
{
    return ((const int64_t *)index->data)[offset_of(index, i)];
}

/* Where element i of a loop over `index` stands in an array with the index in place of the axis. */
static int64_t indexed_offset(const gr__array *index, int64_t i, int axis, const gr__array *x)
{
    int64_t offset = read_index(index, i) * x->strides[axis];

    for (int d = index->rank - 1; d >= 0; d--) {
        if (d != axis) offset += i % index->dims[d] * x->strides[d];
        i /= index->dims[d];
    }
    return offset;
}

static void copy_element(gr_dtype dtype, void *to, int64_t at, const void *from, int64_t source)
{
    size_t size = dtype_size(dtype);
    memcpy((char *)to + (size_t)at * size, (const char *)from + (size_t)source * size, size);
}

static void plain_gather(const gr__array *out, const gr__array *x, const gr__array *index, int axis)
{
    for (int64_t i = 0; i < index->count; i++)
        copy_element(x->dtype, out->data, i, x->data, indexed_offset(index, i, axis, x));
}

static void add_element(gr_dtype dtype, void *to, int64_t at, const void *from, int64_t source)
{
    if (dtype == GR_F32) ((float *)to)[at] += ((const float *)from)[source];
    if (dtype == GR_F64) ((double *)to)[at] += ((const double *)from)[source];
    if (dtype == GR_I64) ((int64_t *)to)[at] += ((const int64_t *)from)[source];
}

static void plain_scatter_add(const gr__array *out, const gr__array *source, const gr__array *index,
                              int axis)
{
    memset(out->data, 0, (size_t)out->count * dtype_size(out->dtype));
    for (int64_t i = 0; i < source->count; i++)
        add_element(out->dtype, out->data, indexed_offset(index, i, axis, out), source->data,
                    offset_of(source, i));
}

/* ---- operands ---- */

typedef enum layout {
    PLAIN,
    TURNED,   /* the axes lie in memory in the opposite order */
    BACKWARD, /* negative strides */
    SPREAD,   /* every third element of memory */
    LISTED,   /* one index for all positions beside the axis: strides of 0 there */
} layout;

static gr__array lay_out(gr_dtype dtype, void *data, gr_shape shape, layout how, int axis)
{
    gr__array a = array_of(dtype, data, shape);
    int64_t stride = 1, last = 0;

    for (int d = 0; d < a.rank; d++) {
        if (how == TURNED) a.strides[d] = stride, stride *= a.dims[d];
        if (how == SPREAD) a.strides[d] *= 3;
        if (how == LISTED) a.strides[d] = d == axis;
        if (how == BACKWARD) {
            last += (a.dims[d] - 1) * a.strides[d];
            a.strides[d] = -a.strides[d];
        }
    }
    if (a.count > 0) a.data = (char *)data + (size_t)last * dtype_size(dtype);
    return a;
}

static double numbers[ROOM], got[ROOM], want[ROOM];
static int64_t positions[ROOM];

static void choose_positions(int64_t extent)
{
    uint64_t seed = 3;
    for (int64_t i = 0; i < ROOM; i++)
        positions[i] = (int64_t)(random_bits(&seed) % (uint64_t)extent);
}

typedef struct problem {
    gr_shape shape; /* of x, or of out for scatter_add */
    int64_t picks;  /* extent of the index along the axis */
} problem;

static const problem problems[] = {
    {{1, {1}}, 1},          {{1, {7}}, 16},
    {{2, {10, 3}}, 7},      {{2, {5, 64}}, 33},
    {{2, {64, 5}}, 1},      {{2, {3, 7}}, 0},
    {{3, {7, 3, 16}}, 5},   {{3, {3, 1, 100}}, 3},
    {{4, {2, 3, 4, 5}}, 7}, {{8, {2, 1, 3, 2, 1, 2, 2, 3}}, 3},
};

static void try_gather(const table *t, gr_dtype dtype, const problem *p, int axis, layout of_x,
                       layout of_index)
{
    gr_shape shape = p->shape;
    gr__along along = {axis};
    gr__fault fault = {0};

    shape.dims[axis] = p->picks;
    gr__array in[2] = {lay_out(dtype, numbers, p->shape, of_x, axis),
                       lay_out(GR_I64, positions, shape, of_index, axis)};
    gr__array out = array_of(dtype, got, shape), plain = array_of(dtype, want, shape);
    choose_positions(p->shape.dims[axis]);
    memset(got, 0xA5, sizeof got);
    memset(want, 0xA5, sizeof want);
    plain_gather(&plain, &in[0], &in[1], axis);
    for (int threads = 1; threads <= 2; threads++) {
        t->kernels->gather[dtype](&out, in, &along, threads, &fault);
        cr_assert(!fault.found, "%s", fault.text);
        assert_same_bits(GR_I64, got, want, ROOM, "%s, axis %d of %d, layouts %d %d, %d threads",
                         t->isa, axis, p->shape.rank, of_x, of_index, threads);
    }
}

static void try_scatter_add(const table *t, gr_dtype dtype, const problem *p, int axis,
                            layout of_source, layout of_index)
{
    gr_shape shape = p->shape;
    gr__along along = {axis};
    gr__fault fault = {0};

    shape.dims[axis] = p->picks;
    gr__array in[2] = {lay_out(dtype, numbers, shape, of_source, axis),
                       lay_out(GR_I64, positions, shape, of_index, axis)};
    gr__array out = array_of(dtype, got, p->shape), plain = array_of(dtype, want, p->shape);
    choose_positions(p->shape.dims[axis]);
    memset(got, 0xA5, sizeof got);
    memset(want, 0xA5, sizeof want);
    plain_scatter_add(&plain, &in[0], &in[1], axis);
    for (int threads = 1; threads <= 3; threads++) {
        t->kernels->scatter_add[dtype](&out, in, &along, threads, &fault);
        cr_assert(!fault.found, "%s", fault.text);
        assert_same_bits(GR_I64, got, want, ROOM, "%s, axis %d of %d, layouts %d %d, %d threads",
                         t->isa, axis, p->shape.rank, of_source, of_index, threads);
    }
}

typedef void attempt(const table *t, gr_dtype dtype, const problem *p, int axis, layout of_numbers,
                     layout of_index);

static void try_all(attempt *one, gr_dtype dtype)
{
    FOR_EACH_TABLE(t)
    {
        fill(dtype, numbers, ROOM, -2, 2, 23);
        for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
            for (int axis = 0; axis < problems[i].shape.rank; axis++) {
                for (int x = PLAIN; x <= SPREAD; x++) {
                    for (int index = PLAIN; index <= LISTED; index++)
                        one(t, dtype, &problems[i], axis, (layout)x, (layout)index);
                }
            }
        }
    }
}

Test(kernels_gather, f32)
{
    try_all(try_gather, GR_F32);
}

Test(kernels_gather, f64)
{
    try_all(try_gather, GR_F64);
}

Test(kernels_gather, i64)
{
    try_all(try_gather, GR_I64);
}

Test(kernels_scatter_add, f32)
{
    try_all(try_scatter_add, GR_F32);
}

Test(kernels_scatter_add, f64)
{
    try_all(try_scatter_add, GR_F64);
}

Test(kernels_scatter_add, i64)
{
    try_all(try_scatter_add, GR_I64);
}

/* Large enough for a parallel region: 900 rows of 40, of which many meet in the same sum. */
Test(kernels_scatter_add, threads_do_not_matter)
{
    static const problem large[] = {{{2, {13, 40}}, 900}, {{2, {40, 13}}, 900}, {{1, {13}}, 36000}};

    fill(GR_F32, numbers, ROOM, -2, 2, 23);
    FOR_EACH_TABLE(t)
    {
        for (int i = 0; i < 3; i++) {
            for (int axis = 0; axis < large[i].shape.rank; axis++) {
                try_scatter_add(t, GR_F32, &large[i], axis, PLAIN, LISTED);
                try_scatter_add(t, GR_F32, &large[i], axis, PLAIN, PLAIN);
                try_gather(t, GR_F32, &large[i], axis, PLAIN, LISTED);
                try_gather(t, GR_F32, &large[i], axis, PLAIN, PLAIN);
            }
        }
    }
}

/* ---- one index in each row ---- */

/* Rows of this length: an element of each is picked, and one placed among zeros. What is placed is
 * added to a zero, so that -0 becomes 0 as it does when a gradient is scattered. */
static void try_rows(const table *t, gr_dtype dtype, int64_t rows, int64_t length)
{
    gr__array full = array_of(dtype, numbers, GR_SHAPE(rows, length)), one = full, index = full;
    gr__fault fault = {0};

    one.dims[1] = 1, one.strides[0] = 1, one.count = rows;
    index = one, index.data = positions, index.dtype = GR_I64;
    choose_positions(length);
    for (int placing = 0; placing < 2; placing++) {
        gr__array in[2] = {placing ? one : full, index}, plain = placing ? full : one;
        gr__array kernel = plain;
        plain.data = want, kernel.data = got;
        memset(got, 0xA5, sizeof got);
        memset(want, 0xA5, sizeof want);
        (placing ? plain_scatter_add : plain_gather)(&plain, &in[0], &index, 1);
        (placing ? t->kernels->place : t->kernels->pick)[dtype](got, numbers, positions, rows,
                                                                length);
        assert_same_bits(GR_I64, got, want, ROOM, "%s %s, placing %d: %d rows of %d", t->isa,
                         dtype_name(dtype), placing, (int)rows, (int)length);
        (placing ? t->kernels->scatter_add : t->kernels->gather)[dtype](&kernel, in,
                                                                        &(gr__along){1}, 1, &fault);
        assert_same_bits(GR_I64, got, want, ROOM, "%s, over the whole array", t->isa);
    }
}

Test(kernels_rows, pick_and_place_as_loops)
{
    static const double special[] = {-0.0, NAN, -INFINITY, 0};

    for (int dtype = 0; dtype < GR__DTYPES; dtype++) {
        fill((gr_dtype)dtype, numbers, ROOM, -2, 2, 23);
        for (int64_t i = 0; i < ROOM && dtype != GR_I64; i += 1 + i % 4)
            set((gr_dtype)dtype, numbers, i, special[i / 4 % 4]);
        FOR_EACH_TABLE(t)
        {
            for (int64_t length = 1; length < 100; length++)
                try_rows(t, (gr_dtype)dtype, length * 7 % 12, length);
            try_rows(t, (gr_dtype)dtype, 39, 1000);
        }
    }
}

/* ---- faults ---- */

static void fault_of(const gr__array *index, int axis, int64_t extent, const char *text)
{
    gr_shape shape = {.rank = index->rank};
    gr__along along = {axis};

    for (int d = 0; d < index->rank; d++) shape.dims[d] = d == axis ? extent : index->dims[d];
    FOR_EACH_TABLE(t)
    {
        gr__array x = array_of(GR_F32, numbers, shape), out = *index;
        out.data = got, out.dtype = GR_F32;
        gr__fault fault = {0};
        t->kernels->gather[GR_F32](&out, (gr__array[]){x, *index}, &along, 2, &fault);
        cr_assert(fault.found);
        cr_assert_str_eq(fault.text, text);

        gr__array source = *index;
        source.data = numbers, source.dtype = GR_F32, x.data = got;
        fault = (gr__fault){0};
        t->kernels->scatter_add[GR_F32](&x, (gr__array[]){source, *index}, &along, 2, &fault);
        cr_assert(fault.found);
        cr_assert_str_eq(fault.text, text);
    }
}

Test(kernels_index, first_offender_is_named)
{
    int64_t at[] = {0, 1, 9, 2, 3, 4, 12, 5, -1, 7};
    gr__array rows = array_of(GR_I64, at, GR_SHAPE(10)),
              grid = array_of(GR_I64, at, GR_SHAPE(5, 2));

    fault_of(&rows, 0, 10, "got 12 at (6), want 0 to 9");
    fault_of(&grid, 1, 10, "got 12 at (3,0), want 0 to 9");
    fault_of(&rows, 0, 13, "got -1 at (8), want 0 to 12");
    fault_of(&rows, 0, 0, "got 0 at (0), but the axis is empty");

    gr__array columns = grid; /* the same memory by columns: (2,5) */
    columns.dims[0] = 2, columns.dims[1] = 5, columns.strides[0] = 1, columns.strides[1] = 2;
    fault_of(&columns, 0, 9, "got 9 at (0,1), want 0 to 8");

    gr__array listed = columns; /* one list for three rows */
    listed.dims[0] = 3, listed.strides[0] = 0, listed.count = 15;
    fault_of(&listed, 1, 9, "got 9 at (0,1), want 0 to 8");
}

/* The longest position and the longest number. */
Test(kernels_index, long_texts_fit)
{
    int64_t at = INT64_MIN;
    gr__array index = array_of(GR_I64, &at, GR_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    fault_of(&index, 7, 1234, "got -9223372036854775808 at (0,0,0,0,0,0,0,0), want 0 to 1233");
}

/* ---- memory ---- */

/* Nothing is read or written outside the operands. */
Test(kernels_index, stay_inside)
{
    FOR_EACH_TABLE(t)
    {
        for (int64_t width = 1; width < 20; width++) {
            bool at_end = width % 2;
            int64_t *at = guarded(3 * sizeof *at, at_end);
            float *x = guarded((size_t)(5 * width) * sizeof *x, at_end);
            float *y = guarded((size_t)(3 * width) * sizeof *y, at_end);
            gr__fault fault = {0};
            gr__array index = array_of(GR_I64, at, GR_SHAPE(3, width));
            index.strides[0] = 1, index.strides[1] = 0;
            memcpy(at, (int64_t[]){4, 0, 4}, 3 * sizeof *at);
            gr__array large = array_of(GR_F32, x, GR_SHAPE(5, width));
            gr__array small = array_of(GR_F32, y, GR_SHAPE(3, width));
            t->kernels->gather[GR_F32](&small, (gr__array[]){large, index}, &(gr__along){0}, 1,
                                       &fault);
            t->kernels->scatter_add[GR_F32](&large, (gr__array[]){small, index}, &(gr__along){0}, 1,
                                            &fault);
            cr_assert(!fault.found);
        }
    }
}
