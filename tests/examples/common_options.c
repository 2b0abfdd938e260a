/* The command line: values, the help table, and every error by its exact text. */

#include "examples/common/options.h"
#include "examples/common/report.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <stdio.h>

enum { MOST_ARGUMENTS = 6 };

static int64_t steps;
static double lr, beta;
static const char *out;
static bool quiet;

static const option table[] = {
    {"steps", .integer = &steps, .min = 1, .max = 1000000, .help = "training steps"},
    {"lr", .number = &lr, .min = 0, .max = 0.5, .help = "learning rate"},
    {"beta", .number = &beta, .min = -1, .max = INFINITY, .help = "weight of the KL term"},
    {"out", .text = &out, .help = "folder of the pictures"},
    {"quiet", .flag = &quiet, .help = "no progress line"},
};

static options_result parse(const char *const *arguments)
{
    char *argv[MOST_ARGUMENTS + 2] = {"./vae"};
    int argc = 1;
    steps = 100, lr = 0.001, beta = 1, out = "out/vae", quiet = false;
    for (; argc <= MOST_ARGUMENTS && arguments[argc - 1]; argc++) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
    }
    return options_parse(argc, argv, "vae: an autoencoder", table, sizeof table / sizeof *table);
}

#define PARSE(...) parse((const char *const[MOST_ARGUMENTS + 1]){__VA_ARGS__})

Test(common_options, nothing_keeps_the_defaults)
{
    cr_assert_eq(PARSE(NULL), OPTIONS_RUN);
    cr_assert(steps == 100 && lr == 0.001 && beta == 1 && !quiet);
    cr_assert_str_eq(out, "out/vae");
}

Test(common_options, values_in_both_spellings)
{
    cr_assert_eq(PARSE("--steps", "7", "--lr=2.5e-1", "--quiet", "--out=a=b"), OPTIONS_RUN);
    cr_assert(steps == 7 && lr == 0.25 && quiet);
    cr_assert_str_eq(out, "a=b");
    cr_assert_eq(PARSE("--beta", "-0.75", "--steps=1000000", "--out=", "--lr", "0"), OPTIONS_RUN);
    cr_assert(beta == -0.75 && steps == 1000000 && lr == 0 && !quiet);
    cr_assert_str_eq(out, "");
    cr_assert_eq(PARSE("--steps=3", "--steps", "5"), OPTIONS_RUN);
    cr_assert_eq(steps, 5);
}

/* What is typed, and what is answered after "gradus-example: vae: ". */
static const struct {
    const char *arguments[MOST_ARGUMENTS + 1];
    const char *message;
} wrong[] = {
    {{"--stepz", "3"}, "--stepz: no such option (--help lists them)"},
    {{"--step=3"}, "--step: no such option (--help lists them)"},
    {{"--"}, "--: no such option (--help lists them)"},
    {{"train"}, "got 'train', want --name value (--help lists the names)"},
    {{"-q"}, "got '-q', want --name value (--help lists the names)"},
    {{"--quiet", "yes"}, "got 'yes', want --name value (--help lists the names)"},
    {{"--quiet=yes"}, "--quiet: got 'yes', want no value"},
    {{"--steps"}, "--steps: got nothing, want an integer from 1 to 1000000"},
    {{"--steps", "--quiet"}, "--steps: got nothing, want an integer from 1 to 1000000"},
    {{"--steps="}, "--steps: got '', want an integer from 1 to 1000000"},
    {{"--steps=ten"}, "--steps: got 'ten', want an integer from 1 to 1000000"},
    {{"--steps", "3.5"}, "--steps: got '3.5', want an integer from 1 to 1000000"},
    {{"--steps", "0"}, "--steps: got '0', want an integer from 1 to 1000000"},
    {{"--steps", "1000001"}, "--steps: got '1000001', want an integer from 1 to 1000000"},
    {{"--steps", "99999999999999999999"},
     "--steps: got '99999999999999999999', want an integer from 1 to 1000000"},
    {{"--lr", "0.1x"}, "--lr: got '0.1x', want a number from 0 to 0.5"},
    {{"--lr", "-0.1"}, "--lr: got '-0.1', want a number from 0 to 0.5"},
    {{"--lr", "nan"}, "--lr: got 'nan', want a number from 0 to 0.5"},
    {{"--beta", "inf"}, "--beta: got 'inf', want a number from -1 up"},
    {{"--beta", "1e999"}, "--beta: got '1e999', want a number from -1 up"},
    {{"--out"}, "--out: got nothing, want a text"},
};

Test(common_options, errors_say_what_was_wanted, .init = cr_redirect_stderr)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char want[160];
        snprintf(want, sizeof want, "gradus-example: vae: %s", wrong[i].message);
        cr_assert_eq(parse(wrong[i].arguments), OPTIONS_ERROR, "%s", want);
        cr_assert_str_eq(report_last(), want);
    }
}

Test(common_options, error_is_printed_once_and_ends_the_reading, .init = cr_redirect_stderr)
{
    cr_assert_eq(PARSE("--lr=0.5", "--steps=x", "--beta=3", "--lr=y"), OPTIONS_ERROR);
    cr_assert(lr == 0.5 && steps == 100 && beta == 1);
    fflush(stderr);
    cr_assert_stderr_eq_str("gradus-example: vae: --steps: got 'x', want an integer from 1 to "
                            "1000000\n");
}

Test(common_options, number_without_limits, .init = cr_redirect_stderr)
{
    int64_t seed = 0;
    const option one[] = {{"seed", .integer = &seed}};
    char *good[] = {"p", "--seed=-9223372036854775807", NULL};
    char *bad[] = {"p", "--seed=9223372036854775808", NULL};
    cr_assert_eq(options_parse(2, good, "p", one, 1), OPTIONS_RUN);
    cr_assert_eq(seed, -9223372036854775807);
    cr_assert_eq(options_parse(2, bad, "p", one, 1), OPTIONS_ERROR);
    cr_assert_str_eq(report_last(), "gradus-example: p: --seed: got '9223372036854775808', "
                                    "want an integer");
}

Test(common_options, help_shows_the_table, .init = cr_redirect_stdout)
{
    cr_assert_eq(PARSE("--steps=7", "--bogus", "--help"), OPTIONS_HELP);
    cr_assert_eq(steps, 100);
    fflush(stdout);
    cr_assert_stdout_eq_str("vae: an autoencoder\n"
                            "\n"
                            "  --steps N   training steps (100)\n"
                            "  --lr X      learning rate (0.001)\n"
                            "  --beta X    weight of the KL term (1)\n"
                            "  --out TEXT  folder of the pictures (out/vae)\n"
                            "  --quiet     no progress line\n"
                            "  --help      this text\n");
}
