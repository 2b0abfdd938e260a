/* Shapes: interning, broadcasting, overflow, axes and their texts. */
#include "src/core/shape.h"

#include "tests/common/check.h"

#include "src/core/alloc.h"

static const gr__shape *shape(gr_shape s)
{
    return gr__shape_of("f", "shape", s.rank, s.dims);
}

static const char *text_of(const gr__shape *s)
{
    static char text[GR_SHAPE_TEXT];

    return gr__shape_text(s, text);
}

Test(shape, equal_shapes_are_one_pointer)
{
    cr_assert_eq(shape(GR_SHAPE(2, 3)), shape(GR_SHAPE(2, 3)));
    cr_assert_neq(shape(GR_SHAPE(2, 3)), shape(GR_SHAPE(3, 2)));
    cr_assert_neq(shape(GR_SHAPE(6)), shape(GR_SHAPE(1, 6)));
    cr_assert_neq(shape(GR_SCALAR), shape(GR_SHAPE(1)));
    for (int64_t i = 0; i < 20000; i++) { /* more than there are buckets */
        cr_assert_eq(shape(GR_SHAPE(i, 7))->dims[0], i);
    }
    for (int64_t i = 0; i < 20000; i++) {
        cr_assert_eq(shape(GR_SHAPE(i, 7)), shape(GR_SHAPE(i, 7)));
    }
}

Test(shape, counts_and_strides)
{
    const gr__shape *s = shape(GR_SHAPE(2, 1, 3, 5));

    cr_assert_eq(s->count, 30);
    int64_t want[] = {15, 15, 5, 1};
    cr_assert_arr_eq(s->strides, want, sizeof want);
    cr_assert_eq(shape(GR_SCALAR)->count, 1);
    cr_assert_eq(shape(GR_SCALAR)->rank, 0);
    cr_assert_eq(shape(GR_SHAPE(4, 0, 5))->count, 0);
}

Test(shape, all_eight_axes)
{
    gr_shape s = GR_SHAPE(1, 2, 3, 4, 5, 6, 7, 8);

    cr_assert_eq(shape(s)->count, 40320);
    cr_assert_str_eq(text_of(shape(s)), "(1,2,3,4,5,6,7,8)");
}

Test(shape, refuses_what_is_no_shape, .init = silence)
{
    cr_assert_null(shape(GR_SHAPE(2, -3)));
    expect_error(GR_ERROR_SHAPE, "f: shape: axis 1: got -3, want 0 or more");
    cr_assert_null(shape((gr_shape){.rank = 9}));
    expect_error(GR_ERROR_SHAPE, "f: shape: got rank 9, want 0 to 8");
    cr_assert_null(shape((gr_shape){.rank = -1}));
    expect_error(GR_ERROR_SHAPE, "f: shape: got rank -1, want 0 to 8");
    cr_assert_null(shape(GR_SHAPE(INT64_MIN)));
    expect_error(GR_ERROR_SHAPE, "f: shape: axis 0: got -9223372036854775808, want 0 or more");
}

/* 8 bytes an element must fit; an extent of 0 does not excuse the others. */
Test(shape, refuses_products_that_overflow, .init = silence)
{
    const gr_shape bad[] = {GR_SHAPE(INT64_MAX), GR_SHAPE((int64_t)1 << 60),
                            GR_SHAPE((int64_t)1 << 31, (int64_t)1 << 31),
                            GR_SHAPE((int64_t)1 << 40, 0, (int64_t)1 << 40),
                            GR_SHAPE(3037000500, 3037000500)};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(shape(bad[i]));
        expect_error(GR_ERROR_MEMORY, "f: shape: the product of the extents overflows");
    }
    cr_assert(shape(GR_SHAPE(((int64_t)1 << 60) - 1)));
    cr_assert_eq(shape(GR_SHAPE((int64_t)1 << 30, (int64_t)1 << 29))->count, (int64_t)1 << 59);
}

Test(shape, no_memory_is_an_error, .init = silence)
{
    gr__fail_allocation(1);
    cr_assert_null(shape(GR_SHAPE(123, 457)));
    gr__fail_allocation(0);
    expect_error(GR_ERROR_MEMORY, "f: shape: no memory for a shape");
    cr_assert(shape(GR_SHAPE(123, 457)));
}

