/* Arrays placed in larger ones against loops: every axis, steps, strided and repeated operands, rows
 * short and long, with and without the operand's own memory, any number of threads. */
#include "tests/kernels/help.h"

enum { ROOM = 90000 };

typedef enum kind { PAD, PUT, PUT_ADD } kind;

static const char *const names[] = {"pad", "put", "put_add"};

typedef struct place {
    gr_shape shape; /* of x */
    gr__placed placed;
    int64_t extent; /* of out along the axis */
} place;

static const place places[] = {
    {{1, {5}}, {.axis = 0, .start = 2, .step = 1, .fill = -3}, 9},
    {{1, {5}}, {.axis = 0, .start = 1, .step = 3, .fill = 7}, 15},
    {{1, {1}}, {.axis = 0, .start = 4, .step = 9, .fill = 7}, 5},
    {{1, {0}}, {.axis = 0, .start = 3, .step = 1, .fill = 7}, 5},
    {{2, {3, 4}}, {.axis = 0, .start = 0, .step = 1}, 3},
    {{2, {3, 4}}, {.axis = 0, .start = 1, .step = 2, .fill = 1}, 7},
    {{2, {3, 4}}, {.axis = 1, .start = 1, .step = 2, .fill = 1}, 9},
    {{2, {0, 4}}, {.axis = 1, .start = 1, .step = 1, .fill = 1}, 9},
    {{3, {4, 3, 5}}, {.axis = 1, .start = 2, .step = 1, .fill = 0.5}, 6},
    {{3, {4, 3, 5}}, {.axis = 0, .start = 2, .step = 5, .fill = 0.5}, 17},
    {{3, {9, 1, 2}}, {.axis = 2, .start = 1, .step = 1, .fill = 2}, 4},
    {{3, {2, 3, 0}}, {.axis = 1, .start = 1, .step = 1, .fill = 2}, 4},
    {{8, {1, 2, 1, 3, 1, 2, 1, 3}}, {.axis = 5, .start = 1, .step = 2, .fill = 2}, 5},
    {{2, {9000, 3}}, {.axis = 1, .start = 1, .step = 1, .fill = 4}, 5}, /* several tasks */
    {{2, {3, 9000}}, {.axis = 1, .start = 17, .step = 2, .fill = 4}, 20000},
    {{2, {9000, 2}}, {.axis = 0, .start = 3, .step = 3, .fill = 4}, 29000},
    {{3, {7, 100, 33}}, {.axis = 1, .start = 5, .step = 1, .fill = 4}, 107},
};
enum { PLACES = sizeof places / sizeof *places };

typedef enum layout { PLAIN, TURNED, BACKWARD, SPREAD, REPEATED, LAYOUTS } layout;

static gr__array lay_out(gr_dtype dtype, void *data, gr_shape shape, layout how)
{
    gr__array a = array_of(dtype, data, shape);
    int64_t stride = 1, last = 0;

    for (int d = 0; d < a.rank; d++) {
        if (how == TURNED) a.strides[d] = stride, stride *= a.dims[d];
        if (how == SPREAD) a.strides[d] *= 3;
        if (how == REPEATED && d % 2 == 1) a.strides[d] = 0;
        if (how == BACKWARD) {
            last += (a.dims[d] - 1) * a.strides[d];
            a.strides[d] = -a.strides[d];
        }
    }
    if (a.count > 0) a.data = (char *)data + (size_t)last * dtype_size(dtype);
    return a;
}

/* Where element i of x stands in out. */
static int64_t placed_offset(const gr__array *out, const gr__array *x, const gr__placed *p,
                             int64_t i)
{
    int64_t offset = 0;

    for (int d = x->rank - 1; d >= 0; d--) {
        int64_t at = i % x->dims[d];
        offset += (d == p->axis ? p->start + at * p->step : at) * out->strides[d];
        i /= x->dims[d];
    }
    return offset;
}

static void plain(kind what, const gr__array *out, const gr__array *base, const gr__array *x,
                  const gr__placed *p)
{
    gr_dtype dtype = out->dtype;

    for (int64_t i = 0; i < out->count; i++) {
        double v = dtype == GR_I64 ? (double)(int64_t)p->fill : p->fill;
        set(dtype, out->data, i, what == PAD ? v : get(dtype, base->data, offset_of(base, i)));
    }
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at = placed_offset(out, x, p, i);
        double v = get(dtype, x->data, offset_of(x, i));
        double old = get(dtype, out->data, at);
        double sum = dtype == GR_F32 ? (double)((float)old + (float)v) : old + v;
        set(dtype, out->data, at, what == PUT_ADD ? sum : v);
    }
}

