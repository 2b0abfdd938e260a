/* Numbers stand where tensors may: what GR_ARG makes of an operand, once and in little text. */
#include "tests/common/check.h"

TestSuite(operands, .init = silence);

#define TEXT(...) #__VA_ARGS__
#define EXPANDED(...) TEXT(__VA_ARGS__)
#define NEST3(v, a, b, c) gr_add(gr_mul(gr_sub(v, a), b), c)
#define NEST4(v) gr_maximum(gr_minimum(gr_div(gr_where(v, v2, 4), 5.0f), 6), 7)
#define NEST12(v) NEST3(NEST3(NEST3(NEST3(v, 1, 2, 3), 4, 5, 6), 7, 8, 9), 10, 11, 12)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
Test(operands, nesting_grows_text_linearly)
{
    size_t three = sizeof EXPANDED(NEST3(x, 1, 2, 3)), twelve = sizeof EXPANDED(NEST12(x));

    cr_assert(twelve < 5 * three, "%zu bytes at depth 12, %zu at depth 3", twelve, three);
    cr_assert(twelve < 16000, "%zu bytes at depth 12", twelve);
}
#pragma GCC diagnostic pop

static gr_tensor *counted(gr_tensor *x, int *count)
{
    ++*count;
    return x;
}

Test(operands, operands_are_evaluated_once)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1, 3), *v2 = gr_full(GR_F64, GR_SCALAR, 60);
    int count = 0, number = 5;

    expect_numbers(NEST12(counted(x, &count)), -527, 1233);
    cr_assert_eq(count, 1);
    expect_numbers(NEST4(counted(x, &count)), 7, 7);
    cr_assert_eq(count, 2);
    expect_numbers(gr_mul(x, number++), 5, 15);
    cr_assert_eq(number, 6);
    expect_numbers(gr_where(counted(x, &count), counted(x, &count), counted(x, &count)), 1, 3);
    cr_assert_eq(count, 5);
    EXPECT_NO_LEAK();
}

Test(operands, operands_of_every_kind)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1, 3);
    const gr_tensor *constant = x;
    gr_arg arg = {x, 0}, number = {NULL, 2};

    expect_numbers(gr_add(constant, x), 2, 6);
    expect_numbers(gr_add(arg, number), 3, 5);
    expect_numbers(gr_add(x, (short)2), 3, 5);
    expect_numbers(gr_add(x, (unsigned char)2), 3, 5);
    expect_numbers(gr_add(true, x), 2, 4);
    EXPECT_NO_LEAK();
}

/* A number makes no node. */
Test(operands, numbers_are_no_nodes)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1, 3);
    int64_t before = gr_work_stats().nodes;

    gr_mul(x, 2.5);
    cr_assert_eq(gr_work_stats().nodes - before, 1);
    EXPECT_NO_LEAK();
}