/* NumPy's rule, both ways round; an extent of 1 gives way to any, 0 included. */
Test(shape, broadcasts_as_numpy_does)
{
    static const struct {
        gr_shape a, b;
        const char *want; /* NULL: they do not fit */
    } rows[] = {
        {{2, {2, 3}}, {2, {2, 3}}, "(2,3)"},
        {{2, {2, 3}}, {0, {0}}, "(2,3)"},
        {{2, {2, 3}}, {1, {3}}, "(2,3)"},
        {{2, {2, 3}}, {1, {1}}, "(2,3)"},
        {{2, {2, 1}}, {1, {3}}, "(2,3)"},
        {{2, {2, 1}}, {2, {1, 3}}, "(2,3)"},
        {{3, {1, 4, 1}}, {2, {1, 5}}, "(1,4,5)"},
        {{2, {0, 3}}, {2, {1, 3}}, "(0,3)"},
        {{2, {0, 1}}, {1, {4}}, "(0,4)"},
        {{1, {0}}, {1, {1}}, "(0)"},
        {{2, {2, 3}}, {1, {2}}, NULL},
        {{2, {2, 3}}, {2, {3, 2}}, NULL},
        {{1, {0}}, {1, {2}}, NULL},
        {{3, {2, 3, 4}}, {2, {2, 4}}, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const gr__shape *a = shape(rows[i].a), *b = shape(rows[i].b);
        const gr__shape *ab = gr__shape_broadcast("f", a, b), *ba = gr__shape_broadcast("f", b, a);
        cr_assert_eq(ab, ba, "row %zu depends on the order", i);
        cr_assert_eq(ab == NULL, rows[i].want == NULL, "row %zu", i);
        if (ab) {
            cr_assert_str_eq(text_of(ab), rows[i].want, "row %zu: %s", i, text_of(ab));
        }
        expect_ok();
    }
}

Test(shape, texts)
{
    const int64_t wide = (int64_t)1 << 59;

    cr_assert_str_eq(text_of(shape(GR_SCALAR)), "()");
    cr_assert_str_eq(text_of(shape(GR_SHAPE(0))), "(0)");
    cr_assert_str_eq(text_of(shape(GR_SHAPE(2, 3))), "(2,3)");
    cr_assert_str_eq(text_of(shape(GR_SHAPE(wide))), "(576460752303423488)");
}

Test(shape, axes_count_from_both_ends)
{
    for (int rank = 1; rank <= 8; rank++) {
        for (int i = 0; i < rank; i++) {
            cr_assert_eq(gr__axis("f", "axis", i, rank), i);
            cr_assert_eq(gr__axis("f", "axis", i - rank, rank), i);
        }
    }
}

Test(shape, axes_out_of_range, .init = silence)
{
    cr_assert_eq(gr__axis("f", "axis", 2, 2), -1);
    expect_error(GR_ERROR_SHAPE, "f: axis: got 2, want -2 to 1");
    cr_assert_eq(gr__axis("f", "axis", -3, 2), -1);
    expect_error(GR_ERROR_SHAPE, "f: axis: got -3, want -2 to 1");
    cr_assert_eq(gr__axis("f", "axis", 0, 0), -1);
    expect_error(GR_ERROR_SHAPE, "f: axis: got 0, but a tensor of shape () has no axis");
}

Test(shape, lists_of_axes, .init = silence)
{
    cr_assert_eq(gr__axes("f", "axes", GR_ALL_AXES, 3), 7);
    cr_assert_eq(gr__axes("f", "axes", GR_ALL_AXES, 8), 255);
    cr_assert_eq(gr__axes("f", "axes", GR_ALL_AXES, 0), 0);
    cr_assert_eq(gr__axes("f", "axes", GR_AXES(0, -1), 3), 5);
    cr_assert_eq(gr__axes("f", "axes", (gr_axes){0}, 3), 0);
    cr_assert_eq(gr__axes("f", "axes", GR_AXES(1, -2), 3), -1);
    expect_error(GR_ERROR_SHAPE, "f: axes: axis 1 is named twice");
    cr_assert_eq(gr__axes("f", "axes", GR_AXES(0, 3), 3), -1);
    expect_error(GR_ERROR_SHAPE, "f: axes: got 3, want -3 to 2");
}

Test(shape, reduced)
{
    const gr__shape *s = shape(GR_SHAPE(2, 3, 4));

    cr_assert_eq(gr__shape_reduced("f", s, 0, false), s);
    cr_assert_eq(gr__shape_reduced("f", s, 1 << 1, false), shape(GR_SHAPE(2, 4)));
    cr_assert_eq(gr__shape_reduced("f", s, 1 << 1, true), shape(GR_SHAPE(2, 1, 4)));
    cr_assert_eq(gr__shape_reduced("f", s, 7, false), shape(GR_SCALAR));
    cr_assert_eq(gr__shape_reduced("f", s, 7, true), shape(GR_SHAPE(1, 1, 1)));
}

/* What the public functions make of it. */
Test(shape, errors_through_operations, .init = silence)
{
    gr_tensor *a = gr_zeros(GR_SHAPE(2, 3)), *b = gr_zeros(GR_SHAPE(4));

    cr_assert(gr_is_error(gr_add(a, b)));
    expect_error(GR_ERROR_SHAPE, "gr_add: b: got (4), want a shape that broadcasts with (2,3)");
    cr_assert(gr_is_error(gr_sum(a, GR_AXES(2), false)));
    expect_error(GR_ERROR_SHAPE, "gr_sum: axes: got 2, want -2 to 1");
    cr_assert(gr_is_error(gr_sum(a, GR_AXES(0, 0), false)));
    expect_error(GR_ERROR_SHAPE, "gr_sum: axes: axis 0 is named twice");
    cr_assert_eq(gr_dim(a, -1), 3);
    cr_assert_eq(gr_dim(a, 5), -1);
    expect_error(GR_ERROR_SHAPE, "gr_dim: axis: got 5, want -2 to 1");
    cr_assert(gr_is_error(gr_zeros(GR_SHAPE((int64_t)1 << 40, (int64_t)1 << 40))));
    expect_error(GR_ERROR_MEMORY, "gr_zeros: shape: the product of the extents overflows");
}