static gr__opaque_kernel *kernel_of(const gr__kernels *kernels, kind what, gr_dtype dtype)
{
    return what == PAD   ? kernels->pad[dtype]
           : what == PUT ? kernels->put[dtype]
                         : kernels->put_add[dtype];
}

/* One case in all ways: on other memory, on the base's own, by several threads. */
static void check(const table *t, kind what, const place *c, gr_dtype dtype, layout how)
{
    static double data[3 * ROOM], based[ROOM], want[ROOM], got[ROOM];
    gr_shape whole = c->shape;
    gr__fault fault = {.found = false};

    whole.dims[c->placed.axis] = c->extent;
    gr__array x = lay_out(dtype, data, c->shape, how), out = array_of(dtype, want, whole);
    gr__array base = array_of(dtype, based, whole);
    cr_assert(out.count <= ROOM && x.count <= ROOM);
    fill(dtype, data, 3 * ROOM, -2, 2, 11);
    fill(dtype, based, ROOM, -2, 2, 12);
    plain(what, &out, &base, &x, &c->placed);
    for (int threads = 1; threads <= 3; threads++) {
        for (int own = 0; own <= (what != PAD); own++) {
            memset(got, 0x5A, sizeof got);
            if (own) memcpy(got, based, sizeof got);
            gr__array in[] = {what == PAD ? x : base, x};
            out.data = got;
            in[0].data = own ? got : in[0].data;
            kernel_of(t->kernels, what, dtype)(&out, in, &c->placed, threads, &fault);
            assert_same_bits(dtype, got, want, out.count, "%s %s, case %d, layout %d, %d threads%s",
                             t->isa, names[what], (int)(c - places), (int)how, threads,
                             own ? ", in place" : "");
        }
    }
    cr_assert(!fault.found);
}

Test(kernels_arrange, every_place_and_layout)
{
    FOR_EACH_TABLE(t)
    for (int what = PAD; what <= PUT_ADD; what++)
        for (int i = 0; i < PLACES; i++)
            for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++)
                for (int how = PLAIN; how < LAYOUTS; how++)
                    check(t, (kind)what, &places[i], dtype, (layout)how);
}

/* What is open leaves the other elements as they are. */
Test(kernels_arrange, open_places)
{
    FOR_EACH_TABLE(t)
    {
        float y[6] = {1, 2, 3, 4, 5, 6}, v[2] = {-0.0f, 9};
        gr__array out = array_of(GR_F32, y, (gr_shape){1, {6}});
        gr__array x = array_of(GR_F32, v, (gr_shape){1, {2}});
        gr__placed p = {.axis = 0, .open = true, .start = 1, .step = 3, .fill = 8};
        gr__fault fault = {.found = false};

        t->kernels->pad[GR_F32](&out, &x, &p, 1, &fault);
        assert_same_bits(GR_F32, y, ((float[]){1, -0.0f, 3, 4, 9, 6}), 6, "open");
    }
}

/* Nothing is read or written beyond the ends. */
Test(kernels_arrange, guarded)
{
    size_t in = 5 * sizeof(float), whole = 11 * sizeof(float);

    FOR_EACH_TABLE(t)
    for (int end = 0; end < 2; end++) {
        float *v = guarded(in, end), *y = guarded(whole, end);
        gr__array x = array_of(GR_F32, v, (gr_shape){1, {5}});
        gr__array out = array_of(GR_F32, y, (gr_shape){1, {11}});
        gr__placed p = {.axis = 0, .start = 1, .step = 2, .fill = 3};
        gr__fault fault = {.found = false};

        fill(GR_F32, v, 5, -2, 2, 3);
        t->kernels->pad[GR_F32](&out, &x, &p, 1, &fault);
        for (int64_t i = 0; i < 11; i++) cr_assert(y[i] == (i % 2 == 1 ? v[i / 2] : 3));
        t->kernels->put_add[GR_F32](&out, (gr__array[]){out, x}, &p, 1, &fault);
        for (int64_t i = 0; i < 11; i++) cr_assert(y[i] == (i % 2 == 1 ? 2 * v[i / 2] : 3));
        release_guarded(v, in, end);
        release_guarded(y, whole, end);
    }
}
