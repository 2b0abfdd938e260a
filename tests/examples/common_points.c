/* Points in the plane, and the request to stop. */

#include "examples/common/points.h"
#include "examples/common/report.h"
#include "examples/common/stop.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>
#include <string.h>

enum { N = 300 };

static const char *const names[] = {"moons", "circles", "xor", "blobs", "spiral", "spiral3"};
static float xy[2 * N];
static int64_t label[N];

/* Without noise the class is known from the place: the half circle that passes the point. */
Test(common_points, moons_lie_on_two_half_circles)
{
    points_moons(3, N, 0, xy, label);
    for (int i = 0; i < N; i++) {
        double x = xy[2 * i], y = xy[2 * i + 1];
        cr_assert_eq(label[i], i % 2);
        double radius = label[i] ? hypot(x - 1, y - 0.5) : hypot(x, y);
        cr_assert_float_eq(radius, 1, 1e-6, "point %d", i);
        cr_assert(label[i] ? y <= 0.5 : y >= 0, "point %d", i);
    }
}

Test(common_points, noise_has_the_deviation_asked_for)
{
    enum { MANY = 20000 };
    static float calm[2 * MANY], noisy[2 * MANY];
    double sum = 0, square = 0;
    points_moons(3, MANY, 0, calm, NULL);
    points_moons(3, MANY, 0.2, noisy, NULL);
    for (int i = 0; i < 2 * MANY; i++) {
        double e = noisy[i] - calm[i];
        sum += e;
        square += e * e;
    }
    cr_assert_float_eq(sum / (2 * MANY), 0, 0.004);
    cr_assert_float_eq(sqrt(square / (2 * MANY)), 0.2, 0.003);
}

Test(common_points, every_set_is_balanced_and_a_run_starts_with_a_shorter_one)
{
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        float few[2 * 7];
        int64_t count[3] = {0};
        int classes = points_classes(names[k]);
        cr_assert(points_make(names[k], 11, N, 0.1, xy, label));
        cr_assert(points_make(names[k], 11, 7, 0.1, few, NULL));
        cr_assert_eq(memcmp(xy, few, sizeof few), 0, "%s", names[k]);
        for (int i = 0; i < N; i++) count[label[i]]++;
        for (int c = 0; c < classes; c++) cr_assert_eq(count[c], N / classes, "%s", names[k]);
    }
}

Test(common_points, places_of_the_other_sets)
{
    cr_assert(points_make("circles", 5, N, 0, xy, label));
    for (int i = 0; i < N; i++) {
        cr_assert_float_eq(hypot(xy[2 * i], xy[2 * i + 1]), label[i] ? 0.5 : 1, 1e-6);
    }
    cr_assert(points_make("xor", 5, N, 0, xy, label));
    for (int i = 0; i < N; i++) cr_assert_eq(xy[2 * i] * xy[2 * i + 1] < 0, label[i] == 1);
    cr_assert(points_make("spiral3", 5, N, 0, xy, label));
    for (int i = 0; i < N; i++) {
        double radius = hypot(xy[2 * i], xy[2 * i + 1]);
        double turns = (double)label[i] / 3 + 0.64 * radius, angle = 2 * acos(-1) * turns;
        cr_assert_float_eq(xy[2 * i], radius * sin(angle), 1e-6);
        cr_assert_float_eq(xy[2 * i + 1], radius * cos(angle), 1e-6);
    }
}

Test(common_points, unknown_name, .init = cr_redirect_stderr)
{
    cr_assert_eq(points_classes("moon"), 0);
    cr_assert_not(points_make("moon", 1, N, 0, xy, label));
    cr_assert_str_eq(report_last(), "gradus-example: points_make: got 'moon', want moons, circles, "
                                    "xor, blobs, spiral or spiral3");
}

Test(common_stop, first_signal_asks)
{
    stop_install();
    cr_assert_not(stop_requested());
    raise(SIGINT);
    cr_assert(stop_requested());
}

Test(common_stop, second_signal_kills, .signal = SIGTERM)
{
    stop_install();
    raise(SIGINT);
    cr_assert(stop_requested());
    raise(SIGTERM);
}
