/* Drawn digits: the same image whatever is drawn with it, and figures like those of MNIST. */

#include "examples/common/digits.h"
#include "examples/common/report.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static float *draw(uint64_t seed, int64_t n, int64_t *labels, digits_factors *factors)
{
    float *pixels = malloc((size_t)n * DIGITS_PIXELS * sizeof *pixels);
    cr_assert(pixels);
    cr_assert(digits_draw(seed, n, pixels, labels, factors));
    return pixels;
}

static bool same(const float *a, const float *b, int64_t images)
{
    return memcmp(a, b, (size_t)images * DIGITS_PIXELS * sizeof *a) == 0;
}

Test(common_digits, image_depends_on_seed_and_index_only)
{
    float alone[DIGITS_PIXELS];
    digits_factors factors[37];
    omp_set_num_threads(1);
    float *many = draw(7, 37, NULL, factors);
    omp_set_num_threads(3);
    float *few = draw(7, 13, NULL, NULL), *again = draw(7, 37, NULL, NULL);
    cr_assert(same(many, few, 13), "a shorter run differs");
    cr_assert(same(many, again, 37), "three threads differ from one");
    digits_factors f = digits_draw_one(7, 29, alone);
    cr_assert(same(many + 29 * DIGITS_PIXELS, alone, 1), "an image alone differs");
    cr_assert_eq(f.label, factors[29].label);
    cr_assert_eq(f.angle, factors[29].angle);
    free(many);
    free(few);
    free(again);
}

Test(common_digits, seeds_and_images_differ)
{
    float *a = draw(7, 20, NULL, NULL), *b = draw(8, 20, NULL, NULL);
    for (int64_t i = 0; i < 20; i++) {
        cr_assert_not(same(a + i * DIGITS_PIXELS, b + i * DIGITS_PIXELS, 1), "image %ld", (long)i);
        cr_assert_not(i > 0 && same(a, a + i * DIGITS_PIXELS, 1), "image %ld", (long)i);
    }
    free(a);
    free(b);
}

/* MNIST's test images: mean 0.1325, 19.3 % of the pixels are not 0. */
Test(common_digits, grey_levels_are_those_of_mnist)
{
    enum { N = 4000 };
    double sum = 0, inked = 0;
    float *pixels = draw(1, N, NULL, NULL), low = 1, high = 0;
    for (int64_t i = 0; i < (int64_t)N * DIGITS_PIXELS; i++) {
        sum += pixels[i];
        inked += pixels[i] > 0;
        low = fminf(low, pixels[i]);
        high = fmaxf(high, pixels[i]);
    }
    cr_assert_eq(low, 0);
    cr_assert_eq(high, 1);
    cr_assert_float_eq(sum / N / DIGITS_PIXELS, 0.1325, 0.006);
    cr_assert_float_eq(inked / N / DIGITS_PIXELS, 0.193, 0.01);
    free(pixels);
}

Test(common_digits, factors_describe_the_image)
{
    enum { N = 2000 };
    int64_t labels[N], count[10] = {0};
    static digits_factors f[N];
    double worst = 0, width_mean = 0, ink_mean = 0, covariance = 0, ink[N];
    float *pixels = draw(5, N, labels, f);
    for (int64_t i = 0; i < N; i++) {
        double mass = 0, x = 0, y = 0;
        for (int p = 0; p < DIGITS_PIXELS; p++) {
            double v = pixels[i * DIGITS_PIXELS + p];
            mass += v;
            x += v * (p % DIGITS_SIDE + 0.5);
            y += v * (p / DIGITS_SIDE + 0.5);
        }
        double off = hypot(x / mass - 14 - f[i].shift_x, y / mass - 14 - f[i].shift_y);
        worst = fmax(worst, off);
        cr_assert_eq(labels[i], f[i].label);
        count[labels[i]]++;
        ink[i] = mass;
        ink_mean += mass / N;
        width_mean += f[i].width / N;
    }
    for (int i = 0; i < N; i++) covariance += (ink[i] - ink_mean) * (f[i].width - width_mean) / N;
    cr_assert(worst < 0.5, "a centre of mass is %g pixels off", worst);
    cr_assert(covariance > 5, "wider strokes have no more ink: %g", covariance);
    for (int k = 0; k < 10; k++) cr_assert(count[k] > 150 && count[k] < 250, "class %d", k);
    free(pixels);
}

/* A label names the figure: the nearest mean image of a class is right far more often than 1 in
 * 10. */
Test(common_digits, labels_name_the_figures)
{
    enum { N = 3000, TESTED = 600 };
    static double mean[10][DIGITS_PIXELS];
    int64_t labels[N];
    int count[10] = {0}, right = 0;
    float *pixels = draw(1, N, labels, NULL);
    for (int i = 0; i < N; i++) count[labels[i]]++;
    for (int i = 0; i < N * DIGITS_PIXELS; i++) {
        int64_t label = labels[i / DIGITS_PIXELS];
        mean[label][i % DIGITS_PIXELS] += (double)pixels[i] / count[label];
    }
    free(pixels);
    pixels = draw(2, TESTED, labels, NULL);
    for (int i = 0; i < TESTED; i++) {
        double best = INFINITY;
        int guess = -1;
        for (int k = 0; k < 10; k++) {
            double distance = 0;
            for (int p = 0; p < DIGITS_PIXELS; p++) {
                double difference = pixels[i * DIGITS_PIXELS + p] - mean[k][p];
                distance += difference * difference;
            }
            if (distance < best) best = distance, guess = k;
        }
        right += guess == labels[i];
    }
    free(pixels);
    cr_assert(right > TESTED * 7 / 10, "%d of %d", right, (int)TESTED);
}

Test(common_digits, wrong_arguments, .init = cr_redirect_stderr)
{
    float pixel = 0.25f;
    cr_assert_not(digits_draw(1, -3, &pixel, NULL, NULL));
    cr_assert_str_eq(report_last(), "gradus-example: digits_draw: n: got -3, want 0 or more");
    cr_assert_not(digits_draw(1, 2, NULL, NULL, NULL));
    cr_assert_str_eq(report_last(),
                     "gradus-example: digits_draw: pixels: got NULL, want (n, 28, 28) floats");
    cr_assert(digits_draw(1, 0, &pixel, NULL, NULL));
    cr_assert_eq(pixel, 0.25f);
}
