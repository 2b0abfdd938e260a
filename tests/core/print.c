/* Tensors as text. Every text here is what NumPy 2.4 prints for the same array. */

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gradus.h>

enum { SIZE = 4096 };

static void assert_text(const gr_tensor *t, const char *want)
{
    static char text[SIZE];
    size_t length = gr_format(t, text, sizeof text);

    cr_assert_str_eq(text, want, "got\n%s\nwant\n%s", text, want);
    cr_assert_eq(length, strlen(want));
}

#define LENGTH(type, ...) (int64_t)(sizeof((type[]){__VA_ARGS__}) / sizeof(type))
#define LIST(dtype, type, ...) \
    gr_from_data(dtype, GR_SHAPE(LENGTH(type, __VA_ARGS__)), (type[]){__VA_ARGS__})
#define F32(...) LIST(GR_F32, float, __VA_ARGS__)
#define F64(...) LIST(GR_F64, double, __VA_ARGS__)
#define I64(...) LIST(GR_I64, int64_t, __VA_ARGS__)

/* start, start + step, ... in the given shape. */
static gr_tensor *counting(gr_dtype dtype, gr_shape shape, double start, double step)
{
    int64_t count = 1;

    for (int i = 0; i < shape.rank; i++) count *= shape.dims[i];
    return gr_reshape(gr_arange(dtype, count, start, step), shape);
}

/* ---- floats ---- */

Test(print, floats_have_the_fewest_digits_that_read_back_and_line_up)
{
    assert_text(F64(1, 2.5, -3.25), "[ 1.    2.5  -3.25]");
    assert_text(F64(0, -0.0, 12), "[ 0. -0. 12.]");
    assert_text(F64(99999999.5, 1e6), "[99999999.5  1000000. ]");
    assert_text(F64(0.1 + 0.2, 0.7), "[0.3 0.7]");
    assert_text(F32(0.1f, 0.2f, 0.7f), "[0.1 0.2 0.7]");
}

Test(print, no_more_than_8_digits_follow_the_point)
{
    assert_text(F64(3.141592653589793, -0.02718281828), "[ 3.14159265 -0.02718282]");
    assert_text(F32(3.14159265f, -0.02718282f), "[ 3.1415927  -0.02718282]");
    assert_text(F64(9.9999999999), "[10.]");
}

Test(print, exponents_from_a_bound_that_depends_on_the_dtype)
{
    assert_text(F64(1e8, 1e6), "[1.e+08 1.e+06]");
    assert_text(F32(999999, 1e5f), "[999999. 100000.]");
    assert_text(F32(1e6f, 1e5f), "[1.e+06 1.e+05]");
}

Test(print, exponents_below_a_ten_thousandth)
{
    assert_text(F64(1e-5, 1), "[1.e-05 1.e+00]");
    assert_text(F64(1e-4, 0.099), "[0.0001 0.099 ]");
    assert_text(F32(1e-4f, 0.05f), "[0.0001 0.05  ]");
    assert_text(F32(9e-5f, 0.05f), "[9.e-05 5.e-02]");
}

Test(print, exponents_when_one_number_is_1000_times_another)
{
    assert_text(F64(0.5, 500), "[  0.5 500. ]");
    assert_text(F64(0.5, 500.5), "[5.000e-01 5.005e+02]");
}

Test(print, exponents_have_as_many_digits_as_the_longest)
{
    assert_text(F64(1e-300, -1.5, 12345), "[ 1.0000e-300 -1.5000e+000  1.2345e+004]");
    assert_text(F64(5e-324, 1.7976931348623157e308), "[4.94065646e-324 1.79769313e+308]");
}

/* 1.2621775 is further from 2^-96 than 1.2621774, and reads back as it: the gap to the next float
 * is twice as wide above a power of two as below. */
Test(print, a_power_of_two_has_the_fewest_digits_too)
{
    assert_text(F32(0x1p-96f), "[1.2621775e-29]");
}

Test(print, what_is_not_finite_stands_on_the_right)
{
    assert_text(F64(NAN, 1, -2.5), "[ nan  1.  -2.5]");
    assert_text(F32(NAN, INFINITY, -INFINITY), "[ nan  inf -inf]");
    assert_text(F64(NAN), "[nan]");
    assert_text(F64(INFINITY, 1e-9), "[   inf 1.e-09]");
    assert_text(F64(-INFINITY, 7), "[-inf   7.]");
}

/* ---- integers ---- */

Test(print, integers_stand_on_the_right)
{
    assert_text(I64(0, -7, 12345), "[    0    -7 12345]");
    assert_text(I64(INT64_MIN, INT64_MAX), "[-9223372036854775808  9223372036854775807]");
}

