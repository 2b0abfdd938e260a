/* The machine: kernels of the instruction set that is asked for, number of threads. */
#include "src/eval/eval.h"

#include <unistd.h>

#include "tests/common/check.h"

static const gr__kernels *chosen_for(const char *name)
{
    setenv("GRADUS_ISA", name, 1);
    return gr__kernels_in_use();
}

Test(machine, plain_kernels_can_be_chosen)
{
    cr_assert_eq(chosen_for("v1"), &gr__kernels_v1);
    expect_numbers(gr_mul(tensor(GR_F32, GR_SHAPE(3), 1, 2, 3), 2), 2, 4, 6);
    expect_ok();
}

#if defined(__x86_64__)
Test(machine, v3_can_be_chosen)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        cr_skip_test("this machine has no AVX2");
    }
    cr_assert_eq(chosen_for("v3"), &gr__kernels_v3);
    expect_numbers(gr_mul(tensor(GR_F32, GR_SHAPE(3), 1, 2, 3), 2), 2, 4, 6);
    expect_ok();
}

Test(machine, v4_can_be_chosen)
{
    if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) {
        cr_skip_test("this machine has no AVX-512");
    }
    cr_assert_eq(chosen_for("v4"), &gr__kernels_v4);
    expect_numbers(gr_mul(tensor(GR_F32, GR_SHAPE(3), 1, 2, 3), 2), 2, 4, 6);
    expect_ok();
}

Test(machine, the_best_is_the_default)
{
    unsetenv("GRADUS_ISA");
    const gr__kernels *best = gr__kernels_in_use();

    cr_assert_eq(best, __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
                           ? &gr__kernels_v4
                       : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                           ? &gr__kernels_v3
                           : &gr__kernels_v1);
}
#endif

/* A name that does not exist is an error, and the numbers are computed all the same. */
Test(machine, a_bad_name_is_reported, .init = silence)
{
    setenv("GRADUS_ISA", "v9", 1);
    cr_assert_eq(gr_item(gr_add(gr_full(GR_F64, GR_SCALAR, 1), 1)), 2);
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    const char *head = "gr_eval: GRADUS_ISA: got \"v9\", want v1, v3 or v4, as far as this machine "
                       "has it; using v";
    cr_assert_eq(strncmp(gr_error_message(), head, strlen(head)), 0, "%s", gr_error_message());
    gr_error_clear();
    cr_assert_eq(gr_item(gr_add(gr_full(GR_F64, GR_SCALAR, 1), 1)), 2);
    expect_ok();
}

Test(machine, threads, .init = silence)
{
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

    cr_assert(gr_threads() >= 1 && gr_threads() <= cores, "%d threads", gr_threads());
    cr_assert(gr_set_threads(7));
    cr_assert_eq(gr_threads(), 7);
    cr_assert_not(gr_set_threads(0));
    expect_error(GR_ERROR_VALUE, "gr_set_threads: threads: got 0, want 1 to 1024");
    cr_assert_not(gr_set_threads(-3));
    expect_error(GR_ERROR_VALUE, "gr_set_threads: threads: got -3, want 1 to 1024");
    cr_assert_not(gr_set_threads(1025));
    gr_error_clear();
    cr_assert_eq(gr_threads(), 7);
}

Test(machine, small_work_opens_no_region)
{
    gr_set_threads(4);
    cr_assert_eq(gr__threads_for(1), 1);
    cr_assert_eq(gr__threads_for(1000), 1);
    cr_assert_eq(gr__threads_for(1 << 20), 4);
    gr_set_threads(1);
    cr_assert_eq(gr__threads_for(1 << 20), 1);
}