/* ---- shapes ---- */

Test(print, a_scalar_is_a_bare_number_with_all_its_digits)
{
    const struct {
        double value;
        const char *f64, *f32;
    } cases[] = {
        {3, "3.0", "3.0"},
        {-0.0, "-0.0", "-0.0"},
        {1.0 / 3, "0.3333333333333333", "0.33333334"},
        {123456.789, "123456.789", "123456.79"},
        {999999.94, "999999.94", "999999.94"},
        {1e6, "1000000.0", "1e+06"},
        {123456789.125, "123456789.125", "1.2345679e+08"},
        {1e16, "1e+16", "1e+16"},
        {1e-4, "0.0001", "1e-04"},
        {1.5e-5, "1.5e-05", "1.5e-05"},
        {NAN, "nan", "nan"},
        {-INFINITY, "-inf", "-inf"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float single = (float)cases[i].value;
        assert_text(gr_from_data(GR_F64, GR_SCALAR, &cases[i].value), cases[i].f64);
        assert_text(gr_from_data(GR_F32, GR_SCALAR, &single), cases[i].f32);
    }
    assert_text(gr_from_data(GR_I64, GR_SCALAR, &(int64_t){-42}), "-42");
}

Test(print, nothing_is_a_pair_of_brackets)
{
    assert_text(gr_zeros(GR_SHAPE(0)), "[]");
    assert_text(gr_zeros(GR_SHAPE(2, 0, 3)), "[]");
}

Test(print, rows_stand_below_each_other)
{
    double numbers[] = {1, -2.25, 3, 0.5, 10, 0};

    assert_text(gr_from_data(GR_F64, GR_SHAPE(2, 3), numbers), "[[ 1.   -2.25  3.  ]\n"
                                                               " [ 0.5  10.    0.  ]]");
}

Test(print, a_blank_line_for_each_axis_that_ends)
{
    assert_text(counting(GR_I64, GR_SHAPE(2, 3, 2), 0, 1), "[[[ 0  1]\n"
                                                           "  [ 2  3]\n"
                                                           "  [ 4  5]]\n"
                                                           "\n"
                                                           " [[ 6  7]\n"
                                                           "  [ 8  9]\n"
                                                           "  [10 11]]]");
    assert_text(counting(GR_I64, GR_SHAPE(2, 2, 1, 2), 0, 1), "[[[[0 1]]\n"
                                                              "\n"
                                                              "  [[2 3]]]\n"
                                                              "\n"
                                                              "\n"
                                                              " [[[4 5]]\n"
                                                              "\n"
                                                              "  [[6 7]]]]");
}

Test(print, lines_end_at_75_characters)
{
    assert_text(gr_slice(counting(GR_I64, GR_SHAPE(40), 0, 1), 0, 10, 40),
                "[10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33\n"
                " 34 35 36 37 38 39]");
    assert_text(gr_mul(counting(GR_I64, GR_SHAPE(40), 0, 1), 0.0),
                "[0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
                " 0 0 0]");
}

Test(print, lines_never_end_with_a_space)
{
    assert_text(counting(GR_F64, GR_SHAPE(26), -3, 0.25),
                "[-3.   -2.75 -2.5  -2.25 -2.   -1.75 -1.5  -1.25 -1.   -0.75 -0.5  -0.25\n"
                "  0.    0.25  0.5   0.75  1.    1.25  1.5   1.75  2.    2.25  2.5   2.75\n"
                "  3.    3.25]");
    assert_text(counting(GR_F64, GR_SHAPE(2, 20), 0, 1.5),
                "[[ 0.   1.5  3.   4.5  6.   7.5  9.  10.5 12.  13.5 15.  16.5 18.  19.5\n"
                "  21.  22.5 24.  25.5 27.  28.5]\n"
                " [30.  31.5 33.  34.5 36.  37.5 39.  40.5 42.  43.5 45.  46.5 48.  49.5\n"
                "  51.  52.5 54.  55.5 57.  58.5]]");
}

/* ---- more than 1,000 elements ---- */

Test(print, of_many_elements_only_the_ends_are_shown)
{
    static char text[2 * SIZE];

    assert_text(counting(GR_I64, GR_SHAPE(1001), 0, 1), "[   0    1    2 ...  998  999 1000]");
    gr_format(counting(GR_I64, GR_SHAPE(1000), 0, 1), text, sizeof text);
    cr_assert(strstr(text, " 500 "));
}

Test(print, short_axes_are_shown_in_full_among_many_elements)
{
    assert_text(counting(GR_I64, GR_SHAPE(6, 168), 0, 1), "[[   0    1    2 ...  165  166  167]\n"
                                                          " [ 168  169  170 ...  333  334  335]\n"
                                                          " [ 336  337  338 ...  501  502  503]\n"
                                                          " [ 504  505  506 ...  669  670  671]\n"
                                                          " [ 672  673  674 ...  837  838  839]\n"
                                                          " [ 840  841  842 ... 1005 1006 1007]]");
    assert_text(counting(GR_I64, GR_SHAPE(1000, 2), -1, 1), "[[  -1    0]\n"
                                                            " [   1    2]\n"
                                                            " [   3    4]\n"
                                                            " ...\n"
                                                            " [1993 1994]\n"
                                                            " [1995 1996]\n"
                                                            " [1997 1998]]");
}

Test(print, three_dots_take_part_in_the_line_breaks)
{
    assert_text(counting(GR_F32, GR_SHAPE(40, 30), 0, 0.125),
                "[[0.00000e+00 1.25000e-01 2.50000e-01 ... 3.37500e+00 3.50000e+00\n"
                "  3.62500e+00]\n"
                " [3.75000e+00 3.87500e+00 4.00000e+00 ... 7.12500e+00 7.25000e+00\n"
                "  7.37500e+00]\n"
                " [7.50000e+00 7.62500e+00 7.75000e+00 ... 1.08750e+01 1.10000e+01\n"
                "  1.11250e+01]\n"
                " ...\n"
                " [1.38750e+02 1.38875e+02 1.39000e+02 ... 1.42125e+02 1.42250e+02\n"
                "  1.42375e+02]\n"
                " [1.42500e+02 1.42625e+02 1.42750e+02 ... 1.45875e+02 1.46000e+02\n"
                "  1.46125e+02]\n"
                " [1.46250e+02 1.46375e+02 1.46500e+02 ... 1.49625e+02 1.49750e+02\n"
                "  1.49875e+02]]");
}

Test(print, only_what_is_shown_decides_the_width)
{
    static int64_t numbers[1001];

    numbers[500] = 123456789;
    assert_text(gr_from_data(GR_I64, GR_SHAPE(1001), numbers), "[0 0 0 ... 0 0 0]");
}

/* ---- values ---- */

Test(print, looking_computes)
{
    assert_text(gr_mul(gr_add(F64(1, 2), F64(0.5, 0.25)), 2.0), "[3.  4.5]");
}

Test(print, a_view_is_printed_in_logical_order)
{
    assert_text(gr_transpose(counting(GR_I64, GR_SHAPE(2, 3), 0, 1), 0, 1), "[[0 3]\n"
                                                                            " [1 4]\n"
                                                                            " [2 5]]");
}

static void silent(gr_code code, const char *message, void *context)
{
    (void)code, (void)message, (void)context;
}

Test(print, an_error_tensor_says_so)
{
    gr_error_handler(silent, NULL);
    assert_text(gr_full(GR_F32, GR_SHAPE(-1), 0), "<error tensor>");
    gr_error_clear();
    assert_text(NULL, "<error tensor>");
    cr_assert_str_eq(gr_error_message(), "gr_format: t: got NULL, want a tensor");
}

/* ---- where the text goes ---- */

Test(print, format_cuts_off_and_returns_the_whole_length)
{
    char text[] = "????????????";

    cr_assert_eq(gr_format(I64(10, 20, 30), text, 6), 10);
    cr_assert_str_eq(text, "[10 2");
    cr_assert_eq(text[6], '?');
    cr_assert_eq(gr_format(I64(10, 20, 30), text, 1), 10);
    cr_assert_str_eq(text, "");
    cr_assert_eq(gr_format(I64(10, 20, 30), NULL, 0), 10);
}

Test(print, print_writes_the_text_and_a_line_break, .init = cr_redirect_stdout)
{
    gr_print(F64(1, 0.5));
    gr_print(gr_full(GR_I64, GR_SCALAR, 7));
    fflush(stdout);
    cr_assert_stdout_eq_str("[1.  0.5]\n7\n");
}

Test(print, no_locale_shows)
{
    const char *commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    const char *found = NULL;

    for (size_t i = 0; i < sizeof commas / sizeof *commas && !found; i++) {
        found = setlocale(LC_ALL, commas[i]);
    }
    if (!found) {
        cr_skip_test("no locale with a decimal comma is installed");
    }
    cr_assert_str_neq(localeconv()->decimal_point, ".");
    assert_text(F64(1, 2.5, -3.25), "[ 1.    2.5  -3.25]");
    assert_text(F32(0.1f, 1e-5f), "[1.e-01 1.e-05]");
}
